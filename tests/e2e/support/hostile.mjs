// What hostile suites share: clients on bare sockets, and what lives in the server.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { lectern } from './process.mjs';
import { RawWebSocket } from './raw.mjs';
import { tokenFor } from './tokens.mjs';
import { until, within } from './wait.mjs';

// A TCP connection that collects what it gets.
export class Tcp {
  static async open(port, { localAddress } = {}) {
    const tcp = new Tcp();
    tcp.text = '';
    tcp.wake = () => {};
    tcp.from = performance.now();
    tcp.socket = connect({ port, host: '127.0.0.1', localAddress });
    tcp.closed = new Promise((resolve) => tcp.socket.once('close', () => resolve(performance.now())));
    tcp.socket.on('error', () => {});
    tcp.socket.on('data', (data) => {
      tcp.text += data.toString('latin1');
      tcp.wake();
    });
    await Promise.race([new Promise((resolve) => tcp.socket.once('connect', resolve)), tcp.closed]);
    return tcp;
  }

  write(text) {
    this.socket.write(text);
  }

  // Until a status line has come: its number; undefined if the connection ends before.
  async status(ms = 5000) {
    const came = new Promise((resolve) => {
      this.wake = () => /^HTTP\/1.1 \d+ .*\r\n\r\n/s.test(this.text) && resolve();
      this.wake();
    });
    await within(ms, Promise.race([came, this.closed]), () => 'neither answer nor end');
    const match = /^HTTP\/1.1 (\d+)/.exec(this.text);
    return match ? Number(match[1]) : undefined;
  }

  // How long it was open (ms) until the server ended it. `drip`: bytes that come slowly until then.
  async ends({ drip = '', ms = 10_000 } = {}) {
    const timer = drip && setInterval(() => this.socket.writable && this.socket.write(drip), 50);
    try {
      return (await within(ms, this.closed, () => `it stays open: ${this.text}`)) - this.from;
    } finally {
      clearInterval(timer);
    }
  }

  destroy() {
    this.socket.destroy();
  }
}

// One request on a connection of its own: { status, text }.
export async function ask(port, text, options) {
  const tcp = await Tcp.open(port, options);
  tcp.write(text);
  const status = await tcp.status();
  tcp.destroy();
  return { status, text: tcp.text };
}

// A bare WebSocket that has joined "/", and has taken the example's greeting if there is one.
export async function guest(port, id, { greeting = false, claims } = {}) {
  const raw = await RawWebSocket.open(port);
  const answer = await raw.joinNamespace({ token: tokenFor(id, claims) });
  assert.match(answer, /^40\{"sid":"[\w-]{20}"\}$/);
  if (greeting) assert.match(await raw.nextPacket(), /^42\["connected",/);
  return raw;
}

// The answer to an event of a guest, parsed; acks only.
export async function reply(raw, ...args) {
  raw.send(`427${JSON.stringify(args)}`);
  for (;;) {
    const packet = await raw.nextPacket();
    if (packet === undefined) return undefined;
    if (packet.startsWith('437')) return JSON.parse(packet.slice(3))[0];
  }
}

// Strings are text packets, buffers attachments, { text } text frames of any bytes.
export function send(raw, packets) {
  for (const packet of packets) packet.text ? raw.send(packet.text, 1) : raw.send(packet);
}

export async function status(server) {
  const { code, stdout, stderr } = await lectern(['status', '--json', '--port', String(server.port)]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

// All that must be gone when clients are.
export function alive({ connections, sessions, namespaces, handlers, loop }) {
  return { connections, sessions, namespaces, tasks: handlers.tasks, timers: handlers.timers, deadlines: loop.timers };
}

// Waits until nothing lives in the server but what did `before`.
export async function assertSettled(server, before) {
  let now;
  const same = async () => {
    now = await status(server);
    return JSON.stringify(alive(now)) === JSON.stringify(alive(before));
  };
  await until(same, 'all is as before', 15_000).catch(() => assert.deepEqual(alive(now), alive(before)));
  return now;
}

// What the core has in use; 0 where a sanitizer has replaced malloc.
export const heapOf = ({ memory }) => memory.core;
