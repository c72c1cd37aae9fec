// What HTTP/1.1 asks of a server (RFC 9110, 9112), byte by byte, and what it costs when clients take their time.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import test from 'node:test';
import assert from 'node:assert/strict';
import { PATIENCE, Probe, key, sleep, text, tlsArgs, until, upgradeRequest } from './net_help.mjs';

const HOST = 'Host: x\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const head = (line, ...fields) => `${line} HTTP/1.1\r\n${HOST}${fields.join('')}\r\n`;
const chunked = (...chunks) => chunks.map((c) => `${c.length.toString(16)}\r\n${c}\r\n`).join('') + '0\r\n\r\n';

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);

  // Each with the answers that follow: status and body.
  const served = {
    'chunks': [head('POST /echo', CHUNKED) + chunked('hello', ' ', 'world'), [200, 'hello world']],
    'chunks of any case, with zeros in front': [head('POST /echo', 'tRANSFER-eNCODING: CHUNKED\r\n') + '000A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n', [200, '0123456789abcdefghij']],
    'chunks with extensions': [head('POST /echo', CHUNKED) + '5;a;b=c;d="e\\"\t;f"\r\nhello\r\n0;x\r\n\r\n', [200, 'hello']],
    'chunks with trailers': [head('POST /echo', CHUNKED) + '5\r\nhello\r\n0\r\nX: y\r\nContent-Lengthy: 3\r\n\r\n', [200, 'hello']],
    'a large chunk': [head('POST /echo', CHUNKED) + chunked('y'.repeat(300_000)), [200, 'y'.repeat(300_000)]],
    'many small chunks': [head('POST /echo', CHUNKED) + chunked(...Array(20_000).fill('z')), [200, 'z'.repeat(20_000)]],
    'chunks of nothing': [head('POST /echo', CHUNKED) + '0\r\n\r\n', [200, '']],
    'chunks that nobody wants': [head('GET /', CHUNKED) + chunked('hello'), [200, 'hello\n']],
    'a POST without a length': [head('POST /echo'), [200, '']],
    'a length with zeros in front': [`POST /echo HTTP/1.1\r\n${HOST}Content-Length: ${'0'.repeat(40)}5\r\n\r\nhello`, [200, 'hello']],
    'a length with spaces behind': [`POST /echo HTTP/1.1\r\n${HOST}Content-Length: \t 5${' '.repeat(40)}\r\n\r\nhello`, [200, 'hello']],
    'a body that nobody wants': [head('GET /', 'Content-Length: 40000\r\n') + 'x'.repeat(40000), [200, 'hello\n']],
    'an absolute target': ['GET http://y:80/query/a?b HTTP/1.1\r\nHost: x\r\n\r\n', [200, '0 /query/a ? b']],
    'an absolute target without a path': ['OPTIONS HTTPS://y?b HTTP/1.1\r\nHost: x\r\n\r\n', [200, 'hello\n']],
    'OPTIONS of all': [head('OPTIONS *'), [404, '']],
    'empty lines in front': [`\r\n\r\n${head('GET /')}`, [200, 'hello\n']],
    'an empty line behind a body': [head('POST /echo', 'Content-Length: 2\r\n') + 'ab\r\n', [200, 'ab']],
    'fields without a value': [head('GET /', 'Accept:\r\n', 'X-Probe: \t \r\n'), [200, 'hello\n']],
    '8-bit octets in a field': [head('GET /', 'X-Probe: \xfc\r\n'), [200, 'hello\n']],
    'all at once': [
      head('POST /echo', CHUNKED) + chunked('one') + head('POST /echo', 'Content-Length: 3\r\n') + 'two' + head('GET /query/3') + head('POST /echo', CHUNKED) + chunked('four'),
      [200, 'one'], [200, 'two'], [200, '0 /query/3 ? '], [200, 'four'],
    ],
  };
  test(`${name}: is served, whole and byte by byte, and the connection goes on`, async (t) => {
    const p = await start(t);
    await Promise.all(Object.entries(served).flatMap(([what, [request, ...answers]]) => [0, 1].map(async (slowly) => {
      const c = await p.connect();
      const bytes = Buffer.from(request, 'latin1');
      if (slowly && bytes.length < 2000) await c.writeSlowly(bytes, 0);
      else c.write(bytes);
      for (const [status, body] of [...answers, [200, '0 /query/next ? ']]) {
        if (body.includes('next')) c.write(head('GET /query/next'));
        const r = await c.response({ ms: 10_000 });
        assert.equal(r?.status, status, what);
        assert.ok(r.body.toString() === body, `${what}: ${r.body.toString().slice(0, 50)}`);
        assert.match(r.headers.date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
      }
      c.destroy();
    })));
  });

  // Each closes the connection, and what stands behind it is never served.
  const refused = {
    'a space before a colon': [head('POST /echo', 'Content-Length : 5\r\n'), 400],
    'a tab before a colon': [head('POST /echo', 'Content-Length\t: 36\r\n') + head('GET /query/smuggled'), 400],
    'two spaces before a colon': [head('POST /echo', 'Content-Length  : 5\r\n'), 400],
    'a CR before a colon': [head('POST /echo', 'Content-Length\r: 5\r\n'), 400],
    'a bare LF behind the request line': [`GET / HTTP/1.1\n${HOST}\r\n`, 400],
    'a bare LF behind a field': [`GET / HTTP/1.1\r\nHost: x\n\r\n`, 400],
    'a bare LF as the empty line': [`GET / HTTP/1.1\r\n${HOST}\n`, 400],
    'bare LFs in front': [`\n${head('GET /')}`, 400],
    'a bare CR in a value': [head('GET /', 'X-Probe: a\rb\r\n'), 400],
    'a folded field': [head('GET /', 'X-Probe: a\r\n b\r\n'), 400],
    'a line that begins with a space': [`GET / HTTP/1.1\r\n Host: x\r\n\r\n`, 400],
    'a line without a colon': [head('GET /', 'nonsense\r\n'), 400],
    'a line without a name': [head('GET /', ': a\r\n'), 400],
    'a length beside chunks': [head('POST /echo', 'Content-Length: 5\r\n', CHUNKED) + chunked('hello'), 400],
    'chunks beside a length': [head('POST /echo', CHUNKED, 'Content-Length: 5\r\n') + chunked('hello'), 400],
    'another coding': [head('POST /echo', 'Transfer-Encoding: gzip\r\n') + chunked('hello'), 400],
    'another coding beside chunks': [head('POST /echo', 'Transfer-Encoding: gzip, chunked\r\n') + chunked('hello'), 400],
    'chunked twice': [head('POST /echo', 'Transfer-Encoding: chunked, chunked\r\n') + chunked('hello'), 400],
    'two codings in two fields': [head('POST /echo', CHUNKED, 'Transfer-Encoding: identity\r\n') + chunked('hello'), 400],
    'a tab behind the coding': [head('POST /echo', 'Transfer-Encoding: chunked\t\r\n') + chunked('hello'), 400],
    'a tab behind the length': [head('POST /echo', 'Content-Length: 5 \t\r\n') + 'hello', 400],
    'an empty coding': [head('POST /echo', 'Transfer-Encoding:\r\n'), 400],
    'an empty length': [head('POST /echo', 'Content-Length:\r\n'), 400],
    'chunks in HTTP/1.0': [`POST /echo HTTP/1.0\r\n${CHUNKED}\r\n${chunked('hello')}`, 400],
    'a chunk of no size': [head('POST /echo', CHUNKED) + '\r\n', 400],
    'a chunk of a negative size': [head('POST /echo', CHUNKED) + '-1\r\n', 400],
    'a chunk that is too large to be': [head('POST /echo', CHUNKED) + 'ffffffffffffffffff\r\n', 400],
    'a chunk with a bare LF': [head('POST /echo', CHUNKED) + '1\na\r\n0\r\n\r\n', 400],
    'a chunk that is longer than it says': [head('POST /echo', CHUNKED) + '1\r\nab\r\n0\r\n\r\n', 400],
    'a bad trailer': [head('POST /echo', CHUNKED) + '0\r\nContent-Length : 3\r\n\r\n', 400],
    'a method that is no token': ['G@T / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    'a space in front': [` ${head('GET /')}`, 400],
    'two spaces': ['GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    '8-bit octets in the target': [head('GET /\xc3\xbc'), 400],
    'a length in a trailer': [head('POST /echo', CHUNKED) + '0\r\nContent-Length: 3\r\n\r\n', 400],
    'a fragment': [head('GET /a#b'), 400],
    'a target that is no path': [head('GET query'), 400],
    'GET of all': [head('GET *'), 400],
    'an absolute target of another scheme': [head('GET ftp://x/'), 400],
    'an absolute target with a user': [head('GET http://u@x/'), 400],
    'an absolute target without Host': ['GET http://x/ HTTP/1.1\r\n\r\n', 400],
    'a Host that is none': ['GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    'an empty Host': ['GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
    'HTTP/1.2': [`GET / HTTP/1.2\r\n${HOST}\r\n`, 505],
    'HTTP/3.0': [`GET / HTTP/3.0\r\n${HOST}\r\n`, 505],
    'lower-case http': [`GET / http/1.1\r\n${HOST}\r\n`, 400],
    'no version': ['GET /\r\n', 400],
    'an unknown method': [head('BREW /'), 501],
    'a method in lower case': [head('get /'), 501],
    'TRACE': [head('TRACE /'), 501],
    'CONNECT': [head('CONNECT x:80'), 501],
    'an expectation that nobody knows': [head('POST /echo', 'Content-Length: 1\r\n', 'Expect: more\r\n'), 417],
    'a chunk beyond any limit': [head('POST /echo', CHUNKED) + '7ffffffffffffff\r\n', 413],
    'a chunk of 33 bits': [head('POST /echo', CHUNKED) + '100000005\r\nhello\r\n0\r\n\r\n', 413],
    'extensions without end': [head('POST /echo', CHUNKED) + `1;${'a'.repeat(20_000)}\r\na\r\n0\r\n\r\n`, 413],
    'trailers without end': [head('POST /echo', CHUNKED) + `0\r\n${'a: b\r\n'.repeat(4000)}\r\n`, 413],
  };
  test(`${name}: is refused, and ends the connection`, async (t) => {
    const p = await start(t);
    await Promise.all(Object.entries(refused).map(async ([what, [request, status]]) => {
      for (const before of ['', head('GET /')]) {
        const c = await p.connect();
        c.write(Buffer.from(before + request + head('GET /query/behind'), 'latin1'));
        if (before) assert.equal((await c.response()).status, 200);
        const r = await c.response();
        assert.equal(r?.status, status, what);
        assert.equal(r.headers.connection, 'close', what);
        assert.match(r.headers['content-type'], /^text\/plain/, what);
        assert.match(r.headers.date, / GMT$/, what);
        await c.closed(3500);
        assert.equal(c.data.length, 0, `${what}: ${c.data}`);
        c.destroy();
      }
    }));
    await p.alive();
    await p.quiet();
  });

  test(`${name}: chunks beyond the limit get 413, and a body that ends soon keeps the connection`, async (t) => {
    const p = await start(t, ['--max-body', '1000']);
    const c = await p.connect();
    c.write(head('POST /echo', CHUNKED) + chunked('a'.repeat(600), 'b'.repeat(400)));
    assert.equal((await c.response()).body.length, 1000);
    c.write(head('POST /echo', CHUNKED) + chunked('a'.repeat(600), 'b'.repeat(401), 'c'.repeat(10_000)) + head('GET /'));
    assert.equal((await c.response()).status, 413);
    assert.equal((await c.response()).body.toString(), 'hello\n');
    c.write(head('POST /echo', CHUNKED) + chunked('a'.repeat(300_000)));
    assert.equal((await c.response()).status, 413);
    await c.closed();
    await p.alive();
  });

  test(`${name}: 100 Continue for chunks too, and none for HTTP/1.0 or who is refused`, async (t) => {
    const p = await start(t, ['--max-body', '1000']);
    const c = await p.connect();
    c.write(head('POST /echo', CHUNKED, 'Expect: 100-Continue\r\n'));
    assert.equal((await c.response()).status, 100);
    c.write(chunked('body'));
    assert.equal((await c.response()).body.toString(), 'body');
    c.write('POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await p.settle();
    assert.equal(c.data.length, 0);
    c.write('body');
    assert.equal((await c.response()).body.toString(), 'body');
    c.write(head('POST /refuse', 'Content-Length: 4\r\n', 'Expect: 100-continue\r\n'));
    assert.equal((await c.response()).status, 413);
    await c.closed(); // whether the body comes is not sure
    c.destroy();
  });

  test(`${name}: slow heads and bodies hear 408, silence nothing`, async (t) => {
    const p = await start(t, ['--header-ms', '500', '--body-ms', '500', '--keepalive-ms', '500']);
    await Promise.all([
      ['GET / HTTP/1.1\r\n', 408], [head('POST /echo', 'Content-Length: 5\r\n') + 'x', 408],
      [head('POST /echo', CHUNKED) + '5\r\nx', 408], ['', null],
    ].map(async ([request, status]) => {
      const c = await p.connect();
      c.write(request);
      assert.equal((await c.response())?.status ?? null, status);
      await c.closed();
      c.destroy();
    }));
    assert.equal((await p.stats()).aborts, 2);
  });

  test(`${name}: Connection in any spelling upgrades`, async (t) => {
    const p = await start(t);
    for (const connection of ['Upgrade', 'keep-alive, Upgrade', 'Keep-Alive,upgrade', 'UPGRADE , close', 'keep-alive\r\nConnection: upgrade']) {
      for (const upgrade of ['websocket', 'WebSocket', 'h2c, websocket']) {
        const c = await p.connect();
        c.write(upgradeRequest().replace('Connection: Upgrade', `connection:${connection}`).replace('Upgrade: websocket', `UPGRADE: ${upgrade}`));
        assert.equal((await c.response()).status, 101, `${connection} ${upgrade}`);
        c.write(text('hello'));
        assert.equal(await c.text(), 'hello');
        c.destroy();
      }
    }
  });

  test(`${name}: a client that has said all it will gets the whole answer`, async (t) => {
    const p = await start(t);
    for (const [request, size] of [['GET /big?8000000 HTTP/1.0\r\n\r\n', 8_000_000], [head('GET /big?8000000'), 8_000_000], [head('GET /'), 6]]) {
      const c = await p.connect();
      c.socket.pause();
      c.socket.end(request);
      await p.settle();
      await sleep(100);
      await p.quiet();
      c.socket.resume();
      assert.equal((await c.response({ ms: 20_000 })).body.length, size);
      await c.closed();
      c.destroy();
    }
    assert.equal((await p.stats()).aborts, 0);
  });

  test(`${name}: who takes nothing of an answer is cut off`, async (t) => {
    const p = await start(t, ['--send-ms', '1000']);
    const c = await p.connect();
    c.socket.pause();
    c.write(head('GET /big?20000000'));
    await until(async () => (await p.stats()).connections === 2);
    await until(async () => (await p.stats()).connections === 1, 6000);
    assert.equal((await p.stats()).unread, 1);
    const d = await p.connect(); // who takes a little now and then is served to the end
    d.write(head('GET /big?6000000'));
    for (let i = 0; i < 8; i++) {
      d.socket.pause();
      await sleep(300);
      d.socket.resume();
      await sleep(10);
    }
    assert.equal((await d.response({ ms: 10_000 })).body.length, 6_000_000);
    c.destroy();
    d.destroy();
  });
}

// What was read at once with a request is kept while that waits; the rest stays in the kernel.
test('what is sent behind a held request costs little memory', async (t) => {
  const p = await Probe.start(t);
  const all = [];
  for (let i = 0; i < 200; i++) {
    const c = await p.connect();
    c.write(head('GET /hold') + 'x'.repeat(200_000));
    all.push(c);
  }
  await until(async () => (await p.stats()).held === 200);
  if (!p.sanitized()) assert.ok(p.rss() < 30e6, `${p.rss()}`);
  for (const c of all) c.destroy();
});

// The first message of a client, to be sent again and again: the server computes its answer each time.
async function clientHello() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  tls.connect({ port: server.address().port, host: '127.0.0.1' }).on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [hello] = await once(socket, 'data');
  socket.destroy();
  server.close();
  return hello;
}

// A handshake costs a millisecond of computing: those of one moment must not make one turn.
test('TLS handshakes that begin at once keep nobody waiting', async (t) => {
  const p = await Probe.start(t, tlsArgs(t));
  const hello = await clientHello();
  p.tls = false;
  const clients = await Promise.all(Array.from({ length: 400 }, () => p.connect()));
  p.tls = true;
  await until(async () => (await p.stats()).connections === 401);
  await p.stats(); // asks for the longest turn so far, which begins anew
  for (const c of clients) c.write(hello);
  await Promise.all(clients.map((c) => c.until(() => c.size > 500, 10_000, 'an answer to the hello')));
  const { longest } = await p.stats();
  const bound = (p.sanitized() ? 100_000 : 25_000) * PATIENCE;
  assert.ok(longest < bound, `a turn of ${longest} µs`);
  t.diagnostic(`400 handshakes: the longest turn took ${longest} µs`);
  for (const c of clients) c.destroy();
});

// A hello that does not come costs no state of OpenSSL.
test('TLS connections that stay silent cost little memory', async (t) => {
  const p = await Probe.start(t, tlsArgs(t));
  p.tls = false;
  const before = p.rss();
  const silent = await Promise.all(Array.from({ length: 500 }, () => p.connect()));
  p.tls = true;
  await until(async () => (await p.stats()).connections === 501);
  if (!p.sanitized()) assert.ok(p.rss() - before < 500 * 5000 + 1e6, `${p.rss() - before}`);
  for (const c of silent) c.destroy();
});

// Data glued to the last message of the handshake, as OpenSSL's s_client sends it.
test('requests that come with the end of the handshake are served', async (t) => {
  const p = await Probe.start(t, tlsArgs(t));
  for (const version of ['-tls1_2', '-tls1_3']) {
    for (let i = 0; i < 10; i++) {
      const out = execFileSync('openssl', ['s_client', version, '-quiet', '-connect', `127.0.0.1:${p.port}`], {
        input: `GET /query/${i} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, stdio: ['pipe', 'pipe', 'ignore'], timeout: 10_000 });
      assert.match(out.toString('latin1'), new RegExp(`0 /query/${i} `));
    }
  }
});

test('absolute targets name the host', async (t) => {
  const p = await Probe.start(t);
  const r = await p.request('GET http://y:80/headers HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(r.body.toString(), /^host: y:80$/m);
});

test('the ends of a request do not depend on where it is cut', async (t) => {
  const p = await Probe.start(t);
  const request = head('POST /echo', CHUNKED, `X-Probe: ${key}\r\n`) + '5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n' + head('GET /query/two');
  await Promise.all(Array.from({ length: request.length - 1 }, async (_, cut) => {
    const c = await p.connect();
    c.write(request.slice(0, cut + 1));
    await c.flushed();
    await sleep(2);
    c.write(request.slice(cut + 1));
    assert.equal((await c.response()).body.toString(), 'hello', `cut at ${cut + 1}`);
    assert.match((await c.response()).body.toString(), /two/, `cut at ${cut + 1}`);
    c.destroy();
  }));
});

// Clients exist that lose frames which come with it. What clients see depends on how busy they are; the kernel sees
// which system calls send the answer and the first frame.
test('the answer to the handshake is one system call, the first frame another', async (t) => {
  const p = await Probe.start(t);
  const file = `/tmp/lectern-strace-${p.process.pid}`;
  t.after(() => fs.rmSync(file, { force: true }));
  const tracer = spawn('strace', ['-p', String(p.process.pid), '-e', 'trace=sendto', '-s', '200', '-o', file], { stdio: 'ignore' });
  await until(() => /TracerPid:\s+[1-9]/.test(fs.readFileSync(`/proc/${p.process.pid}/status`, 'latin1')));
  const c = await p.connect();
  c.write(upgradeRequest('/ws-greeting'));
  assert.equal((await c.response()).status, 101);
  assert.equal(await c.text(), 'welcome');
  tracer.kill();
  await until(() => tracer.exitCode !== null || tracer.signalCode !== null);
  const calls = fs.readFileSync(file, 'latin1').split('\n').filter((line) => line.includes('sendto('));
  assert.equal(calls.length, 2, calls.join('\n'));
  assert.match(calls[0], /HTTP\/1.1 101/);
  c.destroy();
});
