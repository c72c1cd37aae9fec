// Getting in and out: transports, the upgrade, namespaces, the first event, disconnects.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { upgraded, useServer, WAYS } from './support/suite.mjs';
import { once, PATIENCE, until } from './support/wait.mjs';

describe('connecting', () => {
  const room = useServer({ handlers: ['probe', 'whiteboard'] });

  for (const { way, options } of WAYS) {
    it(`${way}: connected is the first event, and tells who one is`, async () => {
      const ada = await room.join('ada', options);
      const events = ada.inbox.map((one) => one.event);
      assert.deepEqual(events.slice(0, 2), ['connect', 'connected']);
      assert.equal(ada.connected.userId, 'ada');
      assert.equal(ada.connected.socketId, ada.socket.id);
      assert.equal(ada.connected.unreadCount, 0);
      assert.equal(typeof ada.connected.message, 'string');
      assert.match(ada.socket.id, /^[\w-]{20}$/);
      const who = await ada.ask('who_am_i');
      assert.equal(who.id, ada.socket.id);
      assert.notEqual(who.id, ada.socket.io.engine.id, "the session's id is a secret of its own");
      assert.equal(who.user.id, 'ada');
      assert.equal(who.namespace, '/');
      assert.deepEqual(who.rooms.sort(), [ada.socket.id, 'user:ada'].sort());
      assert.equal(who.auth.token, undefined, 'handlers do not see the token');
    });
  }

  it('upgrades while events flow, losing and reordering none', async () => {
    const ada = await room.join('ada', { transports: ['polling', 'websocket'] });
    const bob = await room.join('bob', { transports: ['polling', 'websocket'] });
    await bob.ask('enter', 'hall');
    const sent = [];
    let going = true;
    const flow = (async () => {
      for (let i = 0; going || i < 200; i++) {
        sent.push(i);
        ada.emit('send_to', { room: 'hall', event: 'count', args: [i] });
        if (i % 10 === 9) await new Promise(setImmediate);
      }
    })();
    await Promise.all([upgraded(ada), upgraded(bob)]);
    going = false;
    await flow;
    await ada.settle();
    await bob.settle();
    assert.deepEqual(bob.heard('count'), sent);
    assert.equal((await bob.ask('who_am_i')).transport, 'websocket');
  });

  it('keeps polling and WebSocket clients in one room', async () => {
    const people = await Promise.all(WAYS.map(({ options }, i) => room.join(`p${i}`, options)));
    await Promise.all(people.map((person) => person.ask('enter', 'mixed')));
    await people[0].ask('send_to', { room: 'mixed', event: 'hello', args: ['Grüße 👋', { deep: [1, [], {}] }] });
    for (const person of people) {
      assert.deepEqual(await person.hearAll('hello'), ['Grüße 👋', { deep: [1, [], {}] }]);
    }
  });

  it('closes a whole connection, or a namespace of it, when a handler says so', async () => {
    const ada = await room.join('ada');
    ada.emit('kick', false);
    assert.equal(await ada.hear('disconnect'), 'io server disconnect');
    const bob = await room.join('bob');
    bob.emit('kick', true);
    assert.equal(await bob.hear('disconnect'), 'io server disconnect');
    await until(() => bob.socket.io.engine.readyState === 'closed', 'the transport is closed');
  });

  it('notices a client that leaves', async () => {
    const ada = await room.join('ada');
    const bob = await room.join('bob');
    await bob.ask('enter', 'hall');
    ada.close();
    await until(async () => !(await bob.ask('send_to', { room: 'user:ada', event: 'any', args: [] })), 'nobody is there');
  });
});

describe('namespaces', () => {
  const room = useServer({ handlers: ['probe', 'whiteboard'] });

  it('keeps them apart', async () => {
    const ada = await room.join('ada', { namespace: '/whiteboard' });
    const bob = await room.join('bob', { namespace: '/whiteboard' });
    const out = await room.join('out');
    ada.emit('stroke', [1, 2]);
    assert.deepEqual(await bob.hearAll('stroke'), ['ada', [1, 2]]);
    await out.settle();
    await ada.settle();
    assert.deepEqual([out.heard('stroke'), ada.heard('stroke')], [[], []]);
    assert.deepEqual(ada.heard('connected'), [], 'the classroom of / does not speak here');
  });

  it('carries several on one connection, and leaving one keeps the others', async () => {
    const ada = await room.join('ada');
    const board = ada.socket.io.socket('/whiteboard', { auth: { ...ada.socket.auth, board: 'b7' } });
    await once(board, 'connect');
    assert.notEqual(board.id, ada.socket.id);
    assert.deepEqual(await board.timeout(5000 * PATIENCE).emitWithAck('stroke', []), { board: 'b7' });
    board.disconnect();
    await ada.settle();
    board.connect();
    await once(board, 'connect');
    ada.socket.disconnect();
    assert.deepEqual(await board.timeout(5000 * PATIENCE).emitWithAck('stroke', []), { board: 'b7' });
    board.disconnect();
  });

  it('refuses by its own policy, with message and data', async () => {
    const ada = await room.join('ada');
    const board = ada.socket.io.socket('/whiteboard', { auth: { ...ada.socket.auth, board: 'locked' } });
    const error = await once(board, 'connect_error');
    assert.equal(error.message, 'this board is locked');
    assert.equal(error.data.code, 'locked');
    await ada.settle();
  });

  it('refuses unknown ones, and the connection stays', async () => {
    const ada = await room.join('ada');
    for (const name of ['/nowhere', '/whiteboard/2', '/Whiteboard']) {
      const other = ada.socket.io.socket(name, { auth: ada.socket.auth });
      const error = await once(other, 'connect_error');
      assert.equal(error.message, 'Invalid namespace');
    }
    await ada.settle();
  });

  it('asks for the token in each', async () => {
    const ada = await room.join('ada');
    const board = ada.socket.io.socket('/whiteboard', { auth: { token: 'stolen?' } });
    await once(board, 'connect_error');
    await ada.settle();
  });
});

describe('transports by configuration', () => {
  const polling = useServer({ args: ['--no-websocket'] });

  it('without WebSocket everybody stays on polling', async () => {
    const ada = await polling.join('ada', { transports: ['polling', 'websocket'] });
    await ada.settle();
    assert.equal(ada.transport, 'polling');
    const bob = polling.client('bob', { transports: ['websocket'] });
    await bob.hear('connect_error');
  });
});

describe('another path', () => {
  const room = useServer({ args: ['--path', '/realtime'] });

  it('serves there, and not at the usual one', async () => {
    const ada = await room.join('ada', { path: '/realtime/' });
    await ada.settle();
    const lost = room.client('lost');
    await lost.hear('connect_error');
  });
});
