// What the reverse proxies of the tests share: one process on loopback in front of servers, all of its files in a
// directory of its own. Each proxy's file has the configuration, and the command.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until, within } from './wait.mjs';

// A port that is free now.
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

export class Proxy {
  // Upstreams are ports. In front of them may stand options: { cert, key }, PEM texts, to speak TLS with; { mark }, a
  // value of X-Probe that the proxy gives each request that it sends, and nobody else can; and those of one proxy.
  static async start(...upstreams) {
    const options = typeof upstreams[0] === 'object' ? upstreams.shift() : {};
    const proxy = new this();
    const name = this.name.toLowerCase();
    proxy.dir = mkdtempSync(path.join(tmpdir(), `lectern-${name}-`));
    chmodSync(proxy.dir, 0o755); // some drop root's rights before they look at it
    proxy.port = await freePort();
    const { dir, port } = proxy;
    proxy.url = `http${options.cert ? 's' : ''}://127.0.0.1:${port}`;
    for (const file of ['cert', 'key']) if (options[file]) writeFileSync(path.join(dir, `${file}.pem`), options[file]);
    const config = path.join(dir, `${name}.conf`);
    writeFileSync(config, this.config({ dir, port, tls: Boolean(options.cert), upstreams, ...options }));
    const [binary, ...args] = this.command(dir, config);
    proxy.child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    proxy.log = '';
    proxy.child.stderr.setEncoding('utf8').on('data', (text) => (proxy.log += text));
    proxy.ended = new Promise((resolve) => proxy.child.once('close', resolve).once('error', (error) => resolve((proxy.log += error))));
    await until(() => {
      if (proxy.child.exitCode !== null || proxy.child.pid === undefined) throw new Error(`${name} ended:\n${proxy.said()}`);
      return accepts(port);
    }, `${name} listens`);
    return proxy;
  }

  // Its complaints: not all can write to a standard error that is a socket.
  said() {
    const file = path.join(this.dir, 'error.log');
    return this.log + (existsSync(file) ? readFileSync(file, 'utf8') : '');
  }

  async stop() {
    this.child.kill('SIGTERM');
    await within(5000, this.ended, () => `${this.constructor.name} does not end`);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
