// The browser bundle of socket.io-client 2 in a real browser, where binary is Blobs and ArrayBuffers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Server } from '../e2e/support/process.mjs';
import { Scripts } from '../e2e/support/scripts.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { PATIENCE } from '../e2e/support/wait.mjs';
import { useChromium } from './chromium.mjs';

const client = createRequire(import.meta.url).resolve('socket.io-client-2/package.json');

// Runs in the page.
async function talk({ token, options }) {
  const socket = window.io({ query: { token }, reconnection: false, ...options });
  const failed = new Promise((_, reject) => {
    for (const event of ['error', 'connect_error', 'disconnect']) socket.on(event, (what) => reject(new Error(`${event}: ${what}`)));
  });
  const ask = (...args) => Promise.race([failed, new Promise((resolve) => socket.emit(...args, resolve))]);
  const list = async (data) => [...new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data)];
  const { engine } = socket.io;
  const upgrade = options.transports.length > 1 && new Promise((resolve) => engine.once('upgrade', resolve));
  await Promise.race([failed, new Promise((resolve) => socket.on('connect', resolve))]);
  const echoes = [];
  const talkAll = async () => {
    for (const data of [new Uint8Array([0, 1, 254, 255]).buffer, new ArrayBuffer(0), new Blob([new Uint8Array([9])])]) {
      echoes.push(await list((await ask('echo', { data })).data));
    }
    echoes.push(await ask('echo', 'é€😀'));
  };
  await talkAll();
  await Promise.race([failed, upgrade]);
  await talkAll();
  const me = await ask('who_am_i');
  const result = { echoes, transport: engine.transport.name, user: me.user.id, same: me.id === socket.id };
  socket.off('disconnect');
  socket.close();
  return result;
}

describe('socket.io-client 2 in a browser', () => {
  const browser = useChromium();
  let scripts;
  let server;
  before(async () => {
    const bundle = readFileSync(path.join(path.dirname(client), 'dist/socket.io.js'), 'utf8');
    scripts = new Scripts({
      example: false,
      files: { 'public/index.html': '<!doctype html><script src="socket.io.js"></script>', 'public/socket.io.js': bundle },
    });
    server = await Server.start({ dir: scripts.dir, args: ['--allow-eio3', 'true'] });
  });
  after(async () => {
    await server?.stop();
    scripts?.remove();
  });

  for (const [transport, options] of [
    ['polling', { transports: ['polling'] }],
    ['websocket', { transports: ['websocket'] }],
    ['websocket', { transports: ['polling', 'websocket'] }],
    ['polling', { transports: ['polling'], forceBase64: true }],
  ]) {
    it(JSON.stringify(options), async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      page.setDefaultTimeout(8000 * PATIENCE);
      await page.goto(server.url);
      const once = [[0, 1, 254, 255], [], [9], 'é€😀'];
      assert.deepEqual(await page.evaluate(talk, { token: tokenFor('ada'), options }), {
        echoes: [...once, ...once],
        transport,
        user: 'ada',
        same: true,
      });
      await context.close();
    });
  }
});
