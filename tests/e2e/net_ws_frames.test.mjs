// What RFC 6455 asks of a server once a WebSocket is open, in the order of the Autobahn test suite's sections 1 to
// 7: sizes, pings, reserved bits, opcodes, fragments, UTF-8, closing. Each case over TCP and over TLS, in one
// write, cut into two, and byte by byte.
import test from 'node:test';
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { closeFrame, frame, Probe, sleep, text, tlsArgs, until } from './net_help.mjs';

const hex = (s) => Buffer.from(s, 'hex');
const part = (payload) => text(payload, { fin: false });
const more = (payload) => frame(0, payload, { fin: false });
const last = (payload) => frame(0, payload);
const codeFrame = (code, reason = '') => frame(8, Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(reason)]));

// What comes back: [opcode, payload as text], pings and pongs too. A number is a close code, after which nothing
// comes but the end; null a close frame without a code.
const T = (s) => [1, s];
const B = (s) => [2, s];
const PONG = (s) => [10, s];

const cases = [];
const add = (what, send, ...expected) => cases.push({ what, send: Buffer.concat([send].flat()), expected });

// --- 1: sizes (larger ones below) ---
for (const n of [0, 1, 124, 125, 126, 127, 128]) {
  add(`text of ${n}`, text('*'.repeat(n)), T('*'.repeat(n)));
  add(`binary of ${n}`, frame(2, '\u00fe'.repeat(n / 2)), B('\u00fe'.repeat(n / 2)));
}

// --- 2: pings and pongs ---
for (const n of [0, 1, 124, 125]) add(`ping of ${n}`, frame(9, 'p'.repeat(n)), PONG('p'.repeat(n)));
add('ping of bytes that are no text', frame(9, hex('00fffefdfc')), PONG(hex('00fffefdfc').toString()));
add('ping of 126', frame(9, 'p'.repeat(126)), 1002);
add('unasked pongs', [frame(10, ''), frame(10, 'x'), frame(9, 'y')], PONG('y'));
add('ten pings in a row', Array.from({ length: 10 }, (_, i) => frame(9, `${i}`)),
  ...Array.from({ length: 10 }, (_, i) => PONG(`${i}`)));

// --- 3: reserved bits ---
for (const rsv of [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70])
  for (const opcode of [1, 2, 8, 9, 10]) add(`bits ${rsv.toString(16)} of opcode ${opcode}`, frame(opcode, '', { rsv }), 1002);
add('a reserved bit behind good text', [text('a'), frame(1, 'b', { rsv: 0x20 }), frame(9, '')], T('a'), 1002);

// --- 4: opcodes ---
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  add(`opcode ${opcode}`, frame(opcode, ''), 1002);
  add(`opcode ${opcode} with payload, behind good text`, [text('a'), frame(opcode, 'x'), frame(9, '')], T('a'), 1002);
}

// --- masks and lengths ---
for (const opcode of [1, 2, 8, 9, 10]) add(`opcode ${opcode} without mask`, frame(opcode, '', { mask: false }), 1002);
add('no mask behind good text', [text('a'), frame(1, 'plain', { mask: false })], T('a'), 1002);
add('no mask inside a message', [part('a'), frame(0, 'plain', { mask: false })], 1002);
add('a mask of zeroes', [hex('818500000000'), Buffer.from('plain')], T('plain'));
add('5 bytes in 16 bits', hex('81fe000500000000'), 1002);
add('5 bytes in 64 bits', hex('81ff000000000000000500000000'), 1002);
add('a length with its top bit', hex('81ff800000000000000000000000'), 1002);

// --- 5: fragments ---
add('a ping in two', [frame(9, 'a', { fin: false }), last('b')], 1002);
add('a pong in two', [frame(10, 'a', { fin: false }), last('b')], 1002);
add('a close in two', frame(8, '', { fin: false }), 1002);
add('text in two', [part('fragment1'), last('fragment2')], T('fragment1fragment2'));
add('binary in three', [frame(2, 'a', { fin: false }), more('b'), last('c')], B('abc'));
add('ping between', [part('a'), frame(9, 'ping'), last('b')], PONG('ping'), T('ab'));
add('pings between all', [part('a'), frame(9, '1'), more('b'), frame(9, '2'), more(''), frame(10, '3'), last('c')],
  PONG('1'), PONG('2'), T('abc'));
add('empty fragments', [part(''), more(''), last('')], T(''));
add('payload in the middle', [part(''), more('middle'), last('')], T('middle'));
add('continuation of nothing', [last('x'), text('y')], 1002);
add('unfinished continuation of nothing', [more('x'), text('y')], 1002);
add('continuation behind a whole text', [text('a'), more('b')], T('a'), 1002);
add('text inside a text', [part('a'), text('b')], 1002);
add('binary inside a text', [part('a'), frame(2, 'b')], 1002);
add('text inside a binary', [frame(2, 'a', { fin: false }), part('b')], 1002);
add('two fragmented texts', [part('a'), last('b'), part('c'), more('d'), last('e')], T('ab'), T('cde'));

// --- 6: UTF-8 (Markus Kuhn's cases) ---
const good = ['cebae1bdb9cf83cebcceb5', '00', 'c280', 'e0a080', 'f0908080', '7f', 'dfbf', 'efbfbf', 'f48fbfbf', 'ed9fbf',
  'ee8080', 'efbfbd', 'efbfbe', 'f09f9880'];
const bad = ['80', 'bf', '80bf', 'c0', 'c020', 'fc', 'fe', 'ff', 'feff', 'c0af', 'e080af', 'f08080af', 'c1bf', 'e09fbf', 'f08fbfbf',
  'eda080', 'edafbf', 'edb080', 'edbfbf', 'eda080edb080', 'f4908080', 'f5808080', 'f888808080', 'c3', 'e282', 'f09f98',
  'cebae1bdb9cf83cebcceb5eda080656469746564'];
for (const u of good) {
  const bytes = hex(u);
  add(`good ${u}`, text(bytes), T(bytes.toString()));
  add(`good ${u}, a fragment a byte`, [...[...bytes].map((b, i) => (i ? more : part)(Buffer.of(b))), last('')], T(bytes.toString()));
}
for (const u of bad) {
  const bytes = hex(u);
  add(`bad ${u}`, text(bytes), 1007);
  add(`bad ${u} between good`, text(Buffer.concat([Buffer.from('abcdefghijklmnop'), bytes, Buffer.from('\u00e4bcdefghijklmnop')])), 1007);
  add(`bad ${u}, a fragment a byte`, [...[...bytes].map((b, i) => (i ? more : part)(Buffer.of(b))), last('')], 1007);
  add(`${u} is fine in binary`, frame(2, bytes), B(bytes.toString()));
}
add('bad text shows in its first fragment', part(hex('cebaeda080')), 1007);
add('a surrogate shows before its last byte', part(hex('eda0')), 1007);

// --- 7: closing ---
add('close without code', frame(8, ''), null);
add('close with half a code', frame(8, 'x'), 1002);
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
  add(`close ${code}`, codeFrame(code), code);
  add(`close ${code} with a reason`, codeFrame(code, 'r'.repeat(123)), code);
}
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
  add(`close ${code}`, codeFrame(code), 1002);
  add(`close ${code} with a reason`, codeFrame(code, 'why'), 1002);
}
add('close of 126', frame(8, Buffer.alloc(126, 3)), 1002);
add('close with a bad reason', frame(8, hex('03e8cebae1bdb9cf83cebcceb5eda080656469746564')), 1007);
add('close with a cut reason', frame(8, hex('03e8ce')), 1007);
add('text and ping behind a close', [closeFrame(1000), text('late'), frame(9, 'late')], 1000);
add('two closes', [closeFrame(1000), closeFrame(1001)], 1000);
add('close inside a text', [part('a'), closeFrame(1000), last('b')], 1000);
add('ping before a close', [frame(9, 'p'), closeFrame(1000)], PONG('p'), 1000);

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);
  const open = async (p) => {
    const c = await p.connect();
    assert.match(await c.upgrade(), /^HTTP\/1.1 101 /);
    return c;
  };

  const PATIENCE = 20_000;
  async function check(p, { what, send, expected }, cut) {
    const c = await open(p);
    c.socket.setNoDelay(true);
    for (let at = 0; at < send.length && !c.ended; at += cut) {
      c.write(send.subarray(at, at + cut));
      if (cut < send.length) await new Promise(setImmediate);
    }
    const echoes = [];
    const pongs = [];
    const wanted = (opcode) => expected.filter((e) => Array.isArray(e) && (e[0] === 10) === (opcode === 10));
    const end = expected.at(-1);
    for (let i = 0; i < expected.length; i++) {
      const f = await c.frame(PATIENCE);
      assert.ok(f, `${what}: the connection ended instead of ${expected[i]}`);
      assert.equal(f.first & 0xf0, 0x80, what);
      if (f.opcode === 8) {
        assert.ok(end === null || typeof end === 'number', `${what}: closed with ${f.code}`);
        assert.equal(f.code, end ?? undefined, what);
        break;
      }
      (f.opcode === 10 ? pongs : echoes).push([f.opcode, f.payload.toString()]);
    }
    // A pong may overtake an echo; what came before an error may be lost with it, if both were in one read.
    assert.deepEqual(pongs, wanted(10), what);
    if (Array.isArray(end)) {
      assert.deepEqual(echoes, wanted(1), what);
      c.write(closeFrame(1000));
      assert.equal((await c.frame(PATIENCE))?.code, 1000, what);
    }
    await c.closed(PATIENCE);
    assert.equal(c.data.length, 0, `${what}: nothing behind the close frame`);
    assert.equal(c.error, null, what);
    c.destroy();
  }

  for (const [how, cut] of [['in one write', Infinity], ['seven bytes at a time', 7], ['byte by byte', 1]]) {
    test(`${name}: ${cases.length} cases ${how}`, async (t) => {
      const p = await start(t);
      let next = 0;
      await Promise.all(Array.from({ length: 8 }, async () => {
        while (next < cases.length) await check(p, cases[next++], cut);
      }));
      await until(async () => (await p.stats()).connections === 1, PATIENCE);
      const s = await p.stats();
      assert.equal(s.opens, cases.length);
      assert.equal(s.closes, cases.length);
      await p.quiet(300);
    });
  }

  test(`${name}: large messages, whole and in fragments of all sizes`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    for (const n of [65534, 65535, 65536, 65537, 131072, 1 << 20]) {
      const payload = Buffer.from('\u{1f600}a\u00e4'.repeat(n / 7 + 1)).subarray(0, n);
      for (const size of [n, 997, 4096, 65536]) {
        const parts = [];
        for (let at = 0; at < n; at += size)
          parts.push(frame(at ? 0 : 2, payload.subarray(at, at + size), { fin: at + size >= n }));
        c.write(Buffer.concat(parts));
        const f = await c.frame(PATIENCE);
        assert.equal(f.opcode, 2);
        assert.ok(f.payload.equals(payload), `${n} in ${size}`);
      }
    }
    const long = '\u{1f600}'.repeat(250_000);
    c.write(text(long));
    assert.equal(await c.text(PATIENCE), long);
    c.destroy();
  });

  test(`${name}: one that floods starves nobody`, async (t) => {
    const p = await start(t);
    const [flood, calm] = [await open(p), await open(p)];
    const block = Buffer.concat(Array.from({ length: 2000 }, () => frame(10, 'x'.repeat(120))));
    let stop = false;
    const go = () => !stop && flood.socket.write(block, go);
    go();
    for (let i = 0; i < 50; i++) {
      calm.write(text(`${i}`));
      assert.equal(await calm.text(PATIENCE), `${i}`);
    }
    stop = true;
    flood.destroy();
    calm.destroy();
  });

  test(`${name}: who pings without reading gets an answer to its last ping, and costs no memory`, async (t) => {
    const p = await start(t);
    const c = await open(p);
    c.socket.pause();
    c.write(text('flood 4000 10000'));
    await until(async () => (await p.stats()).waits >= 1, PATIENCE);
    const before = p.rss();
    const n = 200_000;
    for (let i = 0; i < n; i += 1000)
      c.write(Buffer.concat(Array.from({ length: 1000 }, (_, k) => frame(9, `${i + k}`.padEnd(100, '.')))));
    c.write(text('done'));
    await until(async () => (await p.stats()).messages === 2, PATIENCE);
    if (!p.sanitized()) assert.ok(p.rss() - before < 8 << 20, `${p.rss() - before} bytes more`);
    c.socket.resume();
    let pong = '';
    for (let i = 0; i < 4001; ) {
      const f = await c.frame(PATIENCE);
      if (f.opcode === 10) pong = f.payload.toString();
      else i++;
    }
    assert.equal(parseInt(pong, 10), n - 1);
    c.destroy();
  });

  test(`${name}: a message that is announced but never comes costs nothing`, async (t) => {
    const p = await start(t);
    await (await open(p)).destroy();
    const before = p.rss();
    const all = await Promise.all(Array.from({ length: 50 }, () => open(p)));
    for (const c of all) c.write(hex('82ff000000000010000000000000')); // 1 MB
    await Promise.all(all.map((c) => c.flushed()));
    await p.settle();
    const each = (p.rss() - before) / all.length;
    if (!p.sanitized()) assert.ok(each < 200_000, `${each} bytes each`);
    for (const c of all) c.destroy();
    await until(async () => (await p.stats()).connections === 1);
  });

  test(`${name}: peers that end in all other ways`, async (t) => {
    const p = await start(t);
    for (const how of ['end', 'destroy', 'reset']) {
      if (secure && how === 'reset') continue; // node cannot reset under TLS
      for (const before of [Buffer.alloc(0), text('hello'), text('hello').subarray(0, 4), part('half'), closeFrame(1000)]) {
        const c = await open(p);
        c.write(before);
        await sleep(5);
        if (how === 'end') c.socket.end();
        else c[how]();
        await until(async () => (await p.stats()).connections === 1, PATIENCE, `${how} behind ${before.length} bytes`);
        c.destroy();
      }
    }
    const s = await p.stats();
    assert.equal(s.opens, s.closes);
    await p.quiet(300);
  });

  test(`${name}: npm's ws as the peer`, async (t) => {
    const p = await start(t);
    const ws = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${p.port}/ws`, { rejectUnauthorized: false });
    const heard = [];
    const pongs = [];
    ws.on('message', (data, binary) => heard.push(binary ? data : String(data)));
    ws.on('pong', (data) => pongs.push(String(data)));
    await new Promise((resolve, reject) => ws.on('open', resolve).on('error', reject));
    assert.equal(ws.extensions, '');
    ws.ping('are you there');
    ws.send('text');
    ws.send(Buffer.alloc(300_000, 7));
    ws.send('frag', { fin: false });
    ws.send('ments');
    await until(() => heard.length === 3 && pongs.length === 1, PATIENCE);
    assert.deepEqual(heard, ['text', Buffer.alloc(300_000, 7), 'fragments']);
    assert.deepEqual(pongs, ['are you there']);
    const closed = new Promise((resolve) => ws.on('close', (code, reason) => resolve([code, String(reason)])));
    ws.send('close 4001 enough');
    assert.deepEqual(await closed, [4001, 'enough']);
    await until(async () => (await p.stats()).connections === 1, PATIENCE);
  });
}
