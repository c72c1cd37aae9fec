// Events and answers: acks both ways, binary, refusals, crashes, rooms and broadcasts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { until } from './support/wait.mjs';

for (const { way, options } of WAYS) {
  describe(`events, ${way}`, () => {
    const room = useServer();

    it('values come back as they went', async () => {
      const ada = await room.join('ada', options);
      for (const value of [
        0, -1, 1.5, 1e21, 2 ** 53, 9007199254740991, 0.1, true, false, '', 'ÄÖÜ €', '👩‍🏫', 'a\u0000b', '\u2028', 'x'.repeat(70_000),
        [], {}, [[]], [{}], { a: [] }, { a: {} }, [1, [2, [3]]], { 1: 'one', 2: 'two' }, { 3: [true] }, [null, 1, null], { a: null }, { '': 1 },
      ]) {
        assert.deepEqual(await ada.ask('echo', value), value);
      }
    });

    it('acks: several results, none, late ones; null counts as an argument', async () => {
      const ada = await room.join('ada', options);
      const all = (event, ...args) => new Promise((resolve) => ada.emit(event, ...args, (...results) => resolve(results)));
      assert.deepEqual(await all('two_results'), [1, 'two']);
      assert.deepEqual(await all('no_result'), []);
      assert.deepEqual(await all('late_result'), ['late']);
      assert.equal(await ada.ask('count_arguments', 1, null, 'x', null), 4);
      const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ada.ask('echo', i)));
      assert.deepEqual(answers, Array.from({ length: 100 }, (_, i) => i));
    });

    it('the server asks the client', async () => {
      const ada = await room.join('ada', options);
      ada.socket.on('question', (question, answer) => answer({ question, answer: 42, list: [] }));
      const { answer } = await ada.ask('ask_me', 'why?');
      assert.deepEqual(answer, { question: 'why?', answer: 42, list: [] });
    });

    it('a client that does not answer times out; one that leaves ends the wait', async () => {
      const ada = await room.join('ada', options);
      const { code, answer } = await ada.ask('ask_me', 'anybody?', 0.1);
      assert.equal(code, 'timeout');
      assert.equal(answer, undefined);
      ada.emit('ask_me', 'and now?', 60);
      await ada.hear('question', (question) => question === 'and now?');
      ada.close();
      await (await room.join('bob', options)).settle();
    });

    it('binary, both ways, nested, in acks', async () => {
      const ada = await room.join('ada', options);
      const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255));
      const ack = await ada.ask('bytes', { data });
      assert.deepEqual(Buffer.from(ack.data), data);
      assert.deepEqual([...Buffer.from(ack.made)], [0, 1, 254, 255]);
      const event = await ada.hear('bytes_came');
      assert.equal(event.size, 5000);
      assert.deepEqual(Buffer.from(event.nested.list[0]), data);
      assert.equal(event.nested.list[1], 'text');
      assert.deepEqual(Buffer.from(await ada.ask('echo', Buffer.alloc(0))), Buffer.alloc(0));
      const many = Array.from({ length: 10 }, (_, i) => Buffer.from([i]));
      const back = await ada.ask('echo', { many });
      assert.deepEqual(back.many.map((bytes) => [...Buffer.from(bytes)]), many.map((bytes) => [...bytes]));
      ada.socket.on('question', (question, answer) => answer({ file: Buffer.from('client') }));
      const { answer } = await ada.ask('ask_me', { file: Buffer.from('server') });
      assert.equal(Buffer.from(answer.file).toString(), 'client');
    });

    it('binary to a room of all transports', async () => {
      const people = await Promise.all(WAYS.map((one, i) => room.join(`p${i}`, one.options)));
      for (const person of people) await person.ask('enter', 'pictures');
      const picture = Buffer.from('\x89PNG\0\xff', 'latin1');
      await people[0].ask('send_to', { room: 'pictures', event: 'picture', args: [{ picture, name: 'p' }] });
      for (const person of people) {
        const got = await person.hear('picture');
        assert.deepEqual(Buffer.from(got.picture), picture);
        assert.equal(got.name, 'p');
      }
    });

    it('refusals: as the ack, or as the event error', async () => {
      const ada = await room.join('ada', options);
      assert.deepEqual(await ada.ask('refuse'), { ok: false, error: { code: 'not_now', message: 'not today' } });
      ada.emit('refuse');
      assert.deepEqual(await ada.hear('error'), { event: 'refuse', code: 'not_now', message: 'not today' });
    });

    it('crashes hurt nobody and tell nothing but an id that the log knows', async () => {
      const [ada, bob] = [await room.join('ada', options), await room.join('bob', options)];
      for (const event of ['crash', 'crash_later', 'throw_table']) {
        const { ok, error } = await ada.ask(event);
        assert.equal(ok, false);
        assert.equal(error.code, 'internal_error');
        assert.ok(error.id, JSON.stringify(error));
        assert.doesNotMatch(JSON.stringify(error), /lua|secret|nothing|crashed/);
        await room.server.logged(new RegExp(error.id));
      }
      await room.server.logged(/zz_probe\.lua:\d+: .*nil value/);
      await room.server.logged(/zz_probe\.lua:\d+: crashed after waiting/);
      ada.emit('crash');
      const error = await ada.hear('error');
      assert.equal(error.event, 'crash');
      assert.equal(error.code, 'internal_error');
      await ada.settle();
      await bob.settle();
    });

    it('events that nobody handles are not answered and do no harm', async () => {
      const ada = await room.join('ada', options);
      ada.emit('no_such_event', { a: 1 });
      ada.emit('start');
      ada.emit('stop');
      await assert.rejects(ada.socket.timeout(300).emitWithAck('no_such_event'), /timed out/);
      await ada.settle();
    });

    it('timers reach the client', async () => {
      const ada = await room.join('ada', options);
      ada.emit('tick');
      await ada.hear('ticked');
    });
  });
}

describe('broadcasts', () => {
  const room = useServer();
  // Four people: a and b in red, b and c in blue, d in none. Returns who got an event.
  async function class4() {
    const people = {};
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) people[name] = await room.join(name, WAYS[i % WAYS.length].options);
    for (const name of ['a', 'b']) await people[name].ask('enter', 'red');
    for (const name of ['b', 'c']) await people[name].ask('enter', 'blue');
    return people;
  }
  async function receivers(people, how) {
    const event = `ping${Math.random()}`;
    await people.b.ask('send_to', { event, args: [how], ...how });
    for (const person of Object.values(people)) await person.settle();
    return Object.entries(people)
      .map(([name, person]) => name.repeat(person.heard(event).length))
      .join('');
  }

  it('to everybody, rooms, unions, without rooms, without the sender', async () => {
    const people = await class4();
    for (const [how, expected] of [
      [{}, 'abcd'],
      [{ mine: true }, 'acd'],
      [{ room: 'red' }, 'ab'],
      [{ room: ['red', 'blue'] }, 'abc'],
      [{ room: ['red', 'red'] }, 'ab'],
      [{ room: 'red', mine: true }, 'a'],
      [{ except: 'red' }, 'cd'],
      [{ except: ['red', 'blue'] }, 'd'],
      [{ room: 'blue', except: 'red' }, 'c'],
      [{ room: 'nobody' }, ''],
      [{ room: people.d.socket.id }, 'd'],
      [{ room: 'user:a' }, 'a'],
      [{ except: people.d.socket.id, mine: true }, 'ac'],
    ]) {
      assert.equal(await receivers(people, how), expected, JSON.stringify(how));
    }
  });

  it('says how many receive, and no more after leaving', async () => {
    const people = await class4();
    const send = () => people.d.ask('send_to', { room: 'red', event: 'x', args: [] });
    assert.equal(await send(), 2);
    await people.a.ask('exit', 'red');
    assert.equal(await send(), 1);
    people.b.close();
    await until(async () => (await send()) === 0, 'nobody is there');
  });

  it('volatile ones arrive when the client can receive', async () => {
    const people = await class4();
    await people.d.ask('send_to', { room: 'blue', event: 'maybe', args: [1], volatile: true });
    assert.equal(await people.b.hear('maybe'), 1);
  });

  it('a thousand in a row, in order, to all transports', async () => {
    const people = await class4();
    for (const person of Object.values(people)) await person.ask('enter', 'all');
    await people.a.ask('flood', { room: 'all', n: 1000, size: 100 });
    for (const person of Object.values(people)) {
      await person.settle();
      assert.deepEqual(person.heard('flood'), Array.from({ length: 1000 }, (_, i) => i + 1));
    }
  });
});
