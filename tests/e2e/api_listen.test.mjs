// A listener of its own for the server API: an address, or a unix socket, which carries nothing else.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { Authority } from './support/certificates.mjs';
import { call, request, serviceToken } from './support/api.mjs';
import { curl } from './support/http.mjs';
import { lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer } from './support/suite.mjs';
import { once } from './support/wait.mjs';

const files = { 'handlers/main.lua': 'return { echo = function(v) return v end, routes = { ["GET /x"] = { public = true, handler = function() return 1 end } } }', 'public/page.html': 'page' };
const auth = ['-H', `Authorization: Bearer ${serviceToken()}`];
const dir = mkdtempSync(path.join(tmpdir(), 'lectern-api-'));
after(() => rmSync(dir, { recursive: true, force: true }));

describe('api.listen on an address', () => {
  const room = useServer({ example: false, files, args: ['--api-listen', '127.0.0.1:0'] });
  const inner = async () => {
    const [, port] = await room.server.logged(/the server API is at 127\.0\.0\.1:(\d+)/);
    return { url: `http://127.0.0.1:${port}`, port: Number(port) };
  };

  it('carries the API', async () => {
    assert.deepEqual((await call(await inner(), 'echo', ['ü'])).body, { result: 'ü' });
    assert.equal((await call(await inner(), 'echo', [], { token: null })).status, 401);
    assert.equal((await request(await inner(), 'GET', '/api/openapi.json')).status, 200);
  });

  it('carries nothing else, and nothing else carries the API', async () => {
    for (const target of ['/x', '/page.html', '/healthz', '/', '/socket.io/?EIO=4&transport=polling', '/apix']) {
      assert.equal((await request(await inner(), 'GET', target)).status, 404, target);
    }
    for (const target of ['/api', '/api/echo', '/api/openapi.json']) {
      assert.equal((await request(room, 'POST', target)).status, 404, target);
    }
    assert.equal((await request(room, 'GET', '/x')).body, 1);
  });

  it('has room though all others have none', async () => {
    const { port } = await inner();
    const idle = Array.from({ length: 200 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
    await Promise.all(idle.map((socket) => once(socket, 'connect').catch(() => {})));
    await once(idle.at(-1), 'close'); // past 128 they are closed
    assert.equal((await fetch(`${room.url}/healthz`)).status, 200);
    for (const socket of idle) socket.destroy();
  });
});

describe('api.listen on a unix socket', () => {
  const file = path.join(dir, 'api.sock');
  const room = useServer({ example: false, files, args: ['--api-listen', `unix:${file}`] });

  it('carries the API', async () => {
    const answer = await curl('--unix-socket', file, ...auth, '-d', '["ü"]', 'http://lectern/api/echo');
    assert.equal(answer.toString(), '{"result":"ü"}');
    assert.equal(statSync(file).mode & 0o777, 0o660);
    await room.server.logged(/user=service:billing POST \/api\/echo/);
    assert.equal((await curl('--unix-socket', file, ...auth, '-o', '/dev/null', '-w', '%{http_code}', 'http://lectern/x')).toString(), '404');
  });

  it('takes the place of a file that nobody answers on, and of no other', async () => {
    room.server.signal('SIGKILL');
    await room.server.ended;
    assert.ok(existsSync(file));
    room.server = await Server.start({ dir: room.scripts.dir, args: ['--api-listen', `unix:${file}`] });
    assert.equal((await curl('--unix-socket', file, ...auth, '-d', '[1]', 'http://lectern/api/echo')).toString(), '{"result":1}');
    const other = new Scripts({ example: false, files });
    const second = await lectern(['serve', other.dir, '--host', '127.0.0.1', '--port', '0', '--api-listen', `unix:${file}`], { env: { JWT_SECRET: 'x'.repeat(32) } });
    other.remove();
    assert.equal(second.code, 1);
    assert.match(second.stderr, /api.listen: cannot listen on unix:.*: Address already in use/);
    await room.server.stop();
    assert.ok(!existsSync(file));
  });
});

it('api.listen speaks TLS unless it is of this machine', async () => {
  const scripts = new Scripts({ example: false, files });
  const authority = new Authority('school');
  const { cert, key } = authority.issue('localhost');
  scripts.write('cert.pem', cert);
  scripts.write('key.pem', key);
  const server = await Server.start({ dir: scripts.dir, args: ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem', '--api-listen', '[::1]:0'] });
  const [, port] = await server.logged(/the server API is at \[::1\]:(\d+)/);
  assert.equal((await curl('-g', ...auth, '-d', '[1]', `http://[::1]:${port}/api/echo`)).toString(), '{"result":1}');
  await server.stop();
  scripts.remove();
  authority.remove();
});

it('api.listen that is no address is told', async () => {
  const scripts = new Scripts({ example: false, files });
  for (const wrong of ['3002', 'localhost:x', 'unix:', ':1', '127.0.0.1:70000', 'name.example:1']) {
    const { code, stderr } = await lectern(['serve', scripts.dir, '--host', '127.0.0.1', '--port', '0', '--api-listen', wrong], { env: { JWT_SECRET: 'x'.repeat(32) } });
    assert.equal(code, 1, wrong);
    assert.match(stderr, /api.listen: .* is no address; give one like 127\.0\.0\.1:3002/, wrong);
  }
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { code, stderr } = await lectern(['serve', scripts.dir, '--host', '127.0.0.1', '--port', '0', '--api-listen', `127.0.0.1:${taken.address().port}`], { env: { JWT_SECRET: 'x'.repeat(32) } });
  taken.close();
  assert.equal(code, 1);
  assert.match(stderr, /Address already in use/);
  scripts.remove();
});
