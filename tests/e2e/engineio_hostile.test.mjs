// Clients that do not play along cost themselves, and nobody else.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  assertGone, openPolling, openWebSocket, PATIENCE, poll, post, probe, settle, startEcho, webSocket,
} from './engineio_support.mjs';

let server;
let hasty; // with upgrades
before(async () => {
  server = await startEcho('--max-queue', '1000000');
  hasty = await startEcho('--upgrade-timeout', '800');
});
after(() => Promise.all([server, hasty].map((one) => one?.stop())));

describe('a slow reader', () => {
  it('by WebSocket is cut off at its bound, and others never notice', async () => {
    const slow = await openWebSocket(server);
    const well = await openWebSocket(server);
    slow.pause();
    const message = '4' + 'x'.repeat(100000);
    let cut = false;
    slow.closed.then(() => (cut = true));
    // The kernel's buffers take a few megabytes before ours begin to fill.
    for (let i = 0; i < 300 && !cut && slow.readyState === slow.OPEN; i++) {
      slow.send(message);
      well.send(`4${i}`);
      assert.equal(await well.next(), `4${i}`);
    }
    await assertGone(server, slow.handshake.sid);
    slow.terminate();
    well.send('4still');
    assert.equal(await well.next(), '4still');
    well.close();
    await well.closed;
  });

  it('by polling, too', async () => {
    const sid = await openPolling(server);
    const message = '4' + 'x'.repeat(100000);
    let last;
    for (let i = 0; i < 20; i++) {
      last = await post(server, sid, message);
      if (last.status !== 200) break;
    }
    assert.equal(last.status, 400);
    await assertGone(server, sid);
  });
});

describe('a probe', () => {
  it('that does not finish is dropped in time, and the session goes on', async () => {
    const sid = await openPolling(hasty);
    const from = performance.now();
    const ws = await probe(hasty, sid);
    assert.equal((await ws.closed).code, 1005);
    const took = performance.now() - from;
    assert.ok(took > 780 && took < 800 + 2000 * PATIENCE, `${took} ms`);
    await post(hasty, sid, '4still');
    assert.equal((await poll(hasty, sid)).text, '4still');
  });

  it('that says nothing does not make polls spin', async () => {
    const sid = await openPolling(server);
    const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    await ws.opened;
    // Some are answered at once, for a client that upgrades soon; then one each 100 ms.
    const from = performance.now();
    const polls = 30;
    for (let i = 0; i < polls; i++) assert.equal((await poll(server, sid)).text, '6');
    const took = performance.now() - from;
    assert.ok(took > (polls - 20 - 2) * 100, `${polls} polls in ${took} ms`);
    ws.terminate();
  });

  it('that goes away costs nothing', async () => {
    const sid = await openPolling(server);
    for (let i = 0; i < 20; i++) {
      const ws = await probe(server, sid);
      ws.terminate();
      await ws.closed;
      await settle(server);
    }
    await post(server, sid, '4still');
    assert.equal((await poll(server, sid)).text, '4still');
  });
});

it('many handshakes that are left at once leave nothing behind', async () => {
  await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const ws = webSocket(server);
      if (i % 2) await ws.next();
      ws.terminate();
      await ws.closed;
    }),
  );
  const ws = await openWebSocket(server);
  ws.send('4still');
  assert.equal(await ws.next(), '4still');
  ws.close();
  await ws.closed;
});
