// What is built in: a back end that has only these can do what the platform's gateway did.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call } from './support/api.mjs';
import { useServer } from './support/suite.mjs';

describe('built-in functions, without any handlers of e-learning', () => {
  const room = useServer({ example: false, files: { 'handlers/zz_course.lua': 'return { namespace = "/course", on_hi = function() end }' } });
  const result = async (name, ...args) => {
    const { status, body } = await call(room, name, args);
    assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
    return body.result;
  };

  it('reach a person on all devices', async () => {
    const [ada, tablet, bob] = [await room.join('ada'), await room.join('ada'), await room.join('bob')];
    assert.equal(await result('emit_to_user', 'ada', 'hello', { a: 1 }, 'more'), 2);
    for (const device of [ada, tablet]) assert.deepEqual(await device.hearAll('hello'), [{ a: 1 }, 'more']);
    assert.equal(await result('emitToUsers', ['ada', 'bob', 'nobody'], 'both'), 3);
    await bob.hear('both');
    await bob.settle();
    assert.deepEqual(bob.heard('hello'), []);
    assert.equal(await result('emit_to_user', 'nobody', 'hello'), 0);
    assert.equal(await result('emit_to_user', 7, 'hello'), 0);
  });

  it('reach rooms, namespaces and all', async () => {
    const [ada, bob] = [await room.join('ada'), await room.join('bob')];
    const inCourse = await room.join('ada', { namespace: '/course' });
    assert.equal(await result('join_room', 'ada', 'course:1'), 1);
    assert.equal(await result('emit_to_room', 'course-1', 'in_room', 1), 1);
    assert.equal(await ada.hear('in_room'), 1);
    assert.equal(await result('emit_to_namespace', 'course', 'in_course', 2), 1);
    assert.equal(await inCourse.hear('in_course'), 2);
    assert.equal(await result('emit_to_all', 'to_all', 3), 2);
    assert.equal(await result('broadcastToAll', 'to_all', 4), null);
    for (const person of [ada, bob]) for (const n of [3, 4]) assert.equal(await person.hear('to_all'), n);
    assert.deepEqual(await result('get_rooms'), { 'course:1': 1 });
    assert.equal(await result('get_room_count', 'course:1'), 1);
    assert.deepEqual(await result('get_room_users', 'course:1'), ['ada']);
    assert.equal(await result('leave_room', 'ada', 'course:1'), 1);
    assert.deepEqual(await result('get_rooms'), {});
  });

  it('do what the gateway did', async () => {
    const [ada] = [await room.join('ada'), await room.join('bob')];
    const note = { id: 'n1', title: 'Zwölf', isRead: false };
    assert.equal(await result('sendNotificationToUser', 'ada', note), true);
    assert.deepEqual(await ada.hear('notification'), note);
    assert.equal(await result('sendNotificationToUser', 'nobody', note), true);
    assert.deepEqual(await result('sendNotificationToUsers', ['ada', 'nobody'], note), {
      successCount: 1, totalUsers: 2, results: [{ userId: 'ada', success: true }, { userId: 'nobody', success: false }],
    });
    assert.equal((await result('sendNotificationToAllConnected', note)).successCount, 2);
    await result('join_room', 'ada', 'club');
    assert.equal(await result('sendNotificationToRoom', 'club', note), null);
    for (let i = 0; i < 3; i++) await ada.hear('notification');
    assert.equal(await result('isUserConnected', 'ada'), true);
    assert.equal(await result('isUserConnected', 'nobody'), false);
    assert.equal(await result('getUserSocketId', 'ada'), ada.socket.id);
    assert.equal(await result('getUserSocketId', 'nobody'), null);
    assert.equal(await result('getConnectedUsersCount'), 2);
    assert.deepEqual((await result('getConnectedUsers')).sort(), ['ada', 'bob']);
    assert.deepEqual(await result('areUsersConnected', ['ada', 'nobody']), { ada: true, nobody: false });
    const status = await result('getConnectionStatus');
    assert.equal(status.totalConnected, 2);
    assert.deepEqual(status.connectedUsers.find((one) => one.userId === 'ada'), { userId: 'ada', socketId: ada.socket.id, isOnline: true });
    assert.match(status.timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('end connections and revoke', async () => {
    const ada = await room.join('ada');
    assert.equal(await result('disconnect_user', 'ada'), 1);
    await ada.hear('disconnect');
    const again = await room.join('ada', { claims: { jti: 'j1' } });
    assert.equal(await result('revoke_token', 'j1'), 1);
    await again.hear('disconnect');
    const bob = await room.join('bob');
    assert.equal(await result('revoke_user', 'bob'), 1);
    await bob.hear('disconnect');
    assert.equal(await result('is_user_connected', 'bob'), false);
  });

  it('refuse what makes no sense', async () => {
    const wrong = [
      ['emit_to_user'], ['emit_to_user', '', 'x'], ['emit_to_user', 'ada'], ['emit_to_user', 'ada', 'connect'], ['emit_to_user', {}, 'x'],
      ['emit_to_users', 'ada', 'x'], ['emit_to_users', [{}], 'x'], ['emit_to_room', null, 'x'], ['emit_to_namespace', '/*', 'x'], ['emit_to_all', 7],
      ['is_user_connected'], ['are_users_connected', 'x'], ['join_room', 'ada'], ['leave_room', null, 'x'], ['disconnect_user', false], ['revoke_token', {}],
    ];
    for (const [name, ...args] of wrong) {
      const { status, body } = await call(room, name, args);
      assert.equal(status, 400, `${name} ${JSON.stringify(args)}: ${JSON.stringify(body)}`);
      assert.equal(body.error.code, 'invalid');
    }
  });
});

describe('built-in functions beside the handlers of e-learning', () => {
  const room = useServer({ example: true, args: ['--presence-grace', '100'] });

  it('move people where presence sees them', async () => {
    const [, bob] = [await room.join('ada'), await room.join('bob')];
    await bob.ask('join_room', { room: 'course:9' });
    const online = async () => (await bob.ask('who_is_online', { room: 'course:9' })).online.sort();
    assert.equal((await call(room, 'join_room', ['ada', 'course:9'])).body.result, 1);
    assert.equal((await bob.hear('user_presence')).userId, 'ada');
    assert.deepEqual(await online(), ['ada', 'bob']);
    assert.equal((await call(room, 'leave_room', ['ada', 'course:9'])).body.result, 1);
    assert.deepEqual(await online(), ['bob']);
  });
});
