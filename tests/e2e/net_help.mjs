// What the net tests share: a net_probe process, raw sockets, and WebSocket frames by hand.
// A peer that attacks must be able to send anything, so no HTTP or WebSocket library is used.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { PATIENCE, sleep, until as untilTrue, within } from './support/wait.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.LECTERN_BUILD ?? path.join(here, '../../build');

export { PATIENCE, sleep };
export const until = (check, ms = 3000, what = 'condition') => untilTrue(check, what, ms);

export class Probe {
  static async start(t, args = [], { wrap = [] } = {}) {
    const p = new Probe();
    const [command, ...rest] = [...wrap, path.join(build, 'net_probe'), ...args];
    // What is freed is overwritten: libraries have no sanitizer, and stumble over it.
    const env = { ...process.env, MALLOC_PERTURB_: '165', GLIBC_TUNABLES: 'glibc.malloc.tcache_count=0' };
    p.process = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
    p.stderr = '';
    p.process.stderr.on('data', (d) => (p.stderr += d));
    p.tls = args.includes('--cert');
    const line = await new Promise((resolve, reject) => {
      let text = '';
      p.process.stdout.on('data', (d) => {
        text += d;
        if (text.includes('\n')) resolve(text);
      });
      p.process.once('exit', (code) => reject(new Error(`net_probe ended: ${code}\n${p.stderr}`)));
    });
    p.port = Number(/listening on (\d+)/.exec(line)[1]);
    t.after(() => p.stop());
    return p;
  }

  // Ends it politely. Exit 0 means: everything freed, no sanitizer complained.
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const closed = once(this.process, 'close');
      this.process.kill('SIGTERM');
      const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000 * PATIENCE);
      await closed;
      clearTimeout(timer);
    }
    assert.equal(this.process.exitCode, 0, `net_probe: ${this.process.signalCode}\n${this.stderr}`);
  }

  // CPU time used so far, in ms.
  cpu() {
    const stat = fs.readFileSync(`/proc/${this.process.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10; // utime, stime in ticks of 1/100 s
  }

  // Waits until it uses less than 20 % of a CPU for so long: who spins never does, and what is still
  // to be done before may take its time.
  quiet(ms = 300) {
    return until(async () => {
      const before = this.cpu();
      const start = performance.now();
      await sleep(ms);
      return this.cpu() - before < 0.2 * (performance.now() - start);
    }, 3000, 'a moment without use of CPU');
  }

  // What has reached the server before now has been handled: two answers, and turns of its loop between.
  async settle() {
    await this.stats();
    await this.stats();
  }

  rss() {
    return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${this.process.pid}/status`, 'latin1'))[1]) * 1024;
  }

  // A sanitizer keeps memory of its own.
  sanitized() {
    return /asan/.test(fs.readFileSync(`/proc/${this.process.pid}/maps`, 'latin1'));
  }

  connect(options = {}) {
    return Raw.connect(this, options);
  }

  // One request on a connection of its own; the answer.
  async request(text) {
    const c = await this.connect();
    c.write(text);
    const answer = await c.response();
    c.destroy();
    return answer;
  }

  get(target, headers = '') {
    return this.request(`GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  }

  async stats() {
    return JSON.parse((await this.get('/stats')).body.toString());
  }

  // Asserts that it still serves.
  async alive() {
    assert.equal((await this.get('/')).body.toString(), 'hello\n');
  }
}

export class Raw {
  static async connect(probe, { host = '127.0.0.1', ...options } = {}) {
    const c = new Raw();
    c.socket = probe.tls
      ? tls.connect({ port: probe.port, host, rejectUnauthorized: false, ...options })
      : net.connect({ port: probe.port, host, allowHalfOpen: true, ...options });
    c.data = Buffer.alloc(0);
    c.ended = false;
    c.error = null;
    c.wake = () => {};
    const end = () => {
      c.ended = true;
      c.wake();
    };
    c.socket.on('data', (d) => {
      c.chunks.push(d);
      c.size += d.length;
      c.wake();
    });
    c.socket.on('end', end);
    c.socket.on('close', end);
    c.socket.on('error', (e) => (c.error = e));
    await once(c.socket, probe.tls ? 'secureConnect' : 'connect');
    return c;
  }

  // What has come and was not taken yet.
  get data() {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }

  set data(bytes) {
    this.chunks = [bytes];
    this.size = bytes.length;
  }

  // Waits until look() is true or the connection ended; it is asked whenever something comes.
  until(look, ms, what) {
    const met = new Promise((resolve) => {
      this.wake = () => (this.ended || look()) && resolve();
      this.wake();
    });
    return within(ms, met, () => `${what} not met, but ${this.size} bytes`);
  }

  write(data) {
    this.socket.write(data);
  }

  async writeSlowly(data, ms = 5) {
    for (const byte of Buffer.from(data)) {
      this.socket.write(Buffer.of(byte));
      await sleep(ms);
    }
  }

  destroy() {
    this.socket.destroy();
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  // Resolves when the kernel has what was written: it is the server's to read.
  flushed() {
    return new Promise((resolve) => this.socket.write('', resolve));
  }

  // Resolves when the server closed.
  closed(ms = 3000) {
    return this.until(() => false, ms, 'close by the server');
  }

  // Takes one HTTP response off what has come.
  async response({ ms = 3000, head = false } = {}) {
    await this.until(() => this.data.includes('\r\n\r\n'), ms, 'response');
    const end = this.data.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first, ...lines] = this.data.subarray(0, end).toString('latin1').split('\r\n');
    const headers = {};
    for (const l of lines) headers[l.slice(0, l.indexOf(':')).toLowerCase()] = l.slice(l.indexOf(':') + 1).trim();
    const length = head ? 0 : Number(headers['content-length'] ?? 0);
    await this.until(() => this.size >= end + 4 + length, ms, 'body');
    const body = this.data.subarray(end + 4, end + 4 + length);
    this.data = this.data.subarray(end + 4 + length);
    return { status: Number(first.split(' ')[1]), headers, body };
  }

  // --- WebSocket ---

  async upgrade(target = '/ws', headers = '') {
    this.write(upgradeRequest(target, headers));
    await this.until(() => this.data.includes('\r\n\r\n'), 3000, 'handshake');
    const end = this.data.indexOf('\r\n\r\n');
    const text = end < 0 ? '' : this.data.subarray(0, end).toString('latin1');
    this.data = this.data.subarray(end < 0 ? 0 : end + 4);
    return text;
  }

  // The next frame; null if the connection ended first.
  async frame(ms = 3000) {
    await this.until(() => frameSize(this.data), ms, 'frame');
    const size = frameSize(this.data);
    if (!size) return null;
    const [header, length] = size;
    const f = {
      first: this.data[0],
      opcode: this.data[0] & 15,
      payload: this.data.subarray(header, header + length),
      bytes: this.data.subarray(0, header + length),
    };
    if (f.opcode === 8 && length >= 2) f.code = f.payload.readUInt16BE(0);
    this.data = this.data.subarray(header + length);
    return f;
  }

  async text(ms) {
    const f = await this.frame(ms);
    return f && f.payload.toString();
  }
}

function frameSize(b) {
  if (b.length < 2) return null;
  let length = b[1] & 127;
  let header = 2;
  if (length === 126) {
    if (b.length < 4) return null;
    length = b.readUInt16BE(2);
    header = 4;
  } else if (length === 127) {
    if (b.length < 10) return null;
    length = Number(b.readBigUInt64BE(2));
    header = 10;
  }
  return b.length >= header + length ? [header, length] : null;
}

export const key = 'dGhlIHNhbXBsZSBub25jZQ==';
export const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='; // of that key (RFC 6455, 1.3)

export function upgradeRequest(target = '/ws', headers = '') {
  return (
    `GET ${target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`
  );
}

// A client's frame.
export function frame(opcode, payload = '', { fin = true, mask = true, rsv = 0 } = {}) {
  const p = Buffer.from(payload);
  const n = p.length;
  const header = n < 126 ? Buffer.alloc(2) : n < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
  header[0] = (fin ? 128 : 0) | rsv | opcode;
  header[1] = (mask ? 128 : 0) | (n < 126 ? n : n < 65536 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(n, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(n), 2);
  if (!mask) return Buffer.concat([header, p]);
  const m = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  return Buffer.concat([header, m, p.map((b, i) => b ^ m[i & 3])]);
}

export const text = (payload, options) => frame(1, payload, options);

export function closeFrame(code, reason = '') {
  const p = Buffer.alloc(2 + reason.length);
  p.writeUInt16BE(code, 0);
  p.write(reason, 2);
  return frame(8, p);
}

// A self-signed certificate, made once a run.
let certificate;
export function tlsArgs(t) {
  if (!certificate) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lectern-net-'));
    const cert = path.join(dir, 'cert.pem');
    const keyFile = path.join(dir, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
      '-keyout', keyFile, '-out', cert, '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' });
    certificate = { dir, args: ['--cert', cert, '--key', keyFile] };
    process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
  }
  return certificate.args;
}
