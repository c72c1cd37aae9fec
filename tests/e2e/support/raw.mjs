// A WebSocket client on a bare TCP socket (RFC 6455, client side), for what no library would do:
// malformed packets, reading nothing at all. Text frames up to 64 KiB in one frame each way. `first` are bytes before
// the request; the other options are those of the socket.
import { once } from 'node:events';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { within } from './wait.mjs';

export class RawWebSocket {
  static async open(port, path = '/socket.io/?EIO=4&transport=websocket', headers = {}, { first, ...options } = {}) {
    const raw = new RawWebSocket();
    raw.socket = connect({ port, host: '127.0.0.1', ...options });
    raw.socket.on('error', () => {});
    raw.messages = [];
    raw.bytes = 0;
    raw.closeCode = undefined;
    raw.polite = true; // answers close frames, as the RFC wants
    raw.closed = new Promise((resolve) => raw.socket.once('close', resolve));
    raw.wake = () => {};
    await once(raw.socket, 'connect');
    if (first) raw.socket.write(first);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    raw.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n${lines.join('')}\r\n`,
    );
    let input = Buffer.alloc(0);
    raw.head = await new Promise((resolve, reject) => {
      const read = (chunk) => {
        input = Buffer.concat([input, chunk]);
        const end = input.indexOf('\r\n\r\n');
        if (end < 0) return;
        raw.socket.off('data', read);
        const head = input.subarray(0, end).toString();
        input = input.subarray(end + 4);
        resolve(head);
      };
      raw.socket.on('data', read);
      raw.socket.once('close', () => reject(new Error('closed before the answer')));
    });
    const take = (chunk) => {
      raw.bytes += chunk.length;
      input = Buffer.concat([input, chunk]);
      input = raw.parse(input);
      raw.wake();
    };
    raw.socket.on('data', take);
    take(Buffer.alloc(0));
    raw.socket.once('close', () => raw.wake());
    return raw;
  }

  parse(input) {
    for (;;) {
      if (input.length < 2) return input;
      let length = input[1] & 127;
      let at = 2;
      if (length === 126) {
        if (input.length < 4) return input;
        length = input.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (input.length < 10) return input;
        length = Number(input.readBigUInt64BE(2));
        at = 10;
      }
      if (input.length < at + length) return input;
      const body = input.subarray(at, at + length);
      const opcode = input[0] & 15;
      if (opcode === 8) {
        this.closeCode ??= body.length >= 2 ? body.readUInt16BE(0) : 1005;
        if (this.polite) this.send(body, 8);
      }
      if (opcode === 1 || opcode === 2) this.messages.push(opcode === 1 ? body.toString() : Buffer.from(body));
      input = input.subarray(at + length);
    }
  }

  send(data, opcode = typeof data === 'string' ? 1 : 2) {
    const body = Buffer.from(data);
    const mask = randomBytes(4);
    const head =
      body.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | body.length])
        : Buffer.from([0x80 | opcode, 0x80 | 126, body.length >> 8, body.length & 255]);
    const masked = Buffer.from(body.map((byte, i) => byte ^ mask[i & 3]));
    this.socket.write(Buffer.concat([head, mask, masked]));
  }

  // The next message; undefined when the connection ended.
  async next(ms = 5000) {
    const arrived = new Promise((resolve) => {
      this.wake = () => {
        if (this.messages.length > 0 || this.socket.closed || this.socket.destroyed) resolve();
      };
      this.wake();
    });
    await within(ms, arrived, () => 'no WebSocket message');
    return this.messages.shift();
  }

  // Answers pings until the next message of Socket.IO.
  async nextPacket(ms) {
    for (;;) {
      const message = await this.next(ms);
      if (message !== '2') return message;
      this.send('3');
    }
  }

  // Joins a namespace with a token; returns the answer.
  async joinNamespace(auth, prefix = '40') {
    const open = await this.nextPacket();
    if (!String(open).startsWith('0')) throw new Error(`no open packet: ${open}`);
    this.send(prefix + JSON.stringify(auth));
    return this.nextPacket();
  }

  stopReading() {
    this.socket.pause();
  }

  destroy() {
    this.socket.destroy();
  }
}
