// Engine.IO 3, for older clients: the unmodified engine.io-client 3, and the protocol by hand.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { client, close, echo, echoOverUpgrade, kinds as modernKinds, park, sleep, startEcho, webSocket } from './engineio_support.mjs';
import { once, until } from './support/wait.mjs';

const require = createRequire(import.meta.url);
const Socket = createRequire(require.resolve('socket.io-client-2'))('engine.io-client');

const interval = 300;
const timeout = 300;
let server;
let lively; // short heartbeats
let strict; // who misses them is soon out
before(async () => {
  server = await startEcho('--eio3', '1');
  lively = await startEcho('--eio3', '1', '--ping-interval', `${interval}`);
  strict = await startEcho('--eio3', '1', '--ping-interval', `${interval}`, '--ping-timeout', `${timeout}`);
});
after(() => Promise.all([server, lively, strict].map((one) => one?.stop())));

const kinds = [...modernKinds, ['upgrading with base64', { forceBase64: true }]];
const connect = (options, to = server) => client(Socket, to, options);

for (const [name, options] of kinds) {
  describe(`engine.io-client 3, ${name}`, () => {
    it('echoes text and binary in order', async () => {
      const socket = connect(options);
      await once(socket, 'open');
      const sent = ['hello', '\u20acuro \u{1f600}', '1:2', Uint8Array.from([0, 1, 2, 255]), 'x'.repeat(70000), new Uint8Array(0)];
      for (let i = 0; i < 50; i++) sent.push(i % 7 ? `message ${i} \u{1f600}` : Uint8Array.from([i, 255 - i]));
      await echo(socket, sent);
      await close(socket);
    });

    it('stays alive by its heartbeats', async () => {
      const socket = connect(options, lively);
      let pongs = 0;
      socket.on('pong', () => pongs++);
      await once(socket, 'open');
      await until(() => pongs >= 3 || socket.readyState !== 'open', 'three pongs');
      assert.equal(socket.readyState, 'open');
      await echo(socket, ['still']);
      await close(socket);
    });
  });
}

describe('engine.io-client 3', () => {
  it('upgrades without losing or swapping anything', async () => {
    const socket = connect({});
    await once(socket, 'open');
    await echoOverUpgrade(socket, 3000);
    await close(socket);
  });

  it('hears of the end of the server', async () => {
    const ending = await startEcho('--eio3', '1');
    const sockets = kinds.map(([, options]) => connect(options, ending));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    await ending.stop();
    await closed;
  });

  it('is refused where it is not allowed', async () => {
    const modern = await startEcho();
    const answer = await get(modern, '?EIO=3&transport=polling');
    assert.equal(answer.status, 400);
    assert.deepEqual(JSON.parse(answer.text), { code: 5, message: 'Unsupported protocol version' });
    for (const [, options] of kinds) await once(connect(options, modern), 'error');
    await modern.stop();
  });
});

// --- by hand ---------------------------------------------------------------------------------

async function ask(to, query, init) {
  const response = await fetch(`${to.url}/engine.io/${query}`, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get('content-type'), bytes, text: bytes.toString() };
}
const get = (to, query) => ask(to, query);
const address = (sid, extra = '') => `?EIO=3&transport=polling${sid ? `&sid=${sid}` : ''}${extra}`;
const poll = (sid, to = server) => get(to, address(sid));
const post = (sid, body, type = 'text/plain;charset=UTF-8', to = server) =>
  ask(to, address(sid), { method: 'POST', body, headers: { 'Content-Type': type } });

async function open(to = server, extra = '') {
  const { status, text } = await get(to, address(null, extra));
  assert.equal(status, 200);
  const colon = text.indexOf(':');
  assert.equal(Number(text.slice(0, colon)), text.length - colon - 1);
  assert.equal(text[colon + 1], '0');
  return JSON.parse(text.slice(colon + 2));
}

async function openWebSocket(to = server, extra = '') {
  const ws = webSocket(to, `?EIO=3&transport=websocket${extra}`);
  const packet = await ws.next();
  assert.equal(packet[0], '0');
  ws.handshake = JSON.parse(packet.slice(1));
  return ws;
}

async function assertGone(sid, to = server) {
  const { status, text } = await poll(sid, to);
  assert.equal(status, 400);
  assert.deepEqual(JSON.parse(text), { code: 1, message: 'Session ID unknown' });
}

describe('handshake of version 3', () => {
  it('by polling', async () => {
    const { sid, upgrades, pingInterval, pingTimeout } = await open();
    assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual([upgrades, pingInterval, pingTimeout], [['websocket'], 25000, 20000]);
  });

  it('by WebSocket', async () => {
    const ws = await openWebSocket();
    assert.deepEqual(ws.handshake.upgrades, []);
    ws.close();
  });

  it('without a version, as the oldest clients', async () => {
    assert.match((await get(server, '?transport=polling')).text, /^\d+:0\{/);
  });

  it('of version 4 beside it is what it was', async () => {
    assert.match((await get(server, '?EIO=4&transport=polling')).text, /^0\{/);
  });
});

describe('messages of version 3 by polling', () => {
  const raw = 'application/octet-stream';
  for (const [what, body, type, extra, expected] of [
    ['one packet', '6:4hello'],
    ['several packets', '6:4test16:4test26:4test3'],
    ['text by its UTF-16 length', '2:4\u20ac3:4\u{1f600}'],
    ['nothing', '1:4'],
    ['base64 for who asked for it', '6:4hello10:b4AQIDBA==', undefined, '&b64=1'],
    ['base64 with a line end', '11:b4AQIDBA==\n', undefined, '&b64=1', '10:b4AQIDBA=='],
    ['raw bytes', Buffer.from('0006ff3468656c6c6f0105ff0401020304', 'hex'), raw],
    ['raw bytes for base64', '10:b4AQIDBA==', undefined, '', Buffer.from('0105ff0401020304', 'hex')],
  ]) {
    it(`sends and receives ${what}`, async () => {
      const { sid } = await open(server, extra);
      const posted = await post(sid, body, type);
      assert.deepEqual([posted.status, posted.text], [200, 'ok']);
      const polled = await poll(sid);
      assert.equal(polled.status, 200);
      const want = Buffer.from(expected ?? body);
      assert.deepEqual(polled.bytes, want);
      assert.equal(polled.type, want[0] < 2 ? raw : 'text/plain; charset=UTF-8');
    });
  }

  for (const [what, body, type] of [
    ['no length', 'abc'],
    ['version 4 framing', '4hello'],
    ['a length past the end', '9:4hello'],
    ['an empty body', ''],
    ['raw bytes that are text', '6:4hello', raw],
    ['raw bytes with a bad type', Buffer.from([1, 1, 255, 9]), raw],
  ]) {
    it(`closes the session at ${what}`, async () => {
      const { sid } = await open();
      assert.equal((await post(sid, body, type)).status, 400);
      await assertGone(sid);
    });
  }

  it('closes the session at a second poll', async () => {
    const { sid } = await open();
    const polls = await Promise.all([poll(sid), poll(sid)]);
    assert.deepEqual(polls.map((one) => one.status).sort(), [200, 400]);
    assert.equal(polls.find((one) => one.status === 200).text, '1:1');
    await assertGone(sid);
  });

  it('closes when the client says so; the parked poll gets a noop', async () => {
    const { sid } = await open();
    const parked = await park(server, address(sid));
    assert.equal((await post(sid, '1:1')).text, 'ok');
    assert.equal((await parked.answer).text, '1:6');
    await assertGone(sid);
  });
});

describe('messages of version 3 by WebSocket', () => {
  it('sends and receives text and binary', async () => {
    const ws = await openWebSocket();
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.send(Buffer.from([4, 1, 2, 3]));
    assert.deepEqual(await ws.next(), Buffer.from([4, 1, 2, 3]));
    ws.send('b4AQIDBA==');
    assert.deepEqual(await ws.next(), Buffer.from([4, 1, 2, 3, 4]));
    ws.close();
    await ws.closed;
    await assertGone(ws.handshake.sid);
  });

  it('sends base64 to who asked for it', async () => {
    const ws = await openWebSocket(server, '&b64=1');
    ws.send(Buffer.from([4, 1, 2, 3, 4]));
    assert.equal(await ws.next(), 'b4AQIDBA==');
    ws.close();
  });

  for (const [what, packet] of [['an unknown packet', 'abc'], ['bytes without a type', Buffer.from([9])], ['a pong', '3']]) {
    it(`closes the session at ${what}`, async () => {
      const ws = await openWebSocket();
      ws.send(packet);
      assert.deepEqual(await ws.closed, { code: 1005, reason: '' });
      await assertGone(ws.handshake.sid);
    });
  }
});

describe('heartbeat of version 3', () => {
  it('by polling', async () => {
    const { sid } = await open(lively);
    for (let i = 0; i < 3; i++) {
      await sleep(interval / 2);
      assert.equal((await post(sid, '1:2', undefined, lively)).status, 200);
      assert.equal((await poll(sid, lively)).text, '1:3');
    }
    assert.equal((await post(sid, '1:1', undefined, lively)).status, 200);
  });

  it('by WebSocket', async () => {
    const ws = await openWebSocket(lively);
    for (let i = 0; i < 3; i++) {
      await sleep(interval / 2);
      ws.send('2');
      assert.equal(await ws.next(), '3');
    }
    ws.close();
  });

  it('ends a session whose client does not ping', async () => {
    const from = performance.now();
    const { sid } = await open(strict);
    const ws = await openWebSocket(strict);
    assert.equal((await ws.closed).code, 1005);
    const took = performance.now() - from;
    assert.ok(took > interval + timeout - 20, `${took} ms`);
    await until(async () => (await post(sid, '1:6', undefined, strict)).status === 400, 'the other is out, too');
    await assertGone(sid, strict);
  });
});

describe('upgrade of version 3', () => {
  it('from polling to WebSocket', async () => {
    const { sid } = await open();
    const parked = await park(server, address(sid));
    const ws = webSocket(server, `?EIO=3&transport=websocket&sid=${sid}`);
    await ws.opened;
    ws.send('2probe');
    assert.equal(await ws.next(), '3probe');
    assert.equal((await parked.answer).text, '1:6');
    assert.equal((await post(sid, '6:b4AQID')).text, 'ok');
    ws.send('5');
    assert.deepEqual(await ws.next(), Buffer.from([4, 1, 2, 3]));
    assert.equal((await poll(sid)).status, 400);
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.close();
  });

  it('gives a poll pending at the switch a close packet', async () => {
    const { sid } = await open();
    const parked = await park(server, address(sid));
    const ws = webSocket(server, `?EIO=3&transport=websocket&sid=${sid}`);
    await ws.opened;
    ws.send('5');
    assert.equal((await parked.answer).text, '1:1');
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.close();
  });
});

describe('a sid of version 3', () => {
  it('is worth nothing without the token of its handshake', async () => {
    const token = 'x'.repeat(40);
    const { sid } = await open(server, `&token=${token}`);
    const stolen = webSocket(server, `?EIO=3&transport=websocket&sid=${sid}`);
    await stolen.closed;
    assert.match(`${stolen.failure}`, /400/);
    await assertGone(sid); // for who does not have it
    assert.equal((await post(sid, '2:4x')).status, 400);
    const own = address(sid, `&token=${token}`);
    await ask(server, own, { method: 'POST', body: '2:4x', headers: { 'Content-Type': 'text/plain' } });
    assert.equal((await get(server, own)).text, '2:4x');
  });
});
