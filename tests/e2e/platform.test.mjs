// The platform that the guide was written for: its front end, unchanged, with its own ideas of joining,
// typing, refusals and reconnecting, in front of the example.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { call, request } from './support/api.mjs';
import { FrontEnd } from './support/front_end.mjs';
import { Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer, WAYS } from './support/suite.mjs';
import { inSeconds, keysFor, sign, tokenFor } from './support/tokens.mjs';
import { sleep, until } from './support/wait.mjs';

const TYPING = 500;
const SIGNED_OUT = /token|auth|unauthorized/; // what the front end looks for in the message of a refusal
const front = (room, id, options) => room.join(id, { as: FrontEnd, ...options });
const fronts = (room, ...ids) => Promise.all(ids.map((id) => front(room, id)));

// Everything but the room of the person, which each front end joins by itself.
const rooms = (events) => events.map((event) => event.room).filter((name) => !name.startsWith('user:'));

describe('the front end comes', () => {
  const room = useServer();

  for (const { way, options } of WAYS) {
    it(`hears connected first, and joins the room of its person by a bare string (${way})`, async () => {
      const ada = await front(room, 'ada', options);
      assert.deepEqual(await ada.hear('joined_room'), { room: 'user:ada' });
      await ada.settle();
      assert.equal(ada.state, 'connected');
      assert.deepEqual(ada.person.inbox.map((one) => one.event), ['connect', 'connected', 'joined_room']);
      assert.equal(ada.heard('connected')[0].userId, 'ada');
    });
  }

  it('with ids of any kind', async () => {
    for (const id of ['cmb3x0a1b0000', '550e8400-e29b-41d4-a716-446655440000', 'user-1', 'user:1', 'session-5', 'é%']) {
      const one = await front(room, id);
      assert.equal((await one.hear('joined_room')).room, `user:${id}`);
      assert.deepEqual(one.heard('error'), []);
    }
  });

  it('with the token in a header', async () => {
    const headers = { authorization: `Bearer ${tokenFor('ada')}` };
    const ada = await front(room, 'ada', { token: null, extraHeaders: headers });
    assert.equal((await ada.hear('joined_room')).room, 'user:ada');
  });

  it('gets notifications, room notifications and announcements as its types say', async () => {
    const ada = await front(room, 'ada');
    assert.equal((await ada.ask('join_room', 'course:1')).ok, true);
    const notice = { type: 'COURSE_UPDATE', title: 't', message: 'm' };
    await call(room, 'createNotification', [{ userId: 'ada', ...notice }]);
    const { id, createdAt, unreadCount, rev, ...first } = await ada.hear('notification');
    assert.deepEqual(first, { ...notice, data: {}, priority: 'NORMAL', isRead: false });
    assert.deepEqual([typeof id, unreadCount, typeof rev, new Date(createdAt).toISOString()], ['string', 1, 'number', createdAt]);
    for (const [given, shown] of [['low', 'LOW'], ['Normal', 'NORMAL'], ['HIGH', 'HIGH'], ['urgent', 'URGENT']]) {
      await call(room, 'createNotification', [{ userId: 'ada', ...notice, priority: given, data: { a: 1 }, actionUrl: '/x' }]);
      const { priority, data, actionUrl } = await ada.hear('notification');
      assert.deepEqual([priority, data, actionUrl], [shown, { a: 1 }, '/x']);
    }
    await call(room, 'createRoomNotification', ['course:1', { ...notice, priority: 'high' }]);
    const inRoom = await ada.hear('notification');
    assert.deepEqual([inRoom.isRoomNotification, inRoom.priority, inRoom.data], [true, 'HIGH', {}]);
    await call(room, 'createSystemAnnouncement', [{ ...notice, actionUrl: '/status' }]);
    const told = await ada.hear('system_announcement');
    assert.deepEqual([told.isSystemAnnouncement, told.priority, told.data, told.actionUrl], [true, 'NORMAL', {}, '/status']);
  });

  it('and its bell, read over HTTP, goes down in the other tab', async () => {
    const tabs = await fronts(room, 'bell', 'bell');
    const token = tokenFor('bell');
    for (const title of ['one', 'two']) await call(room, 'createNotification', [{ userId: 'bell', type: 'TEST', title, message: 'm' }]);
    const { body: page } = await request(room, 'GET', '/notifications?page=1&limit=20', { token });
    assert.deepEqual(page.notifications.map((n) => [n.title, n.priority, n.data, n.isRead]), [['two', 'NORMAL', {}, false], ['one', 'NORMAL', {}, false]]);
    assert.deepEqual(page.pagination, { page: 1, limit: 20, total: 2, pages: 1 });
    assert.deepEqual((await request(room, 'GET', '/notifications/unread-count', { token })).body, { unreadCount: 2 });
    assert.equal((await request(room, 'POST', `/notifications/${page.notifications[0].id}/read`, { token })).status, 200);
    for (const tab of tabs) assert.equal((await tab.hear('unread_count')).unreadCount, 1);
    assert.equal((await request(room, 'POST', '/notifications/mark-all-read', { token })).status, 200);
    assert.equal((await request(room, 'DELETE', `/notifications/${page.notifications[1].id}`, { token })).status, 200);
    assert.deepEqual((await request(room, 'GET', '/websocket/status', { token })).body, { userId: 'bell', isOnline: true, totalOnlineUsers: 1 });
  });
});

describe('rooms of the front end', () => {
  const room = useServer({ args: ['--rooms-default', 'deny'] });
  const claims = { courses: ['1', '2'], sessions: ['5'], discussions: ['d'] };

  it('are joined and left by their names, with events and with acks', async () => {
    const ada = await front(room, 'ada', { claims });
    for (const payload of ['course:1', { room: 'course:1' }, { room: 'course:1', type: 'course' }]) {
      ada.joinRoom(payload);
      await ada.hear('joined_room', (event) => event.room === 'course:1');
      await call(room, 'emit_to_room', ['course:1', 'inside', 1]);
      await ada.hear('inside');
      ada.leaveRoom(payload);
      assert.deepEqual(await ada.hear('left_room'), { room: 'course:1' });
      assert.equal((await call(room, 'emit_to_room', ['course:1', 'outside', 1])).body.result, 0);
    }
    const joined = await ada.ask('join_room', 'course:2');
    assert.deepEqual([joined.ok, joined.room, joined.online], [true, 'course:2', ['ada']]);
    assert.deepEqual(await ada.ask('leave_room', 'course:2'), { ok: true, room: 'course:2' });
    ada.leaveRoom('course:2'); // as a page does that goes away after a reconnection
    await ada.settle();
    assert.deepEqual(rooms(ada.heard('joined_room')), ['course:1', 'course:1', 'course:1', 'course:2']);
    assert.deepEqual(rooms(ada.heard('left_room')), ['course:1', 'course:1', 'course:1', 'course:2', 'course:2']);
    assert.deepEqual(ada.heard('error'), []);
  });

  it('are called as the client called them; the ack has the one name', async () => {
    const ada = await front(room, 'ada', { claims });
    for (const [asked, name] of [['course-1', 'course:1'], ['course:course-2', 'course:2'], ['discussion-d', 'discussion:d'], ['session:5', 'live-session:5']]) {
      assert.equal((await ada.ask('join_room', asked)).room, name);
      assert.deepEqual(await ada.hear('joined_room', (event) => event.room === asked), { room: asked });
      assert.equal((await ada.ask('leave_room', asked)).room, name);
      assert.deepEqual(await ada.hear('left_room'), { room: asked });
    }
  });

  it('tell joining again, and the own room, each time, to the socket that asked alone', async () => {
    const [ada, tab] = [await front(room, 'ada', { claims }), await front(room, 'ada', { claims })];
    for (const name of ['course:1', 'course:1', 'user:ada', 'user:ada']) ada.joinRoom(name);
    await ada.settle();
    assert.deepEqual(ada.heard('joined_room').map((event) => event.room), ['user:ada', 'course:1', 'course:1', 'user:ada', 'user:ada']);
    ada.leaveRoom('course:1');
    await ada.hear('left_room');
    await tab.settle();
    assert.deepEqual([tab.heard('joined_room').length, tab.heard('left_room').length], [1, 0]);
  });

  it('of others are refused as the event error, and nothing says that they were joined', async () => {
    const eve = await front(room, 'eve', { claims: { courses: ['1'] } });
    await eve.hear('joined_room');
    for (const name of ['course:9', 'user:ada', 'user-ada', 'private:ada:bob', 'conversation:ada.bob', 'session:5', 'instructor:tess', 'lobby']) {
      eve.joinRoom(name);
      const { event, code, message } = await eve.hear('error');
      assert.deepEqual([event, code, typeof message], ['join_room', 'forbidden', 'string'], name);
    }
    for (const payload of ['', 'course:', 'x'.repeat(5000), 7, null, [], ['course:1'], {}, { room: 7 }, { room: ['course:1'] }]) {
      for (const event of ['join_room', 'leave_room']) {
        eve.emit(event, payload);
        assert.equal((await eve.hear('error', (error) => error.event === event)).code, 'invalid', `${event} ${JSON.stringify(payload)}`);
      }
    }
    eve.leaveRoom('user:eve');
    assert.equal((await eve.hear('error')).code, 'forbidden');
    assert.deepEqual([eve.heard('joined_room').length, eve.heard('left_room').length], [1, 0]);
  });

  it('of instructors open to them, to whoever the token says, and by grants', async () => {
    const tess = await front(room, 'user-tess', { claims: { role: 'instructor' } });
    tess.joinRoom('instructor:user-tess');
    await tess.hear('joined_room', (event) => event.room === 'instructor:user-tess');
    const pupil = await front(room, 'pupil', { claims: { instructors: ['user-tess', 7] } });
    for (const name of ['instructor:user-tess', 'instructor:7']) assert.equal((await pupil.ask('join_room', name)).ok, true, name);
    for (const name of ['instructor:tess', 'instructor:instructor:user-tess', 'instructor-user-tess2']) {
      assert.equal((await pupil.ask('join_room', name)).error.code, 'forbidden', name);
    }
    const root = await front(room, 'root', { claims: { role: 'admin' } });
    assert.equal((await root.ask('join_room', 'instructor:user-tess')).room, 'instructor:user-tess');
    const fan = await front(room, 'fan');
    assert.equal((await fan.ask('join_room', 'instructor:user-tess')).error.code, 'forbidden');
    await call(room, 'grant_room', ['fan', 'instructor:user-tess']);
    assert.equal((await fan.ask('join_room', 'instructor:user-tess')).ok, true);
    await call(room, 'emit_to_room', ['instructor:user-tess', 'office_hours', { now: true }]);
    for (const one of [tess, pupil, root, fan]) await one.hear('office_hours');
    await call(room, 'revoke_room', ['fan', 'instructor:user-tess']);
    assert.deepEqual(await fan.hear('room_revoked'), { room: 'instructor:user-tess' });
  });
});

describe('session:5', () => {
  const room = useServer({ args: ['--rooms-default', 'deny', '--presence-grace', '200', '--typing-interval', '0'] });

  it('is live-session:5, whoever joins it by which name', async () => {
    const ada = await front(room, 'ada', { claims: { sessions: ['session-5'] } });
    const bob = await front(room, 'bob', { claims: { sessions: 'live-session:5' } });
    ada.joinRoom('session:5');
    await ada.hear('joined_room', (event) => event.room === 'session:5');
    const ack = await bob.ask('join_room', { room: 'live-session:5' });
    assert.deepEqual([ack.online.sort(), ack.session.live], [['ada', 'bob'], false]);
    assert.equal((await ada.hear('user_presence')).userId, 'bob');
    for (const name of ['session:5', 'live-session:5', 'session-5', 'live-session-5', 'session:live-session-5', 'live-session:session:5']) {
      assert.equal((await call(room, 'emit_to_room', [name, 'news', name])).body.result, 2, name);
      for (const one of [ada, bob]) assert.equal(await one.hear('news'), name);
    }
    for (const id of ['5', 'session:5', 'live-session:5', 'session-5']) {
      await call(room, 'sendLiveSessionEvent', [id, { type: 'user_joined', userId: 'x', data: { id } }]);
      for (const one of [ada, bob]) assert.deepEqual((await one.hear('live_session_event')).data, { id });
    }
    bob.emit('typing_start', { room: 'session:5' });
    assert.equal((await ada.hear('typing_indicator')).isTyping, true);
    bob.emit('typing_stop', { room: 'live-session:5' });
    assert.equal((await ada.hear('typing_indicator')).isTyping, false);
    assert.equal((await ada.ask('live_session_event', { sessionId: 'session:5', type: 'hand_raised', data: { up: true } })).ok, true);
    assert.equal((await bob.hear('live_session_event')).userId, 'ada');
    assert.deepEqual((await bob.ask('join_room', 'session:5')).session.hands.map((hand) => hand.userId), ['ada']);
    bob.leaveRoom('session:5');
    assert.equal((await bob.hear('left_room')).room, 'session:5');
    assert.deepEqual((await ada.ask('who_is_online', { room: 'session:5' })).online, ['ada']);
  });

  it('has the rules of live-session:5', async () => {
    const eve = await front(room, 'eve', { claims: { sessions: ['6'] } });
    for (const name of ['session:5', 'session-5', 'live-session:5', 'session:live-session:5']) {
      assert.equal((await eve.ask('join_room', name)).error.code, 'forbidden', name);
    }
    await call(room, 'grant_room', ['eve', 'session:5']);
    assert.equal((await eve.ask('join_room', 'live-session:5')).ok, true);
    await call(room, 'revoke_room', ['eve', 'live-session:5']);
    assert.equal((await eve.ask('join_room', 'session:5')).error.code, 'forbidden');
    const ada = await front(room, 'ada', { claims: { sessions: ['5'] } });
    assert.equal((await ada.ask('join_room', 'session:5')).ok, true);
  });
});

describe('typing to one person', () => {
  const room = useServer({ args: ['--typing-timeout', '600000', '--typing-interval', '0'] });
  const quick = useServer({ args: ['--typing-timeout', `${TYPING}`] });
  const thin = useServer({ args: ['--typing-interval', '600000'] });
  const to = (conversationId, receiverId) => ({ conversationId, receiverId });
  const by = (userId, conversationId = 'alice.bob') => ({ conversationId, userId });

  it('reaches all devices of the receiver, and nobody else', async () => {
    const [alice, tab, bob, phone, eve] = await fronts(room, 'alice', 'alice', 'bob', 'bob', 'eve');
    alice.emit('typing_start', to('alice.bob', 'bob'));
    for (const one of [bob, phone]) assert.deepEqual(await one.hear('user_typing'), by('alice'));
    alice.emit('typing_stop', to('alice.bob', 'bob'));
    for (const one of [bob, phone]) assert.deepEqual(await one.hear('user_stopped_typing'), by('alice'));
    for (const one of [alice, tab, eve]) {
      await one.settle();
      assert.deepEqual(one.person.inbox.filter(({ event }) => /typing|error/.test(event)), [], one.id);
    }
    assert.deepEqual(await bob.ask('typing_start', to('alice.bob', 'alice')), { ok: true });
    for (const one of [alice, tab]) assert.deepEqual(await one.hear('user_typing'), by('bob'));
  });

  it('knows people by whatever ids they have', async () => {
    for (const [a, b, id] of [['1', '2', '1.2'], ['user:1', 'é', 'user~3A1.~C3~A9'], ['a.b', 'a', 'a.a~2Eb']]) {
      const [one, other] = await fronts(room, a, b);
      assert.deepEqual(await one.ask('typing_start', to(id, b)), { ok: true });
      assert.deepEqual(await other.hear('user_typing'), by(a, id));
    }
  });

  it('stops by itself, and when the typist goes', async () => {
    for (const server of [quick, room]) {
      const [alice, bob] = await fronts(server, 'alice', 'bob');
      alice.emit('typing_start', to('alice.bob', 'bob'));
      await bob.hear('user_typing');
      if (server === room) alice.close();
      assert.deepEqual(await bob.hear('user_stopped_typing'), by('alice'));
    }
  });

  it('is thinned, and in one conversation at a time', async () => {
    const [alice, bob] = await fronts(thin, 'alice', 'bob');
    for (let i = 0; i < 50; i++) alice.emit('typing_start', to('alice.bob', 'bob'));
    const others = await fronts(thin, ...Array.from({ length: 20 }, (_, i) => `c${i}`));
    for (const { id } of others) assert.equal((await alice.ask('typing_start', to(`alice.${id}`, id))).ok, true);
    assert.deepEqual(await bob.hear('user_stopped_typing'), by('alice'));
    await bob.settle();
    assert.deepEqual([bob.heard('user_typing').length, bob.heard('user_stopped_typing').length], [1, 1]);
    for (const one of others) {
      await one.settle();
      assert.deepEqual(one.heard('user_typing'), []);
    }
  });

  it('is refused in conversations of others, to oneself, and for what makes no sense', async () => {
    const [eve, bob] = await fronts(room, 'eve', 'bob');
    for (const [payload, code] of [
      [to('alice.bob', 'bob'), 'forbidden'],
      [to('alice.bob', 'alice'), 'forbidden'],
      [to('bob.eve', 'alice'), 'forbidden'],
      [to('bob.eve', 'eve'), 'invalid'],
      [to('cmb3x0a1b0000', 'bob'), 'forbidden'],
      [to('bob.eve', ''), 'invalid'],
      [to('bob.eve', { id: 'bob' }), 'invalid'],
      [to('', 'bob'), 'invalid'],
      [to('x'.repeat(5000), 'bob'), 'invalid'],
      [{ conversationId: 'bob.eve' }, 'invalid'],
      [{ receiverId: 'bob' }, 'invalid'],
      [undefined, 'invalid'],
      ['bob.eve', 'invalid'],
    ]) {
      assert.equal((await eve.ask('typing_start', payload)).error?.code, code, JSON.stringify(payload));
    }
    await bob.settle();
    assert.deepEqual(bob.heard('user_typing'), []);
  });

  it("goes on in the platform's own conversations, between those who are in its room", async () => {
    const [alice, bob, eve] = await fronts(room, 'alice', 'bob', 'eve');
    const id = 'cmb3x0a1b0000';
    for (const one of ['alice', 'bob']) await call(room, 'grant_room', [one, `conversation:${id}`]);
    assert.equal((await alice.ask('join_room', `conversation:${id}`)).ok, true);
    assert.deepEqual(await alice.ask('typing_start', to(id, 'bob')), { ok: true });
    assert.deepEqual(await alice.ask('typing_stop', to(id, 'bob')), { ok: true });
    await bob.settle();
    assert.deepEqual(bob.heard('user_typing'), [], 'bob is not there: nobody is told');
    assert.equal((await bob.ask('join_room', `conversation:${id}`)).ok, true);
    alice.emit('typing_start', to(id, 'bob'));
    assert.deepEqual(await bob.hear('user_typing'), by('alice', id));
    alice.emit('typing_start', to(id, 'eve'));
    assert.deepEqual(await bob.hear('user_stopped_typing'), by('alice', id));
    await alice.settle();
    await eve.settle();
    assert.deepEqual(eve.heard('user_typing'), []);
  });

  it('ends with the conversation', async () => {
    const [alice, bob] = await fronts(room, 'alice', 'bob');
    assert.equal((await alice.ask('join_room', 'conversation:alice.bob')).ok, true);
    alice.emit('typing_start', to('alice.bob', 'bob'));
    await bob.hear('user_typing');
    alice.leaveRoom('conversation:alice.bob');
    assert.deepEqual(await bob.hear('user_stopped_typing'), by('alice'));
  });
});

describe('a refusal', () => {
  const room = useServer({ args: ['--jwt-issuer', 'school', '--jwt-audience', 'class', '--max-connections-per-user', '1'] });
  const good = { iss: 'school', aud: 'class' };

  const bad = {
    'no token': { token: null },
    'an empty one': { token: '' },
    'a number': { token: 7 },
    'something else': { token: 'your-jwt-token' },
    'another issuer': { claims: { ...good, iss: 'club' } },
    'no issuer': { claims: { aud: 'class' } },
    'another audience': { claims: { ...good, aud: 'staff' } },
    'a token that has expired': { claims: { ...good, exp: inSeconds(-3600) } },
    'one from the future': { claims: { ...good, iat: inSeconds(3600), nbf: inSeconds(3600) } },
    'another secret': { token: tokenFor('ada', good, { key: 'a secret of somebody else, long enough for it' }) },
    'no signature': { token: sign({ sub: 'ada', ...good }, { alg: 'none' }) },
    'another algorithm': { token: tokenFor('ada', good, { alg: 'HS512' }) },
    'an empty id': { claims: { ...good, sub: '' } },
    'an id with a line end': { claims: { ...good, sub: 'a\nb' } },
    'no id': { claims: { ...good, sub: undefined } },
    'a token that is too long': { claims: { ...good, filling: 'x'.repeat(20_000) } },
  };
  for (const [what, options] of Object.entries(bad)) {
    it(`shows the log-in: ${what}`, async () => {
      const ada = room.client('ada', { as: FrontEnd, ...options });
      assert.match((await ada.hear('connect_error')).message, SIGNED_OUT);
      assert.equal(ada.state, 'signed out');
    });
  }

  it('shows the log-in to whom a token was taken, once', async () => {
    const claims = { ...good, iat: inSeconds(-60) };
    const ada = await front(room, 'ada', { claims });
    await call(room, 'revoke_user', ['ada'], { token: tokenFor('billing', { ...good, role: 'service' }) });
    await until(() => ada.state === 'signed out', 'the front end shows the log-in');
    assert.deepEqual(ada.people.flatMap((person) => person.heard('connect_error')).map((error) => error.message), ['Authentication error: the token was revoked']);
  });

  it('for want of room does not', async () => {
    await front(room, 'bob', { claims: good });
    const second = room.client('bob', { as: FrontEnd, claims: good });
    assert.doesNotMatch((await second.hear('connect_error')).message.toLowerCase(), SIGNED_OUT);
    assert.equal(second.state, 'connecting');
  });
});

// Takes the file of the database away, until the function that it returns is called.
const takeDatabase = async (server, dir) => {
  const file = path.join(dir, '.state', 'lectern.db');
  renameSync(file, `${file}.gone`);
  return async () => {
    const from = server.log.length;
    renameSync(`${file}.gone`, file);
    await server.logged(/the database is back/, 10_000, from);
  };
};

describe('an outage', () => {
  const server = async (files, options, fn) => {
    const scripts = new Scripts({ files });
    const running = await Server.start({ dir: scripts.dir, ...options });
    try {
      await fn(running, scripts.dir);
    } finally {
      if (running.alive) await running.stop();
      scripts.remove();
    }
  };
  // Everything that it hears is no reason for a log-in.
  const outage = async (person, code) => {
    const error = await person.hear('connect_error', (one) => one.data?.code === code, 20_000);
    assert.doesNotMatch(error.message.toLowerCase(), SIGNED_OUT);
    assert.equal(person.state, 'connecting');
  };

  it('of the keys, or of the whole server, shows no log-in', async () => {
    const { privateKey } = keysFor('RS256');
    const token = tokenFor('ada', {}, { alg: 'RS256', key: privateKey, header: { kid: 'one' } });
    await server({}, { args: ['--jwt-jwks-url', 'https://127.0.0.1:9/keys'], env: { JWT_SECRET: undefined } }, async (running) => {
      const ada = new FrontEnd(running, 'ada', { token });
      try {
        await outage(ada, 'unavailable');
        await running.stop();
        await until(() => ada.people.length > 1, 'it tries again');
        await outage(ada, undefined);
      } finally {
        ada.close();
      }
    });
  });

  it('of the revocations shows none either, and ends by itself', async () => {
    await server({}, { args: ['--max-revocations', '1'] }, async (running, dir) => {
      for (const id of ['x', 'y']) assert.equal((await call(running, 'revoke_user', [id])).status, 200); // one is in the database alone
      const giveBack = await takeDatabase(running, dir);
      const ada = new FrontEnd(running, 'ada');
      try {
        await outage(ada, 'unavailable');
        await giveBack();
        await until(() => ada.state === 'connected', 'it gets in', 15_000);
      } finally {
        ada.close();
      }
    });
  });

  it('of a handler shows none either', async () => {
    const files = { 'handlers/zz_broken.lua': 'return { on_connect = function() error("the token of the authors is unauthorized") end }' };
    await server(files, {}, async (running) => {
      const ada = new FrontEnd(running, 'ada');
      try {
        await outage(ada, 'internal_error');
      } finally {
        ada.close();
      }
    });
  });
});

// Keeps both of the database's readers busy, or its writer, so that whoever asks hangs.
const FAULT = `
local lectern = require "lectern"
local M = {}
function M.on_read()
  lectern.db.query "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
end
function M.on_write()
  lectern.db.transaction(function(tx)
    tx:query "DELETE FROM lectern_names WHERE person = 'nobody'"
    lectern.sleep(50)
  end, { timeout = 60 })
end
return M
`;

describe('connected', () => {
  const room = useServer({
    files: { 'handlers/aa_fault.lua': FAULT },
    args: ['--recovery-window', '60000', '--db-timeout', '60000'],
  });
  const hogs = (event) => async () => {
    const people = [await room.join('hog'), await room.join('hog')];
    for (const person of people) person.emit(event);
    await sleep(200); // by then they have what they ask for
    return () => people.forEach((person) => person.close());
  };
  const faults = {
    'nothing can be read': hogs('read'),
    'nothing can be written': hogs('write'),
    'the database is away': () => takeDatabase(room.server, room.scripts.dir),
  };
  for (const [what, begin] of Object.entries(faults)) {
    it(`comes in time while ${what}, to who is new and who comes back, and the badge later`, async () => {
      const back = await front(room, 'back');
      const { person: lost } = back; // its service opens another socket meanwhile
      await lost.hear('joined_room');
      for (const userId of ['ada', 'back']) { // what has expired is written down before a badge is told
        await call(room, 'createNotification', [{ userId, title: 't', message: 'm', expiresAt: Date.now() + 400 }]);
      }
      const end = await begin();
      await sleep(300);
      try {
        const began = Date.now();
        const ada = room.client('ada', { as: FrontEnd });
        lost.socket.io.engine.transport.ws._socket.destroy();
        for (const one of [ada, lost]) {
          await one.hear('connected', (event) => one === ada || event.recovered);
          assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
          await one.hear('joined_room');
        }
        assert.deepEqual([ada.state, back.state], ['connected', 'connected']);
      } finally {
        await end();
      }
      await call(room, 'createNotification', [{ userId: 'ada', type: 'TEST', title: 't', message: 'm' }]);
      assert.ok((await front(room, 'ada')).heard('connected')[0].unreadCount >= 1);
    });
  }
});

describe('two sockets of one person', () => {
  const room = useServer({ args: ['--presence-grace', '200'] });
  const notify = async (people) => {
    const { body } = await call(room, 'createNotification', [{ userId: 'ada', type: 'TEST', title: 't', message: 'm' }]);
    for (const one of people) await one.hear('notification');
    for (const one of people) {
      await one.settle();
      assert.deepEqual(one.heard('notification').map((n) => n.id), [body.result.id]);
    }
  };

  it('that come at once both work, and hear everything once', async () => {
    const both = [room.client('ada', { as: FrontEnd }), room.client('ada', { as: FrontEnd })];
    for (const one of both) await one.hear('joined_room');
    await notify(both);
    both[0].close();
    await until(async () => (await call(room, 'emit_to_user', ['ada', 'still'])).body.result === 1, 'the first is gone');
    await both[1].hear('still');
    assert.equal((await call(room, 'is_user_connected', ['ada'])).body.result, true);
  });

  it("whose reconnections race after a restart, the own and the client's, both work", async () => {
    const ada = await front(room, 'ada');
    await ada.hear('joined_room');
    await room.restart();
    await until(() => ada.people.length > 1 && ada.people.every((person) => person.socket.connected), 'both sockets are back', 20_000);
    assert.equal(ada.people.length, 2);
    for (const person of ada.people) await person.hear('joined_room');
    await notify(ada.people);
    assert.deepEqual((await call(room, 'get_connected_users')).body.result, ['ada']);
    assert.equal(ada.state, 'connected');
  });

  it('come back after the server has ended one', async () => {
    const ada = await front(room, 'ada');
    await ada.hear('joined_room');
    await call(room, 'disconnect_user', ['ada']);
    await until(() => ada.people.length === 2 && ada.socket.connected, 'it is back', 20_000);
    assert.equal((await ada.hear('joined_room')).room, 'user:ada');
    assert.equal((await call(room, 'emit_to_user', ['ada', 'hello'])).body.result, 1);
  });
});

describe('conversations of the front end', () => {
  const room = useServer();

  it('are joined and left by their ids', async () => {
    const [alice, bob, eve] = await fronts(room, 'alice', 'bob', 'eve');
    for (const one of [alice, bob]) {
      one.emit('join_conversation', 'alice.bob');
      assert.deepEqual(await one.hear('joined_conversation'), { conversationId: 'alice.bob' });
    }
    assert.equal((await call(room, 'emit_to_room', ['conversation:alice.bob', 'messages_read', 1])).body.result, 2);
    eve.emit('join_conversation', 'alice.bob');
    assert.equal((await eve.hear('error')).event, 'join_conversation');
    alice.emit('typing_start', { conversationId: 'alice.bob', receiverId: 'bob' });
    await bob.hear('user_typing');
    alice.emit('leave_conversation', 'alice.bob');
    await bob.hear('user_stopped_typing');
    assert.deepEqual(await alice.hear('left_conversation'), { conversationId: 'alice.bob' });
    assert.equal((await call(room, 'emit_to_room', ['conversation:alice.bob', 'messages_read', 1])).body.result, 1);
  });
});
