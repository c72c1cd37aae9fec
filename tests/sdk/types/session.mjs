// A day at a small school: everything that pages can ask and hear, and everything that a back end can call, at
// least once.

import { sign, tokenFor, inSeconds } from '../../e2e/support/tokens.mjs';
import { until } from '../../e2e/support/wait.mjs';

// join(id, options): a client that writes down; client(id, options): one that may not get in; call(name, ...args).
export async function playSession({ join, client, call }) {
  const tess = await join('tess', { claims: { role: 'teacher', name: 'Tess' } });
  const ada = await join('ada', { claims: { name: 'Ada' } });
  const bob = await join('bob');
  await rooms({ tess, ada, bob, call });
  await typing({ ada, bob });
  await discussions({ tess, ada, bob, call });
  await privateMessages({ ada, bob, call });
  await conversations({ ada, bob, call });
  await notifications({ tess, ada, join, call });
  await courses({ tess, ada, call });
  await liveSessions({ tess, ada, bob, call });
  await polls({ tess, ada });
  await whoIsThere({ ada, call });
  await tokens({ join, client, call });
  await erasure({ ada, join, call });
}

async function rooms({ tess, ada, bob, call }) {
  await tess.done('join_room', { room: 'course:1', type: 'course' });
  await ada.done('join_room', 'course-1');
  await ada.hear('joined_room');
  await tess.hear('user_presence');
  await bob.done('join_room', { room: 'course:1' });
  await ada.done('who_is_online', { room: 'course:1' });
  await ada.ask('who_is_online', { room: 'course:2' }); // refused: not in it
  await ada.done('leave_room', 'course:1');
  await ada.hear('left_room');
  await ada.done('join_room', { room: 'course:1' });
  ada.emit('join_room', { room: '' });
  await ada.hear('error');
  await call('grantRoom', 'ada', 'club:chess');
  await ada.done('join_room', { room: 'club:chess' });
  await call('revokeRoom', 'ada', 'club:chess');
  await ada.hear('room_revoked');
}

async function typing({ ada, bob }) {
  await ada.done('typing_start', { room: 'course:1', discussionId: 'd1' });
  await bob.hear('typing_indicator', ({ isTyping }) => isTyping);
  await ada.done('typing_stop', { room: 'course:1', discussionId: 'd1' });
  await bob.hear('typing_indicator', ({ isTyping }) => !isTyping);
  await ada.done('typing_start', { room: 'course:1' });
  await bob.hear('typing_indicator', ({ isTyping }) => isTyping);
  await ada.done('typing_stop', { room: 'course:1' });
}

async function conversations({ ada, bob, call }) {
  const talk = { conversationId: 'ada.bob', receiverId: 'bob' };
  await ada.done('join_conversation', talk.conversationId);
  await ada.hear('joined_conversation');
  await ada.done('typing_start', talk);
  await bob.hear('user_typing');
  await ada.done('typing_stop', talk);
  await bob.hear('user_stopped_typing');
  await ada.done('private_message', { to: 'bob', content: 'A picture', messageType: 'IMAGE', attachments: [{ url: '/1.png' }] });
  await bob.hear('new_message', ({ message }) => message.messageType === 'IMAGE');
  await ada.hear('message_sent', ({ message }) => message.messageType === 'IMAGE');
  await bob.done('mark_room_read', { room: 'private:ada:bob' });
  await ada.hear('messages_read', ({ conversationId }) => conversationId);
  await ada.done('leave_conversation', { conversationId: 'ada.bob' });
  await ada.hear('left_conversation');
  await call('sendPrivateMessage', { from: 'ada', to: 'bob', content: 'A song', messageType: 'AUDIO', attachments: [] });
}

async function discussions({ tess, ada, bob, call }) {
  const room = 'course:1';
  const { message } = await ada.done('discussion_message', { room, discussionId: 'd1', content: 'Why?', id: 'why' });
  await ada.done('discussion_message', { room, content: 'Hello' });
  await call('sendDiscussionMessage', room, { userId: 'bob', content: 'From the back end', expiresAt: Date.now() + 1e6 });
  await ada.hear('discussion_message', ({ userId }) => userId === 'bob');
  await ada.done('edit_message', { room, id: message.id, content: 'Why not?' });
  await bob.hear('message_updated');
  await bob.done('discussion_reaction', { room, discussionId: 'd1', reaction: '👍' });
  await ada.hear('discussion_reaction');
  await bob.done('discussion_reaction', { room, discussionId: 'd1', messageId: message.id, reaction: '👎' });
  await bob.done('discussion_reaction', { room, discussionId: 'd1', messageId: message.id, reaction: '👎', remove: true });
  await ada.hear('discussion_reaction_removed');
  await call('sendDiscussionReaction', room, 'd1', 'tess', '🎉');
  await bob.done('mark_room_read', { room });
  await bob.hear('read_mark');
  await ada.hear('messages_read');
  await tess.done('mark_room_read', { room, messageId: message.id });
  await tess.done('room_unread', { room });
  await tess.done('room_unread', { room: 'course:quiet' }); // never read
  await tess.done('delete_message', { room, id: message.id });
  await bob.hear('message_deleted');
  await ada.done('discussion_history', { room });
  await ada.done('discussion_history', { room, discussionId: 'd1', limit: 1 });
  await ada.done('discussion_history', { room, limit: 1 });
}

async function privateMessages({ ada, bob, call }) {
  const { message } = await ada.done('private_message', { to: 'bob', content: 'Psst', id: 'p1' });
  await bob.hear('private_message');
  await call('sendPrivateMessage', { from: 'bob', to: 'ada', content: 'What?', data: { mood: 'curious' } });
  await ada.hear('private_message', ({ from }) => from === 'bob');
  await ada.done('edit_private_message', { with: 'bob', id: message.id, content: 'Hey' });
  await bob.hear('message_updated', ({ from }) => from === 'ada');
  await ada.done('private_history', { with: 'bob' });
  await ada.done('private_history', { with: 'bob', limit: 1 });
  await ada.done('list_conversations', {});
  await ada.done('delete_private_message', { with: 'bob', id: message.id });
  await bob.hear('message_deleted', ({ from }) => from === 'ada');
  await ada.done('people', { ids: ['ada', 'tess', 'nobody'] });
}

async function notifications({ tess, ada, join, call }) {
  const notify = { userId: 'ada', title: 'Lesson', message: 'A new one', type: 'NEW_LECTURE', priority: 'HIGH' };
  const first = await call('createNotification', { ...notify, actionUrl: '/lessons/1', data: { lesson: 1 }, about: 'tess' });
  await ada.hear('notification', ({ rev }) => rev !== undefined);
  const { notification } = await tess.done('notify', notify);
  await call('createBulkNotifications', [{ ...notify, expiresAt: Date.now() + 1e6 }, { userId: 'bob', title: 'Hi', message: 'there' }]);
  await call('createRoomNotification', 'course:1', { title: 'Room', message: 'All', actionUrl: '/course/1' });
  await ada.hear('notification', ({ isRoomNotification }) => isRoomNotification);
  await call('createSystemAnnouncement', { title: 'Maintenance', message: 'Tonight' });
  await ada.hear('system_announcement');
  const sent = { type: 'TEST', title: 'Not kept', message: 'gone' };
  await call('sendNotificationToUser', 'ada', sent);
  await call('sendNotificationToUsers', ['ada', 'nobody'], sent);
  await call('sendNotificationToAllConnected', sent);
  await call('sendNotificationToRoom', 'course:1', sent);
  await ada.hear('notification', ({ rev, isRoomNotification }) => rev === undefined && !isRoomNotification);

  const { rev, epoch } = await ada.done('list_notifications', {});
  await ada.done('list_notifications', { limit: 1, unread: true });
  await ada.done('mark_notification_read', { id: first.id });
  await ada.hear('unread_count', ({ readIds }) => readIds);
  await ada.ask('mark_notification_read', { id: 'none' }); // refused: not_found
  await ada.done('delete_notification', { id: first.id });
  await ada.hear('unread_count', ({ removedIds }) => removedIds);
  await ada.done('notifications_since', { rev, epoch });
  await ada.done('notifications_since', { rev, epoch: 'another' });
  await ada.done('mark_all_notifications_read');
  await ada.hear('unread_count', ({ allRead }) => allRead);
  await ada.done('list_notifications', {});
  await call('getUserNotifications', 'ada');
  await call('getUserNotifications', 'ada', 1, 1);
  await call('getUnreadCount', 'ada');
  await call('markAsRead', notification.id, 'ada');
  await call('markAllAsRead', 'ada');
  await call('deleteNotification', notification.id, 'ada');
  await (await join('root', { claims: { role: 'admin' } })).done('announce_system', { title: 'All', message: 'Hear' });
}

async function courses({ tess, ada, call }) {
  const announcement = { courseId: '1', title: 'Exam', message: 'On Monday' };
  await tess.done('announce', announcement);
  await ada.hear('course_announcement');
  await tess.done('announce', { ...announcement, as: 'update', type: 'exam', data: { room: 7 }, expiresAt: Date.now() + 1e6 });
  await ada.hear('course_update');
  await tess.done('announce', { ...announcement, as: 'notification' });
  await ada.ask('announce', announcement); // refused: not staff
  await call('sendCourseUpdate', 'course-1', { type: 'new_lesson', title: 'New', message: 'Lesson' });
  const made = await call('sendCourseAnnouncement', '1', { title: 'Trip', message: 'To the sea', instructorId: 'tess', expiresAt: Date.now() + 1e6 });
  await call('listCourseAnnouncements', '1');
  await call('listCourseAnnouncements', '1', { limit: 1 });
  await ada.done('list_announcements', { courseId: '1' });
  await ada.done('list_announcements', { courseId: 1, limit: 1 });
  await call('deleteCourseAnnouncement', '1', made.id);
  await ada.hear('course_announcement_deleted');
}

async function liveSessions({ tess, ada, bob, call }) {
  await tess.done('join_room', { room: 'live-session:7', type: 'live_session' });
  await tess.done('live_session_event', { sessionId: '7', type: 'session_started' });
  await ada.done('join_room', { room: 'live-session:7' });
  await ada.done('live_session_event', { sessionId: '7', type: 'hand_raised', data: { up: true } });
  await tess.hear('live_session_event', ({ type }) => type === 'hand_raised');
  await call('sendLiveSessionEvent', 'live-session:7', { sessionId: 'live-session-7', type: 'screen_share', userId: 'tess', data: { isSharing: true } });
  await call('sendLiveSessionEvent', '7', { type: 'notice_board' });
  await bob.done('join_room', { room: 'live-session:7' });
}

async function polls({ tess, ada }) {
  const { poll } = await tess.done('open_poll', { room: 'course:1', question: 'Tea?', options: ['yes', 'no'] });
  await ada.hear('poll');
  await ada.done('vote_poll', { pollId: poll.pollId, choice: 1 });
  await ada.done('get_poll', { pollId: poll.pollId });
  await tess.done('get_poll', { pollId: poll.pollId });
  await tess.done('close_poll', { pollId: poll.pollId });
}

async function whoIsThere({ ada, call }) {
  await call('isUserConnected', 'ada');
  await call('areUsersConnected', ['ada', 'nobody']);
  await call('getUserSocketId', 'ada');
  await call('getUserSocketId', 'nobody');
  await call('getConnectedUsers');
  await call('getConnectedUsersCount');
  await call('getConnectionStatus');
  await call('getRooms');
  await call('getRoomCount', 'course:1');
  await call('getRoomUsers', 'course:1');
  await call('joinRoom', 'ada', 'club:go');
  await call('leaveRoom', 'ada', 'club:go');
  const content = { courseId: '1', title: 'By hand', timestamp: new Date().toISOString() };
  await call('emitToUser', 'ada', 'course_update', content);
  await call('emitToUsers', ['ada', 'bob'], 'course_update', content);
  await call('emitToRoom', 'course:1', 'course_update', content);
  await call('emitToNamespace', '/', 'course_update', content);
  await call('emitToAll', 'course_update', content);
  await call('broadcastToAll', 'course_update', content);
  await ada.hear('course_update', ({ title }) => title === 'By hand');
}

async function tokens({ join, client, call }) {
  const short = { sub: 'cleo', iat: inSeconds(0), exp: inSeconds(30), jti: 'short' };
  const cleo = await join('cleo', { token: sign(short), claims: undefined });
  await cleo.hear('token_expiring');
  await cleo.ask('refresh_token', 'no token'); // refused
  await cleo.done('refresh_token', { token: tokenFor('cleo', { jti: 'long' }) });
  await cleo.done('refresh_token', sign({ sub: 'cleo', iat: inSeconds(0), jti: 'endless' }));
  await call('revokeToken', 'endless');
  await cleo.hear('error', ({ code }) => code === 'unauthorized');
  await client('mallory', { token: 'nonsense' }).hear('connect_error');

  const dora = await join('dora', { reconnection: true, reconnectionDelay: 10 });
  await dora.done('people', { ids: [] }); // what comes back with it has an offset
  await call('emitToUser', 'dora', 'course_update', { courseId: 1, timestamp: 'now' });
  await dora.hear('course_update');
  dora.socket.io.engine.close();
  await dora.hear('connected', ({ recovered }) => recovered);
  await call('disconnectUser', 'dora');
  await join('elle', { auth: { token: tokenFor('elle'), pid: 'unknown', offset: '1' } });
  await call('revokeUser', 'elle');
}

async function erasure({ ada, join, call }) {
  const fred = await join('fred', { claims: { name: 'Fred' } });
  await fred.done('join_room', { room: 'course:1' });
  await fred.done('discussion_message', { room: 'course:1', content: 'I was here' });
  await fred.done('private_message', { to: 'ada', content: 'Me, too' });
  await fred.done('mark_room_read', { room: 'course:1' });
  await call('grantRoom', 'fred', 'club:chess');
  await call('exportPerson', 'fred');
  await call('exportPerson', 'ada');
  await call('exportPerson', 'bob');
  await call('exportPerson', 'tess');
  await call('erasePerson', 'fred');
  await ada.hear('conversation_deleted');
  await ada.done('discussion_history', { room: 'course:1' });
  await until(() => ada.heard('user_presence').some(({ userId, status }) => userId === 'fred' && status === 'offline'), 'fred is offline');
}
