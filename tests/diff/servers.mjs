// The two readers of the same bytes: Node's http server, and net_probe --describe.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { answersIn } from '../e2e/support/answers.mjs';
import { PATIENCE, sleep } from '../e2e/support/wait.mjs';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const build = process.env.LECTERN_BUILD ?? fileURLToPath(new URL('../../build', import.meta.url));

// Writes the pieces on a connection of its own, and waits until it ends; when nothing comes for so long, it says that
// nothing more will follow. What came, and its own port.
function exchange(port, pieces, quiet) {
  return new Promise((resolve) => {
    const chunks = [];
    let bytes = 0;
    let own;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => (socket.writableEnded ? socket.destroy() : (socket.end(), timer.refresh())), quiet * PATIENCE);
    socket.on('connect', async () => {
      own = socket.localPort;
      for (const [i, piece] of pieces.entries()) {
        if (i > 0) await sleep(1);
        if (socket.writable) socket.write(piece);
      }
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      timer.refresh();
      if (/^HTTP\/1\.1 [45]/m.test(chunk.toString('latin1'))) socket.end(); // a refusal may wait for that
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ bytes: Buffer.concat(chunks, bytes), own });
    });
  });
}

// Node's: what its parser completed, whether or not an answer reached anybody. It looks for Host later, and reads on
// behind a request without one; here it does not.
export class Reference {
  static async start() {
    const reference = new Reference();
    const logs = (reference.logs = new Map()); // by the peer's port: { requests, ended }
    const server = (reference.server = http.createServer({ requireHostHeader: false }));
    server.on('connection', (socket) => {
      const log = { requests: [] };
      log.ended = new Promise((resolve) => socket.once('close', resolve));
      logs.set(socket.remotePort, log);
      socket.log = log;
    });
    const take = (request, response) => {
      const body = [];
      const push = request.push;
      request.push = (chunk, ...rest) => {
        if (chunk) body.push(chunk);
        return push.call(request, chunk, ...rest);
      };
      request.socket.log.requests.push({ request, body });
      request.resume().on('end', () => response.end());
      request.on('error', () => {});
    };
    server.on('request', take);
    server.on('checkExpectation', take); // whether one knows a wish is not the parser's matter
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return reference;
  }

  // The requests that it took, in order.
  async read(pieces, quiet) {
    const { own } = await exchange(this.server.address().port, pieces, quiet);
    const log = this.logs.get(own);
    if (!log) return [];
    await log.ended;
    this.logs.delete(own);
    const complete = log.requests.filter(({ request }) => request.complete);
    const hostless = complete.findIndex(({ request }) => request.httpVersion === '1.1' && request.headers.host === undefined);
    return (hostless < 0 ? complete : complete.slice(0, hostless)).map(({ request, body }) => ({
      method: request.method,
      target: request.url,
      version: request.httpVersion,
      headers: request.rawHeaders,
      body: Buffer.concat(body).toString('latin1'),
    }));
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

export class Subject {
  static async start() {
    const subject = new Subject();
    subject.process = spawn(path.join(build, 'net_probe'), ['--describe'], { stdio: ['ignore', 'pipe', 'pipe'] });
    subject.errors = '';
    subject.process.stderr.on('data', (text) => (subject.errors = (subject.errors + text).slice(-20_000)));
    subject.ended = new Promise((resolve) => subject.process.once('close', (code, signal) => resolve(code ?? signal)));
    const line = new Promise((resolve) => createInterface({ input: subject.process.stdout }).once('line', resolve));
    const first = await Promise.race([line, subject.ended]);
    subject.port = Number(/listening on (\d+)/.exec(first)?.[1]);
    if (!subject.port) throw new Error(`net_probe ended: ${first}\n${subject.errors}`);
    return subject;
  }

  // The requests that it took, in order; without a description those that it answers by itself. Then `refusal`.
  async read(pieces, quiet) {
    const { bytes } = await exchange(this.port, pieces, quiet);
    const answers = answersIn(bytes);
    const end = answers.findIndex(({ status }) => status >= 400);
    const taken = (end < 0 ? answers : answers.slice(0, end)).map(({ request }) => request && { ...request, method: METHODS[request.method] });
    taken.refusal = end < 0 ? null : answers[end].status;
    return taken;
  }

  // Its end, which must be a good one: nothing leaked, no sanitizer complained.
  async stop() {
    this.process.kill('SIGTERM');
    const code = await this.ended;
    if (code !== 0) throw new Error(`net_probe ended with ${code}:\n${this.errors}`);
  }
}
