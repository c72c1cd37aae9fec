// A process of its own: people who all connect within a short time, on bare WebSockets, so that their own work
// weighs little. For each, the milliseconds from opening the connection to the first event, and that event.
//
//   const { times, events } = await storm({ port, people, ms });
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { tokenFor } from './tokens.mjs';

const SELF = fileURLToPath(import.meta.url);

// people: how many, named s0, s1 … ms: over which time. They stay until all have heard something, or `patience` ms
// have passed since the last came.
export function storm(options) {
  const child = fork(SELF, [], { env: { ...process.env, STORM: JSON.stringify(options) } });
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the storm ended with ${code}`)));
  });
}

function frame(text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, Buffer.alloc(4), body]); // a mask of zeros
}

// One person; calls done(ms, event) with the first event.
function arrive(port, hello, done) {
  const began = performance.now();
  const socket = connect({ port, host: '127.0.0.1' });
  let input = '';
  let greeted = false;
  socket.on('error', () => {});
  socket.on('connect', () =>
    socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    ),
  );
  socket.on('data', (chunk) => {
    if (!done) return;
    input += chunk.toString('latin1');
    if (!greeted && input.includes('{"sid"')) {
      greeted = true;
      socket.write(hello);
    }
    const at = input.indexOf('42[');
    const end = at < 0 ? -1 : input.indexOf('}]', at);
    if (end < 0) return;
    done(performance.now() - began, Buffer.from(input.slice(at + 2, end + 2), 'latin1').toString());
    done = undefined;
  });
}

async function main({ port, people, ms, patience = 20_000 }) {
  const hellos = Array.from({ length: people }, (_, i) => frame(`40${JSON.stringify({ token: tokenFor(`s${i}`) })}`));
  const times = [];
  const events = [];
  const began = performance.now();
  await new Promise((resolve) => {
    let next = 0;
    const finish = setTimeout(resolve, ms + patience);
    const tick = setInterval(() => {
      const due = Math.min(people, Math.ceil(((performance.now() - began) / ms) * people));
      for (; next < due; next++) {
        const i = next;
        arrive(port, hellos[i], (time, event) => {
          times.push(time);
          events.push([i, event]);
          if (times.length === people) {
            clearTimeout(finish);
            resolve();
          }
        });
      }
      if (next === people) clearInterval(tick);
    }, 2);
  });
  process.send({ times, events, took: performance.now() - began }, () => process.exit(0));
}

if (process.env.STORM && process.send) await main(JSON.parse(process.env.STORM));
