// Long-polling as networks really deliver it: torn bodies, several connections, limits, other origins.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  assertGone, openPolling, openWebSocket, park, poll, polling, post, request, settle, sleep, startEcho, until, webSocket,
} from './engineio_support.mjs';

const maxPayload = 100000;
let server;
before(async () => {
  server = await startEcho('--max-payload', `${maxPayload}`, '--origins', 'http://school.example');
});
after(() => server.stop());

// Writes pieces with pauses on a raw connection; resolves with all that comes back until it ends.
async function rawRequest(pieces) {
  const socket = net.connect(server.port, '127.0.0.1');
  socket.setNoDelay(true);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  const ended = new Promise((resolve, reject) => {
    socket.on('close', resolve);
    socket.on('error', reject);
  });
  for (const piece of pieces) {
    socket.write(piece);
    await sleep(15);
  }
  await ended;
  return answer;
}

describe('bodies', () => {
  it('may be split within a character', async () => {
    const sid = await openPolling(server);
    const body = Buffer.from('4\u20acuro \u{1f600} na\u00efve');
    const head =
      `POST /engine.io/${polling(sid)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
      `Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ${body.length}\r\n\r\n`;
    const pieces = [head, ...Array.from(body, (byte) => Buffer.from([byte]))];
    const answer = await rawRequest(pieces);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /\r\n\r\nok$/);
    assert.equal((await poll(server, sid)).text, body.toString());
  });

  it('may come in one piece with their head', async () => {
    const sid = await openPolling(server);
    const answer = await rawRequest([
      `POST /engine.io/${polling(sid)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\n4ab`,
    ]);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal((await poll(server, sid)).text, '4ab');
  });

  it('may be as long as the limit', async () => {
    const sid = await openPolling(server);
    const body = '4' + 'd'.repeat(maxPayload - 1);
    assert.equal((await post(server, sid, body)).status, 200);
    assert.equal((await poll(server, sid)).text, body);
  });

  it('are refused over it with 413, and the session lives', async () => {
    const sid = await openPolling(server);
    for (const length of [maxPayload + 1, maxPayload * 20]) {
      const refused = await post(server, sid, 'd'.repeat(length));
      assert.equal(refused.status, 413);
      assert.equal(refused.text, '');
    }
    assert.equal((await post(server, sid, '4still')).status, 200);
    assert.equal((await poll(server, sid)).text, '4still');
  });

  it('of raw binary are refused', async () => {
    const sid = await openPolling(server);
    const headers = { 'Content-Type': 'application/octet-stream' };
    const { status, text } = await post(server, sid, Buffer.from([1, 2, 3]), { headers });
    assert.equal(status, 400);
    assert.equal(text, '');
    await assertGone(server, sid);
  });
});

describe('one session on many connections', () => {
  it('interleaves polls and posts', async () => {
    const sid = await openPolling(server);
    let got = '';
    let sent = '';
    const polls = (async () => {
      while (!got.includes('4end')) got += (got && '\x1e') + (await poll(server, sid)).text;
    })();
    for (let i = 0; i < 100; i++) {
      const payload = i === 99 ? '4end' : `4a${i}\x1e4b${i}`;
      sent += (sent && '\x1e') + payload;
      assert.equal((await post(server, sid, payload)).text, 'ok');
    }
    await polls;
    assert.equal(got, sent);
  });

  it('works on one connection, too', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const { text } = await request(server, polling(), { agent });
    const { sid } = JSON.parse(text.slice(1));
    const ports = new Set();
    const onRequest = (req) => req.on('socket', (socket) => ports.add(socket.localPort));
    for (let i = 0; i < 20; i++) {
      assert.equal((await post(server, sid, `4${i}`, { agent, onRequest })).text, 'ok');
      assert.equal((await poll(server, sid, { agent, onRequest })).text, `4${i}`);
    }
    assert.equal(ports.size, 1);
    agent.destroy();
  });

  it('answers many parked polls', async () => {
    const sids = await Promise.all(Array.from({ length: 200 }, () => openPolling(server)));
    const polls = await Promise.all(sids.map((sid) => park(server, polling(sid))));
    await Promise.all(sids.map((sid, i) => post(server, sid, `4${i}`)));
    (await Promise.all(polls.map(({ answer }) => answer))).forEach((polled, i) => assert.equal(polled.text, `4${i}`));
    await Promise.all(sids.map((sid) => post(server, sid, '1')));
  });
});

describe('what ends a session', () => {
  // A connection on which the server has read this.
  async function sent(text) {
    const socket = net.connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.write(text, resolve));
    await settle(server);
    return socket;
  }
  // A POST that promises more than it sends.
  const halfPost = (sid) => sent(`POST /engine.io/${polling(sid)} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4ab`);

  it('a second POST', async () => {
    const sid = await openPolling(server);
    const socket = await halfPost(sid);
    const second = await post(server, sid, '4x');
    assert.equal(second.status, 400);
    assert.equal(second.text, '');
    await assertGone(server, sid);
    socket.destroy();
  });

  it('an aborted POST', async () => {
    const sid = await openPolling(server);
    const polled = await park(server, polling(sid));
    const socket = await halfPost(sid);
    socket.destroy();
    assert.equal((await polled.answer).text, '1');
    await assertGone(server, sid);
  });

  it('a poll that was reset', async () => {
    const sid = await openPolling(server);
    const socket = await sent(`GET /engine.io/${polling(sid)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    socket.resetAndDestroy();
    await until(async () => (await post(server, sid, '6')).status === 400, 'the session is closed');
    await assertGone(server, sid);
  });

  it('not other methods', async () => {
    const sid = await openPolling(server);
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const { status, text } = await request(server, polling(sid), { method });
      assert.equal(status, 500);
      assert.equal(text, '');
    }
    assert.equal((await post(server, sid, '4still')).status, 200);
  });
});

describe('b64=1', () => {
  it('is kept for WebSocket', async () => {
    const ws = await openWebSocket(server, '&b64=1');
    ws.send(Buffer.from([1, 2, 3, 4]));
    assert.equal(await ws.next(), 'bAQIDBA==');
    ws.send('bAQIDBA==');
    assert.equal(await ws.next(), 'bAQIDBA==');
    ws.close();
    await ws.closed;
  });
});

describe('message size by WebSocket', () => {
  it('may be the limit, and is refused over it with 1009', async () => {
    const ws = await openWebSocket(server);
    const text = '4' + 'd'.repeat(maxPayload - 1);
    ws.send(text);
    assert.equal(await ws.next(), text);
    ws.send(text + 'd');
    assert.deepEqual(await ws.closed, { code: 1009, reason: '' });
    await assertGone(server, ws.handshake.sid);
  });
});

describe('CORS', () => {
  const origin = 'http://school.example';
  const check = ({ headers }) => {
    assert.equal(headers['access-control-allow-origin'], origin);
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.match(headers.vary, /Origin/);
  };

  it('is on every answer', async () => {
    const headers = { Origin: origin };
    check(await request(server, polling(), { headers }));
    check(await request(server, '?EIO=4&transport=abc', { headers }));
    check(await request(server, '?EIO=4&transport=polling&sid=abc', { headers }));
    const sid = await openPolling(server);
    check(await post(server, sid, '4a', { headers }));
    check(await poll(server, sid, { headers }));
    check(await post(server, sid, 'd'.repeat(maxPayload + 1), { headers }));
    check(await post(server, sid, 'abc', { headers }));
  });

  it('is on the 101', async () => {
    const ws = webSocket(server, '?EIO=4&transport=websocket', { origin });
    const upgraded = new Promise((resolve) => ws.on('upgrade', resolve));
    check(await upgraded);
    assert.equal((await ws.next())[0], '0');
    ws.close();
    await ws.closed;
  });

  it('answers preflight requests', async () => {
    const preflight = await request(server, polling(), {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.text, '');
    check(preflight);
    assert.match(preflight.headers['access-control-allow-methods'], /POST/);
    assert.equal(preflight.headers['access-control-allow-headers'], 'content-type');
  });

  for (const [host, from, own = true] of [
    ['h:443', 'wss://h'],
    ['h', 'https://h:443'],
    ['h', 'wss://h/'],
    ['h:3001', 'http://h:3001/?tenant=7'],
    ['H', 'https://h'],
    ['[::1]:3001', 'http://[::1]:3001/'],
    ['h', 'https://h:3001', false],
    ['h:3001', 'https://h', false],
    ['h', 'https://user@h', false],
    ['h', 'https://h.evil.example', false],
    ['h', 'null', false],
  ]) {
    it(`the page ${from} ${own ? 'is' : 'is not'} of its own site at ${host}`, async () => {
      const ws = webSocket(server, undefined, { headers: { Host: host, Origin: from } });
      const status = await new Promise((resolve) => {
        ws.on('unexpected-response', (req, res) => resolve(res.statusCode));
        ws.on('upgrade', (res) => resolve(res.statusCode));
      });
      assert.equal(status, own ? 101 : 400);
      ws.terminate();
    });
  }

  it('refuses WebSockets of other pages, for handshake and upgrade', async () => {
    const sid = await openPolling(server);
    for (const query of ['?EIO=4&transport=websocket', `?EIO=4&transport=websocket&sid=${sid}`]) {
      const ws = webSocket(server, query, { origin: 'http://evil.example' });
      const res = await new Promise((resolve) => ws.on('unexpected-response', (req, r) => resolve(r)));
      assert.equal(res.statusCode, 400);
      let text = '';
      for await (const chunk of res) text += chunk;
      assert.equal(text, 'Forbidden');
    }
    assert.equal((await post(server, sid, '4still')).status, 200);
  });
});

it('503 when full', async () => {
  const small = await startEcho('--max-sessions', '2');
  const sid = await openPolling(small);
  await openPolling(small);
  assert.equal((await request(small, polling())).status, 503);
  const ws = webSocket(small);
  const res = await new Promise((resolve) => ws.on('unexpected-response', (req, r) => resolve(r)));
  assert.equal(res.statusCode, 503);
  res.resume();
  await post(small, sid, '1');
  assert.equal((await request(small, polling())).status, 200);
  await small.stop();
});
