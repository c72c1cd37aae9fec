// The server stops, is killed, comes back: what clients see, and how it ends.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { Scripts } from './support/scripts.mjs';
import { upgraded, useServer, WAYS } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { once, PATIENCE, until } from './support/wait.mjs';

async function withServer(options, run) {
  const scripts = new Scripts(options);
  const server = await Server.start({ dir: scripts.dir, args: options.args });
  const people = [];
  const join = async (id, more) => {
    const person = new Person(server, id, more);
    people.push(person);
    await person.hear('connected');
    return person;
  };
  try {
    await run(server, join);
    await server.stop();
  } finally {
    for (const person of people) person.close();
    if (server.alive) server.signal('SIGKILL');
    scripts.remove();
  }
}

describe('SIGTERM', () => {
  for (const { way, options } of WAYS) {
    it(`drains: what was sent arrives, clients are closed, the exit code is 0 (${way})`, () =>
      withServer({}, async (server, join) => {
        const people = await Promise.all(['a', 'b', 'c'].map((id) => join(id, options)));
        if (options.transports.length > 1) await Promise.all(people.map(upgraded));
        for (const person of people) await person.ask('enter', 'all');
        await people[0].ask('flood', { room: 'all', n: 500, size: 1000 });
        server.signal('SIGTERM');
        await server.exit();
        for (const person of people) {
          await person.hear('disconnect');
          assert.equal(person.heard('flood').length, 500);
        }
      }));
  }

  it('ends at once without clients, and with SIGINT too', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      await withServer({}, async (server) => {
        const began = Date.now();
        server.signal(signal);
        await server.exit();
        assert.ok(Date.now() - began < 3000 * PATIENCE); // of 10 s to drain
      });
    }
  });

  it('does not wait longer than drain_timeout for a client that reads nothing', () =>
    withServer({ args: ['--drain-timeout', '500', '--max-queue-bytes', '100000000'] }, async (server, join) => {
      const ada = await join('ada', { transports: ['websocket'] });
      await ada.ask('enter', 'all');
      ada.freeze();
      const bob = await join('bob');
      await bob.ask('flood', { room: 'all', n: 2000, size: 10_000 });
      const began = Date.now();
      server.signal('SIGTERM');
      await server.exit();
      assert.ok(Date.now() - began < 500 + 3000 * PATIENCE);
    }));

  it('a second one ends it', () =>
    withServer({ args: ['--drain-timeout', '60000', '--max-queue-bytes', '100000000'] }, async (server, join) => {
      const ada = await join('ada', { transports: ['websocket'] });
      await ada.ask('enter', 'all');
      ada.freeze();
      const bob = await join('bob');
      await bob.ask('flood', { room: 'all', n: 2000, size: 10_000 });
      server.signal('SIGTERM');
      await server.logged(/stopping; clients: \d+/);
      server.signal('SIGTERM');
      await server.exit();
    }));

  it('with idle and half-open connections, too', () =>
    withServer({}, async (server) => {
      const sockets = [];
      for (let i = 0; i < 5; i++) sockets.push(connect(server.port, '127.0.0.1').on('error', () => {}));
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      await new Promise((resolve) => sockets[0].write('GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x', resolve));
      for (let i = 0; i < 2; i++) await (await fetch(`${server.url}/healthz`)).text(); // by now it has read that
      server.signal('SIGTERM');
      await server.exit();
      for (const socket of sockets) socket.destroy();
    }));

  it('runs on_stop', () =>
    withServer({ files: { 'handlers/zz_end.lua': 'local lectern = require "lectern"\nreturn { on_stop = function() lectern.log.info("the bell rings") end }' } }, async (server) => {
      server.signal('SIGTERM');
      await server.exit();
      assert.match(server.log, /the bell rings/);
    }));
});

describe('reconnection', () => {
  const room = useServer();

  for (const { way, options } of WAYS) {
    it(`clients come back by themselves after a restart (${way})`, async () => {
      const again = { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
      const people = [await room.join('ada', again), await room.join('bob', again)];
      if (options.transports.length > 1) await Promise.all(people.map(upgraded));
      const before = people.map((person) => person.socket.id);
      for (const person of people) person.forget();
      await room.restart();
      for (const person of people) {
        await person.hear('disconnect');
        await person.hear('connect', undefined, 15_000);
        assert.equal((await person.hear('connected')).userId, person.id);
        await person.settle();
      }
      for (const [i, person] of people.entries()) assert.notEqual(person.socket.id, before[i]);
      await people[0].ask('join_room', { room: 'course:1' });
      await people[1].ask('join_room', { room: 'course:1' });
      people[0].emit('typing_start', { room: 'course:1' });
      await people[1].hear('typing_indicator');
    });
  }

  it('what was emitted while away is sent on return', async () => {
    const ada = await room.join('ada', { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    ada.forget();
    ada.socket.io.engine.close();
    await ada.hear('disconnect');
    assert.equal(await ada.socket.emitWithAck('echo', 'buffered'), 'buffered');
    await ada.hear('connected');
  });
});

describe('heartbeat', () => {
  const room = useServer({ args: ['--ping-interval', '200'] });

  for (const { way, options } of WAYS) {
    it(`keeps quiet clients connected (${way})`, async () => {
      const ada = await room.join('ada', options);
      let pings = 0;
      ada.socket.io.on('ping', () => pings++);
      await until(() => pings >= 4 || !ada.socket.connected, 'four pings');
      assert.deepEqual(ada.heard('disconnect'), []);
      await ada.settle();
    });
  }

  it('takes out a client that does not answer', () =>
    withServer({ args: ['--ping-interval', '200', '--ping-timeout', '1500'] }, async (server) => {
      const raw = await RawWebSocket.open(server.port); // a real client would see, too, that no pings come, and go
      assert.match(await raw.joinNamespace({ token: tokenFor('ada') }), /^40/);
      const status = async () => JSON.parse((await lectern(['status', '--json', '--port', String(server.port)])).stdout);
      await until(async () => (await status()).counters.sessions_ping_timeout.total === 1, 'the server gives up');
      assert.equal((await status()).namespaces['/'].sockets, 0);
      raw.destroy();
    }));
});
