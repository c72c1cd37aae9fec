// Runs the real `lectern` binary: as a server on a free port, or as a command that ends by itself.
// A server is stopped by SIGTERM and must then leave with exit code 0 and without a word from a
// sanitizer; every test file checks that just by using these functions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SECRET } from './tokens.mjs';
import { PATIENCE, within } from './wait.mjs';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const EXAMPLE = path.join(ROOT, 'examples/elearning');
export const BINARY = path.resolve(ROOT, process.env.LECTERN_BUILD || 'build', 'lectern');

// Its own directory for control sockets, so that a server of the person who runs the tests is
// neither found nor disturbed.
const runtimeDir = mkdtempSync(path.join(tmpdir(), 'lectern-run-'));
process.on('exit', () => rmSync(runtimeDir, { recursive: true, force: true }));

// Nothing of the caller's environment but what programs need to run: a JWT_SECRET, PORT or DEBUG
// set in the shell must not change what is tested.
function environment(extra) {
  const { PATH, HOME, TMPDIR } = process.env;
  const env = {
    PATH,
    HOME,
    TMPDIR,
    XDG_RUNTIME_DIR: runtimeDir,
    ASAN_OPTIONS: 'detect_leaks=1:exitcode=99:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=99',
    LSAN_OPTIONS: 'exitcode=99',
    ...extra,
  };
  for (const name of Object.keys(env)) if (env[name] === undefined) delete env[name];
  return env;
}

const stateFor = (dir) => (path.resolve(dir).startsWith(ROOT) ? mkdtempSync(path.join(runtimeDir, 'state-')) : undefined);

const SANITIZER = /(Address|Leak|UndefinedBehavior|Thread)Sanitizer|runtime error:/;

export function assertSane(text) {
  const at = text.search(SANITIZER);
  if (at >= 0) assert.fail(`a sanitizer complained:\n${text.slice(Math.max(0, at - 200), at + 6000)}`);
}

// Runs a command to its end: { code, stdout, stderr }. `via`: a command in front of it, like setpriv.
export async function lectern(args, { env = {}, cwd = ROOT, timeout = 15_000, via = [] } = {}) {
  const [program, ...words] = [...via, BINARY, ...args];
  const child = spawn(program, words, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (out.stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout * PATIENCE);
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  clearTimeout(timer);
  assertSane(out.stderr);
  assert.equal(signal, null, `lectern ${args.join(' ')} ended by ${signal}:\n${out.stderr}`);
  return { code, ...out };
}

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  // Starts it and waits until it listens. `dir` is a script directory; `env` may take variables
  // away by setting them to undefined. `via` as above. A directory of the project gets no state of its own: each server
  // has a new one.
  static async start({ dir, args = [], env = {}, port = 0, via = [] }) {
    const server = new Server();
    const [program, ...argv] = [...via, BINARY, 'serve', dir, '--host', '127.0.0.1', '--port', String(port), ...args];
    server.child = spawn(program, argv, {
      cwd: ROOT,
      env: environment({ JWT_SECRET: SECRET, FRONTEND_URL: 'http://localhost:3000', STATE_DIRECTORY: stateFor(dir), ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server.log = '';
    server.listeners = new Set();
    const hear = (text) => {
      server.log += text;
      for (const listener of server.listeners) listener();
    };
    server.child.stdout.setEncoding('utf8').on('data', hear);
    server.child.stderr.setEncoding('utf8').on('data', hear);
    running.add(server.child);
    server.ended = new Promise((resolve) => {
      server.child.once('error', (error) => {
        hear(String(error));
        resolve({ code: null, signal: String(error) });
      });
      server.child.once('close', (code, signal) => {
        running.delete(server.child);
        resolve({ code, signal });
        hear('');
      });
    });
    const [, listening] = await server.logged(/listening on https?:\/\/[^\s:"]+:(\d+)/, 10_000);
    server.port = Number(listening);
    server.url = `http://127.0.0.1:${listening}`;
    server.control = path.join(runtimeDir, 'lectern', `${listening}.sock`);
    return server;
  }

  // Waits for a line that matches and returns the match. `from`: where in the log to begin.
  async logged(pattern, ms = 5000, from = 0) {
    let done;
    const found = new Promise((resolve, reject) => {
      done = () => {
        const match = this.log.slice(from).match(pattern);
        if (match) resolve(match);
        else if (!this.alive) reject(new Error(`the server ended:\n${this.log}`));
      };
      this.listeners.add(done);
      done();
    });
    try {
      return await within(ms, found, () => `no log line matches ${pattern}:\n${this.log.slice(-4000)}`);
    } finally {
      this.listeners.delete(done);
    }
  }

  get alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(name) {
    this.child.kill(name);
  }

  // Ends it as an operator would.
  async stop() {
    if (this.alive) this.signal('SIGTERM');
    try {
      await this.exit(20_000);
    } finally {
      if (this.alive) this.child.kill('SIGKILL');
    }
  }

  // Waits for its end, which must be a good one.
  async exit(ms = 10_000) {
    const { code, signal } = await within(ms, this.ended, () => `the server does not end:\n${this.log.slice(-4000)}`);
    assertSane(this.log);
    assert.equal(signal, null, `the server ended by ${signal}:\n${this.log.slice(-4000)}`);
    assert.equal(code, 0, `the server ended with exit code ${code}:\n${this.log.slice(-4000)}`);
  }

  // `lectern reload`, for this server.
  reload() {
    return lectern(['reload', '--port', String(this.port)]);
  }
}
