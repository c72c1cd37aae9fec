// What the public Engine.IO 4 protocol tests check, with their intervals, and the wire around it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import {
  assertGone, openPolling, openWebSocket, park, PATIENCE, poll, polling, post, probe, request, settle, sleep, startEcho, until, webSocket, within,
} from './engineio_support.mjs';
import { WebSocket } from 'ws';

const interval = 300;
const timeout = 200;
let server;
let lively; // pings with these intervals
let lenient; // pings as often, but waits for who is slow
before(async () => {
  server = await startEcho();
  lively = await startEcho('--ping-interval', `${interval}`, '--ping-timeout', `${timeout}`);
  lenient = await startEcho('--ping-interval', `${interval}`);
});
after(() => Promise.all([server, lively, lenient].map((one) => one?.stop())));

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

  // Of programs that listen for messages when they hear of the opening, npm's server loses 0 to 26 of 40.
  it('opens a session by WebSocket for who begins to listen then', async () => {
    let heard = 0;
    for (let i = 0; i < 40; i++) {
      const ws = new WebSocket(`${server.url.replace('http', 'ws')}/engine.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
      await once(ws, 'open');
      heard += await Promise.race([once(ws, 'message').then(() => 1), sleep(200).then(() => 0)]);
      ws.terminate();
    }
    assert.ok(heard >= 14, `${heard} of 40`);
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

  for (const [what, sent, binary] of [
    ['wrapped by Android', 'bAQIDBA==\n', 'bAQIDBA=='],
    ['wrapped by a mailer', 'bAQID\r\nBA==\r\n', 'bAQIDBA=='],
    ['safe for URLs, without padding', 'b-_8', 'b+/8='],
    ['that is none', 'b***', 'b'],
  ]) {
    it(`takes base64 ${what}`, async () => {
      const sid = await openPolling(server);
      assert.equal((await post(server, sid, `${sent}\x1e4behind`)).text, 'ok');
      assert.equal((await poll(server, sid)).text, `${binary}\x1e4behind`);
    });
  }

  for (const [what, body] of [
    ['an unknown packet', 'abc'],
    ['an empty body', ''],
    ['bad UTF-8', Buffer.from([0x34, 0xff, 0xfe])],
  ]) {
    it(`closes the session at ${what}`, async () => {
      const sid = await openPolling(server);
      assert.equal((await post(server, sid, body)).status, 400);
      await assertGone(server, sid);
    });
  }

  it('closes the session at a second poll', async () => {
    const sid = await openPolling(server);
    const first = await park(server, polling(sid));
    const second = await poll(server, sid);
    assert.equal((await first.answer).status, 200);
    assert.equal((await first.answer).text, '1');
    assert.equal(second.status, 400);
    assert.equal(second.text, '');
    await assertGone(server, sid);
  });

  it('closes the session at a cancelled poll', async () => {
    const sid = await openPolling(server);
    const { answer, cancel } = await park(server, polling(sid));
    cancel();
    await assert.rejects(answer);
    await until(async () => (await post(server, sid, '6')).status === 400, 'the session is closed');
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
  // Not sooner; and that the default is 25 s shows what a busy machine cannot hide.
  const onTime = (from, ms) => {
    const took = performance.now() - from;
    assert.ok(took > ms - 20 && took < ms + 2000 * PATIENCE, `${took} ms`);
  };

  it('pings by polling', async () => {
    let from = performance.now();
    const sid = await openPolling(lenient);
    for (let i = 0; i < 3; i++) {
      assert.equal((await poll(lenient, sid)).text, '2');
      onTime(from, interval);
      from = performance.now();
      assert.equal((await post(lenient, sid, '3')).status, 200);
    }
    assert.equal((await post(lenient, sid, '1')).status, 200);
  });

  it('ends a polling session without pong, at the latest when a request finds it', async () => {
    const session = async () => {
      const from = performance.now();
      const sid = await openPolling(lively);
      await until(async () => (await post(lively, sid, '6')).status === 400, 'the end');
      onTime(from, interval + timeout);
    };
    await Promise.all(Array.from({ length: 5 }, session));
  });

  it('pings by WebSocket', async () => {
    let from = performance.now();
    const ws = await openWebSocket(lenient);
    for (let i = 0; i < 3; i++) {
      assert.equal(await ws.next(), '2');
      onTime(from, interval);
      from = performance.now();
      ws.send('3');
    }
    ws.close();
    await ws.closed;
  });

  it('ends a WebSocket session without pong', async () => {
    const from = performance.now();
    const ws = await openWebSocket(lively);
    assert.equal((await ws.closed).code, 1005);
    onTime(from, interval + timeout);
    await assertGone(lively, ws.handshake.sid);
  });
});

describe('close', () => {
  it('by polling: the pending poll gets a noop', async () => {
    const sid = await openPolling(server);
    const polled = await park(server, polling(sid));
    const posted = await post(server, sid, '1');
    assert.equal(posted.status, 200);
    assert.equal(posted.text, 'ok');
    assert.equal((await polled.answer).status, 200);
    assert.equal((await polled.answer).text, '6');
    await assertGone(server, sid);
  });

  it('by WebSocket: at once', async () => {
    const ws = await openWebSocket(server);
    ws.send('1');
    assert.equal((await within(3000, ws.closed, () => 'it stays open')).code, 1005);
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

  it('from polling with base64, as iOS does, to a WebSocket that takes raw binary', async () => {
    const sid = await openPolling(server, '&b64=1');
    await post(server, sid, 'bAQIDBA==');
    assert.equal((await poll(server, sid)).text, 'bAQIDBA==');
    const ws = await probe(server, sid);
    await post(server, sid, 'bAQIDBA==');
    ws.send('5');
    ws.send(Buffer.from([5, 6]));
    assert.deepEqual([await ws.next(), await ws.next()], [Buffer.from([1, 2, 3, 4]), Buffer.from([5, 6])]);
    ws.close();
    await ws.closed;
  });

  it('answers the pending poll and every further one at once', async () => {
    const sid = await openPolling(server);
    const pending = await park(server, polling(sid));
    const ws = await probe(server, sid);
    assert.equal((await pending.answer).text, '6');
    const five = async () => {
      for (let i = 0; i < 5; i++) assert.equal((await poll(server, sid)).text, '6');
    };
    await within(3000, five(), () => 'a poll waits');
    ws.close();
    await ws.closed;
    await settle(server);
    let answered = false; // the probe is gone, the session goes on
    const parked = await park(server, polling(sid));
    parked.answer.then(() => (answered = true));
    await sleep(100);
    assert.equal(answered, false);
    await post(server, sid, '4still');
    assert.equal((await parked.answer).text, '4still');
  });

  it('gives a poll pending at the switch a close packet', async () => {
    const sid = await openPolling(server);
    const pending = await park(server, polling(sid));
    const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    await ws.opened;
    ws.send('5');
    assert.equal((await pending.answer).text, '1');
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
