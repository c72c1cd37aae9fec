// Static files: sent from the file as the client takes them, to whoever reads, and no longer to who does not; and
// what may be done with them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, it } from 'node:test';
import { Authority } from './support/certificates.mjs';
import { curl } from './support/http.mjs';
import { status } from './support/hostile.mjs';
import { useServer } from './support/suite.mjs';
import { sleep, until, within } from './support/wait.mjs';

const BIG = randomBytes(12_000_000);
const TEXT = randomBytes(400_000).toString('hex'); // becomes half as long
const files = { 'public/big.bin': BIG, 'public/text.js': TEXT, 'public/small.css': 'p { color: red }' };
const asks = (target, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

// A client that reads nothing until it is told to.
async function reader(port, request, { end = false } = {}) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks = [];
  socket.pause();
  socket.on('error', () => {});
  socket.on('data', (d) => chunks.push(d));
  if (end) socket.end(request);
  else socket.write(request);
  const body = () => {
    const bytes = Buffer.concat(chunks);
    return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  };
  return { socket, body, ended: Promise.race([once(socket, 'end'), once(socket, 'close')]) };
}

describe('static files', () => {
  const room = useServer({ files, example: false, args: ['--send-timeout', '4000'] });
  const proc = (name) => readFileSync(`/proc/${room.server.child.pid}/${name}`, 'utf8');
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))[1]) / 1024;
  const sanitized = () => /asan/.test(proc('maps'));

  it('cost nothing while nobody reads them, and who reads nothing is cut off', async () => {
    for (const target of ['/big.bin', '/text.js', '/socket.io/socket.io.js']) {
      assert.equal((await fetch(room.url + target)).status, 200);
      const before = memory();
      const readers = await Promise.all(Array.from({ length: 40 }, () => reader(room.server.port, asks(target, 'Accept-Encoding: gzip\r\n').repeat(4))));
      await sleep(300);
      if (!sanitized()) assert.ok(memory() - before < 8, `${target}: ${(memory() - before).toFixed(1)} MB more`);
      if (target === '/big.bin') {
        await until(async () => (await status(room.server)).counters.http_unread.total >= 40, 'they are cut off', 10_000);
      }
      for (const { socket } of readers) socket.destroy();
    }
  });

  it('reach whom has said all it will, and whom takes its time', async () => {
    for (const end of [true, false]) {
      const { socket, body, ended } = await reader(room.server.port, asks('/big.bin', 'Connection: close\r\n'), { end });
      await sleep(300);
      for (let i = 0; i < 5; i++) {
        socket.resume();
        await sleep(5);
        socket.pause();
        await sleep(100);
      }
      socket.resume();
      await within(10_000, ended, () => 'the end does not come');
      assert.ok(body().equals(BIG), `${body().length} bytes`);
      socket.destroy();
    }
  });

  it('are sent to so many at a time; others are told to come back', async () => {
    const readers = await Promise.all(Array.from({ length: 128 }, () => reader(room.server.port, asks('/big.bin'))));
    let answer;
    await until(async () => {
      await answer?.body.cancel();
      answer = await fetch(`${room.url}/big.bin`);
      return answer.status === 503;
    }, 'there are too many');
    assert.equal(answer.headers.get('retry-after'), '1');
    assert.equal((await fetch(`${room.url}/small.css`)).status, 200);
    for (const { socket } of readers) socket.destroy();
    await until(async () => (await fetch(`${room.url}/big.bin`)).status === 200, 'they have left');
  });

  it('are the same if they have not changed', async () => {
    for (const [target, vary] of [['/text.js', 'Accept-Encoding'], ['/big.bin', null]]) {
      const etag = (await fetch(room.url + target)).headers.get('etag');
      const again = await fetch(room.url + target, { headers: { 'if-none-match': etag } });
      assert.deepEqual([again.status, again.headers.get('vary')], [304, vary]);
    }
  });

  it('may be read only', async () => {
    for (const target of ['/small.css', '/big.bin', '/healthz', '/readyz']) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await fetch(room.url + target, { method });
        assert.equal(answer.status, 405, `${method} ${target}`);
        assert.equal(answer.headers.get('allow'), 'GET, HEAD, OPTIONS');
        assert.equal((await answer.json()).error.code, 'method_not_allowed');
      }
      const options = await fetch(room.url + target, { method: 'OPTIONS' });
      assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, OPTIONS']);
    }
    assert.equal((await fetch(`${room.url}/none`, { method: 'POST' })).status, 404);
    const head = await fetch(`${room.url}/big.bin`, { method: 'HEAD' });
    assert.equal(Number(head.headers.get('content-length')), BIG.length);
    const all = String(await curl('-si', '-X', 'OPTIONS', '--request-target', '*', `${room.url}/`));
    assert.match(all, /^HTTP\/1.1 204 [^]*^allow: GET, HEAD, POST, OPTIONS\r$/im);
    assert.doesNotMatch(all, /^content-length/im);
  });

  it('are compressed once, and again when they change', async () => {
    // Of the process, in ms: fields 14 and 15 of proc(5)'s stat are in ticks of 10 ms.
    const cpu = () => proc('stat').split(') ')[1].split(' ').slice(11, 13).reduce((sum, n) => sum + Number(n) * 10, 0);
    for (const text of [TEXT, TEXT.slice(2)]) {
      room.scripts.write('public/text.js', text);
      const get = async () => {
        const answer = await fetch(`${room.url}/text.js`);
        assert.equal(answer.headers.get('content-encoding'), 'gzip');
        assert.ok((await answer.text()) === text);
      };
      await get();
      const before = cpu();
      for (let i = 0; i < 20; i++) await get();
      if (!sanitized()) assert.ok(cpu() - before <= 60, `${cpu() - before} ms; to compress it takes 15`);
    }
  });
});

describe('static files over TLS', () => {
  const authority = new Authority('the tests');
  const { cert, key } = authority.issue('files');
  const room = useServer({ files: { ...files, 'cert.pem': cert, 'key.pem': key }, example: false, args: ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'] });

  it('arrive whole', async () => {
    const url = room.url.replace(/^http:/, 'https:').replace('127.0.0.1', 'localhost');
    for (const [name, bytes] of [['big.bin', BIG], ['text.js', Buffer.from(TEXT)]]) {
      for (const rate of ['0', '6M']) assert.ok((await curl('-k', '-s', '--compressed', '--limit-rate', rate, `${url}/${name}`)).equals(bytes), name);
    }
    authority.remove();
  });
});
