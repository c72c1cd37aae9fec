// Leaving without a storm: clients are closed one by one, and come back somewhere else.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, describe, it } from 'node:test';
import { Nginx } from './support/nginx.mjs';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { upgraded, WAYS } from './support/suite.mjs';
import { PATIENCE, until } from './support/wait.mjs';

const scripts = new Scripts({
  example: false,
  files: {
    'handlers/zz_name.lua': `
      local lectern = require "lectern"
      local name = lectern.id()
      return {
        on_start = function() lectern.log.info("my name is " .. name) end,
        on_name = function() return name end,
      }`,
  },
});
after(() => scripts.remove());

const get = async (server, path) => (await fetch(server.url + path)).status;

async function withCrowd(n, args, run) {
  const server = await Server.start({ dir: scripts.dir, args });
  const crowd = [];
  try {
    for (let i = 0; i < n; i++) crowd.push(new Person(server, `p${i}`, WAYS[i % WAYS.length].options));
    await Promise.all(crowd.map((person) => person.admitted()));
    await Promise.all(crowd.filter((_, i) => WAYS[i % WAYS.length].options.transports.length > 1).map(upgraded));
    for (const person of crowd) person.socket.on('disconnect', (reason) => (person.left = { at: Date.now(), reason }));
    await run(server, crowd);
    await server.exit();
  } finally {
    for (const person of crowd) person.close();
    if (server.alive) server.signal('SIGKILL');
  }
}

const leave = {
  'lectern drain': (server, seconds) => lectern(['drain', String(seconds), '--port', String(server.port)], { timeout: 30_000 }),
  SIGTERM: (server) => server.signal('SIGTERM'),
};

for (const [how, begin] of Object.entries(leave)) {
  describe(how, () => {
    it('closes clients evenly, serves the others meanwhile, and lets nobody in', () =>
      withCrowd(12, ['--drain-spread', '3000'], async (server, crowd) => {
        const began = Date.now();
        const command = begin(server, 3);
        await until(async () => (await get(server, '/readyz')) === 503, 'not ready');
        assert.equal(await get(server, '/healthz'), 200);
        for (const { options } of WAYS) {
          const late = new Person(server, 'late', options);
          await late.hear('connect_error');
          late.close();
        }
        // Whoever is still there is served: an answer comes, or the end.
        while (crowd.some((person) => !person.left)) {
          const [one] = crowd.filter((person) => !person.left);
          let served = false;
          one.settle().then(() => (served = true), () => {});
          await until(() => served || one.left, 'an answer, or the end');
        }
        const times = crowd.map((person) => person.left.at - began).sort((a, b) => a - b);
        // One each 250 ms, whatever the machine does between; never many at once.
        times.forEach((time, i) => assert.ok(time >= i * 250 - 50, `client ${i} left after ${time} ms: ${times}`));
        assert.ok(times.at(-1) < 3000 + 2000 * PATIENCE, `${times}`);
        // A poll or post that crosses the end learns of it as an error.
        for (const person of crowd) assert.match(person.left.reason, person.transport === 'websocket' ? /^transport close$/ : /^transport (close|error)$/);
        await server.exit();
        const result = await command;
        if (result) {
          assert.equal(result.code, 0, result.stderr);
          assert.match(result.stdout, /clients that will be closed: 12, within 3 s/);
        }
      }));
  });
}

describe('leaving', () => {
  it('sends first what was sent before', () =>
    withCrowd(6, ['--drain-spread', '600'], async (server, crowd) => {
      for (const person of crowd) await person.ask('enter', 'all');
      await crowd[0].ask('flood', { room: 'all', n: 300, size: 2000 });
      server.signal('SIGTERM');
      for (const person of crowd) await person.hear('disconnect');
      for (const person of crowd) assert.equal(person.heard('flood').length, 300);
    }));

  it('ends at once at a second SIGTERM', () =>
    withCrowd(3, ['--drain-spread', '600000'], async (server, crowd) => {
      const began = Date.now();
      server.signal('SIGTERM');
      await server.logged(/stopping; clients: 3/);
      server.signal('SIGTERM');
      await server.exit();
      assert.ok(Date.now() - began < 5000 * PATIENCE);
      for (const person of crowd) await person.hear('disconnect');
    }));

  it('is hurried by another drain', () =>
    withCrowd(3, [], async (server) => {
      const slow = leave['lectern drain'](server, 600);
      await server.logged(/closed over 600000 ms/);
      assert.equal((await leave['lectern drain'](server, 0)).code, 0);
      assert.equal((await slow).code, 0);
    }));

  // As `lectern drain` does while it waits, and whatever watches it.
  for (const command of ['status', 'status json', 'draining', 'reload']) {
    it(`may be asked for anything to the very end (${command})`, async () => {
      const server = await Server.start({ dir: scripts.dir });
      let answers = 0;
      const ask = () => {
        if (!server.alive) return;
        const socket = connect(server.control, () => socket.write(`${command}\n`));
        socket.on('error', () => {}).on('data', () => answers++).on('close', () => setImmediate(ask));
      };
      for (let i = 0; i < 8; i++) ask();
      try {
        await until(() => answers > 8, 'answers');
      } finally {
        await server.stop();
      }
    });
  }

  it('is refused without a number, and without a server', async () => {
    const { code, stderr } = await lectern(['drain', 'soon']);
    assert.equal(code, 2);
    assert.match(stderr, /SECONDS: "soon" is not allowed/);
    assert.equal((await lectern(['drain', '1', '--port', '1'])).code, 1);
  });
});

describe('two servers behind nginx', () => {
  for (const { way, options } of WAYS) {
    it(`the clients of the one that leaves go to the other (${way})`, async () => {
      const args = ['--trusted-proxies', '127.0.0.1'];
      const servers = [];
      const crowd = [];
      let nginx;
      try {
        for (let i = 0; i < 2; i++) servers.push(await Server.start({ dir: scripts.dir, args, env: { LECTERN_DATABASE: 'memory:' } }));
        nginx = await Nginx.start(...servers.map((server) => server.port));
        for (let i = 0; i < 6; i++) {
          crowd.push(new Person(nginx, `p${i}`, { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 }));
        }
        for (const person of crowd) await person.admitted();
        if (options.transports.length > 1) await Promise.all(crowd.map(upgraded));
        const name = await crowd[0].ask('name');
        const leaver = servers.find((server) => server.log.includes(name));
        for (const person of crowd) person.forget();
        assert.equal((await leave['lectern drain'](leaver, 1)).code, 0);
        for (const person of crowd) {
          await person.admitted();
          assert.notEqual(await person.ask('name'), name);
          assert.deepEqual(person.heard('connect_error'), []);
        }
        await leaver.exit();
      } finally {
        for (const person of crowd) person.close();
        await nginx?.stop();
        for (const server of servers) await server.stop();
      }
    });
  }
});
