// HTTP/1.1 as RFC 9110 and 9112 have it, on core/net: chunked bodies, pipelining, upgrades that nobody knows, and the
// status of each refusal. What must be refused stands in support/smuggling.mjs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Probe, tlsArgs, until, upgradeRequest } from './net_help.mjs';

const get = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const post = (target, body, headers = '') => `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
const chunk = (text, extension = '') => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const chunked = (target, chunks, headers = '') => `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${headers}\r\n${chunks}`;
const END = '0\r\n\r\n';

async function bodies(c, n) {
  const all = [];
  while (all.length < n) all.push((await c.response()).body.toString());
  return all;
}

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);

  test(`${name}: bodies in chunks, with extensions and trailers`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    for (const [chunks, body] of [
      [END, ''],
      [chunk('hello') + END, 'hello'],
      [chunk('hel', ';a=b') + chunk('lo', ';c;d="e;f"') + '0;last\r\n\r\n', 'hello'],
      [chunk('hello') + '0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n', 'hello'],
      ['00A\r\n0123456789\r\n000\r\n\r\n', '0123456789'],
      [chunk(END) + END, END],
      [chunk('y'.repeat(300_000)) + END, 'y'.repeat(300_000)],
      [chunk('z').repeat(20_000) + END, 'z'.repeat(20_000)],
    ]) {
      c.write(chunked('/echo', chunks));
      const r = await c.response();
      assert.equal(r.status, 200);
      assert.ok(r.body.toString() === body, `${chunks.slice(0, 50)}: ${r.body.length} bytes`);
    }
    await c.writeSlowly(chunked('/echo', `${chunk('slow', ';a="b"')}${chunk('ly')}0\r\nX: y\r\n\r\n`), 1);
    assert.equal((await c.response()).body.toString(), 'slowly');
    c.destroy();
  });

  test(`${name}: chunks have the bounds of other bodies, and of headers`, async (t) => {
    const p = await start(t, ['--max-body', '1000', '--max-header', '4096']);
    const refusals = [
      [chunk('x'.repeat(1001)) + END, [413]],
      [chunk('x'.repeat(600)) + chunk('x'.repeat(600)) + END, [413]],
      ['7fffffffffffffff\r\n', [413, 400]],
      [`1;${'e'.repeat(100_000)}`, [400, 413, 431]],
      [`0\r\n${'X: y\r\n'.repeat(20_000)}`, [400, 431]],
    ];
    for (const [chunks, statuses] of refusals) {
      const c = await p.connect();
      c.write(chunked('/echo', chunks));
      const r = await c.response();
      assert.ok(statuses.includes(r?.status), `${chunks.slice(0, 50)}: ${r?.status}`);
      assert.equal(r.headers.connection, 'close');
      c.destroy();
    }
    const c = await p.connect();
    c.write(chunked('/echo', chunk('x'.repeat(1000)) + END));
    assert.equal((await c.response()).body.length, 1000);
    c.destroy();
  });

  test(`${name}: pipelined requests are answered in order, their bodies included`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    const some = [post('/echo', 'one'), get('/query/2'), chunked('/echo', chunk('three') + END), post('/echo', ''), post('/echo', 'y'.repeat(50_000)),
      'DELETE /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nsix', 'POST /echo HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n\r\n' + get('/query/8')];
    const expected = ['one', '0 /query/2 ? ', 'three', '', 'y'.repeat(50_000), 'six', '', '0 /query/8 ? '];
    c.write(some.join('').repeat(3));
    const got = await bodies(c, 24);
    assert.ok(got.every((body, i) => body === expected[i % 8]), JSON.stringify(got.map((body) => body.slice(0, 20))));
    c.write(get('/hold') + some.join(''));
    await until(async () => (await p.stats()).held === 1);
    await p.get('/release');
    assert.ok((await bodies(c, 9)).every((body, i) => body === ['released', ...expected][i]));
    await p.quiet();
    c.destroy();
  });

  test(`${name}: Expect: 100-continue, of chunks too`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(chunked('/echo', '', 'Expect: 100-continue\r\n'));
    assert.equal((await c.response()).status, 100);
    c.write(chunk('body') + END);
    assert.equal((await c.response()).body.toString(), 'body');
    c.destroy();
  });

  test(`${name}: an upgrade to what nobody knows is not looked at`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    for (const upgrade of ['h2c', 'foo', 'websocket2', 'x'.repeat(40), '', 'h2c, foo/2']) {
      c.write(get('/', `Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\nUpgrade: ${upgrade}\r\n`));
      const r = await c.response();
      assert.deepEqual([r.status, r.body.toString()], [200, 'hello\n'], upgrade);
      c.write(post('/echo', 'body', `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`));
      assert.equal((await c.response()).body.toString(), 'body', upgrade);
    }
    c.destroy();
  });

  test(`${name}: the upgrade to WebSocket in all spellings`, async (t) => {
    const p = await start(t);
    for (const [connection, upgrade] of [
      ['keep-alive, Upgrade', 'websocket'], ['Upgrade, keep-alive', 'websocket'], ['keep-alive,upgrade', 'WebSocket'], ['UPGRADE', 'WEBSOCKET'],
      ['upgrade', 'websocket'], [' \tUpgrade\t ', '\twebsocket '], ['keep-alive\r\nConnection: Upgrade', 'websocket'], ['foo, , Upgrade,', 'websocket'],
    ]) {
      const c = await p.connect();
      c.write(upgradeRequest().replace('Connection: Upgrade', `Connection: ${connection}`).replace('Upgrade: websocket', `Upgrade: ${upgrade}`));
      await c.until(() => c.data.includes('\r\n\r\n'), 3000, 'handshake');
      assert.match(c.data.toString(), /^HTTP\/1\.1 101 /, `${connection} / ${upgrade}`);
      c.destroy();
    }
  });
}

test('each refusal has its status, and ends the connection', async (t) => {
  const p = await Probe.start(t, ['--max-header', '4096', '--header-ms', '700', '--body-ms', '700']);
  const refuse = async ([request, status]) => {
    const c = await p.connect();
    c.write(request);
    const r = await c.response();
    assert.equal(r?.status, status, request.slice(0, 60));
    assert.equal(r.headers.connection, 'close');
    assert.ok(Math.abs(Date.parse(r.headers.date) - Date.now()) < 60_000, `${status} has no date`);
    c.destroy();
  };
  await Promise.all([
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 501],
    ['TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 501],
    ['CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n', 501],
    ['GET / HTTP/1.2\r\nHost: x\r\n\r\n', 505],
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    [`GET /${'a'.repeat(10_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    [`GET /${'a'.repeat(100_000)}`, 414],
    [get('/', `X-Probe: ${'a'.repeat(10_000)}\r\n`), 431],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Probe: ${'a'.repeat(100_000)}`, 431],
    [get('/', 'X: y\r\n'.repeat(2000)), 431],
    [post('/echo', 'x'.repeat(2_000_000)), 413],
    ['GET / HTTP/1.1\r\nHost: x\r\nX-', 408],
    ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel', 408],
    [chunked('/echo', '5\r\nhel'), 408],
  ].map(refuse));
});

test('every answer has its date', async (t) => {
  const p = await Probe.start(t);
  for (const target of ['/', '/nothing', '/query/x', '/cors']) {
    const { headers } = await p.get(target);
    assert.match(headers.date ?? '', /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 60_000);
  }
});

test('whole URLs, OPTIONS *, and HTTP/1.0', async (t) => {
  const p = await Probe.start(t);
  const c = await p.connect();
  for (const [target, got] of [['http://x/query/a?b', '/query/a ? b'], ['http://other:81/query', '/query ? '], ['HTTP://x/query/%20', '/query/%20 ? ']]) {
    c.write(get(target));
    assert.equal((await c.response()).body.toString(), `0 ${got}`);
  }
  c.write('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.ok([200, 204].includes((await c.response()).status));
  c.write('POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold');
  const r = await c.response();
  assert.deepEqual([r.headers.connection, r.body.toString()], ['keep-alive', 'old']);
  c.write('POST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nend');
  assert.equal((await c.response()).body.toString(), 'end');
  await c.closed();
});
