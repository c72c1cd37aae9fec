// The msgpack bundle of socket.io-client in a real browser, where other code reads and writes the
// bytes than in Node.js, on each transport, beside a default client.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { useServer, WAYS } from '../e2e/support/suite.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE } from '../e2e/support/wait.mjs';
import { useChromium } from './chromium.mjs';

const BUNDLE = fileURLToPath(new URL('../node_modules/socket.io-client/dist/socket.io.msgpack.min.js', import.meta.url));

// Runs in the page: a socket of the bundle, and what a test asks of it.
async function talk({ token, options, values, patience }) {
  const socket = window.io({ auth: { token }, ...options });
  const ask = (...args) => socket.timeout(5000 * patience).emitWithAck(...args);
  const heard = {};
  const waiting = {};
  socket.onAny((event, arg) => {
    heard[event] = arg;
    waiting[event]?.();
  });
  const hear = async (event) => {
    if (!(event in heard)) await new Promise((resolve) => (waiting[event] = resolve));
    return heard[event];
  };
  await new Promise((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
  const { engine } = socket.io;
  if (options.transports.length > 1 && engine.transport.name !== 'websocket') await new Promise((resolve) => engine.once('upgrade', resolve));
  socket.on('question', (question, answer) => answer({ file: new Uint8Array([5, 6]).buffer, question }));

  const back = [];
  for (const value of values) back.push(await ask('echo', value));
  const bytes = new Uint8Array(70_000).map((_, i) => i & 255);
  const { data, made } = await ask('bytes', { data: bytes.buffer });
  await ask('enter', 'mixed');
  await ask('send_to', { room: 'mixed', event: 'from_browser', args: [{ text: 'ä', bytes: new Uint8Array([1, 2]).buffer }] });
  const event = await hear('from_node');
  const asked = await ask('ask_me', 'why?');
  socket.disconnect();
  return {
    back,
    same: new Uint8Array(data).every((byte, i) => byte === bytes[i]) && data.byteLength === bytes.length,
    made: [...new Uint8Array(made)],
    event: { ...event, bytes: [...new Uint8Array(event.bytes)] },
    asked: { question: asked.answer.question, file: [...new Uint8Array(asked.answer.file)] },
    transport: socket.io.engine.transport.name,
  };
}

describe('the msgpack bundle', () => {
  const room = useServer({
    files: { 'public/index.html': '<!doctype html><title>msgpack</title><script src="msgpack.js"></script>', 'public/msgpack.js': readFileSync(BUNDLE) },
  });
  const browser = useChromium();

  for (const { way, options } of WAYS) {
    it(`talks with ${way}`, async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(room.url);
      const node = await room.join('node');
      await node.ask('enter', 'mixed');
      const values = [0, -1, 1.5, 255, 65536, 2 ** 53 - 1, -(2 ** 40), true, null, 'ÄÖÜ € 👩‍🏫', 'x'.repeat(300), [], {}, { a: [null, { b: {} }] }, Array(20).fill('y')];
      const told = page.evaluate(talk, { token: tokenFor('ada'), options, values, patience: PATIENCE });
      const sent = await Promise.race([node.hear('from_browser'), told.then(() => assert.fail('ended without a word'))]);
      assert.equal(sent.text, 'ä');
      assert.deepEqual([...sent.bytes], [1, 2]);
      await node.ask('send_to', { room: 'mixed', event: 'from_node', args: [{ text: 'ö', bytes: Buffer.from([3, 4]) }] });
      const { back, ...rest } = await told;
      assert.deepEqual(back, values);
      assert.deepEqual(rest, {
        same: true,
        made: [0, 1, 254, 255],
        event: { text: 'ö', bytes: [3, 4] },
        asked: { question: 'why?', file: [5, 6] },
        transport: options.transports.at(-1),
      });
      await context.close();
    });
  }
});
