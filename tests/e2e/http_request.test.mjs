// lectern.http.request: handlers that ask another server, a real one that answers, or does not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Authority } from './support/certificates.mjs';
import { Origin } from './support/origin.mjs';
import { BINARY, lectern } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { PATIENCE, until } from './support/wait.mjs';

const ASK = `
local lectern = require "lectern"
local M = {}

local function result(response, message, code)
  if not response then return nil, message, code end
  return { status = response.status, headers = response.headers, body = response.body, version = "VERSION" }
end

function M.on_ask(_, request)
  return result(lectern.http.request(request))
end

function M.on_ask_for_json(_, url)
  local response = assert(lectern.http.request { url = url })
  return response:json()
end

function M.on_ask_detached(_, url)
  lectern.detach()
  local response = assert(lectern.http.request { url = url })
  lectern.log.info("detached got " .. response.body)
end

function M.on_ask_with_bytes(_, url)
  return result(lectern.http.request { url = url, body = "\\0\\255x" })
end

function M.on_stop()
  local url = lectern.config.app.farewell
  if not url then return end
  local response = assert(lectern.http.request { url = url, json = { bye = true } })
  lectern.log.info("stopping got " .. response.body)
end

return M
`;
const asks = (version = 'one') => ASK.replace('VERSION', version);

describe('lectern.http.request', () => {
  const ca = new Authority('the tests');
  const room = useServer({
    example: false,
    files: { 'handlers/ask.lua': asks() },
    args: ['--http-client-ca', ca.file, '--http-client-max-bytes', '100000', '--http-client-max-requests', '10', '--http-client-timeout', '5000'],
  });
  let origin, ada;
  before(async () => (origin = await Origin.start()));
  after(async () => {
    await origin.close();
    ca.remove();
  });
  afterEach(() => {
    origin.requests.length = 0;
    origin.answer = (_, response) => response.end('hello');
  });
  const join = async () => (ada = await room.join('ada'));
  const ask = (request) => ada.ask('ask', typeof request === 'string' ? { url: origin.url + request } : request);
  const failed = async (request, code, pattern = /./) => {
    const { ok, error } = await ask(request);
    assert.equal(ok, false);
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
  };
  const counters = async () => JSON.parse((await lectern(['status', '--json', '--port', String(room.server.port)])).stdout).counters;

  it('gets', async () => {
    await join();
    origin.answer = (_, response) => response.writeHead(418, { 'X-A': ['b', 'c'], 'Content-Type': 'text/x' }).end('tea');
    const { status, headers, body } = await ask('/pot?a=b');
    assert.deepEqual([status, headers['x-a'], headers['content-type'], body], [418, 'b, c', 'text/x', 'tea']);
    const [request] = origin.requests;
    assert.deepEqual([request.method, request.url, request.body], ['GET', '/pot?a=b', '']);
    assert.match(request.headers['user-agent'], /^lectern\/\d/);
    assert.equal(request.headers.expect, undefined);
  });

  it('sends what it is told', async () => {
    await join();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      await ask({ url: origin.url, method, json: { list: [1, 'ö'] }, headers: { 'X-Key': 'k', 'x-n': 5, 'x-empty': '' } });
      const { headers, ...request } = origin.requests.at(-1);
      assert.deepEqual([request.method, request.body], [method, '{"list":[1,"ö"]}']);
      assert.deepEqual([headers['x-key'], headers['x-n'], headers['x-empty'], headers['content-type']], ['k', '5', '', 'application/json']);
    }
    await ask({ url: origin.url, body: 'plain', headers: { 'Content-Type': 'text/x' } });
    assert.deepEqual([origin.requests.at(-1).method, origin.requests.at(-1).headers['content-type']], ['POST', 'text/x']);
    await ask({ url: origin.url, method: 'POST' });
    assert.equal(origin.requests.at(-1).headers['content-length'], '0');
    await ask({ url: origin.url, body: 'b'.repeat(900_000) });
    assert.equal(origin.requests.at(-1).body.length, 900_000);
    await ada.ask('ask_with_bytes', origin.url);
    assert.equal(origin.requests.at(-1).headers['content-length'], '3');
    assert.equal((await ask({ url: origin.url, method: 'HEAD' })).body, '');
    assert.equal((await ask({ url: origin.url, method: 'OPTIONS' })).status, 200);
  });

  it('reads JSON', async () => {
    await join();
    origin.answer = (_, response) => response.end('{"a":[],"b":null}');
    assert.deepEqual(await ada.ask('ask_for_json', origin.url), { a: [], b: null });
    origin.answer = (_, response) => response.end('<html>');
    assert.equal((await ada.ask('ask_for_json', origin.url)).error.code, 'malformed');
  });

  it('uses a connection again', async () => {
    await join();
    const sockets = new Set();
    origin.answer = (request, response) => {
      sockets.add(request.socket);
      response.end();
    };
    for (let i = 0; i < 5; i++) await ask('/');
    assert.equal(sockets.size, 1);
  });

  it('holds nobody up while it waits, and gives up in time', async () => {
    await join();
    origin.answer = () => {};
    const slow = failed({ url: origin.url, timeout: 0.5 }, 'timeout', /timed out/i);
    for (let i = 0; i < 10; i++) await ada.settle();
    await slow;
    await until(() => origin.requests[0].closed, 'the connection is closed');
  });

  it('takes no more than it may', async () => {
    await join();
    for (const answer of [
      (_, response) => response.end('x'.repeat(100_001)),
      (_, response) => response.writeHead(200, { 'content-length': 1e12 }).write('x'.repeat(200_000)),
      (_, response) => {
        const more = () => response.destroyed || response.write('x'.repeat(1000), () => setImmediate(more));
        more();
      },
      (_, response) => response.writeHead(200, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'y'.repeat(5000)]))).end(),
    ]) {
      origin.answer = answer;
      await failed('/', 'too_big');
    }
    origin.answer = (_, response) => response.end('x'.repeat(100_000));
    assert.equal((await ask('/')).body.length, 100_000);
  });

  it('follows redirects of GET, a few', async () => {
    await join();
    origin.answer = ({ url }, response) => {
      const left = Number(url.slice(1));
      if (left > 0) response.writeHead(302, { location: `/${left - 1}`, 'x-old': 'y' }).end('old');
      else response.end('there');
    };
    const { body, headers } = await ask('/5');
    assert.deepEqual([body, headers['x-old']], ['there', undefined]);
    await failed('/6', 'io', /redirects/);
    assert.equal((await ask({ url: `${origin.url}/1`, method: 'POST', body: 'x' })).status, 302);
    origin.answer = ({ url }, response) =>
      url === '/' ? response.writeHead(302, { location: `http://127.0.0.1:${origin.port}/elsewhere` }).end() : response.end();
    await ask({ url: origin.url, headers: { authorization: 'Bearer x', cookie: 'a=b', 'x-tenant': 'school' } });
    const { authorization, cookie, 'x-tenant': tenant } = origin.requests.at(-1).headers;
    assert.deepEqual([authorization, cookie, tenant], [undefined, undefined, 'school']);
    for (const location of ['file:///etc/passwd', 'ftp://localhost/x', 'gopher://localhost/x']) {
      origin.answer = (_, response) => response.writeHead(302, { location }).end();
      await failed('/', 'io', /protocol/i);
    }
  });

  it('says who cannot be reached', async () => {
    await join();
    const nobody = await Origin.start();
    await nobody.close();
    await failed({ url: nobody.url.replace('localhost', '127.0.0.1') }, 'io', /connect/i);
    await failed({ url: 'http://nobody.invalid/' }, 'io', /resolve/i);
    for (const url of ['file:///etc/passwd', 'nonsense', 'http://me:secret@localhost/', `${origin.url}/a b`, `${origin.url}\0.school.example/`]) {
      await failed({ url }, 'invalid');
    }
    origin.answer = (request) => request.socket.destroy();
    await failed('/', 'io');
  });

  it('says who answers nonsense', async () => {
    await join();
    for (const text of ['nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n']) {
      const server = net.createServer((socket) => socket.once('data', () => socket.end(text))).listen(0, '127.0.0.1');
      await once(server, 'listening');
      await failed({ url: `http://127.0.0.1:${server.address().port}/` }, 'io');
      server.close();
    }
  });

  it('trusts the authorities that it is told', async () => {
    await join();
    const other = new Authority('somebody else');
    const trusted = await Origin.start({ tls: ca.issue('trusted') });
    const stranger = await Origin.start({ tls: other.issue('stranger') });
    try {
      assert.equal((await ask({ url: trusted.url })).body, 'hello');
      trusted.answer = (_, response) => response.writeHead(302, { location: origin.url }).end();
      await failed({ url: trusted.url }, 'io', /protocol/i);
      await failed({ url: stranger.url }, 'io', /certificate/i);
      await failed({ url: trusted.url.replace('localhost', '127.0.0.2') }, 'io', /connect|certificate|match/i);
      assert.equal(stranger.requests.length, 0);
    } finally {
      await trusted.close();
      await stranger.close();
      other.remove();
    }
  });

  it('lets no header be forged', async () => {
    await join();
    for (const headers of [{ 'x-a': 'b\r\nx-c: d' }, { 'x-a\r\nx-c': 'd' }, { 'x a': 'b' }, { '': 'b' }, { 'Content-Length': '5' }, { 'Transfer-Encoding': 'chunked' }, { 'x-a': 'b\0' }]) {
      const { ok, error } = await ask({ url: origin.url, headers });
      assert.deepEqual([ok, error.code], [false, 'internal_error']);
    }
    assert.equal(origin.requests.length, 0);
  });

  it('has a limit of requests at a time', async () => {
    await join();
    const waiting = [];
    origin.answer = (_, response) => waiting.push(response);
    const first = Array.from({ length: 10 }, () => ask('/'));
    await origin.asked(10);
    await failed('/', 'full');
    for (const response of waiting) response.end('late');
    for (const { body } of await Promise.all(first)) assert.equal(body, 'late');
    origin.answer = (_, response) => response.end();
    assert.equal((await ask('/')).status, 200);
  });

  it('is given up when its client leaves, unless detached', async () => {
    await join();
    let finish;
    origin.answer = (_, response) => (finish = () => response.end('patience'));
    ada.emit('ask', { url: `${origin.url}/attached` });
    await origin.asked(1);
    ada.close();
    await until(() => origin.requests[0].closed, 'the request is given up');
    await join();
    ada.emit('ask_detached', `${origin.url}/detached`);
    await origin.asked(2);
    const from = room.server.log.length;
    ada.close();
    const bob = await room.join('bob');
    await bob.settle();
    finish();
    await room.server.logged(/detached got patience/, 5000, from);
    assert.doesNotMatch(room.server.log.slice(from), /failed, id/);
  });

  it('goes on over a reload', async () => {
    await join();
    let finish;
    origin.answer = (_, response) => (finish = () => response.end('late'));
    const old = ask('/');
    await origin.asked(1);
    room.scripts.write('handlers/ask.lua', asks('two'));
    assert.equal((await room.server.reload()).code, 0);
    origin.answer = (_, response) => response.end('soon');
    const { version, body } = await ask('/');
    assert.deepEqual([version, body], ['two', 'soon']);
    finish();
    assert.deepEqual(await old.then((one) => [one.version, one.body]), ['one', 'late']);
  });

  it('is counted', async () => {
    await join();
    const { fetches, fetches_failed: lost } = await counters();
    await ask('/');
    await ask({ url: 'http://nobody.invalid/' });
    const now = await counters();
    assert.deepEqual([now.fetches.total - fetches.total, now.fetches_failed.total - lost.total], [2, 1]);
  });
});

describe('lectern.http.request, to where others say', () => {
  const room = useServer({ example: false, files: { 'handlers/ask.lua': asks() } });
  let origin, ada;
  before(async () => (origin = await Origin.start()));
  beforeEach(async () => (ada = await room.join('ada')));
  after(() => origin.close());
  const ask = (url, more) => ada.ask('ask', { url, untrusted: true, ...more });

  it('asks no machine but public ones', async () => {
    for (const host of ['localhost', '127.0.0.1', '0x7f000001', '2130706433', '127.1', '0', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::127.0.0.1]',
      '[2002:7f00:1::]', '10.1.2.3', '169.254.169.254', '[fe80::1]', '[fd00::1]']) {
      for (const method of ['GET', 'POST']) {
        const { ok, error } = await ask(`http://${host}:${origin.port}/`, { method });
        assert.deepEqual([host, ok, error.code], [host, false, 'forbidden']);
        assert.doesNotMatch(error.message, /http\.client_allow/);
      }
    }
    assert.equal(origin.requests.length, 0);
    assert.equal((await ask(origin.url, { untrusted: false })).body, 'hello');
  });

  it('tells nobody what a name leads to', async () => {
    const { error } = await ask(`http://localhost:${origin.port}/`);
    assert.doesNotMatch(error.message, /127|::1/);
  });

  it('asks no ports of other services', async () => {
    for (const url of ['http://school.example:25/', 'https://school.example:22/']) assert.equal((await ask(url)).error.code, 'forbidden');
    assert.equal((await ask('http://nobody.invalid:8080/')).error.code, 'io');
    assert.equal((await ask('gopher://school.example/')).error.code, 'invalid');
  });
});

describe('lectern.http.request, with http.client_allow', () => {
  const room = useServer({ example: false, files: { 'handlers/ask.lua': asks() }, args: ['--http-client-allow', 'localhost, *.school.invalid'] });
  let origin, ada;
  before(async () => (origin = await Origin.start()));
  beforeEach(async () => (ada = await room.join('ada')));
  after(() => origin.close());
  const ask = (url) => ada.ask('ask', { url });

  it('asks those hosts alone', async () => {
    assert.equal((await ask(origin.url)).body, 'hello');
    const { ok, error } = await ask(`http://127.0.0.1:${origin.port}/`);
    assert.deepEqual([ok, error.code], [false, 'forbidden']);
    assert.match(error.message, /http\.client_allow/);
    assert.equal((await ask('http://other.invalid/')).error.code, 'forbidden');
    assert.equal((await ask('http://a.school.invalid/')).error.code, 'io');
    assert.equal((await ada.ask('ask', { url: origin.url, untrusted: true })).error.code, 'forbidden');
  });

  it('follows no redirect to others', async () => {
    origin.answer = ({ url }, response) => (url === '/' ? response.writeHead(302, { location: `http://127.0.0.1:${origin.port}/x` }).end() : response.end('x'));
    const from = origin.requests.length;
    assert.equal((await ask(origin.url)).error.code, 'forbidden');
    assert.equal(origin.requests.length, from + 1);
  });
});

describe('lectern.http.request, when the server stops', () => {
  let origin;
  before(async () => (origin = await Origin.start()));
  after(() => origin.close());
  const room = useServer({ example: false, files: { 'handlers/ask.lua': asks() }, args: ['--drain-spread', '60000'] });
  // Two clients, one of which is to stay while the other is closed; with requests that nobody answers.
  const enter = async () => {
    room.scripts.write('lectern.lua', `return { app = { farewell = "${origin.url}/bye" } }`);
    await room.restart();
    origin.answer = ({ url }, response) => url === '/bye' && response.end('farewell');
    origin.requests.length = 0;
    const people = [await room.join('ada'), await room.join('bob')];
    people[0].emit('ask_detached', `${origin.url}/never`);
    people[1].emit('ask', { url: `${origin.url}/never` });
    await origin.asked(2);
    return people;
  };

  it('works in on_stop, and is given up at the end', async () => {
    const people = await enter();
    room.server.signal('SIGTERM');
    await room.server.logged(/stopping got farewell/);
    assert.equal(origin.requests[2].body, '{"bye":true}');
    for (const person of people) person.close();
    await room.server.exit();
    await until(() => origin.requests.every((one) => one.closed), 'all connections are closed');
  });

  it('holds up no end', async () => {
    await enter();
    room.server.signal('SIGTERM');
    await room.server.logged(/stopping got farewell/);
    room.server.signal('SIGTERM');
    await room.server.exit();
  });
});

describe('lectern.http.request, of a name that resolves slowly', () => {
  const preload = path.join(path.dirname(BINARY), 'slow_names.so');
  const room = useServer({
    example: false,
    files: { 'handlers/ask.lua': asks() },
    env: { LD_PRELOAD: preload, ASAN_OPTIONS: 'detect_leaks=1:exitcode=99:verify_asan_link_order=0' },
  });

  it('gives up in time, and holds up nobody, nor the end', async () => {
    const ada = await room.join('ada');
    const began = Date.now();
    const { ok, error } = await ada.ask('ask', { url: 'http://school.slow/', timeout: 0.2 });
    assert.deepEqual([ok, error.code], [false, 'timeout']);
    ada.emit('ask', { url: 'http://school.slow/' });
    await ada.settle();
    ada.close();
    const bob = await room.join('bob');
    bob.emit('ask', { url: 'http://school.slow/' });
    await bob.settle();
    bob.close();
    await room.server.stop();
    const took = Date.now() - began;
    assert.ok(took < 3000 * PATIENCE, `${took} ms`);
  });
});
