// What a class does all day: rooms, presence, typing, discussions, notifications, private messages,
// live sessions; the example's handlers with real clients, several tabs a person.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { sleep, until } from './support/wait.mjs';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const GRACE = 1500;
const TYPING = 500;
const args = ['--presence-grace', '200'];

const forbidden = (ack) => {
  assert.equal(ack.ok, false);
  assert.equal(ack.error.code, 'forbidden');
  assert.ok(ack.error.message);
};
const invalid = (ack) => {
  assert.equal(ack.ok, false);
  assert.equal(ack.error.code, 'invalid');
};

describe('rooms', () => {
  const room = useServer({ args: [...args, '--rooms-default', 'deny'] });

  it('joins by claims, under each way of naming a course', async () => {
    const ada = await room.join('ada', { claims: { courses: ['7', 'course-8'], sessions: ['live-session-1'], discussions: [5] } });
    for (const [asked, name] of [
      ['course:7', 'course:7'],
      ['course:course-7', 'course:7'],
      ['course:8', 'course:8'],
      ['live-session:1', 'live-session:1'],
      ['discussion:5', 'discussion:5'],
    ]) {
      const ack = await ada.ask('join_room', { room: asked });
      assert.equal(ack.ok, true, asked);
      assert.equal(ack.room, name);
      assert.ok(ack.online.includes('ada'));
      assert.equal(ack.onlineCount, 1);
    }
  });

  it('keeps people out of what is not theirs', async () => {
    const eve = await room.join('eve', { claims: { courses: ['7'] } });
    for (const name of ['course:8', 'live-session:7', 'discussion:7', 'user:ada', 'private:ada:bob', 'staffroom']) {
      forbidden(await eve.ask('join_room', { room: name }));
    }
    const { rooms } = await eve.ask('who_am_i');
    assert.deepEqual(rooms.sort(), [eve.socket.id, 'user:eve'].sort());
  });

  it('lets admins in, but not into private rooms', async () => {
    const root = await room.join('root', { claims: { role: 'admin' } });
    assert.equal((await root.ask('join_room', { room: 'course:8' })).ok, true);
    forbidden(await root.ask('join_room', { room: 'private:ada:bob' }));
    forbidden(await root.ask('join_room', { room: 'user:ada' }));
  });

  it('opens and closes by grants', async () => {
    const eve = await room.join('eve');
    forbidden(await eve.ask('join_room', { room: 'course:9' }));
    await eve.ask('api', 'grant_room', ['eve', 'course:9']);
    assert.equal((await eve.ask('join_room', { room: 'course:9' })).ok, true);
    await eve.ask('api', 'revoke_room', ['eve', 'course-9']);
    assert.ok(!(await eve.ask('who_am_i')).rooms.includes('course:9'), 'revoking takes out who is in');
    forbidden(await eve.ask('join_room', { room: 'course:9' }));
  });

  it('sorts the ids of a private room', async () => {
    const bob = await room.join('bob');
    assert.equal((await bob.ask('join_room', { room: 'private:bob:ada' })).room, 'private:ada:bob');
  });

  it('leaves', async () => {
    const ada = await room.join('ada', { claims: { courses: ['7'] } });
    await ada.ask('join_room', { room: 'course:7' });
    assert.equal((await ada.ask('leave_room', { room: 'course:7' })).ok, true);
    await ada.ask('api', 'send_course_update', ['7', { type: 'x', title: 'x', message: 'x' }]);
    await ada.settle();
    assert.deepEqual(ada.heard('course_update'), []);
    assert.equal((await ada.ask('leave_room', { room: 'course:7' })).ok, true, 'twice');
  });

  it('refuses payloads that make no sense', async () => {
    const ada = await room.join('ada');
    for (const payload of [undefined, null, 7, '', 'course:', [], {}, { room: 7 }, { room: '' }, { room: 'x'.repeat(5000) }, { room: 'course:' }]) {
      invalid(await ada.ask('join_room', payload));
    }
    const error = ada.hear('error');
    ada.emit('join_room');
    assert.deepEqual(Object.keys(await error).sort(), ['code', 'event', 'message']);
  });
});

const about = (id) => (p) => p.userId === id;

describe('presence and its grace', () => {
  const room = useServer({ args: ['--presence-grace', `${GRACE}`] });

  it('counts people, not tabs, and forgives a short absence', async () => {
    const watcher = await room.join('watcher');
    await watcher.ask('join_room', { room: 'course:1' });
    const tabs = [await room.join('ada'), await room.join('ada')];
    for (const tab of tabs) await tab.ask('join_room', { room: 'course:1' });
    const online = await watcher.hear('user_presence', about('ada'));
    assert.equal(online.status, 'online');
    assert.deepEqual((await watcher.ask('who_is_online', { room: 'course:1' })).online.sort(), ['ada', 'watcher']);

    const there = async () => watcher.ask('send_to', { room: 'user:ada', event: 'x', args: [] });
    tabs[0].close();
    await until(async () => (await there()) === 1, 'one tab is left');
    tabs[1].close();
    await until(async () => (await there()) === 0, 'no tab is left');
    const back = await room.join('ada');
    await back.ask('join_room', { room: 'course:1' });
    await sleep(GRACE * 1.2);
    await watcher.settle();
    assert.equal(watcher.heard('user_presence').filter(about('ada')).length, 1, 'never offline');

    const left = Date.now();
    back.close();
    const offline = await watcher.hear('user_presence', (p) => p.userId === 'ada' && p.status === 'offline');
    assert.ok(Date.now() - left >= GRACE * 0.9, 'after the grace period');
    assert.match(offline.lastSeen, ISO);
    assert.ok(Math.abs(Date.parse(offline.lastSeen) - left) < GRACE, 'lastSeen is when she went');
    assert.deepEqual((await watcher.ask('who_is_online', { room: 'course:1' })).online, ['watcher']);
  });
});

describe('presence', () => {
  const room = useServer({ args });

  it('is told to those who share a room only', async () => {
    const [near, far] = [await room.join('near'), await room.join('far')];
    await near.ask('join_room', { room: 'course:2' });
    await far.ask('join_room', { room: 'course:3' });
    const ada = await room.join('ada');
    await ada.ask('join_room', { room: 'course:2' });
    await near.hear('user_presence', about('ada'));
    ada.close();
    await near.hear('user_presence', (p) => p.userId === 'ada' && p.status === 'offline');
    await far.settle();
    assert.deepEqual(far.heard('user_presence').filter(about('ada')), []);
  });
});

describe('typing', () => {
  const room = useServer({ args: [...args, '--typing-timeout', '600000', '--typing-interval', '0'] });
  const quick = useServer({ args: [...args, '--typing-timeout', `${TYPING}`] });
  const thin = useServer({ args: [...args, '--typing-interval', '600000'] });
  async function two(options = {}, from = room) {
    const [ada, bob] = [await from.join('ada', options), await from.join('bob', options)];
    for (const person of [ada, bob]) await person.ask('join_room', { room: 'course:1' });
    return [ada, bob];
  }

  for (const { way, options } of WAYS) {
    it(`reaches the others, not the typist or another tab of hers (${way})`, async () => {
      const [ada, bob] = await two(options);
      const tab = await room.join('ada', options);
      await tab.ask('join_room', { room: 'course:1' });
      ada.emit('typing_start', { room: 'course:1', discussionId: 'd1' });
      assert.deepEqual(await bob.hear('typing_indicator'), { room: 'course:1', discussionId: 'd1', userId: 'ada', isTyping: true });
      ada.emit('typing_stop', { room: 'course:1', discussionId: 'd1' });
      assert.deepEqual(await bob.hear('typing_indicator'), { room: 'course:1', discussionId: 'd1', userId: 'ada', isTyping: false });
      await ada.settle();
      await tab.settle();
      assert.deepEqual([ada.heard('typing_indicator'), tab.heard('typing_indicator')], [[], []]);
    });
  }

  it('stops by itself', async () => {
    const [ada, bob] = await two({}, quick);
    const began = Date.now();
    ada.emit('typing_start', { room: 'course:1' });
    assert.equal((await bob.hear('typing_indicator')).isTyping, true);
    assert.equal((await bob.hear('typing_indicator')).isTyping, false);
    assert.ok(Date.now() - began >= TYPING * 0.9);
  });

  it('stops when the typist leaves the room, or goes', async () => {
    const [ada, bob] = await two();
    ada.emit('typing_start', { room: 'course:1' });
    await bob.hear('typing_indicator', (t) => t.isTyping);
    await ada.ask('leave_room', { room: 'course:1' });
    await bob.hear('typing_indicator', (t) => !t.isTyping);
    await ada.ask('join_room', { room: 'course:1' });
    ada.emit('typing_start', { room: 'course:1' });
    await bob.hear('typing_indicator', (t) => t.isTyping);
    ada.close();
    await bob.hear('typing_indicator', (t) => !t.isTyping);
  });

  it('thins repeats', async () => {
    const [ada, bob] = await two({}, thin);
    for (let i = 0; i < 50; i++) ada.emit('typing_start', { room: 'course:1' });
    await ada.settle();
    ada.emit('typing_stop', { room: 'course:1' });
    await bob.hear('typing_indicator', (t) => !t.isTyping);
    assert.equal(bob.heard('typing_indicator').length, 2);
  });

  it('is refused where one is not', async () => {
    const ada = await room.join('ada');
    forbidden(await ada.ask('typing_start', { room: 'course:2' }));
  });
});

describe('discussions', () => {
  const room = useServer({ args });

  it('sends messages and reactions to all in the room, and reads them back', async () => {
    const [ada, bob] = [await room.join('ada'), await room.join('bob')];
    for (const person of [ada, bob]) await person.ask('join_room', { room: 'course:1' });
    const content = '<b>Why</b> is 1 ≠ 2? 🤔\n"quotes" \\ \u2028';
    const ack = await ada.ask('discussion_message', { room: 'course:1', discussionId: 'd', content });
    assert.equal(ack.ok, true);
    for (const person of [ada, bob]) {
      const message = await person.hear('discussion_message');
      assert.deepEqual(message, ack.message);
      assert.equal(message.content, content);
      assert.equal(message.userId, 'ada');
      assert.equal(message.room, 'course:1');
      assert.equal(message.discussionId, 'd');
      assert.match(message.timestamp, ISO);
    }
    for (const person of [ada, bob]) {
      await person.ask('discussion_reaction', { room: 'course:1', discussionId: 'd', messageId: ack.message.id, reaction: '👍' });
    }
    for (const person of [ada, bob]) {
      for (const who of ['ada', 'bob']) {
        const reaction = await person.hear('discussion_reaction', (r) => r.userId === who);
        assert.equal(reaction.reaction, '👍');
        assert.equal(reaction.messageId, ack.message.id);
      }
    }
    const history = await bob.ask('discussion_history', { room: 'course:1', discussionId: 'd' });
    assert.deepEqual(history.messages.map((m) => m.content), [content]);
    assert.deepEqual(history.reactions, { '👍': 2 });
  });

  it('refuses who is not in the room, and what is no message', async () => {
    const ada = await room.join('ada');
    forbidden(await ada.ask('discussion_message', { room: 'course:2', content: 'hello' }));
    forbidden(await ada.ask('discussion_history', { room: 'course:2' }));
    await ada.ask('join_room', { room: 'course:2' });
    invalid(await ada.ask('discussion_message', { room: 'course:2', content: '' }));
    invalid(await ada.ask('discussion_message', { room: 'course:2' }));
  });
});

describe('notifications', () => {
  const room = useServer({ args });

  it('reach every tab, count unread, can be read, and survive absence', async () => {
    const staff = await room.join('staff', { claims: { role: 'teacher' } });
    const first = await staff.ask('notify', { userId: 'ada', title: 'Welcome', message: 'Hello', type: 'WELCOME' });
    assert.equal(first.ok, true);

    const tabs = [await room.join('ada'), await room.join('ada')];
    assert.deepEqual(tabs.map((tab) => tab.connected.unreadCount), [1, 1]);
    await staff.ask('notify', { userId: 'ada', title: 'Graded', message: 'A+', priority: 'HIGH', actionUrl: '/grades', data: { score: 1 } });
    for (const tab of tabs) {
      const notification = await tab.hear('notification');
      assert.equal(notification.title, 'Graded');
      assert.equal(notification.priority, 'HIGH');
      assert.equal(notification.actionUrl, '/grades');
      assert.deepEqual(notification.data, { score: 1 });
      assert.equal(notification.isRead, false);
      assert.match(notification.createdAt, ISO);
      assert.deepEqual([notification.unreadCount, notification.rev], [2, tab.connected.rev + 1]);
    }
    const list = await tabs[0].ask('list_notifications', {});
    assert.deepEqual(list.notifications.map((n) => n.title), ['Graded', 'Welcome']);
    assert.equal(list.unreadCount, 2);

    assert.equal((await tabs[0].ask('mark_notification_read', { id: list.notifications[0].id })).unreadCount, 1);
    assert.equal((await tabs[1].hear('unread_count')).unreadCount, 1);
    assert.equal((await tabs[1].ask('mark_all_notifications_read')).unreadCount, 0);
    assert.equal((await tabs[0].hear('unread_count', (u) => u.unreadCount === 0)).unreadCount, 0);
    assert.equal((await room.join('ada')).connected.unreadCount, 0);
  });

  it("nobody reads or marks another's", async () => {
    const staff = await room.join('staff', { claims: { role: 'instructor' } });
    const { notification } = await staff.ask('notify', { userId: 'bob', title: 'For Bob', message: 'only' });
    const eve = await room.join('eve');
    assert.equal((await eve.ask('mark_notification_read', { id: notification.id })).error.code, 'not_found');
    assert.deepEqual((await eve.ask('list_notifications')).notifications, []);
    assert.deepEqual(eve.heard('notification'), []);
  });

  it('are for staff to send', async () => {
    const eve = await room.join('eve');
    forbidden(await eve.ask('notify', { userId: 'bob', title: 'x', message: 'y' }));
    forbidden(await eve.ask('announce', { courseId: '1', title: 'x', message: 'y' }));
    const teacher = await room.join('tess', { claims: { role: 'teacher' } });
    forbidden(await teacher.ask('announce_system', { title: 'x', message: 'y' }));
  });
});

describe('announcements', () => {
  const room = useServer({ args });

  it('reach the course in all three forms', async () => {
    const tess = await room.join('tess', { claims: { role: 'teacher' } });
    const [ada, out] = [await room.join('ada'), await room.join('out')];
    await ada.ask('join_room', { room: 'course:1' });
    const text = { courseId: '1', title: 'Exam', message: 'on Friday' };
    for (const as of [undefined, 'update', 'notification']) assert.equal((await tess.ask('announce', { ...text, as, type: 'exam' })).ok, true);
    const announcement = await ada.hear('course_announcement');
    assert.equal(announcement.title, 'Exam');
    assert.equal(announcement.instructorId, 'tess');
    assert.equal(announcement.courseId, '1');
    assert.equal((await ada.hear('course_update')).type, 'exam');
    assert.equal((await ada.hear('notification')).isRoomNotification, true);
    await out.settle();
    for (const event of ['course_announcement', 'course_update', 'notification']) assert.deepEqual(out.heard(event), []);
  });

  it('of the system reach everybody', async () => {
    const root = await room.join('root', { claims: { role: 'admin' } });
    const people = [root, await room.join('ada'), await room.join('bob', { transports: ['polling'] })];
    assert.equal((await root.ask('announce_system', { title: 'Maintenance', message: 'tonight', type: 'warning', priority: 'HIGH' })).ok, true);
    for (const person of people) {
      const announcement = await person.hear('system_announcement');
      assert.equal(announcement.title, 'Maintenance');
      assert.equal(announcement.type, 'warning');
      assert.equal(announcement.priority, 'HIGH');
    }
    await root.ask('api', 'createSystemAnnouncement', [{ type: 'info', title: 'Again', message: 'by the API' }]);
    assert.equal((await people[1].hear('system_announcement')).title, 'Again');
  });
});

describe('private messages', () => {
  const room = useServer({ args });

  it('reach every tab of both, and nobody else', async () => {
    const tabs = [await room.join('ada'), await room.join('ada'), await room.join('bob'), await room.join('bob')];
    const eve = await room.join('eve');
    const ack = await tabs[0].ask('private_message', { to: 'bob', content: 'psst' });
    assert.equal(ack.ok, true);
    for (const tab of tabs) {
      const message = await tab.hear('private_message');
      assert.deepEqual(message, ack.message);
      assert.deepEqual([message.from, message.to, message.content], ['ada', 'bob', 'psst']);
      assert.match(message.timestamp, ISO);
    }
    await tabs[0].ask('api', 'send_private_message', [{ from: 'bob', to: 'ada', content: 'by the API' }]);
    for (const tab of tabs) assert.equal((await tab.hear('private_message')).from, 'bob');
    await eve.settle();
    assert.deepEqual(eve.heard('private_message'), []);
    assert.deepEqual((await eve.ask('private_history', { with: 'ada' })).messages, []);
    assert.deepEqual((await tabs[2].ask('private_history', { with: 'ada' })).messages.map((m) => m.content), ['psst', 'by the API']);
  });

  it('refuses what is no message', async () => {
    const ada = await room.join('ada');
    invalid(await ada.ask('private_message', { to: 'bob' }));
    invalid(await ada.ask('private_message', { content: 'to nobody' }));
    invalid(await ada.ask('private_message', { to: 'bob', content: '' }));
  });
});

describe('live sessions', () => {
  const room = useServer({ args });

  it('tell all who take part', async () => {
    const tess = await room.join('tess', { claims: { role: 'teacher' } });
    const [ada, out] = [await room.join('ada'), await room.join('out')];
    for (const person of [tess, ada]) await person.ask('join_room', { room: 'live-session:1', type: 'live_session' });
    await ada.ask('live_session_event', { sessionId: '1', type: 'hand_raised', data: { up: true } });
    const hand = await tess.hear('live_session_event');
    assert.deepEqual([hand.sessionId, hand.type, hand.userId, hand.data], ['1', 'hand_raised', 'ada', { up: true }]);
    assert.match(hand.timestamp, ISO);
    forbidden(await ada.ask('live_session_event', { sessionId: '1', type: 'mute_all' }));
    forbidden(await out.ask('live_session_event', { sessionId: '1', type: 'hand_raised' }));
    assert.equal((await tess.ask('live_session_event', { sessionId: '1', type: 'mute_all' })).ok, true);
    assert.equal((await ada.hear('live_session_event', (e) => e.type === 'mute_all')).userId, 'tess');
    await out.settle();
    assert.deepEqual(out.heard('live_session_event'), []);
  });
});
