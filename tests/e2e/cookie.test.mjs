// The cookie that lets load balancers keep a client with one server: on the polling handshake's answer alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask } from './support/http.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { useServer, WAYS } from './support/suite.mjs';

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';

describe('the cookie', () => {
  const room = useServer({ args: ['--cookie', 'io'] });

  it('holds the sid, and comes once', async () => {
    const open = await ask(room.server, HANDSHAKE);
    const { sid } = JSON.parse(open.body.subarray(1));
    assert.deepEqual(open.headers['set-cookie'], [`io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
    const post = await ask(room.server, `${HANDSHAKE}&sid=${sid}`, { method: 'POST', body: '40', headers: { 'Content-Length': 2 } });
    const poll = await ask(room.server, `${HANDSHAKE}&sid=${sid}`);
    for (const answer of [post, poll]) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['set-cookie'], undefined);
    }
  });

  it('comes with no WebSocket, and no refusal', async () => {
    const ws = await RawWebSocket.open(room.server.port);
    assert.match(ws.head, /^HTTP\/1.1 101/);
    assert.doesNotMatch(ws.head, /cookie/i);
    ws.destroy();
    for (const path of ['/socket.io/?EIO=3&transport=polling&sid=none', '/socket.io/', '/']) {
      assert.equal((await ask(room.server, path)).headers['set-cookie'], undefined);
    }
  });

  it('goes through pages of other origins', async () => {
    const open = await ask(room.server, HANDSHAKE, { headers: { Origin: 'http://localhost:3000' } });
    assert.equal(open.headers['set-cookie'].length, 1);
    assert.equal(open.headers['access-control-allow-credentials'], 'true');
  });

  for (const { way, options } of WAYS) {
    it(`does not disturb clients, with or without credentials (${way})`, async () => {
      for (const withCredentials of [false, true]) {
        const ada = await room.join('ada', { ...options, withCredentials });
        assert.equal(await ada.ask('echo', way), way);
      }
    });
  }
});

describe('another cookie', () => {
  const room = useServer({ args: ['--cookie', 'lb', '--cookie-same-site', 'none'] });

  it('is Secure for other sites, or browsers would not take it', async () => {
    const open = await ask(room.server, HANDSHAKE);
    assert.match(open.headers['set-cookie'][0], /^lb=[\w-]{20}; Path=\/; HttpOnly; Secure; SameSite=None$/);
  });
});

describe('without the setting', () => {
  const room = useServer();

  it('there is none', async () => {
    assert.equal((await ask(room.server, HANDSHAKE)).headers['set-cookie'], undefined);
  });
});
