// Socket.IO 2 clients, with allow_eio3: the unmodified socket.io-client 2.5, beside newer ones.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { exchangeValues, upgraded, useServer, WAYS } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { once, until } from './support/wait.mjs';

const { version } = createRequire(import.meta.url)('socket.io-client-2/package.json');

const OLD_WAYS = [...WAYS, ...WAYS.map(({ way, options }) => ({ way: `${way}, base64`, options: { ...options, forceBase64: true } }))].map(
  ({ way, options }) => ({ way, options: { ...options, old: true } }),
);
const ALLOW = ['--allow-eio3', 'true'];
const bytes = (...list) => Buffer.from(list);
const plain = (data) => [...new Uint8Array(data)];

for (const { way, options } of OLD_WAYS) {
  describe(`socket.io-client ${version}, ${way}`, () => {
    const room = useServer({ args: [...ALLOW, '--ping-interval', '300', '--ping-timeout', '2000'] });

    it('values and acks, both ways', async () => {
      const ada = await room.join('ada', options);
      assert.equal(ada.connected.userId, 'ada');
      await exchangeValues(ada);
      const { ok, error } = await ada.ask('refuse');
      assert.deepEqual([ok, error.code], [false, 'not_now']);
    });

    it('binary, both ways, nested, in acks', async () => {
      const ada = await room.join('ada', options);
      const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 255));
      const ack = await ada.ask('bytes', { data });
      assert.deepEqual(plain(ack.data), [...data]);
      assert.deepEqual(plain(ack.made), [0, 1, 254, 255]);
      const event = await ada.hear('bytes_came');
      assert.deepEqual(plain(event.nested.list[0]), [...data]);
      const many = Array.from({ length: 10 }, (_, i) => bytes(i, 255));
      assert.deepEqual((await ada.ask('echo', { many })).many.map(plain), many.map(plain));
      ada.socket.on('question', (question, answer) => answer({ file: Buffer.from('client'), was: question.file }));
      const { answer } = await ada.ask('ask_me', { file: Buffer.from('server') });
      assert.equal(Buffer.from(answer.file).toString(), 'client');
      assert.equal(Buffer.from(answer.was).toString(), 'server');
    });

    it('stays by its own heartbeats', async () => {
      const ada = await room.join('ada', options);
      if (options.transports.length > 1) await upgraded(ada);
      let pongs = 0;
      ada.socket.on('pong', () => pongs++);
      await until(() => pongs >= 3, 'three pongs');
      await ada.settle();
      assert.deepEqual(ada.heard('disconnect'), []);
    });

    it('leaves, is sent away, and comes back by itself after a restart', async () => {
      const ada = await room.join('ada', options);
      ada.close();
      assert.equal(await ada.hear('disconnect'), 'io client disconnect');
      for (const close of [false, true]) {
        const bob = await room.join('bob', options);
        bob.emit('kick', close);
        assert.equal(await bob.hear('disconnect'), 'io server disconnect');
      }
      const zoe = await room.join('zoe', { ...options, reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
      if (options.transports.length > 1) await upgraded(zoe);
      const before = zoe.socket.id;
      await room.restart();
      await zoe.hear('disconnect');
      await zoe.hear('connected', undefined, 10_000);
      assert.notEqual(zoe.socket.id, before);
      await zoe.settle();
    });
  });
}

describe('older and newer clients in one room', () => {
  const room = useServer({ args: ALLOW });

  it('hear each other, text and binary', async () => {
    const people = await Promise.all([...OLD_WAYS, ...WAYS].map(({ options }, i) => room.join(`p${i}`, options)));
    await Promise.all(people.map((person) => person.ask('enter', 'class')));
    const senders = [people[0], people[1], people.at(-1)];
    for (const sender of senders) {
      const picture = bytes(0, 1, 2, 254, 255);
      const others = people.filter((person) => person !== sender);
      await sender.ask('send_to', { room: 'class', mine: true, event: 'said', args: ['hello €', { n: 1 }] });
      await sender.ask('send_to', { room: 'class', mine: true, event: 'picture', args: [{ picture, from: sender.id }] });
      for (const person of others) {
        assert.deepEqual(await person.hearAll('said'), ['hello €', { n: 1 }]);
        const got = await person.hear('picture');
        assert.deepEqual([plain(got.picture), got.from], [plain(picture), sender.id]);
      }
    }
    for (const sender of senders) {
      await sender.settle();
      assert.deepEqual([sender.heard('said').length, sender.heard('picture').length], [2, 2], 'not their own');
    }
    await people[0].ask('exit', 'class');
    await people.at(-1).ask('send_to', { room: 'class', event: 'rest', args: [] });
    for (const person of people.slice(1)) await person.hear('rest');
    await people[0].settle();
    assert.deepEqual(people[0].heard('rest'), []);
  });

  it('see each other typing', async () => {
    const old = await room.join('old', { old: true });
    const young = await room.join('young');
    for (const person of [old, young]) await person.ask('join_room', { room: 'course:1' });
    young.emit('typing_start', { room: 'course:1' });
    assert.equal((await old.hear('typing_indicator')).userId, 'young');
    old.emit('typing_start', { room: 'course:1' });
    assert.equal((await young.hear('typing_indicator')).userId, 'old');
  });
});

describe('namespaces of older clients', () => {
  const room = useServer({ args: ALLOW, handlers: ['probe', 'whiteboard'] });
  const options = { old: true, namespace: '/whiteboard' };

  it('join with what the query says', async () => {
    const ada = await room.join('ada', { ...options, auth: { board: 'a & b=ü' } });
    const bob = await room.join('bob', { namespace: '/whiteboard' });
    assert.deepEqual(await ada.ask('stroke', [1, 2]), { board: 'a & b=ü' });
    assert.deepEqual(await bob.hearAll('stroke'), ['ada', [1, 2]]);
    bob.emit('stroke', { file: bytes(1, 2) });
    assert.deepEqual(plain((await ada.hearAll('stroke'))[1].file), [1, 2]);
  });

  it('refuse with a string', async () => {
    const ada = room.client('ada', { ...options, auth: { board: 'locked' } });
    assert.equal(await ada.hear('error'), 'this board is locked');
    const lost = room.client('lost', { ...options, namespace: '/nowhere' });
    assert.deepEqual(await lost.hear('error'), { message: 'Invalid namespace' });
  });

  it('share one connection, and are left one by one', async () => {
    const ada = await room.join('ada', { old: true });
    const board = ada.socket.io.socket('/whiteboard', { query: { board: 'x', token: tokenFor('ada') } });
    await once(board, 'connect');
    assert.equal(board.id, `/whiteboard#${ada.socket.id}`);
    board.close();
    await ada.settle();
    const again = await new Promise((resolve) => {
      board.once('connect', () => board.emit('echo', 'again', resolve));
      board.open();
    });
    assert.equal(again, 'again');
  });
});

describe('who older clients are', () => {
  const room = useServer({ args: [...ALLOW, '--debug', '*'], handlers: ['probe', 'whiteboard'] });

  for (const { way, options } of OLD_WAYS.slice(0, 3)) {
    it(`their id is what they believe it is (${way})`, async () => {
      const ada = await room.join('ada', options);
      assert.equal((await ada.ask('who_am_i')).id, ada.socket.id);
      assert.equal(ada.connected.socketId, ada.socket.id);
      const bob = await room.join('bob');
      await bob.ask('send_to', { room: ada.socket.id, event: 'only_you', args: [1] });
      assert.equal(await ada.hear('only_you'), 1);
      assert.equal(bob.heard('only_you').length, 0);
    });

    it(`a header instead of the query (${way})`, async () => {
      const extraHeaders = { Authorization: `Bearer ${tokenFor('ada')}` };
      const transportOptions = { polling: { extraHeaders }, websocket: { extraHeaders } };
      const ada = await room.join('ada', { ...options, token: null, transportOptions });
      const me = await ada.ask('who_am_i');
      assert.deepEqual([me.user.id, me.id], ['ada', ada.socket.id]);
      if (options.transports.length > 1) await upgraded(ada);
    });
  }

  it('a header that only polls bear: polling goes on', async () => {
    const transportOptions = { polling: { extraHeaders: { Authorization: `Bearer ${tokenFor('ada')}` } } };
    const ada = room.client('ada', { old: true, token: null, transportOptions });
    await once(ada.socket.io.engine, 'upgradeError');
    await ada.admitted();
    await ada.settle();
    assert.equal(ada.transport, 'polling');
  });

  it('a token for the namespace alone', async () => {
    const ada = room.client('ada', { old: true, token: null });
    assert.match(await ada.hear('error'), /^Authentication error: no token/);
    const board = ada.socket.io.socket('/whiteboard', { query: { token: tokenFor('ada') } });
    await once(board, 'connect');
    assert.equal(await new Promise((resolve) => board.emit('echo', 1, resolve)), 1);
  });

  it('no token, or a bad one, is refused with a string', async () => {
    assert.match(await room.client('x', { old: true, token: null }).hear('error'), /^Authentication error: no token/);
    assert.match(await room.client('x', { old: true, token: 'bad' }).hear('error'), /^Authentication error: /);
  });

  it("a newer client's query counts for nothing", async () => {
    const eve = room.client('eve', { token: null, query: { token: tokenFor('eve') } });
    assert.match((await eve.hear('connect_error')).message, /^Authentication error: no token/);
  });

  it('no token is in the log', async () => {
    const token = tokenFor('ada');
    const ada = await room.join('ada', { old: true, token });
    await upgraded(ada);
    await ada.settle();
    await room.server.logged(/EIO=3/);
    assert.ok(!room.server.log.includes(token.slice(-20)));
  });
});

describe('older clients where connections are recovered', () => {
  const room = useServer({ example: false, args: [...ALLOW, '--recovery-window', '60000'] });

  it('get their events without an offset', async () => {
    const old = await room.join('old', { old: true });
    const young = await room.join('young');
    for (const person of [old, young]) await person.ask('enter', 'r');
    let raw;
    young.socket.on('said', (...args) => (raw = args));
    await young.ask('send_to', { room: 'r', event: 'said', args: ['x'] });
    assert.deepEqual(await old.hearAll('said'), ['x']);
    await young.hear('said');
    assert.equal(raw.length, 2);
    await old.ask('tick');
    assert.deepEqual(await old.hearAll('ticked'), []);
  });
});

describe('without allow_eio3', () => {
  const room = useServer({ example: false });

  for (const { way, options } of OLD_WAYS.slice(0, 3)) {
    it(`older clients are told so (${way})`, async () => {
      const error = await room.client('old', options).hear('connect_error');
      assert.match(`${error.type}`, /TransportError/);
    });
  }
});
