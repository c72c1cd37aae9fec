// The Socket.IO client that the server gives to pages (serveClient of the reference): byte for byte what npm
// has, in the coding that a client takes. tests/browser/client.test.mjs runs it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ask, curl } from './support/http.mjs';
import { EXAMPLE } from './support/process.mjs';
import { useServer } from './support/suite.mjs';

const PACKAGE = path.join(EXAMPLE, 'node_modules/socket.io-client');
const { version } = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json')));
const SCRIPTS = ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js', 'socket.io.msgpack.min.js'];
const NAMES = SCRIPTS.flatMap((name) => [name, `${name}.map`]);
const published = (name) => readFileSync(path.join(PACKAGE, 'dist', name));
const ORIGIN = 'http://localhost:3000'; // of suite.mjs

describe('the served client', () => {
  const room = useServer({ example: false });
  const get = (name, options) => ask(room.server, `/socket.io/${name}`, options);

  for (const name of NAMES) {
    it(`${name} is npm's, in each coding`, async () => {
      const wanted = published(name);
      const map = name.endsWith('.map');
      for (const [accept, coding] of [
        [undefined, undefined],
        ['gzip', 'gzip'],
        ['gzip, deflate, br, zstd', map ? 'gzip' : 'br'],
        ['br;q=0, gzip;q=0.5', 'gzip'],
        ['gzip;q=0, br;q=0', undefined],
        ['deflate', undefined],
        ['br', map ? undefined : 'br'],
      ]) {
        const got = await get(name, { headers: accept ? { 'Accept-Encoding': accept } : {} });
        assert.equal(got.status, 200);
        assert.equal(got.headers['content-encoding'], coding, accept);
        assert.equal(Number(got.headers['content-length']), got.raw.length);
        assert.ok(wanted.equals(got.body), `${accept}: other bytes`);
        assert.equal(got.headers['content-type'], map ? 'application/json; charset=utf-8' : 'application/javascript; charset=utf-8');
        assert.equal(got.headers['cache-control'], 'public, max-age=0');
        assert.equal(got.headers.etag, `"${version}"`);
        assert.match(got.headers.vary, /Accept-Encoding/);
        assert.equal(got.headers['access-control-allow-origin'], ORIGIN);
        if (coding) assert.ok(got.raw.length < wanted.length / 2.5, `${coding}: ${got.raw.length} of ${wanted.length}`);
      }
    });
  }

  it('takes no notice of the query', async () => {
    const got = await get('socket.io.js?v=4&EIO=4&transport=polling');
    assert.ok(published('socket.io.js').equals(got.body));
  });

  it('answers HEAD as GET, without the body', async () => {
    for (const accept of ['identity', 'gzip', 'br']) {
      const headers = { 'Accept-Encoding': accept };
      const [head, full] = [await get('socket.io.min.js', { method: 'HEAD', headers }), await get('socket.io.min.js', { headers })];
      assert.equal(head.status, 200);
      assert.equal(head.raw.length, 0);
      for (const name of ['content-length', 'content-type', 'content-encoding', 'etag']) assert.equal(head.headers[name], full.headers[name]);
    }
  });

  it('is not sent to whoever has it', async () => {
    for (const tag of [`"${version}"`, `W/"${version}"`]) {
      const got = await get('socket.io.js', { headers: { 'If-None-Match': tag } });
      assert.equal(got.status, 304);
      assert.equal(got.raw.length, 0);
      assert.equal(got.headers['content-type'], undefined);
      assert.equal(got.headers.etag, `"${version}"`);
    }
    assert.equal((await get('socket.io.js', { headers: { 'If-None-Match': '"4.0.0"' } })).status, 200);
  });

  it('other names and methods are the engine\'s', async () => {
    const unknown = { code: 0, message: 'Transport unknown' };
    for (const name of ['socket.io.slim.js', 'socket.io.js.gz', 'socket.io.msgpack.js', 'SOCKET.IO.JS', 'x/socket.io.js', '../package.json']) {
      const got = await get(name);
      assert.ok(got.status === 400 || name.startsWith('..'), name);
      if (got.status === 400) assert.deepEqual(JSON.parse(got.body), unknown);
    }
    const post = await get('socket.io.js', { method: 'POST', headers: { 'Content-Length': 0 } });
    assert.deepEqual([post.status, JSON.parse(post.body)], [400, unknown]);
    const options = await get('socket.io.js', { method: 'OPTIONS', headers: { Origin: ORIGIN } });
    assert.equal(options.status, 204);
  });

  it('comes to curl, compressed and not, by HTTP 1.0 and 1.1', async () => {
    const url = `${room.server.url}/socket.io/socket.io.min.js`;
    for (const args of [[], ['--compressed'], ['--http1.0'], ['--http1.0', '--compressed'], ['-H', 'Accept-Encoding:']]) {
      assert.ok(published('socket.io.min.js').equals(await curl(...args, url)), args.join(' '));
    }
  });
});

describe('another path', () => {
  const room = useServer({ example: false, args: ['--path', '/live'] });

  it('serves the client there', async () => {
    assert.equal((await ask(room.server, '/live/socket.io.js')).status, 200);
    assert.equal((await ask(room.server, '/socket.io/socket.io.js')).status, 404);
  });
});

describe('with serve_client off', () => {
  const room = useServer({ example: false, args: ['--no-serve-client'] });

  it('there is none', async () => {
    for (const name of NAMES) {
      const got = await ask(room.server, `/socket.io/${name}`);
      assert.deepEqual([got.status, JSON.parse(got.body)], [400, { code: 0, message: 'Transport unknown' }]);
    }
  });
});
