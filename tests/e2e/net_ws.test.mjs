// WebSocket on core/net: handshake, the write path, ends (T2, T3 and T16 of core/net/lws.c). What RFC 6455
// says of frames is in net_ws_frames.test.mjs.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { accept, closeFrame, frame, key, Probe, text, tlsArgs, until, upgradeRequest } from './net_help.mjs';

const CLOSED = 0;
const GONE = 1;
const ERROR = 2;

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);
  const open = async (p, ...args) => {
    const c = await p.connect();
    assert.match(await c.upgrade(...args), /^HTTP\/1.1 101 /);
    return c;
  };

  test(`${name}: the handshake`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    const answer = await c.upgrade('/ws-cookie');
    assert.match(answer, /^HTTP\/1.1 101 Switching Protocols\r\n/);
    assert.ok(answer.includes(`Sec-WebSocket-Accept: ${accept}`));
    assert.ok(answer.includes('\r\nSet-Cookie: a=b; Path=/\r\nX-Probe: 1'));
    assert.doesNotMatch(answer, /sec-websocket-protocol/i);
    c.write(text('hello'));
    assert.equal(await c.text(), 'hello');
    c.destroy();
    await until(async () => (await p.stats()).closes === 1);
    assert.equal((await p.stats()).lastEnd, GONE);
  });

  test(`${name}: a handshake behind other requests on one connection`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await c.response();
    assert.match(await c.upgrade(), /101/);
    c.write(text('hello'));
    assert.equal(await c.text(), 'hello');
    c.destroy();
  });

  test(`${name}: many handshakes in one turn, with hardly a descriptor to spare`, async (t) => {
    const p = await start(t);
    const clients = [];
    for (let i = 0; i < 100; i++) clients.push(await p.connect());
    await until(async () => (await p.stats()).connections === clients.length + 1);
    const used = fs.readdirSync(`/proc/${p.process.pid}/fd`).length;
    execFileSync('prlimit', ['--pid', String(p.process.pid), `--nofile=${used + 10}`]);
    p.process.kill('SIGSTOP');
    for (const c of clients) c.write(upgradeRequest());
    await Promise.all(clients.map((c) => c.flushed()));
    p.process.kill('SIGCONT');
    for (const c of clients) {
      await until(() => c.data.includes('\r\n\r\n') || c.ended, 5000, 'handshake');
      assert.match(c.data.toString('latin1'), /^HTTP\/1.1 101 /);
    }
    for (const c of clients) c.destroy();
    await until(async () => (await p.stats()).closes === clients.length);
  });

  test(`${name}: handshakes without any descriptor to spare end`, async (t) => {
    const p = await start(t);
    const clients = [];
    for (let i = 0; i < 10; i++) clients.push(await p.connect());
    await until(async () => (await p.stats()).connections === clients.length + 1);
    execFileSync('prlimit', ['--pid', String(p.process.pid), '--nofile=4:']);
    for (const c of clients) c.write(upgradeRequest());
    for (const c of clients) await c.closed(10_000);
    execFileSync('prlimit', ['--pid', String(p.process.pid), '--nofile=1000:']);
    await p.alive();
  });

  test(`${name}: bytes behind the handshake in one write are refused, and nobody hangs`, async (t) => {
    const p = await start(t);
    const other = await open(p);
    const glued = [text('one'), Buffer.concat([text('one'), text('two')]), Buffer.of(0x81), Buffer.alloc(9000, 'x'),
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.from(upgradeRequest())];
    for (const bytes of glued) {
      const c = await p.connect();
      c.write(Buffer.concat([Buffer.from(upgradeRequest()), bytes]));
      assert.equal((await c.response()).status, 400);
      await c.closed();
    }
    const s = await p.stats();
    assert.equal(s.opens, 1);
    assert.equal(s.refusedUpgrades, glued.length);
    await until(async () => (await p.stats()).connections === 2); // `other`, and who asks
    other.write(text('still here'));
    assert.equal(await other.text(), 'still here');
    await p.quiet();
    other.destroy();
  });

  test(`${name}: frames sent right behind the handshake, in writes of their own, never hang`, async (t) => {
    const p = await start(t);
    for (let i = 0; i < 20; i++) {
      const c = await p.connect();
      c.write(upgradeRequest());
      c.write(text('early'));
      await until(() => c.data.includes('\r\n\r\n') || c.ended, 3000, 'an answer');
      const status = Number(c.data.toString('latin1', 9, 12));
      assert.ok(status === 101 || status === 400, `${status}`);
      if (status === 101) await until(() => c.data.includes('early'), 3000, 'the echo');
      else await c.closed();
      c.destroy();
    }
    await until(async () => (await p.stats()).connections === 1);
  });

  test(`${name}: an upgrade pipelined behind another request`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n' + upgradeRequest());
    assert.equal((await c.response()).body.toString(), 'hello\n');
    assert.equal((await c.response()).status, 101);
    c.write(text('hello'));
    assert.equal(await c.text(), 'hello');
    c.destroy();
  });

  test(`${name}: many handshakes while somebody pipelines requests without end`, async (t) => {
    const p = await start(t);
    const busy = await p.connect();
    const flood = setInterval(() => {
      busy.data = Buffer.alloc(0);
      busy.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200));
    }, 1);
    for (let i = 0; i < 30; i++) {
      const c = await open(p);
      c.write(text('x'));
      assert.equal(await c.text(), 'x');
      c.destroy();
    }
    clearInterval(flood);
    busy.destroy();
  });

  test(`${name}: a connection that is reset in the middle of its handshake`, async (t) => {
    const p = await start(t);
    for (let i = 0; i < 30; i++) {
      const c = await p.connect();
      c.socket.write(upgradeRequest(), () => (secure ? c.destroy() : c.reset()));
    }
    await until(async () => (await p.stats()).connections === 1);
    const s = await p.stats();
    assert.equal(s.opens, s.closes);
    await p.alive();
  });

  test(`${name}: a refused upgrade gets a proper answer`, async (t) => {
    const p = await start(t);
    const ask = async (request) => {
      const c = await p.connect();
      c.write(request);
      const r = await c.response();
      await c.closed();
      return r;
    };
    let r = await ask(upgradeRequest('/ws-refused'));
    assert.equal(r.status, 400);
    assert.equal(r.body.toString(), '{"code":1}');
    assert.equal((await ask(upgradeRequest('/elsewhere'))).status, 404);
    const change = (from, to) => upgradeRequest().replace(from, to);
    for (const [request, status] of [
      [change('Version: 13', 'Version: 8'), 426],
      [change('Version: 13', 'Version: 0'), 426],
      [change('Sec-WebSocket-Version: 13\r\n', ''), 426],
      [change(`Sec-WebSocket-Key: ${key}\r\n`, ''), 400],
      [change(key, 'short'), 400],
      [change(key, 'A'.repeat(24)), 400],
      [change(key, 'A'.repeat(500)), 400],
      [change('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n'), 400],
      [change('Connection: Upgrade', 'Connection: keep-alive'), 400],
      [change('Connection: Upgrade\r\n', ''), 400],
      [change('Host: x\r\n', ''), 400],
      [change('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello'), 400],
      [change('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n'), 400],
    ]) {
      r = await ask(request);
      assert.equal(r?.status, status, request);
      if (status === 426) assert.equal(r.headers['sec-websocket-version'], '13');
    }
    const s = await p.stats();
    assert.equal(s.opens, 0);
    assert.equal(s.closes, 0);
    assert.ok(s.refusedUpgrades >= 10);
  });

  test(`${name}: subprotocols that nobody knows are tolerated`, async (t) => {
    const p = await start(t);
    for (const [offered, answered] of [
      ['chat', 'chat'],
      ['graphql-ws, chat', 'graphql-ws'],
      ['v1.example_x', 'v1.example_x'],
      ['lectern', 'lectern'],
      ['x'.repeat(200), 'x'.repeat(200)],
      ["!#$%&'*+-.^_`|~, y", "!#$%&'*+-.^_`|~"],
      ['a, b, c, d', 'a'],
    ]) {
      const c = await p.connect();
      const answer = await c.upgrade('/ws', `Sec-WebSocket-Protocol: ${offered}\r\n`);
      assert.match(answer, /101/, offered);
      assert.equal(/sec-websocket-protocol: (.*)/i.exec(answer)[1].trim(), answered);
      c.write(text('x'));
      assert.equal(await c.text(), 'x');
      c.destroy();
    }
    for (const offered of ['a b', ',', '"q"', 'a/b']) {
      const c = await p.connect();
      c.write(upgradeRequest('/ws', `Sec-WebSocket-Protocol: ${offered}\r\n`));
      assert.equal((await c.response()).status, 400, offered);
      await c.closed();
    }
    await open(p).then((c) => c.destroy());
  });

  test(`${name}: permessage-deflate is not agreed to`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    const answer = await c.upgrade('/ws', 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n');
    assert.doesNotMatch(answer, /extensions/i);
    c.write(frame(1, 'x', { rsv: 0x40 }));
    assert.equal((await c.frame()).code, 1002);
    c.destroy();
  });

  test(`${name}: messages of all sizes, text and binary, come back`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    for (const n of [0, 1, 125, 126, 127, 511, 512, 513, 1024, 4096, 65535, 65536, 300000, 1 << 20]) {
      for (const opcode of [1, 2]) {
        c.write(frame(opcode, Buffer.alloc(n, 'm')));
        const f = await c.frame();
        assert.equal(f.opcode, opcode);
        assert.equal(f.first & 0x80, 0x80);
        assert.equal(f.payload.length, n);
      }
    }
    c.destroy();
  });

  test(`${name}: fragments with a ping between, byte by byte, many at once`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.write(text('ab', { fin: false }));
    c.write(frame(9, 'pp'));
    c.write(frame(0, 'cd'));
    const f = [await c.frame(), await c.frame()];
    assert.deepEqual(f.map((x) => [x.opcode, x.payload.toString()]).sort(), [[1, 'abcd'], [10, 'pp']]);
    await c.writeSlowly(text('slow'), 2);
    assert.equal(await c.text(), 'slow');
    c.write(text('\u00fc'.repeat(10), { fin: false }));
    c.write(Buffer.concat([frame(0, '', { fin: false }), frame(0, '')]));
    assert.equal(await c.text(), '\u00fc'.repeat(10));
    c.write(Buffer.concat(Array.from({ length: 300 }, (_, i) => text(`m${i}`))));
    for (let i = 0; i < 300; i++) assert.equal(await c.text(), `m${i}`);
    c.write(Buffer.from([0x81, 0x85, 0, 0, 0, 0, ...Buffer.from('plain')])); // a mask of zeroes
    assert.equal(await c.text(), 'plain');
    c.destroy();
  });

  test(`${name}: pings of up to 125 bytes are answered once`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    for (const n of [0, 1, 124, 125]) {
      c.write(frame(9, 'p'.repeat(n)));
      const f = await c.frame();
      assert.equal(f.opcode, 10);
      assert.equal(f.payload.length, n);
    }
    c.write(frame(10, 'unasked'));
    c.write(text('after'));
    assert.equal(await c.text(), 'after');
    c.destroy();
  });

  const wrong = {
    'a reserved opcode': [frame(3, 'x'), 1002],
    'a reserved control opcode': [frame(11, 'x'), 1002],
    'a reserved bit': [frame(1, 'x', { rsv: 0x10 }), 1002],
    'a fragmented ping': [frame(9, 'p', { fin: false }), 1002],
    'a continuation of nothing': [frame(0, 'x'), 1002],
    'a text inside a text': [Buffer.concat([text('x', { fin: false }), text('y')]), 1002],
    'a long ping': [frame(9, 'p'.repeat(126)), 1002],
    'a length with its top bit': [Buffer.from('81ffffffffffffffffff00000000', 'hex'), 1002],
    'a frame without a mask': [Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('plain')]), 1002],
    'bad UTF-8': [text(Buffer.from('cebae1bdb9cf83cebcceb5eda080', 'hex')), 1007],
    'bad UTF-8 in the first fragment': [text(Buffer.from('ffff', 'hex'), { fin: false }), 1007],
    'UTF-8 cut short': [text(Buffer.from('616263ce', 'hex')), 1007],
    'UTF-8 cut short by an empty fragment': [Buffer.concat([text(Buffer.from('ce', 'hex'), { fin: false }), frame(0, '')]), 1007],
    'overlong UTF-8': [text(Buffer.from('c080', 'hex')), 1007],
  };
  test(`${name}: what breaks the protocol is told and closed`, async (t) => {
    const p = await start(t);
    let closes = 0;
    for (const [what, [bytes, code]] of Object.entries(wrong)) {
      const c = await open(p);
      c.write(bytes);
      const f = await c.frame();
      assert.equal(f?.opcode, 8, what);
      assert.equal(f.code, code, what);
      // The owner hears, though the client never answers the close.
      closes++;
      await until(async () => (await p.stats()).closes === closes, 3000, what);
      assert.equal((await p.stats()).lastEnd, ERROR, what);
      await c.closed(); // the server's end follows at once, whatever the client does
      c.destroy();
      await until(async () => (await p.stats()).connections === 1);
    }
    await p.quiet();
  });

  test(`${name}: split UTF-8 is no error`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.write(text(Buffer.from('ce', 'hex'), { fin: false }));
    c.write(frame(0, Buffer.from('ba', 'hex')));
    assert.equal(await c.text(), '\u03ba');
    c.write(frame(2, Buffer.from('ff00fe', 'hex')));
    assert.equal((await c.frame()).payload.toString('hex'), 'ff00fe');
    const long = '\u{1f600}'.repeat(1000); // characters across all kinds of borders
    c.write(text(`x${long}`));
    assert.equal(await c.text(), `x${long}`);
    c.destroy();
  });

  test(`${name}: a message above the limit gets 1009 without a reason`, async (t) => {
    const p = await start(t, ['--max-message', '1000']);
    for (const bytes of [
      text('x'.repeat(1001)),
      text('x'.repeat(200000)),
      Buffer.from('82ff0fffffffffffffff00000000', 'hex'), // announced only
      Buffer.concat([text('x'.repeat(600), { fin: false }), frame(0, 'x'.repeat(600))]),
      Buffer.concat(Array.from({ length: 101 }, (_, i) => frame(i ? 0 : 1, 'x'.repeat(10), { fin: false }))),
    ]) {
      const c = await open(p);
      c.write(text('x'.repeat(1000)));
      assert.equal((await c.text()).length, 1000);
      c.write(bytes);
      if (bytes.length === 14) c.write('some');
      const f = await c.frame();
      assert.deepEqual([...f.bytes], [0x88, 2, 1009 >> 8, 1009 & 255]);
      c.write(closeFrame(1009));
      await c.closed();
      assert.equal(c.error, null);
    }
    assert.equal((await p.stats()).lastEnd, ERROR);
    assert.equal((await p.stats()).wsErrors, 5);
  });

  test(`${name}: the client closes`, async (t) => {
    const p = await start(t);
    for (const [bytes, echo] of [
      [closeFrame(1000, 'bye'), '03e8627965'],
      [frame(8, ''), ''],
      [closeFrame(3000), '0bb8'],
      [closeFrame(1001), '03e9'],
    ]) {
      const c = await open(p);
      c.write(bytes);
      const f = await c.frame();
      assert.equal(f.opcode, 8);
      assert.equal(f.payload.toString('hex'), echo);
      await c.closed();
      assert.equal((await p.stats()).lastEnd, CLOSED);
    }
    assert.equal((await p.stats()).closes, 4);
    const c = await open(p);
    c.write(Buffer.concat([text('before'), closeFrame(1000), text('after')]));
    assert.equal((await c.frame()).opcode, 8); // who closes at once wants no answer
    await c.closed();
    assert.equal((await p.stats()).messages, 1);
  });

  test(`${name}: the server closes`, async (t) => {
    const p = await start(t);
    const times = [];
    for (const [words, bytes] of [
      ['close 0', '8800'],
      ['close 1000', '880203e8'],
      ['close 1001 bye', '880503e9627965'],
      [`close 4000 ${'r'.repeat(130)}`, `887d0fa0${'72'.repeat(123)}`],
    ]) {
      const c = await open(p);
      c.write(text('first'));
      c.write(text(words));
      assert.equal(await c.text(), 'first');
      assert.equal((await c.frame()).bytes.toString('hex'), bytes);
      await until(async () => (await p.stats()).lastEnd === CLOSED);
      c.write(text('ignored'));
      const from = performance.now();
      c.write(closeFrame(1000));
      await c.closed();
      times.push(performance.now() - from);
      assert.equal(c.data.length, 0, 'one close frame only');
      assert.equal(c.error, null);
    }
    assert.ok(Math.min(...times) < 1000, 'at the answer, not by time-out');
    assert.equal((await p.stats()).closes, 4);
    assert.equal((await p.stats()).messages, 8);
  });

  test(`${name}: T16: closing inside the callback, with more messages behind in the same read`, async (t) => {
    const p = await start(t);
    for (let i = 0; i < 20; i++) {
      const c = await open(p);
      c.write(Buffer.concat([text('close 1000'), ...Array.from({ length: 200 }, () => text('behind'))]));
      assert.equal((await c.frame()).code, 1000);
      c.destroy();
    }
    await until(async () => (await p.stats()).connections === 1);
    assert.equal((await p.stats()).messages, 20, 'nothing is heard after a close');
    await p.alive();
  });

  test(`${name}: a full client that goes on sending neither stops nor spins the server`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.socket.pause();
    c.write(text('flood 20000 700')); // fills its output
    await c.flushed();
    await p.settle();
    c.write(Buffer.concat(Array.from({ length: 2000 }, () => text('x'.repeat(50)))));
    await until(async () => (await p.stats()).messages === 2001, 5000);
    await p.quiet();
    await p.alive();
    c.destroy();
    await until(async () => (await p.stats()).connections === 1);
  });

  test(`${name}: a client that is closed as soon as it is open is cut off, whatever it says`, async (t) => {
    const p = await start(t);
    for (const said of ['', 'x', closeFrame(1000)]) {
      const c = await p.connect();
      assert.match(await c.upgrade('/ws-closing'), /101/);
      assert.equal((await c.frame()).code, 1000);
      c.write(said);
      await until(async () => (await p.stats()).connections === 1, 4000);
      c.destroy();
    }
  });

  test(`${name}: a client that does not answer a close is cut off`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.write(text('close 1000'));
    assert.equal((await c.frame()).code, 1000);
    const flood = setInterval(() => c.write(text('still here')), 10);
    await c.closed(4000);
    clearInterval(flood);
    await until(async () => (await p.stats()).connections === 1);
  });

  test(`${name}: 20,000 frames to a client that reads late, in order and whole`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.socket.pause();
    c.write(text('flood 20000 700'));
    await c.flushed();
    await p.settle();
    c.write(frame(9, 'ping')); // its pong must not land inside a frame
    await c.flushed();
    await p.settle();
    await p.quiet();
    assert.ok((await p.stats()).waits >= 1, 'frames wait in the queue of their owner');
    c.socket.resume();
    let pongs = 0;
    for (let i = 0; i < 20000; ) {
      const f = await c.frame(10000);
      if (f.opcode === 10) {
        pongs++;
        continue;
      }
      assert.equal(f.first, 0x81);
      assert.equal(f.payload.length, 700);
      assert.equal(f.payload.toString('latin1', 0, 10), String(i).padStart(10, '0'));
      i++;
    }
    c.write(text('after'));
    for (let f = await c.frame(); f.opcode !== 1; f = await c.frame()) pongs++;
    assert.equal(pongs, 1);
    c.destroy();
  });

  test(`${name}: a client that reads is written to without waiting`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    for (let i = 0; i < 20; i++) {
      c.write(text('flood 10 7000')); // 70,000 bytes: two writes
      for (let k = 0; k < 10; k++) assert.equal((await c.frame()).payload.length, 7000);
    }
    assert.ok((await p.stats()).waits <= 3); // while the kernel's buffer grows
    c.destroy();
  });

  test(`${name}: messages above the gathering size`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.write(text('flood 30 100000'));
    for (let i = 0; i < 30; i++) {
      const f = await c.frame(10000);
      assert.equal(f.payload.length, 100000);
      assert.equal(Number(f.payload.toString('latin1', 0, 10)), i);
    }
    c.destroy();
  });

  test(`${name}: closing a client that does not read ends it, without a spin`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.socket.pause();
    c.write(text('flood 4000 10000'));
    await c.flushed();
    await p.settle();
    c.write(text('close 1008 slow'));
    let s;
    await until(async () => (s = await p.stats()).closes === 1);
    assert.ok(s.connections >= 2, 'the owner hears before the cut');
    for (let i = 0; i < 20; i++) c.write(text('more input that nobody wants'));
    await p.quiet();
    await until(async () => (await p.stats()).connections === 1, 5000, 'the cut');
    c.destroy();
  });

  test(`${name}: a client that leaves while much is queued`, async (t) => {
    const p = await start(t);
    for (const how of secure ? ['destroy'] : ['destroy', 'reset']) {
      const c = await open(p);
      c.socket.pause();
      c.write(text('flood 4000 10000'));
      await c.flushed();
      await p.settle();
      c[how]();
      await until(async () => (await p.stats()).connections === 1);
    }
    await p.quiet();
  });

  test(`${name}: the server ends while WebSockets are open and full`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    const d = await open(p);
    d.socket.pause();
    d.write(text('flood 4000 10000'));
    await d.flushed();
    await p.settle();
    await p.stop();
    await c.closed();
    d.destroy();
  });

  test(`${name}: idle WebSockets cost no CPU and little memory`, async (t) => {
    const p = await start(t);
    await (await open(p)).destroy();
    const n = 200;
    const before = p.rss();
    const all = await Promise.all(Array.from({ length: n }, () => open(p)));
    await p.quiet();
    const each = (p.rss() - before) / n;
    t.diagnostic(`${each} bytes each (more in a build with sanitizers)`);
    for (const c of all) c.destroy();
  });
}
