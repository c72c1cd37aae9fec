// The servers that are measured: how each is started. All bring the same behaviour (servers/relay.mjs and
// servers/lectern), but the floor, which does the least that any server can.
import { spawn } from 'node:child_process';
import net from 'node:net';

const here = new URL('.', import.meta.url).pathname;
const build = process.env.LECTERN_BUILD ?? 'build/bench';

// Each: (port, secret, tls?: {cert, key}) → [command, ...arguments].
export const servers = {
  lectern: (port, secret, tls) => [
    `${build}/lectern`, 'serve', `${here}servers/lectern`, '--database', 'memory:', '--host', '127.0.0.1', '--port', port, '--jwt-secret', secret,
    ...(tls ? ['--tls-cert', tls.cert, '--tls-key', tls.key] : []),
  ],
  node: (port, secret, tls) => [process.execPath, `${here}servers/node.mjs`, port, secret, ...(tls ? [tls.cert, tls.key] : [])],
  bun: (port, secret, tls) => [`${here}node_modules/.bin/bun`, `${here}servers/bun.mjs`, port, secret, ...(tls ? [tls.cert, tls.key] : [])],
  floor: (port, secret, tls) => [`${build}/bench_floor`, port, ...(tls ? [tls.cert, tls.key] : [])],
};

// A port that is free now.
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true) || socket.destroy());
    socket.on('error', () => resolve(false));
  });
}

// Runs the named server pinned to that CPU while `use({pid, port})` does, and returns what that does.
export async function withServer(name, { secret, tls, cpu }, use) {
  const port = await freePort();
  const [command, ...args] = servers[name](port, secret, tls);
  const child = spawn('taskset', ['-c', String(cpu), command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let ended = false;
  child.stdout.on('data', (data) => (said += data));
  child.stderr.on('data', (data) => (said += data));
  const exit = new Promise((resolve) => child.on('exit', () => resolve((ended = true))));
  try {
    for (let i = 0; !(await connects(port)); i++) {
      if (ended || i > 500) throw new Error(`${name} does not start:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await use({ pid: child.pid, port });
  } catch (error) {
    throw new Error(`${name}: ${error.message}\n${said.slice(-2000)}`);
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
}
