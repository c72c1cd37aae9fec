// What `lectern status` says of a server that is in use.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lectern } from './support/process.mjs';
import { upgraded, useServer } from './support/suite.mjs';
import { until } from './support/wait.mjs';

describe('status', () => {
  const room = useServer({ handlers: ['probe', 'whiteboard'], example: false, files: { 'handlers/zz_busy.lua': 'return { on_busy = function(_, s) local e = os.clock() + s while os.clock() < e do end return true end }' } });
  const ask = async (...args) => {
    const { code, stdout, stderr } = await lectern(['status', '--port', String(room.server.port), ...args]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const status = async () => JSON.parse(await ask('--json'));

  it('counts clients, rooms and events', async () => {
    await room.join('ada', { transports: ['polling'] });
    const bob = await room.join('bob', { transports: ['websocket'] });
    await upgraded(await room.join('eve'));
    await bob.ask('enter', 'a');
    await bob.ask('enter', 'b');
    const before = await status();
    assert.deepEqual(before.sessions, { polling: 1, websocket: 2, closing: 0 });
    assert.ok(before.connections >= 3);
    assert.deepEqual(before.namespaces['/'], { sockets: 3, rooms: 2 });
    assert.deepEqual(before.namespaces['/whiteboard'], { sockets: 0, rooms: 0 });
    assert.equal(before.pid, room.server.child.pid);
    assert.equal(before.port, room.server.port);
    assert.equal(before.state, 'serving');
    for (let i = 0; i < 100; i++) bob.emit('echo', i);
    await bob.settle();
    const later = await status();
    assert.equal(later.counters.events_in.total - before.counters.events_in.total, 101);
    await until(async () => {
      for (let i = 0; i < 100; i++) bob.emit('echo', i);
      await bob.settle();
      return (await status()).counters.events_in.perSecond > 5;
    }, 'some events a second');
    assert.ok(later.memory.rss > 5e6 && later.memory.handlers > 1e4 && later.memory.handlersMax > later.memory.handlers);
  });

  it('knows which handlers serve, and how late the loop was', async () => {
    const before = await status();
    assert.ok(before.handlers.functions > 5);
    await room.server.reload();
    assert.equal((await status()).handlers.generation, before.handlers.generation + 1);
    const ada = await room.join('ada');
    const { loop } = await until(async () => {
      await ada.ask('busy', 0.4);
      const now = await status();
      return now.loop.lagMs >= 300 && now; // of a second that is over
    }, 'a turn of 0.4 s shows');
    assert.ok(loop.lagMs < 5000, `${loop.lagMs}`);
    assert.ok(loop.busy > 0.02 && loop.busy <= 1, `${loop.busy}`);
  });

  it('is readable', async () => {
    await room.join('ada');
    const text = await ask();
    for (const line of [/^lectern \S+, process \d+, port \d+, serving, up /, /^clients +1: /m, /^events +\d+\.\d in, /m, /^loop lag +\d+\.\d ms at most, busy \d/m, /^memory +\d/m, /^\/whiteboard +0 +0$/m, /^events_in +\d+ +\d/m])
      assert.match(text, line);
  });

  it('complains when there is no server', async () => {
    const { code, stderr } = await lectern(['status', '--port', '1']);
    assert.equal(code, 1);
    assert.match(stderr, /no server of yours runs on port 1/);
  });
});
