// The unmodified engine.io-client, on both transports and while it changes from one to the other.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Socket } from 'engine.io-client';
import {
  client,
  close,
  collect,
  echo,
  echoOverUpgrade,
  kinds,
  openPolling,
  openWebSocket,
  park,
  PATIENCE,
  polling,
  sleep,
  startEcho,
  until,
} from './engineio_support.mjs';

let server;
let lively; // pings often
const interval = 300;
before(async () => {
  server = await startEcho();
  lively = await startEcho('--ping-interval', `${interval}`);
});
after(() => Promise.all([server.stop(), lively.stop()]));

const connect = (options, to = server) => client(Socket, to, options);

const event = (socket, name) =>
  new Promise((resolve, reject) => {
    socket.once(name, (...args) => resolve(args));
    if (name !== 'close') socket.once('close', (why, what) => reject(new Error(`${why} ${what?.description ?? ''}`)));
  });

for (const [name, options] of [...kinds, ['remembering its upgrade', { rememberUpgrade: true }]]) {
  describe(name, () => {
    it('echoes text and binary in order', async () => {
      const socket = connect(options);
      await event(socket, 'open');
      const sent = ['hello', '\u20acuro \u{1f600}', Uint8Array.from([0, 1, 2, 255]), 'x'.repeat(70000)];
      for (let i = 0; i < 50; i++) sent.push(`message ${i}`);
      await echo(socket, sent);
      await close(socket);
    });

    it('stays alive by heartbeats', async () => {
      const from = performance.now();
      const socket = connect(options, lively);
      let pings = 0;
      socket.on('ping', () => pings++);
      await event(socket, 'open');
      await until(() => pings >= 3 || socket.readyState !== 'open', 'three pings');
      assert.equal(socket.readyState, 'open');
      assert.ok(performance.now() - from > pings * (interval - 20), `${pings} pings`);
      await echo(socket, ['still']);
      await close(socket);
    });
  });
}

describe('upgrade', () => {
  it('happens soon', async () => {
    const upgrade = async () => {
      const socket = connect({});
      await event(socket, 'open');
      const from = performance.now();
      await event(socket, 'upgrade');
      assert.equal(socket.transport.name, 'websocket');
      const took = performance.now() - from;
      await close(socket);
      assert.ok(took < 2000 * PATIENCE, `${took} ms`);
      return took < 250;
    };
    await until(upgrade, 'an upgrade that no busy machine holds up');
  });

  it('loses and swaps nothing of thousands of messages', async () => {
    for (let round = 0; round < 3; round++) {
      const socket = connect({});
      await event(socket, 'open');
      await echoOverUpgrade(socket, 5000);
      await close(socket);
    }
  });

  it('of many clients at once', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect({});
        await event(socket, 'open');
        const echoes = collect(socket, 200);
        for (let i = 0; i < 200; i++) {
          socket.send(`${i}`);
          if (i % 20 === 0) await sleep(1);
        }
        assert.deepEqual(await echoes, Array.from({ length: 200 }, (_, i) => `${i}`));
        await close(socket);
      }),
    );
  });
});

describe('limits', () => {
  it('1009 over maxPayload by WebSocket', async () => {
    const small = await startEcho('--max-payload', '100');
    const socket = new Socket(small.url, { path: '/engine.io/', transports: ['websocket'] });
    await event(socket, 'open');
    const closed = event(socket, 'close');
    socket.send('a'.repeat(101));
    const [why, details] = await closed;
    assert.equal(why, 'transport close');
    assert.equal(details.description, 'websocket connection closed');
    assert.equal(details.context.code, 1009);
    assert.equal(details.context.reason, '');
    await small.stop();
  });

  it('polling clients split what they post by maxPayload', async () => {
    const small = await startEcho('--max-payload', '100');
    const socket = new Socket(small.url, { path: '/engine.io/', transports: ['polling'] });
    await event(socket, 'open');
    const echoes = collect(socket, 30);
    for (let i = 0; i < 30; i++) socket.send('\u20ac'.repeat(10) + i);
    assert.equal((await echoes)[29], '\u20ac'.repeat(10) + 29);
    await close(socket);
    await small.stop();
  });
});

describe('the end of the server', () => {
  it('tells polls and WebSockets', async () => {
    const ending = await startEcho();
    const sid = await openPolling(ending);
    const parked = await park(ending, polling(sid));
    const ws = await openWebSocket(ending);
    await ending.stop();
    assert.equal((await parked.answer).text, '1');
    assert.equal((await ws.closed).code, 1005);
  });

  it('is no crash with clients in every state', async () => {
    const ending = await startEcho();
    // The last two are caught in their handshake.
    const sockets = [{ transports: ['polling'] }, { transports: ['websocket'] }, {}, {}, {}].map(
      (options) => new Socket(ending.url, { path: '/engine.io/', ...options }),
    );
    await Promise.all(sockets.slice(0, 3).map((socket) => event(socket, 'open')));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
    await ending.stop();
    await Promise.all(closed);
  });
});
