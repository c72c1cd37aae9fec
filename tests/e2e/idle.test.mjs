// What an idle WebSocket connection costs: one client with a token, in the main namespace and a room.
// README.md gives the figure that this prints.
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { Authority } from './support/certificates.mjs';
import { Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { tokenFor } from './support/tokens.mjs';
import { sleep, until } from './support/wait.mjs';

const CONNECTIONS = 2000;
const AT_ONCE = 50;
// The most that each may cost, in bytes: what is measured, and some room for another allocator.
const BOUNDS = { plain: 4096, TLS: 17_000 };
const FILES = { 'handlers/rooms.lua': 'return { on_join = function(socket, room) return socket:join(room) end }' };

for (const [how, bound] of Object.entries(BOUNDS)) describe(`an idle connection (${how})`, () => {
  const authority = new Authority('the tests');
  let server, scripts;
  before(async () => {
    const { cert, key } = authority.issue('idle');
    scripts = new Scripts({ example: false, handlers: [], files: { ...FILES, 'cert.pem': cert, 'key.pem': key } });
    server = await Server.start({ dir: scripts.dir, args: how === 'TLS' ? ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem'] : [] });
  });
  after(async () => {
    try {
      await server?.stop();
    } finally {
      scripts?.remove();
      authority.remove();
    }
  });

  const proc = (file) => readFileSync(`/proc/${server.child.pid}/${file}`, 'utf8');
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))[1]) * 1024;
  // Of the whole process, in clock ticks of 10 ms: fields 14 and 15 of proc(5)'s stat.
  const ticks = () => proc('stat').split(') ')[1].split(' ').slice(11, 13).reduce((sum, n) => sum + Number(n), 0);

  // Opens one and resolves when it has joined.
  const open = (id) =>
    new Promise((resolve, reject) => {
      const scheme = how === 'TLS' ? 'wss' : 'ws';
      const ws = new WebSocket(`${scheme}://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`, {
        perMessageDeflate: false, rejectUnauthorized: false,
      });
      ws.on('error', reject);
      ws.on('message', (data) => {
        const text = String(data);
        if (text.startsWith('0')) ws.send(`40${JSON.stringify({ token: tokenFor(id) })}`);
        else if (text.startsWith('40')) ws.send('420["join","course:1"]');
        else if (text.startsWith('430')) resolve(ws);
        else reject(new Error(`unexpected ${text}`));
      });
    });

  it('costs few kilobytes and no CPU', async (t) => {
    if (/asan/.test(proc('maps'))) return t.skip('a sanitizer keeps its own books');
    await open('first'); // what the process needs once
    const before_ = memory();
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < CONNECTIONS) await open(`u${next++}`);
      }),
    );
    // Buffers of the rush are given back, and what a rush leaves to do is done.
    await until(async () => {
      const began = ticks();
      await sleep(2000);
      const [busy, each] = [(ticks() - began) * 10, Math.round((memory() - before_) / CONNECTIONS)];
      t.diagnostic(`${CONNECTIONS} connections: ${each} bytes each, ${busy} ms of CPU in 2 s`);
      return busy <= 50 && each < bound;
    }, 'few bytes and no CPU', 10_000);
  });
});
