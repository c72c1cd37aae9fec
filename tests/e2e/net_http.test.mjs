// Plain HTTP/1.1 on core/net: framing, limits, deadlines, and T8, T9, T11 and T15 of core/net/lws.c. Every hostile
// case also asserts that the server still serves.
import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import assert from 'node:assert/strict';
import { Probe, sleep, until, tlsArgs } from './net_help.mjs';

const get = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const post = (target, body, headers = '') =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);

  test(`${name}: requests, answers and keep-alive`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/'));
    let r = await c.response();
    assert.equal(r.status, 200);
    assert.equal(r.headers['content-type'], 'text/plain');
    assert.equal(r.headers.connection, 'keep-alive');
    assert.equal(r.body.toString(), 'hello\n');
    c.write(get('/nothing'));
    assert.equal((await c.response()).status, 404);
    c.write('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
    r = await c.response({ head: true });
    assert.equal(r.headers['content-length'], '6');
    for (const n of [0, 1, 3, 1000, 17000, 30000, 100000]) {
      c.write(post('/echo', 'e'.repeat(n)));
      r = await c.response();
      assert.equal(r.status, 200, `a body of ${n}`);
      assert.equal(r.body.length, n);
    }
    for (const [i, method] of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].entries()) {
      c.write(`${method} /query HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
      r = await c.response({ head: method === 'HEAD' });
      if (method !== 'HEAD') assert.equal(r.body.toString(), `${i} /query ? `);
    }
    c.write(get('/', 'Connection: close\r\n'));
    assert.equal((await c.response()).headers.connection, 'close');
    await c.closed();
  });

  test(`${name}: requests that come byte by byte`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    await c.writeSlowly(post('/echo', 'slowly'), 2);
    assert.equal((await c.response()).body.toString(), 'slowly');
    c.destroy();
  });

  test(`${name}: many keep-alive POSTs of all sizes on one connection`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    for (let i = 0; i < 120; i++) {
      const body = 'z'.repeat(3 + i * 250);
      c.write(post('/echo', body));
      assert.equal((await c.response()).body.length, body.length, `request ${i}`);
    }
    c.destroy();
  });

  test(`${name}: a large answer to a client that reads late`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.socket.pause();
    c.write(get('/big?20000000'));
    await c.flushed();
    await p.settle();
    c.write(get('/')); // T4: bytes that wait must not make it spin
    await c.flushed();
    await p.settle();
    await p.quiet();
    c.socket.resume();
    const r = await c.response({ ms: 10000 });
    assert.equal(r.body.length, 20000000);
    assert.ok(r.body.equals(Buffer.alloc(20000000, 'b')));
    assert.equal((await c.response()).body.toString(), 'hello\n');
    c.destroy();
  });

  test(`${name}: a large answer with Connection: close arrives whole`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.socket.pause();
    c.write(get('/big?5000000', 'Connection: close\r\n'));
    await c.flushed();
    await p.settle();
    c.socket.resume();
    assert.equal((await c.response({ ms: 10000 })).body.length, 5000000);
    await c.closed();
  });

  test(`${name}: a client that leaves during a large answer`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.socket.pause();
    c.write(get('/big?50000000'));
    await c.flushed();
    await p.settle();
    c.destroy();
    await until(async () => (await p.stats()).connections === 1);
    await p.quiet();
  });

  // Sent without waiting, bodies included: answered in order.
  const bodied = {
    'POST': [post('/echo', 'abc'), 'abc'],
    'PUT': ['PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 'abc'],
    'GET with a body': ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 'hello\n'],
    'DELETE with a body': ['DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 'hello\n'],
    'POST without a length': ['POST /echo HTTP/1.1\r\nHost: x\r\n\r\n', ''],
    'chunked POST': ['POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'abc'],
    'PATCH, half of it': ['PATCH /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc', 'abcdef', 'def'],
  };
  for (const [what, [request, body, later]] of Object.entries(bodied)) {
    test(`${name}: ${what} pipelined behind a GET`, async (t) => {
      const p = await start(t);
      const c = await p.connect();
      c.write(get('/') + request);
      assert.equal((await c.response()).body.toString(), 'hello\n');
      if (later) c.write(later);
      c.write(get('/query/behind'));
      const r = await c.response();
      assert.equal(r.status, 200);
      assert.equal(r.body.toString(), body);
      assert.match((await c.response()).body.toString(), /behind/);
      await p.quiet();
      c.destroy();
    });
  }

  test(`${name}: POST behind POST, and behind a held GET`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(post('/echo', 'one') + post('/echo', 'two'));
    assert.equal((await c.response()).body.toString(), 'one');
    assert.equal((await c.response()).body.toString(), 'two');
    c.destroy();
    const d = await p.connect();
    d.write(get('/hold') + post('/echo', 'two'));
    await until(async () => (await p.stats()).held === 1);
    await p.get('/release');
    assert.equal((await d.response()).body.toString(), 'released');
    assert.equal((await d.response()).body.toString(), 'two');
    d.destroy();
    await p.quiet();
  });

  test(`${name}: pipelined GETs are all answered in order`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    let all = '';
    for (let i = 0; i < 20; i++) all += get(`/query/${i}`);
    c.write(all);
    for (let i = 0; i < 20; i++) assert.match((await c.response()).body.toString(), new RegExp(`/query/${i} `));
    c.destroy();
  });

  test(`${name}: more pipelined GETs than are read at once, beside others' POSTs`, async (t) => {
    const p = await start(t);
    const held = await p.connect();
    held.write(get('/hold') + get('/query/behind'));
    await until(async () => (await p.stats()).held === 1);
    const many = 1500; // 60 KB, of which 8 are read at once
    await Promise.all([1, 2, 3, 4, 5, 6].map(async (n) => {
      const c = await p.connect();
      if (n > 3) {
        for (let i = 0; i < 100; i++) {
          c.write(post('/echo', `body ${i}`));
          assert.equal((await c.response()).body.toString(), `body ${i}`);
        }
      } else {
        let all = '';
        for (let i = 0; i < many; i++) all += get(`/query/${i}`);
        c.write(all);
        for (let i = 0; i < many; i++) assert.match((await c.response()).body.toString(), new RegExp(`/query/${i} `));
      }
      c.destroy();
    }));
    await p.quiet();
    await p.get('/release');
    assert.equal((await held.response()).body.toString(), 'released');
    assert.match((await held.response()).body.toString(), /behind/);
    held.destroy();
  });

  test(`${name}: T8: a connection is gone when it was closed, though its client keeps its end open`, async (t) => {
    const p = await start(t, ['--keepalive-ms', '300']);
    for (const headers of ['', 'Connection: close\r\n']) {
      const c = await p.connect({ allowHalfOpen: true });
      c.write(get('/', headers));
      assert.equal((await c.response()).status, 200);
      c.socket.pause();
      await until(async () => (await p.stats()).connections === 1);
      c.destroy();
    }
  });

  // Offers of other protocols may be ignored (RFC 9110, 7.8).
  for (const upgrade of ['foo', 'h2c', 'websocket2', 'x'.repeat(40), '', 'TLS/1.0, h2c']) {
    test(`${name}: Upgrade: ${upgrade || '(empty)'} is answered by HTTP/1.1 on a fresh and on a used connection`, async (t) => {
      const p = await start(t);
      const wish = get('/', `Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\nUpgrade: ${upgrade}\r\n`);
      const c = await p.connect();
      for (let i = 0; i < 2; i++) {
        c.write(wish);
        const r = await c.response();
        assert.equal(r.status, 200);
        assert.equal(r.body.toString(), 'hello\n');
        assert.equal(r.headers.connection, 'keep-alive');
      }
      c.destroy();
    });
  }

  test(`${name}: T11: HTTP/2 with prior knowledge is refused`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await c.closed();
    await p.alive();
  });

  // What must not be taken for a request.
  const refused = {
    'a negative Content-Length': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello', 400],
    'Content-Length with a plus': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello', 400],
    'Content-Length in hex': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello', 400],
    'a list as Content-Length': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello', 400],
    'Content-Length twice': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello', 400],
    'two different ones': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello', 400],
    'Content-Length with a space before the colon': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length : 0\r\n\r\nhello', 400],
    'a huge Content-Length': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nhello', 413],
    'chunked and a length': ['POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 400],
    'no Host': ['GET / HTTP/1.1\r\n\r\n', 400],
    'two Hosts': ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    'HTTP/2.0 in the request line': ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    'a second method among the headers': ['GET / HTTP/1.1\r\nHost: x\r\nPOST /echo HTTP/1.1\r\n\r\n', null],
    'a NUL in a header': ['GET / HTTP/1.1\r\nHost: x\r\nAccept: a\0b\r\n\r\n', 400],
    'a control character in a header': ['GET / HTTP/1.1\r\nHost: x\r\nX-Probe: a\x01b\r\n\r\n', 400],
    ':path among the headers': ['GET / HTTP/1.1\r\nHost: x\r\n:path: /x\r\n\r\n', null],
    ':path as the method': [':path /x HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'CONNECT (T17)': ['CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'CONNECT host': ['CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'an unknown method': ['BREW / HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'a bad escape': ['GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'an escaped NUL': ['GET /x%00 HTTP/1.1\r\nHost: x\r\n\r\n', null],
    'an escaped NUL behind a slash': ['GET /%00x HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    'binary noise': [Buffer.from('8000ffee00112233445566778899aabbccddeeff0a0a0d0a', 'hex'), null],
    'a TLS hello or its like': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', null],
  };
  test(`${name}: what is no proper request is refused`, async (t) => {
    const p = await start(t);
    const refuse = async ([what, [request, status]]) => {
      for (const used of [false, true]) {
        const c = await p.connect();
        if (used) {
          c.write(get('/'));
          await c.response();
        }
        c.write(request);
        const r = await c.response();
        if (status !== null) assert.equal(r?.status, status, what);
        else assert.ok(r === null || r.status >= 400, `${what}: ${r?.status}`);
        await c.closed(3500);
        c.destroy();
      }
    };
    for (const one of Object.entries(refused)) await refuse(one);
    await p.alive();
    assert.ok((await p.stats()).refused >= 30);
    await p.quiet();
  });

  test(`${name}: a body above the limit gets its 413 while it is still being sent`, async (t) => {
    const p = await start(t, ['--max-body', '1000']);
    const c = await p.connect();
    c.write(post('/echo', 'x'.repeat(1000)));
    assert.equal((await c.response()).status, 200);
    const taken = new Promise((done) => c.socket.write(post('/echo', 'x'.repeat(3000000)), done));
    const r = await c.response();
    assert.equal(r.status, 413);
    assert.equal(r.headers.connection, 'close');
    assert.ifError(await taken); // the answer must not be overtaken by a reset
    await c.closed();
    assert.equal(c.error, null);
    await p.alive();
  });

  test(`${name}: an answer without reading the body ends the connection after it`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(post('/refuse', 'x'.repeat(300000)));
    assert.equal((await c.response()).status, 413);
    await c.closed();
    assert.equal(c.error, null);
  });

  test(`${name}: a body that never ends after its refusal is cut off`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write('POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx');
    assert.equal((await c.response()).status, 413);
    const drip = setInterval(() => c.write('x'), 50);
    await c.closed(4000);
    clearInterval(drip);
    c.destroy();
  });

  test(`${name}: Expect: 100-continue`, async (t) => {
    const p = await start(t, ['--max-body', '1000']);
    const c = await p.connect();
    c.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    assert.equal((await c.response()).status, 100);
    c.write('body');
    assert.equal((await c.response()).body.toString(), 'body');
    c.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n');
    assert.equal((await c.response()).status, 413);
    c.destroy();
  });

  test(`${name}: deadlines`, async (t) => {
    const limit = 1200;
    const p = await start(t, ['--header-ms', `${limit}`, '--body-ms', `${limit}`, '--keepalive-ms', `${limit}`]);
    // What each does until it is closed: not before the limit, and not long after it.
    const timed = async (what, first, { used = false, drip = false } = {}) => {
      let began = performance.now();
      const c = await p.connect();
      if (used) {
        began = performance.now();
        c.write(get('/'));
        assert.equal((await c.response()).status, 200);
      }
      c.write(first);
      const dripping = drip && setInterval(() => c.write('a'), 20);
      await c.closed(limit + 2000);
      clearInterval(dripping);
      const ms = performance.now() - began;
      assert.ok(ms >= limit - 20, `${what}: closed after ${ms} ms`);
      c.destroy();
    };
    const body = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n';
    await Promise.all([
      timed('silence', ''),
      timed('dripping headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-Probe: ', { drip: true }),
      timed('T12: a dripping body', body, { drip: true }),
      timed('a silent body', body),
      timed('idle between requests', '', { used: true }),
      timed('dripping second headers', 'GET /', { used: true, drip: true }),
    ]);
    assert.equal((await p.stats()).aborts, 2);
  });

  test(`${name}: a held request has no deadline`, async (t) => {
    const p = await start(t, ['--header-ms', '600', '--body-ms', '600', '--keepalive-ms', '600']);
    const c = await p.connect();
    c.write(get('/hold'));
    const d = await p.connect();
    d.write(post('/slow', 'slow'));
    await until(async () => (await p.stats()).held === 2);
    await sleep(1000);
    await p.get('/release');
    assert.equal((await c.response()).body.toString(), 'released');
    assert.equal((await d.response()).body.toString(), 'slow');
    c.destroy();
    d.destroy();
  });
}

test('headers: all standard ones, those configured, joined and trimmed', async (t) => {
  const p = await Probe.start(t);
  const r = await p.get('/headers',
    'X-Probe:  seven \r\nX-Other: no\r\nCookie: a=1\r\nCookie: b=2\r\nAccept: text/html\r\nAccept: */*\r\n' +
    'Origin: http://o\r\nUser-Agent: test\r\nAuthorization: Bearer t\r\nX-Forwarded-For: 1.2.3.4\r\n');
  const lines = r.body.toString().split('\n');
  for (const line of ['x-probe: seven', 'cookie: a=1; b=2', 'accept: text/html, */*', 'origin: http://o', 'host: x',
    'user-agent: test', 'authorization: Bearer t', 'x-forwarded-for: 1.2.3.4', 'address 127.0.0.1 secure 0'])
    assert.ok(lines.includes(line), `${line} in\n${r.body}`);
  assert.ok(!r.body.toString().includes('x-other'));
});

test('path and query mean what was sent', async (t) => {
  const p = await Probe.start(t);
  for (const [sent, got] of [
    ['/query/', '/query/ ? '],
    ['/query/a%20b', '/query/a%20b ? '],
    ['/query/%25', '/query/%25 ? '],
    ['/query/a?b=c&d', '/query/a ? b=c&d'],
    ['/query?a=%26&b=%3D&c=1=2', '/query ? a=%26&b=%3D&c=1=2'],
    ['/query?a=1+2%2B3', '/query ? a=1+2%2B3'],
    ['/query?a%3Db=%zz&100%&;&%00%0a&', '/query ? a%3Db=%zz&100%&;&%00%0a&'],
    ['/query?EIO=4&transport=polling&t=P-x_.~', '/query ? EIO=4&transport=polling&t=P-x_.~'],
    ['/query?&&a', '/query ? &&a'],
    ['/query?%C3%BC=%F0%9F%98%80', '/query ? %C3%BC=%F0%9F%98%80'],
    ['/query/x/../y/./z//w', '/query/y/z/w ? '],
  ])
    assert.equal((await p.get(sent)).body.toString(), `0 ${got}`);
});

test('a head above the limit is refused, whatever it is made of', async (t) => {
  const p = await Probe.start(t, ['--max-header', '4096']);
  assert.equal((await p.get('/', `X-Probe: ${'a'.repeat(3000)}\r\n`)).status, 200);
  for (const [request, status] of [
    [get('/', `X-Probe: ${'a'.repeat(5000)}\r\n`), 431],
    [get('/', 'a:\r\n'.repeat(1200)), 431],
    [`GET /${'a'.repeat(10000)} HTTP/1.1\r\n`, 414],
    ['\r\n'.repeat(3000), 414],
  ]) {
    const c = await p.connect();
    c.write(request);
    const r = await c.response();
    assert.equal(r.status, status);
    assert.match(String(r.body), /max_header_bytes/);
    assert.equal(r.headers.connection, 'close');
    await c.closed();
    c.destroy();
  }
  assert.equal((await p.get(`/query?${'a=1&'.repeat(300)}`)).status, 200);
  await p.alive();
});

test('HTTP/1.0 ends the connection unless asked', async (t) => {
  const p = await Probe.start(t);
  const c = await p.connect();
  c.write('GET / HTTP/1.0\r\n\r\n');
  assert.equal((await c.response()).headers.connection, 'close');
  await c.closed();
  const d = await p.connect();
  d.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  assert.equal((await d.response()).headers.connection, 'keep-alive');
  d.write('GET / HTTP/1.0\r\n\r\n');
  assert.equal((await d.response()).status, 200);
  await d.closed();
});

test('connections above the limit are turned away, and counted', async (t) => {
  const p = await Probe.start(t, ['--max-connections', '10']);
  const open = [];
  for (let i = 0; i < 10; i++) open.push(await p.connect());
  const stats = async () => {
    open[0].write(get('/stats'));
    return JSON.parse((await open[0].response()).body);
  };
  await until(async () => (await stats()).connections === 10);
  for (let i = 0; i < 5; i++) {
    const c = await p.connect();
    await c.closed();
  }
  assert.equal((await stats()).turnedAway, 5);
  open.pop().destroy();
  await until(async () => (await p.get('/').catch(() => null))?.status === 200);
  for (const c of open) c.destroy();
});

// T9: without descriptors the library's own listener would spin and fill the disk with its log.
test('T9: without descriptors it neither spins nor dies, and recovers', async (t) => {
  const p = await Probe.start(t);
  execFileSync('prlimit', ['--pid', String(p.process.pid), '--nofile=60:60']);
  const open = [];
  const errors = [];
  for (let i = 0; i < 120; i++) {
    const c = await p.connect().catch((e) => errors.push(e));
    if (c.socket) open.push(c);
  }
  const turnedAway = () => errors.length + open.filter((c) => c.ended).length;
  await until(() => turnedAway() > 50);
  await p.quiet(1000);
  assert.ok(p.stderr.length < 20000, `${p.stderr.length} bytes of log`);
  for (const c of open) c.destroy();
  await until(async () => (await p.get('/').catch(() => null))?.status === 200);
  assert.ok((await p.stats()).turnedAway > 50);
});

test('T15: errors that a peer provokes do not fill the log', async (t) => {
  const p = await Probe.start(t, ['--max-header', '4096', ...tlsArgs(t)]);
  const bad = [`GET / HTTP/1.1\r\nHost: x\r\nX-Probe: ${'a'.repeat(5000)}\r\n\r\n`, 'nonsense\r\n\r\n'];
  for (let i = 0; i < 200; i++) {
    p.tls = i % 2 === 0; // half of them speak no TLS at all
    const c = await p.connect();
    c.write(bad[i % 4 >> 1]);
    await c.closed();
    c.destroy();
  }
  p.tls = true;
  await p.alive();
  await p.stop(); // and all that it says is here
  const lines = p.stderr.split('\n').length;
  assert.ok(lines < 40, `${lines} lines`);
});

test('listens on IPv6 and IPv4 alike', async (t) => {
  const p = await Probe.start(t, ['--host', '']);
  assert.match((await p.get('/headers')).body.toString(), /address 127\.0\.0\.1 /);
  const c = await p.connect({ host: '::1' }).catch(() => null);
  if (c === null) return t.skip('no IPv6 here');
  c.write(get('/headers'));
  assert.match((await c.response()).body.toString(), /address ::1 /);
  c.destroy();
});

test('fewer descriptors than connections are allowed: a warning, and a lower limit', async (t) => {
  const p = await Probe.start(t, ['--max-connections', '100000'], { wrap: ['prlimit', '--nofile=60:60'] });
  await until(() => /at most 30 connections/.test(p.stderr));
  const open = [];
  for (let i = 0; i < 60; i++) open.push(await p.connect());
  await until(() => open.filter((c) => c.ended).length >= 30);
  for (const c of open) c.destroy();
  await until(async () => (await p.get('/').catch(() => null))?.status === 200);
  assert.ok((await p.stats()).turnedAway >= 30);
});

// The library looks through its table of all possible descriptors at the end of every connection.
test('no more descriptors are allowed than the connections need', async (t) => {
  const p = await Probe.start(t, ['--max-connections', '100']);
  const limits = fs.readFileSync(`/proc/${p.process.pid}/limits`, 'latin1');
  assert.match(limits, /^Max open files +484 /m);
});

test('T11: TLS clients that offer HTTP/2 get HTTP/1.1', async (t) => {
  const p = await Probe.start(t, tlsArgs(t));
  const c = await p.connect({ ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(c.socket.alpnProtocol, 'http/1.1');
  c.write(get('/'));
  assert.equal((await c.response()).status, 200);
  c.destroy();
  const d = await p.connect({ ALPNProtocols: ['h2'] }).catch(() => null);
  if (d !== null) {
    assert.notEqual(d.socket.alpnProtocol, 'h2');
    d.destroy();
  }
  await p.alive();
});

test('a TLS connection that never shakes hands is closed; noise is no harm', async (t) => {
  const p = await Probe.start(t, ['--header-ms', '1500', ...tlsArgs(t)]);
  p.tls = false;
  const c = await p.connect();
  const d = await p.connect();
  d.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await d.closed();
  await c.closed();
  p.tls = true;
  await p.alive();
});

test('CORS headers and the preflight, as npm cors sends them', async (t) => {
  const p = await Probe.start(t, ['--origins', 'http://good.com']);
  const r = await p.get('/cors', 'Origin: http://evil.com\r\n');
  assert.equal(r.status, 403);
  assert.equal(r.headers['access-control-allow-origin'], 'http://good.com');
  const f = await p.request('OPTIONS /cors HTTP/1.1\r\nHost: x\r\nOrigin: http://good.com\r\n' +
    'Access-Control-Request-Headers: x-a,x-b\r\nAccess-Control-Request-Method: POST\r\n\r\n');
  assert.equal(f.status, 204);
  assert.equal(f.headers['content-length'], '0');
  assert.equal(f.headers['access-control-allow-headers'], 'x-a,x-b');
  assert.equal(f.headers['access-control-allow-methods'], 'GET,HEAD,PUT,PATCH,POST,DELETE');
  assert.equal(f.headers.vary, 'Origin, Access-Control-Request-Headers');
});
