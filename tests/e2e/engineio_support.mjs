// Starts the echo server of tests/support, and speaks to it without any Socket.IO library in between.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { PATIENCE, sleep, until, within } from './support/wait.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const build = path.resolve(root, process.env.LECTERN_BUILD ?? 'build');

export { PATIENCE, sleep, until, within };

export async function startEcho(...args) {
  const child = spawn(path.join(build, 'eio_echo'), ['--port', '0', '--host', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const exited = once(child, 'exit');
  const [line] = await Promise.race([
    once(lines, 'line'),
    exited.then(([code, signal]) => assert.fail(`eio_echo ended at start: ${code ?? signal}`)),
  ]);
  const port = Number(/^listening on (\d+)$/.exec(line)[1]);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    // Ends it as an operator would, and holds it to a clean exit (a sanitizer build reports leaks by it).
    async stop() {
      child.kill('SIGTERM');
      const [code, signal] = await exited;
      assert.equal(code ?? signal, 0);
    },
  };
}

// One request, on a connection of its own unless an agent is given. `onRequest` gets the request to play with.
export function request(server, query, { method = 'GET', headers = {}, body, agent = false, onRequest } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request(
      { host: '127.0.0.1', port: server.port, path: `/engine.io/${query}`, method, headers, agent },
      (res) => {
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({ status: res.statusCode, headers: res.headers, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    req.on('error', reject);
    if (onRequest) onRequest(req);
    if (body !== undefined) {
      req.setHeader('Content-Length', Buffer.byteLength(body));
      req.setHeader('Content-Type', headers['Content-Type'] ?? 'text/plain;charset=UTF-8');
      req.write(body);
    }
    req.end();
  });
}

// What has reached the server before now has been handled: two answers, and turns of its loop between.
export async function settle(server) {
  for (let i = 0; i < 2; i++) await request(server, '?transport=none');
}

// A poll that the server holds: { answer: what it gets in the end, cancel() }.
export async function park(server, query) {
  let req;
  let sent;
  const answer = request(server, query, {
    onRequest: (one) => {
      req = one;
      sent = once(req, 'finish');
    },
  });
  answer.catch(() => {}); // who cancels it need not look
  await sent;
  await settle(server);
  return { answer, cancel: () => req.destroy() };
}

export const polling = (sid, extra = '') => `?EIO=4&transport=polling${sid ? `&sid=${sid}` : ''}${extra}`;

export async function openPolling(server, extra = '') {
  const { status, text } = await request(server, polling(null, extra));
  assert.equal(status, 200);
  assert.equal(text[0], '0');
  return JSON.parse(text.slice(1)).sid;
}

export const poll = (server, sid, options) => request(server, polling(sid), options);
export const post = (server, sid, body, options) => request(server, polling(sid), { ...options, method: 'POST', body });

// A WebSocket whose messages can be awaited one by one: text as string, binary as Buffer.
export function webSocket(server, query = '?EIO=4&transport=websocket', options = {}) {
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}/engine.io/${query}`, options);
  const queue = [];
  const waiting = [];
  const give = (item) => (waiting.length ? waiting.shift()(item) : queue.push(item));
  ws.on('message', (data, binary) => give(binary ? data : data.toString()));
  ws.on('error', (error) => (ws.failure = error));
  ws.closed = new Promise((resolve) =>
    ws.on('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
      give(null);
    }),
  );
  ws.opened = once(ws, 'open');
  ws.opened.catch(() => {});
  ws.next = () => (queue.length ? Promise.resolve(queue.shift()) : new Promise((resolve) => waiting.push(resolve)));
  return ws;
}

export async function openWebSocket(server, extra = '', options = {}) {
  const ws = webSocket(server, `?EIO=4&transport=websocket${extra}`, options);
  const open = await ws.next();
  assert.ok(open, `no open packet: ${ws.failure}`);
  assert.equal(open[0], '0');
  ws.handshake = JSON.parse(open.slice(1));
  return ws;
}

// Up to the answered probe.
export async function probe(server, sid) {
  const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
  await ws.opened;
  ws.send('2probe');
  assert.equal(await ws.next(), '3probe');
  return ws;
}

export async function assertGone(server, sid) {
  const { status, text } = await poll(server, sid);
  assert.equal(status, 400);
  assert.deepEqual(JSON.parse(text), { code: 1, message: 'Session ID unknown' });
}

// --- unmodified clients, of any version of engine.io-client ------------------------------------

export const kinds = [
  ['polling', { transports: ['polling'] }],
  ['websocket', { transports: ['websocket'] }],
  ['upgrading', {}],
  ['polling with base64', { transports: ['polling'], forceBase64: true }],
  ['websocket with base64', { transports: ['websocket'], forceBase64: true }],
];

export function client(Socket, to, options) {
  const socket = new Socket(to.url, { path: '/engine.io/', ...options });
  socket.binaryType = 'arraybuffer';
  return socket;
}

export async function close(socket) {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close();
  await closed;
}

// Collects echoes until there are n, failing at once when the connection ends.
export function collect(socket, n) {
  const got = [];
  const all = new Promise((resolve, reject) => {
    socket.on('close', (why, error) => reject(new Error(`${why} ${error?.description ?? ''} after ${got.length} of ${n}`)));
    socket.on('message', (data) => {
      got.push(typeof data === 'string' ? data : new Uint8Array(data));
      if (got.length === n) resolve(got);
    });
  });
  return within(10_000, all, () => `${got.length} of ${n} came`);
}

// Has all of them echoed, in order.
export async function echo(socket, sent) {
  const echoes = collect(socket, sent.length);
  for (const data of sent) socket.send(data);
  assert.deepEqual(await echoes, sent);
}

// The same for so many messages of both kinds while an open client changes its transport.
export async function echoOverUpgrade(socket, count) {
  let upgraded = false;
  socket.on('upgrade', () => (upgraded = true));
  const sent = Array.from({ length: count }, (_, i) => (i % 10 === 9 ? Uint8Array.from([i >> 8, i & 255]) : `${i}`));
  const echoes = collect(socket, count);
  const before = { polling: 0, websocket: 0 };
  for (const [i, data] of sent.entries()) {
    socket.send(data);
    before[upgraded ? 'websocket' : 'polling']++;
    if (i % 50 === 49) await new Promise(setImmediate);
    if (i % 1000 === 999) await sleep(5);
  }
  assert.deepEqual(await echoes, sent);
  await until(() => upgraded, 'the upgrade');
  assert.ok(before.polling > 0);
}
