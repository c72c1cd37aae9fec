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

const here = path.dirname(fileURLToPath(import.meta.url));
const build = process.env.LECTERN_BUILD ?? path.join(here, '../../build');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until check() gives something true; fails after ms.
export async function until(check, ms = 3000, what = 'condition') {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) assert.fail(`${what} not met within ${ms} ms`);
    await sleep(10);
  }
}

export class Probe {
  static async start(t, args = [], { wrap = [] } = {}) {
    const p = new Probe();
    const [command, ...rest] = [...wrap, path.join(build, 'net_probe'), ...args];
    p.process = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
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
      const exited = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
      await exited;
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

  // The share of one CPU that it uses during the next ms, in percent.
  async load(ms = 1000) {
    const before = this.cpu();
    const start = process.hrtime.bigint();
    await sleep(ms);
    return ((this.cpu() - before) / (Number(process.hrtime.bigint() - start) / 1e6)) * 100;
  }

  async quiet(ms = 1000) {
    const load = await this.load(ms);
    assert.ok(load < 20, `uses ${load.toFixed(0)} % of a CPU for nothing`);
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
    c.socket.on('data', (d) => (c.data = Buffer.concat([c.data, d])));
    c.socket.on('end', () => (c.ended = true));
    c.socket.on('error', (e) => (c.error = e));
    c.socket.on('close', () => (c.ended = true));
    await once(c.socket, probe.tls ? 'secureConnect' : 'connect');
    return c;
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

  // Resolves when the server closed.
  closed(ms = 3000) {
    return until(() => this.ended, ms, 'close by the server');
  }

  // Takes one HTTP response off what has come.
  async response({ ms = 3000, head = false } = {}) {
    await until(() => this.data.includes('\r\n\r\n') || this.ended, ms, 'response');
    const end = this.data.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first, ...lines] = this.data.subarray(0, end).toString('latin1').split('\r\n');
    const headers = {};
    for (const l of lines) headers[l.slice(0, l.indexOf(':')).toLowerCase()] = l.slice(l.indexOf(':') + 1).trim();
    const length = head ? 0 : Number(headers['content-length'] ?? 0);
    await until(() => this.data.length >= end + 4 + length || this.ended, ms, 'body');
    const body = this.data.subarray(end + 4, end + 4 + length);
    this.data = this.data.subarray(end + 4 + length);
    return { status: Number(first.split(' ')[1]), headers, body };
  }

  // --- WebSocket ---

  async upgrade(target = '/ws', headers = '') {
    this.write(upgradeRequest(target, headers));
    await until(() => this.data.includes('\r\n\r\n') || this.ended, 3000, 'handshake');
    const end = this.data.indexOf('\r\n\r\n');
    const text = end < 0 ? '' : this.data.subarray(0, end).toString('latin1');
    this.data = this.data.subarray(end < 0 ? 0 : end + 4);
    return text;
  }

  // The next frame; null if the connection ended first.
  async frame(ms = 3000) {
    await until(() => frameSize(this.data) || this.ended, ms, 'frame');
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
