// Clients that others have in use: each version of socket.io-client that spoke another dialect, and Python's. All
// unmodified, each beside a current client, by every transport.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { OldPerson } from './support/old_person.mjs';
import { lectern } from './support/process.mjs';
import { PythonPerson } from './support/python_person.mjs';
import { exchangeValues, upgraded, useServer, WAYS } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const require = createRequire(import.meta.url);
const plain = (data) => [...new Uint8Array(data)];
const BYTES = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255));
const BACK = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

async function packetsIn(room) {
  const { stdout } = await lectern(['status', '--json', '--port', String(room.server.port)]);
  return JSON.parse(stdout).counters.packets_in.total;
}

// The tests that every client passes. `them`: what makes it; `upgrade`: waits until one is on its last transport;
// `unordered`: it runs its handlers in threads; `staysAway`: it does not come back when the server closes it.
function passes(room, them, { upgrade, unordered = false, staysAway = false }) {
  it('values, acks, questions, binary', async () => {
    const ada = await room.join('ada', them);
    assert.equal(ada.connected.userId, 'ada');
    await exchangeValues(ada);
    assert.equal((await ada.ask('refuse')).error.code, 'not_now');
    ada.emit('refuse');
    assert.equal((await ada.hear('error')).code, 'not_now');
    assert.equal((await ada.ask('who_am_i')).id, ada.connected.socketId);

    const ack = await ada.ask('bytes', { data: BYTES });
    assert.deepEqual([plain(ack.data), plain(ack.made)], [[...BYTES], [0, 1, 254, 255]]);
    assert.deepEqual(plain((await ada.hear('bytes_came')).nested.list[0]), [...BYTES]);
    const many = Array.from({ length: 10 }, (_, i) => Buffer.from([i, 255]));
    assert.deepEqual((await ada.ask('echo', { many })).many.map(plain), many.map(plain));
  });

  it('rooms that it shares with a current client', async () => {
    const [ada, bob] = await Promise.all([room.join('ada', them), room.join('bob')]);
    for (const person of [ada, bob]) await person.ask('join_room', { room: 'course:1' });
    for (const [typist, other] of [[ada, bob], [bob, ada]]) {
      typist.emit('typing_start', { room: 'course:1' });
      assert.equal((await other.hear('typing_indicator', ({ userId }) => userId === typist.id)).isTyping, true);
      await typist.ask('send_to', { room: 'course:1', mine: true, event: 'picture', args: [BYTES], volatile: typist === ada });
      assert.deepEqual(plain(await other.hear('picture')), [...BYTES]);
    }
    await bob.ask('flood', { room: 'course:1', n: 100, size: 500 });
    for (let n = 0; n < 100; n++) await ada.hear('flood');
    const numbers = ada.heard('flood');
    if (unordered) numbers.sort((a, b) => a - b);
    assert.deepEqual(numbers, Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('is refused, and sent away', async () => {
    const kicked = async (close) => {
      const bob = await room.join('bob', them);
      bob.emit('kick', close);
      await bob.hear('disconnect');
    };
    const refusals = await Promise.all([
      room.client('ada', { ...them, token: 'bad' }).hear(['connect_error', 'error']),
      room.client('ada', { ...them, namespace: '/whiteboard', auth: { board: 'locked', token: tokenFor('ada') } }).hear(['connect_error', 'error']),
      kicked(false),
      kicked(true),
    ]);
    for (const [i, [message, code]] of [['Authentication error: this is not a token', 'unauthorized'], ['this board is locked', 'locked']].entries()) {
      if (typeof refusals[i] === 'string') assert.equal(refusals[i], message);
      else assert.deepEqual([refusals[i].message, refusals[i].data], [message, { code }]);
    }
  });

  it('stays by heartbeats, and comes back by itself after a restart', async () => {
    const ada = await room.join('ada', { ...them, ...BACK });
    await upgrade(ada);
    const answered = await packetsIn(room);
    await until(async () => (await packetsIn(room)) >= answered + 3, 'three answers to heartbeats');
    await ada.settle();
    assert.deepEqual(ada.heard('disconnect'), []);
    await room.restart();
    await ada.hear('disconnect');
    if (staysAway) return;
    assert.equal((await ada.hear('connected', undefined, 10_000)).userId, 'ada');
    await ada.settle();
  });
}

// A client that is killed takes no close packet: the server must not wait long for it.
const ARGS = ['--allow-eio3', 'true', '--ping-interval', '200', '--drain-timeout', '500'];
const HANDLERS = ['probe', 'whiteboard'];

// 4.0 speaks as 3 does.
for (const [name, ways] of [['socket.io-client-1', WAYS], ['socket.io-client-3', WAYS], ['socket.io-client-4.0', WAYS.slice(-1)]]) {
  const { version } = require(`${name}/package.json`);
  for (const { way, options } of ways) {
    describe(`socket.io-client ${version}, ${way}`, () => {
      const room = useServer({ args: ARGS, handlers: HANDLERS });
      const upgrade = (person) => options.transports.length > 1 && upgraded(person);
      passes(room, { ...options, library: require(name), old: name.endsWith('-1') }, { upgrade });
    });
  }
}

// engineio 4.3 takes a close packet, which only pollers get, for its own wish.
for (const [python, { way, options }] of [...WAYS.map((one) => ['threads', one]), ['asyncio', WAYS.at(-1)]]) {
  describe(`python3-socketio, on ${python}, ${way}`, () => {
    const room = useServer({ args: ARGS, handlers: HANDLERS });
    const last = options.transports.at(-1);
    const upgrade = (person) => until(async () => (await person.state())[0] === last, `it is on ${last}`);
    passes(room, { ...options, python, as: PythonPerson }, { upgrade, unordered: python === 'threads', staysAway: last === 'polling' });
  });
}

describe('python3-socketio', () => {
  const room = useServer({ args: ['--recovery-window', '60000'] });
  const them = { transports: ['websocket'], python: 'asyncio', as: PythonPerson };

  it('gives its token in a header, and knows its id', async () => {
    const ada = await room.join('ada', { ...them, header: true });
    assert.equal((await ada.state())[1], ada.connected.socketId);
  });

  it('finds the offset of recovery as last argument', async () => {
    const ada = await room.join('ada', them);
    await ada.ask('enter', 'r');
    await ada.ask('send_to', { room: 'r', event: 'said', args: ['x'] });
    const [text, offset] = await ada.hearAll('said');
    assert.equal(text, 'x');
    assert.match(offset, /^\d+$/);
  });
});
