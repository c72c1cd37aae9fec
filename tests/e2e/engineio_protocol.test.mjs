// What the public Engine.IO 4 protocol tests check, with their intervals, and the wire around it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  assertGone, openPolling, openWebSocket, poll, polling, post, probe, request, sleep, startEcho, webSocket,
} from './engineio_support.mjs';

const interval = 300;
const timeout = 200;
let server;
let lively; // pings with these intervals
before(async () => {
  server = await startEcho();
  lively = await startEcho('--ping-interval', `${interval}`, '--ping-timeout', `${timeout}`);
});
after(() => Promise.all([server.stop(), lively.stop()]));

const shape = { upgrades: ['websocket'], pingInterval: interval, pingTimeout: timeout, maxPayload: 1000000 };

describe('handshake', () => {
  it('opens a session by polling', async () => {
    const { status, headers, text } = await request(lively, '?EIO=4&transport=polling&t=abc');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; charset=UTF-8');
    assert.equal(headers['content-length'], `${text.length}`);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(text[0], '0');
    const { sid, ...rest } = JSON.parse(text.slice(1));
    assert.match(sid, /^[\w-]{20}$/);
    assert.deepEqual(rest, shape);
  });

  it('opens a session by WebSocket', async () => {
    const ws = await openWebSocket(lively);
    const { sid, ...rest } = ws.handshake;
    assert.match(sid, /^[\w-]{20}$/);
    assert.deepEqual(rest, { ...shape, upgrades: [] });
    ws.close();
    await ws.closed;
  });

  it('serves paths below its own', async () => {
    assert.equal((await request(server, 'default/?EIO=4&transport=polling')).status, 200);
  });

  for (const [what, query, method, code, message] of [
    ['no EIO', '?transport=polling', 'GET', 5, 'Unsupported protocol version'],
    ['a wrong EIO', '?EIO=abc&transport=polling', 'GET', 5, 'Unsupported protocol version'],
    ['no transport', '?EIO=4', 'GET', 0, 'Transport unknown'],
    ['an unknown transport', '?EIO=4&transport=abc', 'GET', 0, 'Transport unknown'],
    ['nothing at all', '', 'GET', 0, 'Transport unknown'],
    ['POST', '?EIO=4&transport=polling', 'POST', 2, 'Bad handshake method'],
    ['PUT', '?EIO=4&transport=polling', 'PUT', 2, 'Bad handshake method'],
    ['an unknown sid', '?transport=polling&sid=abc', 'GET', 1, 'Session ID unknown'],
    ['a WebSocket without upgrade', '?EIO=4&transport=websocket', 'GET', 3, 'Bad request'],
  ]) {
    it(`refuses ${what}`, async () => {
      const { status, headers, text } = await request(server, query, { method });
      assert.equal(status, 400);
      assert.equal(headers['content-type'], 'application/json');
      assert.deepEqual(JSON.parse(text), { code, message });
    });
  }

  for (const [what, query, message] of [
    ['no EIO', '?transport=websocket', 'Unsupported protocol version'],
    ['a wrong EIO', '?EIO=abc&transport=websocket', 'Unsupported protocol version'],
    ['no transport', '?EIO=4', 'Transport unknown'],
    ['an unknown transport', '?EIO=4&transport=abc', 'Transport unknown'],
    ['an unknown sid', '?EIO=4&transport=websocket&sid=abc', 'Session ID unknown'],
  ]) {
    it(`refuses a WebSocket with ${what}`, async () => {
      const ws = webSocket(server, query);
      const response = new Promise((resolve) => ws.on('unexpected-response', (req, res) => resolve(res)));
      const res = await response;
      assert.equal(res.statusCode, 400);
      assert.equal(res.headers.connection, 'close');
      assert.equal(res.headers['content-type'], 'text/html');
      let text = '';
      for await (const chunk of res) text += chunk;
      assert.equal(text, message);
    });
  }
});

describe('messages by polling', () => {
  for (const [what, payload] of [
    ['one packet', '4hello'],
    ['several packets', '4test1\x1e4test2\x1e4test3'],
    ['text and binary', '4hello\x1ebAQIDBA=='],
    ['text of many bytes', '4utf 8 string: \u20ac\u{1f600}'],
    ['nothing', '4'],
  ]) {
    it(`sends and receives ${what}`, async () => {
      const sid = await openPolling(server);
      const posted = await post(server, sid, payload);
      assert.equal(posted.status, 200);
      assert.equal(posted.text, 'ok');
      assert.equal(posted.headers['content-type'], 'text/html');
      assert.equal(posted.headers['content-length'], '2');
      assert.equal(posted.headers['cache-control'], 'no-store');
      const polled = await poll(server, sid);
      assert.equal(polled.status, 200);
      assert.equal(polled.headers['content-type'], 'text/plain; charset=UTF-8');
      assert.equal(polled.text, payload);
    });
  }

  for (const [what, body] of [
    ['an unknown packet', 'abc'],
    ['an empty body', ''],
    ['bad UTF-8', Buffer.from([0x34, 0xff, 0xfe])],
    ['bad base64', 'b***'],
  ]) {
    it(`closes the session at ${what}`, async () => {
      const sid = await openPolling(server);
      assert.equal((await post(server, sid, body)).status, 400);
      await assertGone(server, sid);
    });
  }

  it('closes the session at a second poll', async () => {
    const sid = await openPolling(server);
    const first = poll(server, sid);
    await sleep(20);
    const second = await poll(server, sid);
    assert.equal((await first).status, 200);
    assert.equal((await first).text, '1');
    assert.equal(second.status, 400);
    assert.equal(second.text, '');
    await assertGone(server, sid);
  });

  it('closes the session at a cancelled poll', async () => {
    const sid = await openPolling(server);
    let cancelled;
    const aborted = poll(server, sid, { onRequest: (req) => (cancelled = req) });
    await sleep(20);
    cancelled.destroy();
    await assert.rejects(aborted);
    await sleep(5);
    await assertGone(server, sid);
  });
});

describe('messages by WebSocket', () => {
  it('sends and receives text and binary', async () => {
    const ws = await openWebSocket(server);
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.send(Buffer.from([1, 2, 3, 4]));
    assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3, 4]));
    ws.send('bAQIDBA==');
    assert.deepEqual(await ws.next(), Buffer.from([1, 2, 3, 4]));
    ws.send(Buffer.alloc(0));
    assert.deepEqual(await ws.next(), Buffer.alloc(0));
    ws.close();
    await ws.closed;
    await assertGone(server, ws.handshake.sid);
  });

  for (const [what, text] of [['an unknown packet', 'abc'], ['an empty frame', ''], ['a ping', '2']]) {
    it(`closes the session at ${what}`, async () => {
      const ws = await openWebSocket(server);
      ws.send(text);
      assert.deepEqual(await ws.closed, { code: 1005, reason: '' });
      await assertGone(server, ws.handshake.sid);
    });
  }

  it('ignores packets that mean nothing on an open session', async () => {
    const ws = await openWebSocket(server);
    for (const packet of ['0', '3', '5', '6']) ws.send(packet);
    ws.send('4still');
    assert.equal(await ws.next(), '4still');
    ws.close();
    await ws.closed;
  });
});

describe('heartbeat', () => {
  it('pings by polling', async () => {
    const sid = await openPolling(lively);
    for (let i = 0; i < 3; i++) {
      const asked = performance.now();
      const polled = await poll(lively, sid);
      assert.equal(polled.text, '2');
      assert.ok(performance.now() - asked < interval + 150);
      assert.equal((await post(lively, sid, '3')).status, 200);
    }
    assert.equal((await post(lively, sid, '1')).status, 200);
  });

  it('ends a polling session without pong, at the latest when a request finds it', async () => {
    for (let i = 0; i < 5; i++) {
      const sid = await openPolling(lively);
      await sleep(interval + timeout);
      assert.equal((await post(lively, sid, '1')).status, 400);
    }
  });

  it('pings by WebSocket', async () => {
    const ws = await openWebSocket(lively);
    for (let i = 0; i < 3; i++) {
      const from = performance.now();
      assert.equal(await ws.next(), '2');
      const took = performance.now() - from;
      assert.ok(took > interval - 20 && took < interval + 150, `${took} ms`);
      ws.send('3');
    }
    ws.close();
    await ws.closed;
  });

  it('ends a WebSocket session without pong', async () => {
    const ws = await openWebSocket(lively);
    const from = performance.now();
    assert.equal((await ws.closed).code, 1005);
    const took = performance.now() - from;
    assert.ok(took > interval + timeout - 20 && took < interval + timeout + 200, `${took} ms`);
    await assertGone(lively, ws.handshake.sid);
  });
});

describe('close', () => {
  it('by polling: the pending poll gets a noop', async () => {
    const sid = await openPolling(server);
    const polled = poll(server, sid);
    await sleep(10);
    const posted = await post(server, sid, '1');
    assert.equal(posted.status, 200);
    assert.equal(posted.text, 'ok');
    assert.equal((await polled).status, 200);
    assert.equal((await polled).text, '6');
    await assertGone(server, sid);
  });

  it('by WebSocket: at once', async () => {
    const ws = await openWebSocket(server);
    const from = performance.now();
    ws.send('1');
    assert.equal((await ws.closed).code, 1005);
    assert.ok(performance.now() - from < 1000);
    await assertGone(server, ws.handshake.sid);
  });
});

describe('upgrade', () => {
  it('from polling to WebSocket', async () => {
    const sid = await openPolling(server);
    const ws = await probe(server, sid);
    const polled = await poll(server, sid);
    assert.equal(polled.status, 200);
    assert.equal(polled.text, '6');
    ws.send('5');
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.close();
    await ws.closed;
  });

  it('answers the pending poll and every further one at once', async () => {
    const sid = await openPolling(server);
    const pending = poll(server, sid);
    await sleep(10);
    const from = performance.now();
    const ws = await probe(server, sid);
    assert.equal((await pending).text, '6');
    for (let i = 0; i < 5; i++) assert.equal((await poll(server, sid)).text, '6');
    assert.ok(performance.now() - from < 1000);
    ws.close();
    await ws.closed;
    await sleep(50);
    const parked = poll(server, sid); // the probe is gone, the session goes on
    assert.equal(await Promise.race([parked, sleep(100, 'parked')]), 'parked');
    await post(server, sid, '4still');
    assert.equal((await parked).text, '4still');
  });

  it('gives a poll pending at the switch a close packet', async () => {
    const sid = await openPolling(server);
    const pending = poll(server, sid);
    await sleep(10);
    const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    await ws.opened;
    ws.send('5');
    assert.equal((await pending).text, '1');
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.close();
    await ws.closed;
  });

  it('refuses polling and another WebSocket afterwards, and the session does not mind', async () => {
    const sid = await openPolling(server);
    const ws = await probe(server, sid);
    const early = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    assert.equal((await early.closed).code, 1005);
    ws.send('5');
    ws.send('4switched');
    assert.equal(await ws.next(), '4switched');
    const polled = await poll(server, sid);
    assert.equal(polled.status, 400);
    assert.deepEqual(JSON.parse(polled.text), { code: 3, message: 'Bad request' });
    assert.equal((await post(server, sid, '4x')).status, 400);
    const late = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    assert.equal((await late.closed).code, 1005);
    ws.send('4hello');
    assert.equal(await ws.next(), '4hello');
    ws.close();
    await ws.closed;
  });

  it('drops a probe that says something else', async () => {
    const sid = await openPolling(server);
    const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    await ws.opened;
    ws.send('4hello');
    assert.equal((await ws.closed).code, 1005);
    await post(server, sid, '4still');
    assert.equal((await poll(server, sid)).text, '4still');
    assert.equal((await request(server, polling(sid), { method: 'POST', body: '1' })).status, 200);
  });
});
