// Clients with the msgpack parser, unmodified, beside others in the same rooms: nothing is set for them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import parser from 'socket.io-msgpack-parser';
import { RawWebSocket } from './support/raw.mjs';
import { upgraded, useServer, WAYS } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { once, PATIENCE, until, within } from './support/wait.mjs';

// Asks a room; what each person answered.
const SURVEY = `
local lectern = require "lectern"
local M = {}
function M.on_survey(_, room, ...)
  local answers, missing = lectern.to(room):emit_with_ack("question", ...)
  local by_name = { missing = #missing }
  for _, answer in ipairs(answers) do by_name[answer.socket.user.id] = answer.value end
  return by_name
end
return M
`;

const bytesOf = (data) => [...Buffer.from(data)];

for (const { way, options } of WAYS) {
  describe(`msgpack, ${way}`, () => {
    const room = useServer({ handlers: ['probe', 'whiteboard'], files: { 'handlers/zz_survey.lua': SURVEY } });
    const join = (id, more) => room.join(id, { ...options, ...more, parser });

    it('values come back as they went', async () => {
      const ada = await join('ada');
      for (const value of [
        0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31),
        -(2 ** 31) - 1, -(2 ** 53) + 1, 1.5, 0.1, -1e-300, true, false, null, '', 'ÄÖÜ €', '👩‍🏫', 'a\u0000b"\\', '\u2028', 'x'.repeat(31), 'x'.repeat(32),
        'x'.repeat(255), 'x'.repeat(256), 'ä'.repeat(70_000), [], {}, [[]], [{}], { a: [] }, { a: {} }, [1, [2, [3]]], { 1: 'one', 2: 'two' },
        { 3: [true] }, [null, 1, null], { a: null }, { '': 1 }, Array.from({ length: 16 }, (_, i) => i), Array.from({ length: 70_000 }, () => 7),
        Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, { i }])), { _placeholder: true, num: 0 },
      ]) {
        assert.deepEqual(await ada.ask('echo', value), value);
      }
      assert.deepEqual(await ada.ask('echo', { gone: undefined, list: [undefined] }), { list: [null] });
      assert.equal(await ada.ask('echo', new Date(1700000000123)), '2023-11-14T22:13:20.123Z');
    });

    it('acks both ways, late ones, none, time-outs', async () => {
      const ada = await join('ada');
      const all = (event, ...args) => new Promise((resolve) => ada.emit(event, ...args, (...results) => resolve(results)));
      assert.deepEqual(await all('two_results'), [1, 'two']);
      assert.deepEqual(await all('no_result'), []);
      assert.deepEqual(await all('late_result'), ['late']);
      assert.equal(await ada.ask('count_arguments', 1, null, 'x', null), 4);
      ada.socket.on('question', (question, answer) => question === 'why?' && answer({ question, file: Buffer.from('client') }));
      const { answer } = await ada.ask('ask_me', 'why?');
      assert.equal(answer.question, 'why?');
      assert.equal(Buffer.from(answer.file).toString(), 'client');
      assert.equal((await ada.ask('ask_me', 'anybody?', 0.1)).code, 'timeout');
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ada.ask('echo', i)));
      assert.deepEqual(answers, Array.from({ length: 50 }, (_, i) => i));
    });

    it('binary, both ways, nested, in acks', async () => {
      const ada = await join('ada');
      const data = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 255));
      const ack = await ada.ask('bytes', { data });
      assert.deepEqual(Buffer.from(ack.data), data);
      assert.deepEqual(bytesOf(ack.made), [0, 1, 254, 255]);
      const event = await ada.hear('bytes_came');
      assert.equal(event.size, 70_000);
      assert.deepEqual(Buffer.from(event.nested.list[0]), data);
      assert.equal(event.nested.list[1], 'text');
      assert.deepEqual(bytesOf(await ada.ask('echo', Buffer.alloc(0))), []);
      assert.deepEqual(bytesOf(await ada.ask('echo', new Uint8Array([7, 8, 9]).buffer)), [7, 8, 9]);
      const many = Array.from({ length: 10 }, (_, i) => Buffer.from([i]));
      const back = await ada.ask('echo', { many, last: 1 });
      assert.deepEqual(back.many.map(bytesOf), many.map(bytesOf));
      assert.equal(back.last, 1);
    });

    it('refusals, crashes and a refused token', async () => {
      const ada = await join('ada');
      assert.deepEqual(await ada.ask('refuse'), { ok: false, error: { code: 'not_now', message: 'not today' } });
      ada.emit('refuse');
      assert.deepEqual(await ada.hear('error'), { event: 'refuse', code: 'not_now', message: 'not today' });
      const eve = room.client('eve', { ...options, parser, token: 'no token' });
      const error = await eve.hear('connect_error');
      assert.equal(error.data.code, 'unauthorized');
    });

    it('namespaces, and being shown out', async () => {
      const ada = await join('ada');
      const board = ada.socket.io.socket('/whiteboard', { auth: { ...ada.socket.auth, board: 'b7' } });
      await once(board, 'connect');
      const bob = await room.join('bob', { namespace: '/whiteboard' });
      assert.deepEqual(await board.timeout(5000 * PATIENCE).emitWithAck('stroke', [1, Buffer.from('x')]), { board: 'b7' });
      const [who, stroke] = await bob.hearAll('stroke');
      assert.deepEqual([who, stroke[0], bytesOf(stroke[1])], ['ada', 1, [0x78]]);
      board.disconnect();
      await ada.settle();
      const lost = room.client('lost', { ...options, parser, namespace: '/nowhere' });
      assert.equal((await lost.hear('connect_error')).message, 'Invalid namespace');
      for (const close of [false, true]) {
        const eve = await join('eve');
        eve.emit('kick', close);
        assert.equal(await eve.hear('disconnect'), 'io server disconnect');
      }
    });

    it('rooms of all kinds of clients', async () => {
      const people = [await join('ada'), await join('bob')];
      for (const [i, one] of WAYS.entries()) people.push(await room.join(`p${i}`, one.options));
      if (way.includes('upgraded')) await upgraded(people[0]);
      for (const person of people) await person.ask('enter', 'mixed');
      const picture = Buffer.from('\x89PNG\0\xff', 'latin1');
      for (const sender of [people[0], people[2]]) {
        await sender.ask('send_to', { room: 'mixed', event: 'picture', args: [{ name: 'p', picture, list: [1, [], {}] }] });
        await sender.ask('send_to', { room: 'mixed', event: 'maybe', args: [sender.id], volatile: true });
        for (const person of people) {
          const got = await person.hear('picture');
          assert.deepEqual(bytesOf(got.picture), bytesOf(picture));
          assert.deepEqual({ ...got, picture: 0 }, { name: 'p', picture: 0, list: [1, [], {}] });
        }
      }
      assert.equal(await people[3].hear('maybe', (id) => id === 'ada'), 'ada');
      for (const person of people) person.socket.on('question', (file, reply) => reply({ id: person.id, size: file.length ?? file.byteLength, file }));
      const { missing, ...answers } = await people[1].ask('survey', 'mixed', picture);
      assert.deepEqual([missing, Object.keys(answers).sort()], [0, ['ada', 'bob', 'p0', 'p1', 'p2']]);
      for (const [id, answer] of Object.entries(answers)) assert.deepEqual([answer.id, answer.size, bytesOf(answer.file)], [id, picture.length, bytesOf(picture)]);
      await people[1].ask('flood', { room: 'mixed', n: 300, size: 100 });
      for (const person of people) {
        await person.settle();
        assert.deepEqual(person.heard('flood'), Array.from({ length: 300 }, (_, i) => i + 1));
      }
    });
  });
}

describe('msgpack in base64', () => {
  const room = useServer();

  for (const { way, options } of WAYS) {
    it(`is the same (${way})`, async () => {
      const ada = await room.join('ada', { ...options, parser, forceBase64: true });
      const { data } = await ada.ask('bytes', { data: Buffer.from([0, 200, 255]) });
      assert.deepEqual(bytesOf(data), [0, 200, 255]);
    });
  }
});

describe('msgpack with recovery', () => {
  const room = useServer({ args: ['--recovery-window', '120000'] });

  for (const { way, options } of WAYS) {
    it(`gives back what was missed, bytes too, in order (${way})`, async () => {
      const bob = await room.join('bob');
      const ada = await room.join('ada', { ...options, parser });
      if (way.includes('upgraded')) await upgraded(ada);
      await ada.ask('enter', 'r');
      for (const round of [1, 2]) {
        const { id } = ada.socket;
        await bob.ask('send_to', { room: 'r', event: 'n', args: [`${round}a`] });
        await ada.settle();
        const { engine } = ada.socket.io;
        if (engine.transport.name === 'websocket') engine.transport.ws._socket.destroy();
        else engine.close();
        await ada.hear('disconnect');
        await until(async () => (await bob.ask('send_to', { room: 'r', event: 'nobody', args: [] })) === 0, 'ada is gone');
        await bob.ask('send_to', { room: 'r', event: 'n', args: [`${round}b`] });
        await bob.ask('send_to', { room: 'r', event: 'n', args: [Buffer.from(`${round}c`)] });
        await bob.ask('send_to', { event: 'n', args: [`${round}d`] });
        ada.socket.connect();
        await ada.hear('connect');
        assert.equal(ada.socket.recovered, true);
        assert.equal(ada.socket.id, id);
        await ada.settle();
      }
      assert.deepEqual(ada.heard('n').map(String), ['1a', '1b', '1c', '1d', '2a', '2b', '2c', '2d']);
    });
  }
});

describe('msgpack that is none', () => {
  const room = useServer();
  const packet = (value) => Buffer.from(new parser.Encoder().encode(value)[0]);

  async function open(joined) {
    const raw = await RawWebSocket.open(room.server.port);
    assert.match(await raw.nextPacket(), /^0/);
    if (joined) {
      raw.send(packet({ type: 0, data: { token: tokenFor('ada') }, nsp: '/' }));
      let answer;
      const decoder = new parser.Decoder();
      decoder.on('decoded', (decoded) => (answer = decoded));
      decoder.add(await raw.nextPacket());
      assert.equal(answer.type, 0);
      assert.equal(answer.data.sid.length, 20);
    }
    return raw;
  }

  it('closes the connection, and that alone', async () => {
    const bob = await room.join('bob', { parser });
    const nested = (depth) => (depth ? [nested(depth - 1)] : []);
    for (const [joined, data] of [
      [false, Buffer.from([0xc1])],
      [false, Buffer.alloc(0)],
      [false, Buffer.from('40')],
      [false, Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
      [false, packet({ type: 2, data: ['early'], nsp: '/' })],
      [true, '42["text"]'],
      [true, Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
      [true, packet({ type: 0, nsp: '/' })],
      [true, packet({ type: 2, data: [], nsp: '/' })],
      [true, packet({ type: 2, data: ['disconnect'], nsp: '/' })],
      [true, packet({ type: 2, data: ['x', nested(70)], nsp: '/' })],
      [true, packet({ type: 2, data: ['x', ...Array.from({ length: 11 }, () => Buffer.from('b'))], nsp: '/' })],
      [true, packet({ type: 3, id: -1, data: [], nsp: '/' })],
      [true, packet({ type: 4, data: { message: 'no' }, nsp: '/' })],
      [true, packet({ type: 5, data: ['x'], nsp: '/' })],
      [true, Buffer.concat([packet({ type: 2, data: ['x'], nsp: '/' }), Buffer.from([0])])],
    ]) {
      const raw = await open(joined);
      raw.send(data);
      await within(5000, raw.closed, () => `still open after ${data.toString('latin1').slice(0, 60)}`);
      raw.destroy();
    }
    await bob.settle();
  });

  it('but keys that are numbers, bytes, nil or bool are strings, as python-socketio sends them', async () => {
    const raw = await open(true);
    const map = Buffer.from('8501a161ffa162cb3ff8000000000000a163c4026162a164c3a165', 'hex');
    const ask = packet({ type: 2, id: 7, data: ['echo', 'here'], nsp: '/' });
    const at = ask.indexOf(packet('here'));
    raw.send(Buffer.concat([ask.subarray(0, at), map, ask.subarray(at + 5)]));
    let ack;
    const decoder = new parser.Decoder();
    decoder.on('decoded', (decoded) => (ack = decoded));
    while (ack?.type !== 3) decoder.add(await raw.nextPacket());
    assert.deepEqual(ack.data, [{ 1: 'a', '-1': 'b', 1.5: 'c', ab: 'd', true: 'e' }]);
    raw.destroy();
  });

  it('a default client may not send it later', async () => {
    const raw = await RawWebSocket.open(room.server.port);
    assert.match(await raw.joinNamespace({ token: tokenFor('ada') }), /^40/);
    raw.send(packet({ type: 2, data: ['echo'], nsp: '/' }));
    await within(5000, raw.closed, () => 'still open');
    raw.destroy();
  });
});
