// Requests that wait for their answer (traps T1 and T4 of core/net/lws.c).
import test from 'node:test';
import assert from 'node:assert/strict';
import { Probe, until, tlsArgs } from './net_help.mjs';

const get = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const post = (target, body, headers = '') =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

for (const secure of [false, true]) {
  const name = secure ? 'TLS' : 'plain';
  const start = (t, args = []) => Probe.start(t, secure ? [...args, ...tlsArgs(t)] : args);

  test(`${name}: a held GET is answered, again and again on one connection`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    for (let i = 0; i < 5; i++) {
      c.write(get('/hold'));
      await until(async () => (await p.stats()).held === i + 1);
      assert.equal((await p.get('/release')).body.toString(), '1');
      const r = await c.response();
      assert.equal(r.status, 200);
      assert.equal(r.body.toString(), 'released');
      assert.equal(r.headers.connection, 'keep-alive');
    }
    c.destroy();
  });

  test(`${name}: idle held GETs cost no CPU`, async (t) => {
    const p = await start(t);
    const all = [];
    for (let i = 0; i < 30; i++) {
      const c = await p.connect();
      c.write(get('/hold'));
      all.push(c);
    }
    await until(async () => (await p.stats()).held === 30);
    await p.quiet();
    assert.equal((await p.get('/release')).body.toString(), '30');
    for (const c of all) {
      assert.equal((await c.response()).body.toString(), 'released');
      c.destroy();
    }
  });

  test(`${name}: bytes behind a held GET cost no CPU and are the next request`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/hold'));
    await until(async () => (await p.stats()).held === 1);
    c.write(get('/query/next'));
    await p.quiet();
    await p.get('/release');
    assert.equal((await c.response()).body.toString(), 'released');
    assert.match((await c.response()).body.toString(), /next/);
    c.destroy();
  });

  test(`${name}: a GET pipelined with a held one in one write is answered after it`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/hold') + get('/query/next'));
    await until(async () => (await p.stats()).held === 1);
    await p.quiet();
    await p.get('/release');
    assert.equal((await c.response()).body.toString(), 'released');
    assert.match((await c.response()).body.toString(), /next/);
    c.destroy();
  });

  test(`${name}: the client's end is noticed, though nothing has a deadline`, async (t) => {
    const p = await start(t);
    for (const how of ['destroy', 'reset', 'end']) {
      if (secure && how === 'reset') continue; // node cannot reset under TLS
      const before = await p.stats();
      const c = await p.connect();
      c.write(get('/hold'));
      await until(async () => (await p.stats()).held === before.held + 1);
      if (how === 'end') c.socket.end();
      else c[how]();
      await until(async () => (await p.stats()).aborts === before.aborts + 1, 3000, `abort by ${how}`);
      c.destroy();
    }
    await until(async () => (await p.stats()).connections === 1);
    await p.quiet();
  });

  test(`${name}: a client that leaves behind unread bytes is noticed too`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/hold'));
    await until(async () => (await p.stats()).held === 1);
    c.write('junk that nobody reads');
    await c.flushed();
    await p.settle();
    c.destroy();
    await until(async () => (await p.stats()).aborts === 1);
  });

  test(`${name}: what floods in behind a held GET stays in the kernel`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/hold'));
    await until(async () => (await p.stats()).held === 1);
    const before = p.rss();
    for (let i = 0; i < 64; i++) c.write(Buffer.alloc(1 << 20, 'x'));
    await p.settle();
    await p.quiet();
    if (!p.sanitized()) assert.ok(p.rss() - before < 1 << 20, `${p.rss() - before} bytes more`);
    c.destroy(); // its end stays behind the flood, of which the kernel takes no more
    await p.get('/release');
    await until(async () => (await p.stats()).connections === 1);
    await p.quiet();
  });

  test(`${name}: a POST aborted in the middle of its body is noticed long before its deadline`, async (t) => {
    const p = await start(t, ['--body-ms', '600000']);
    const c = await p.connect();
    c.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome');
    await c.flushed();
    await p.settle();
    c.destroy();
    await until(async () => (await p.stats()).aborts === 1);
  });

  test(`${name}: a held POST is answered, keeps the connection, and its end is noticed`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    for (let i = 0; i < 3; i++) {
      c.write(post('/slow', `body ${i}`));
      await until(async () => (await p.stats()).held === i + 1);
      await p.get('/release');
      assert.equal((await c.response()).body.toString(), `body ${i}`);
    }
    c.write(post('/slow', 'body'));
    await until(async () => (await p.stats()).held === 4);
    await p.quiet();
    c.destroy();
    await until(async () => (await p.stats()).aborts === 1);
  });

  test(`${name}: a request behind a held POST waits in the kernel`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(post('/slow', 'one'));
    await until(async () => (await p.stats()).held === 1);
    c.write(get('/query/two'));
    await p.quiet();
    await p.get('/release');
    assert.equal((await c.response()).body.toString(), 'one');
    assert.match((await c.response()).body.toString(), /two/);
    c.destroy();
  });

  test(`${name}: a request glued to a POST that is held neither spins nor hangs`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(post('/slow', 'one') + get('/query/two'));
    await c.flushed();
    await p.settle();
    await p.quiet();
    await p.get('/release');
    await until(() => c.ended || c.data.includes('/query/two'));
    await p.alive();
    c.destroy();
  });

  test(`${name}: three pipelined requests with a held one in the middle neither spin nor hang`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/') + get('/hold') + get('/query/three'));
    assert.equal((await c.response()).body.toString(), 'hello\n');
    await p.settle();
    await p.quiet();
    await p.get('/release');
    await until(() => c.ended || c.data.includes('/query/three'));
    await p.alive();
    c.destroy();
  });

  test(`${name}: a held GET behind a plain one in one write`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    c.write(get('/') + get('/hold'));
    assert.equal((await c.response()).body.toString(), 'hello\n');
    await until(async () => (await p.stats()).held === 1);
    await p.quiet();
    await p.get('/release');
    assert.equal((await c.response()).body.toString(), 'released');
    c.destroy();
  });

  test(`${name}: the server ends while requests are held`, async (t) => {
    const p = await start(t);
    const c = await p.connect();
    const d = await p.connect();
    c.write(get('/hold'));
    d.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nsome');
    await until(async () => (await p.stats()).held === 1);
    await p.stop();
    await c.closed();
    await d.closed();
  });
}
