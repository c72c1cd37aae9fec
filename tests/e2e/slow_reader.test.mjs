// A client that stops reading is cut off at its queue bound; the others get everything, in order.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { RawWebSocket } from './support/raw.mjs';
import { useServer, WAYS } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { until, within } from './support/wait.mjs';

async function slowReader(port) {
  const raw = await RawWebSocket.open(port);
  await raw.joinNamespace({ token: tokenFor('slow') });
  await raw.nextPacket();
  raw.send('421["enter","hall"]');
  assert.equal(await raw.nextPacket(), '431[true]');
  raw.stopReading();
  return raw;
}

describe('a slow reader', () => {
  const room = useServer({ args: ['--max-queue-bytes', '200000'] });

  const slow = () => slowReader(room.server.port);
  const present = async (person) => (await person.ask('send_to', { room: 'user:slow', event: 'x', args: [] })) > 0;

  for (const { way, options } of WAYS) {
    it(`is cut off, and the others never notice (${way})`, async () => {
      const [ada, bob] = [await room.join('ada', options), await room.join('bob', options)];
      for (const person of [ada, bob]) await person.ask('enter', 'hall');
      const raw = await slow();
      const size = 5000;
      let n = 0;
      // In portions that a reading client takes in time, until the slow one is gone.
      await until(async () => {
        for (let i = 0; i < 10; i++) {
          await ada.ask('send_to', { room: 'hall', event: 'lecture', args: [n++, 'x'.repeat(size)] });
        }
        return !(await present(bob));
      }, 'the slow reader is gone', 20_000);
      await ada.settle();
      await bob.settle();
      for (const person of [ada, bob]) {
        assert.deepEqual(person.heard('lecture'), Array.from({ length: n }, (_, i) => i));
        assert.deepEqual(person.heard('disconnect'), []);
      }
      raw.socket.resume();
      await within(5000, raw.closed, () => 'its connection is closed');
    });
  }

  it('volatile events are dropped instead', async () => {
    const ada = await room.join('ada');
    const raw = await slow();
    for (let i = 0; i < 20; i++) await ada.ask('flood', { room: 'hall', n: 100, size: 5000, volatile: true });
    assert.ok(await present(ada), 'the slow reader is still there');
    raw.destroy();
    await until(async () => !(await present(ada)), 'it left');
  });
});

describe('a large message to slow readers', () => {
  const room = useServer({ args: ['--max-queue-bytes', '40000000'] });

  it('is held once, however many do not read it', async () => {
    const ada = await room.join('ada');
    const readers = [];
    for (let i = 0; i < 20; i++) readers.push(await slowReader(room.server.port));
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${room.server.child.pid}/status`, 'latin1'))[1]) / 1024;
    const before = memory();
    assert.equal(await ada.ask('flood', { room: 'hall', n: 1, size: 20_000_000 }), 1);
    assert.ok((await ada.ask('send_to', { room: 'user:slow', event: 'x', args: [] })) > 0, 'they are still there');
    const more = memory() - before;
    for (const raw of readers) raw.destroy();
    assert.ok(more < 200, `${more.toFixed(0)} MB for 20 MB`);
  });
});
