// Whatever a page or a back end sends to the example is answered, and never by an error of the handlers: each field
// of each event and function gets each of the values below.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call } from './support/api.mjs';
import { useServer } from './support/suite.mjs';

let deep = {};
for (let i = 0; i < 25; i += 1) deep = { a: deep, b: [i] };
const ODD = [
  null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, 2 ** 53 + 2, 253402300799999, '', ' ', 'x', 'x\u0000y', '\u0001', '\u{10ffff}', 'x'.repeat(300),
  'x'.repeat(9000), '../..', "'; DROP TABLE lectern_messages; --", '<5.x', '>99999999999999999999.x', '<9007199254740992.\u{10ffff}', 'n0', 'nfffffffffffff', '[1,{}]',
  [], [null], [1, 2], ['a', { b: [] }], {}, { a: 1 }, { 1: 2 }, deep, 'private:a:b', 'private:ada:bob', 'user:ada', 'user:', 'course:', 'course:1',
  'live-session:1', '2026-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', Buffer.from('xx'),
];

const none = undefined; // optional, and not there in the good one

const EVENTS = {
  list_announcements: { courseId: '1', limit: 2, cursor: none },
  announce: { courseId: '1', title: 't', message: 'm', as: 'announcement', type: 't', data: {}, expiresAt: 253402300799999 },
  discussion_message: { room: 'course:1', discussionId: 'd', content: 'c', id: none },
  edit_message: { room: 'course:1', id: 'M', content: 'c' },
  delete_message: { room: 'course:1', id: 'N' },
  discussion_reaction: { room: 'course:1', discussionId: 'd', messageId: 'M', reaction: 'x', remove: none },
  discussion_history: { room: 'course:1', discussionId: 'd', limit: 3, before: none, after: none, cursor: none },
  live_session_event: { sessionId: '1', type: 'hand_raised', data: { up: true } },
  private_message: { to: 'bob', content: 'c', id: none },
  private_history: { with: 'bob', limit: 3, before: none, after: none, cursor: none },
  list_conversations: { limit: 1, cursor: none },
  edit_private_message: { with: 'bob', id: 'x', content: 'c' },
  delete_private_message: { with: 'bob', id: 'x' },
  notify: { userId: 'bob', title: 't', message: 'm', data: 1, priority: 'low', actionUrl: '/', expiresAt: 253402300799999, type: 'x' },
  announce_system: { title: 't', message: 'm', data: 1, priority: 'x', actionUrl: 'x', type: 'x' },
  list_notifications: { limit: 1, cursor: none, before: none, unread: true },
  notifications_since: { rev: 1, epoch: 'x' },
  mark_notification_read: { id: 'x' },
  mark_all_notifications_read: {},
  delete_notification: { id: 'x' },
  people: { ids: ['ada', 'bob'] },
  join_room: { room: 'course:1', type: 'x' },
  leave_room: { room: 'course:2', type: 'x' },
  who_is_online: { room: 'course:1', type: 'x' },
  mark_room_read: { room: 'course:1', messageId: none },
  room_unread: { room: 'course:1', type: none },
  typing_start: { room: 'course:1', discussionId: 'd' },
  typing_stop: { room: 'course:1', discussionId: 'd' },
  open_poll: { room: 'course:1', question: 'q', options: ['a', 'b'] },
  vote_poll: { pollId: 'p', choice: 1 },
  close_poll: { pollId: 'p' },
  get_poll: { pollId: 'p' },
  refresh_token: { token: 'x' },
};
const n = { userId: 'bob', title: 't', message: 'm', data: 1, priority: 'low', actionUrl: '/', expiresAt: 253402300799999, type: 'x' };
const CALLS = {
  send_course_update: ['1', { title: 'a', timestamp: 1 }],
  send_course_announcement: ['1', { title: 'a', instructorId: 'x', expiresAt: 253402300799999, timestamp: 1, id: none }],
  list_course_announcements: ['1', { limit: 1, cursor: none }],
  delete_course_announcement: ['1', 'x'],
  send_discussion_message: ['course:1', { id: none, discussionId: 'd', userId: 'ada', content: 'c', timestamp: 1, expiresAt: 253402300799999, extra: 1, room: 'x' }],
  send_discussion_reaction: ['course:1', 'd', 'ada', 'x'],
  send_live_session_event: ['1', { sessionId: '1', type: 'hand_raised', userId: 'x', data: { up: true } }],
  send_private_message: [{ from: 'ada', to: 'bob', content: 'c', data: 1, timestamp: 1, expiresAt: 253402300799999 }],
  create_notification: [n], create_bulk_notifications: [[n]], create_room_notification: ['course:1', n], create_system_announcement: [n],
  get_user_notifications: ['bob', 1, 2], get_unread_count: ['bob'], mark_as_read: ['x', 'bob'], mark_all_as_read: ['bob'], delete_notification: ['x', 'bob'],
  export_person: ['bob', '[1,5]'], erase_person: ['nobody'], grant_room: ['u', 'course:9'], revoke_room: ['u', 'course:9'], revoke_user: ['zed'], revoke_token: ['zz'],
  emit_to_user: ['bob', 'ev', 1], emit_to_users: [['bob'], 'ev', 1], emit_to_room: ['r', 'ev', 1], emit_to_namespace: ['/', 'ev', 1], emit_to_all: ['ev', 1], broadcast_to_all: ['ev', 1],
  send_notification_to_user: ['bob', n], send_notification_to_users: [['bob'], n], send_notification_to_all_connected: [n], send_notification_to_room: ['r', n],
  is_user_connected: ['bob'], are_users_connected: [['bob']], get_user_socket_id: ['bob'], get_connected_users_count: [], get_connected_users: [], get_connection_status: [], get_rooms: [], get_room_count: ['r'], get_room_users: ['r'],
  join_room: ['bob', 'r'], leave_room: ['bob', 'r'], disconnect_user: ['zed'],
};

// A value with something odd in one place.
function* spoiled(value, odd) {
  yield odd;
  if (Array.isArray(value)) {
    yield* [[odd], [...value, odd]];
    for (const i of value.keys()) for (const one of spoiled(value[i], odd)) yield Object.assign([...value], { [i]: one });
  } else if (value && typeof value === 'object') {
    for (const field of Object.keys(value)) yield { ...value, [field]: odd };
  }
}

function* variants(good) {
  yield good;
  for (const odd of ODD) yield* spoiled(good, odd);
}

const shown = (value) => JSON.stringify(value)?.slice(0, 200);

describe('odd payloads', () => {
  const room = useServer({ args: ['--limits-events-per-second', '0', '--limits-bytes-per-second', '0'] });

  it('of events are refused, or taken', async () => {
    const ada = await room.join('ada', { claims: { role: 'admin', name: 'Ada' } });
    for (const name of ['course:1', 'live-session:1', 'private:ada:bob']) await ada.ask('join_room', { room: name });
    for (const [event, good] of Object.entries(EVENTS)) {
      for (const payload of variants(good)) {
        const answer = await ada.ask(event, payload);
        assert.notEqual(answer?.error?.code, 'internal_error', `${event} ${shown(payload)}`);
      }
    }
    assert.ok(ada.socket.connected);
    assert.doesNotMatch(room.server.log, /stack traceback/);
  });

  it('of calls are refused, or taken', async () => {
    await room.join('bob');
    for (const [name, good] of Object.entries(CALLS)) {
      const all = [[], {}, ...variants(good)];
      await Promise.all(Array.from({ length: 20 }, async () => {
        for (let args = all.pop(); args !== undefined; args = all.pop()) {
          const { status } = await call(room, name, args);
          assert.ok(status < 500, `${name} ${shown(args)}: ${status}`);
        }
      }));
    }
    assert.doesNotMatch(room.server.log, /stack traceback/);
  });
});
