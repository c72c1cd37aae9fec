// Clients that do not play along cost themselves, and nobody else.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  assertGone, openPolling, openWebSocket, poll, post, probe, sleep, startEcho, webSocket,
} from './engineio_support.mjs';

let server;
before(async () => {
  server = await startEcho('--max-queue', '1000000', '--upgrade-timeout', '300');
});
after(() => server.stop());

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
    const sid = await openPolling(server);
    const from = performance.now();
    const ws = await probe(server, sid);
    assert.equal((await ws.closed).code, 1005);
    const took = performance.now() - from;
    assert.ok(took > 280 && took < 800, `${took} ms`);
    await post(server, sid, '4still');
    assert.equal((await poll(server, sid)).text, '4still');
  });

  it('that says nothing does not make polls spin', async () => {
    const sid = await openPolling(server);
    const ws = webSocket(server, `?EIO=4&transport=websocket&sid=${sid}`);
    await ws.opened;
    let polls = 0;
    const until = performance.now() + 150;
    while (performance.now() < until) {
      assert.equal((await poll(server, sid)).text, '6');
      polls++;
    }
    assert.ok(polls >= 5 && polls <= 23, `${polls} polls`);
    ws.terminate();
  });

  it('that goes away costs nothing', async () => {
    const sid = await openPolling(server);
    for (let i = 0; i < 20; i++) {
      const ws = await probe(server, sid);
      ws.terminate();
      await ws.closed;
      await sleep(5);
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
