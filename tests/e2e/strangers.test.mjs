// What clients that have joined nothing can make the server hold: bodies and messages, in part or whole.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, it } from 'node:test';
import { RawWebSocket } from './support/raw.mjs';
import { useServer } from './support/suite.mjs';
import { sleep } from './support/wait.mjs';

const STRANGERS = 300;
const POLLING = '/socket.io/?EIO=4&transport=polling';

describe('strangers', () => {
  const room = useServer({ example: false });
  const proc = (name) => readFileSync(`/proc/${room.server.child.pid}/${name}`, 'utf8');
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(proc('status'))[1]) / 1024;
  const holdsLittle = async (act) => {
    const before = memory();
    const ends = await Promise.all(Array.from({ length: STRANGERS }, act));
    await sleep(300);
    const more = memory() - before;
    for (const end of ends) end();
    if (!/asan/.test(proc('maps'))) assert.ok(more < 30, `${more.toFixed(1)} MB for ${STRANGERS} strangers`);
    await (await room.join('ada')).settle();
  };
  const poll = async () => JSON.parse((await (await fetch(room.url + POLLING)).text()).slice(1)).sid;
  const send = (text) =>
    new Promise((resolve) => {
      const socket = net.connect({ port: room.server.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(text, () => resolve(() => socket.destroy()));
    });

  it('announce bodies that they do not finish', () =>
    holdsLittle(async () => send(`POST ${POLLING}&sid=${await poll()} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n${'4'.repeat(800_000)}`)));

  it('send chunks without end', () =>
    holdsLittle(async () => {
      const chunk = `2000\r\n${'4'.repeat(0x2000)}\r\n`;
      return send(`POST ${POLLING}&sid=${await poll()} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(100)}`);
    }));

  it('begin messages by WebSocket that they do not finish', () =>
    holdsLittle(async () => {
      const raw = await RawWebSocket.open(room.server.port);
      raw.socket.on('error', () => {});
      raw.socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x0d, 0xbb, 0xa0, 0, 0, 0, 0])); // 900,000 bytes
      for (let i = 0; i < 50 && !raw.socket.destroyed; i++) raw.socket.write(Buffer.alloc(16_000, '4'));
      return () => raw.destroy();
    }));
});
