// The platform's chat: conversations over HTTP, and what both kinds of clients hear, each on two devices.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, request } from './support/api.mjs';
import { Server } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const DISK = { LECTERN_DATABASE: 'sqlite:lectern.db' };

// What a person asks by HTTP, refused or not.
const asPerson = (room) => (id, claims) => {
  const token = tokenFor(id, { role: 'student', ...claims });
  const ask = (method, path, options) => request(room, method, path, { token, ...options });
  return {
    ask,
    async get(path) {
      const { status, body } = await ask('GET', path);
      assert.equal(status, 200, JSON.stringify(body));
      return body;
    },
    async post(path, body, headers) {
      const answer = await ask('POST', path, { body, headers });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body;
    },
    send: (receiverId, content, more, headers) => ask('POST', '/chat/messages', { body: { receiverId, content, ...more }, headers }),
  };
};

const code = ({ status, body }) => [status, body.error?.code];

describe('the chat', () => {
  const room = useServer({ args: ['--rooms-default', 'allow'] });
  const as = asPerson(room);

  it('answers a message with both people, and every device of both hears it', async () => {
    const [phone, laptop] = [await room.join('ann'), await room.join('ann')];
    const [tab, tablet] = [await room.join('ben', { claims: { given_name: 'Ben', family_name: 'Ö.' } }), await room.join('ben')];
    const eve = await room.join('eve');
    const ann = as('ann', { name: 'Ann the Teacher' });
    const { status, body: sent } = await ann.send('ben', 'Hallo 👩‍🏫', { messageType: 'IMAGE', attachments: [{ url: '/a.png' }, 'b'] });
    assert.equal(status, 200);
    const { id, createdAt, updatedAt, ...rest } = sent;
    const nothing = { email: null, profileImage: null, role: null };
    assert.deepEqual(rest, {
      conversationId: 'ann.ben', senderId: 'ann', receiverId: 'ben', content: 'Hallo 👩‍🏫', messageType: 'IMAGE', attachments: [{ url: '/a.png' }, 'b'],
      isRead: false, readAt: null, isDeleted: false, deletedAt: null, isEdited: false, editedAt: null,
      sender: { id: 'ann', firstName: 'Ann the Teacher', lastName: null, ...nothing },
      receiver: { id: 'ben', firstName: 'Ben', lastName: 'Ö.', ...nothing },
    });
    assert.equal(typeof id, 'string');
    assert.equal(new Date(createdAt).toISOString(), createdAt);
    assert.equal(updatedAt, createdAt);
    for (const device of [tab, tablet]) {
      assert.deepEqual(await device.hear('new_message'), { message: sent, conversationId: 'ann.ben' });
      const guide = await device.hear('private_message');
      assert.deepEqual([guide.id, guide.from, guide.to, guide.messageType, guide.attachments], [id, 'ann', 'ben', 'IMAGE', [{ url: '/a.png' }, 'b']]);
      const bell = await device.hear('notification');
      assert.deepEqual([bell.type, bell.actionUrl, bell.unreadCount], ['NEW_MESSAGE', '/chat/ann.ben', 1]);
      assert.deepEqual(bell.data, { conversationId: 'ann.ben', messageId: id, senderId: 'ann', senderName: 'Ann the Teacher' });
      assert.ok(!JSON.stringify(bell).includes('Hallo') && !('about' in bell));
    }
    for (const device of [phone, laptop]) assert.deepEqual(await device.hear('message_sent'), { message: sent, conversationId: 'ann.ben' });
    await eve.settle();
    for (const event of ['new_message', 'message_sent', 'private_message', 'notification']) assert.deepEqual(eve.heard(event), []);
    assert.deepEqual([phone.heard('new_message'), tab.heard('message_sent')], [[], []]);
  });

  it('has the messages of the event private_message and of the API, too', async () => {
    const [cid, dora] = [await room.join('cid'), await room.join('dora')];
    const { message } = await cid.ask('private_message', { to: 'dora', content: 'by event', messageType: 'FILE', attachments: [] });
    const told = await dora.hear('new_message');
    assert.deepEqual([told.message.id, told.message.messageType, told.message.attachments], [message.id, 'FILE', []]);
    assert.equal((await cid.hear('message_sent')).message.id, message.id);
    assert.equal((await call(room, 'send_private_message', [{ from: 'dora', to: 'cid', content: 'by API' }])).status, 200);
    assert.equal((await cid.hear('new_message')).message.content, 'by API');
    await as('cid').send('dora', 'by HTTP');
    const { messages } = await as('dora').get('/chat/conversations/cid.dora/messages');
    assert.deepEqual(messages.map((m) => [m.senderId, m.content, m.attachments.length]), [['cid', 'by event', 0], ['dora', 'by API', 0], ['cid', 'by HTTP', 0]]);
    const { messages: guide } = await dora.ask('private_history', { with: 'cid' });
    assert.deepEqual(guide.map((m) => m.id), messages.map((m) => m.id));
    for (const wrong of [{ messageType: 'HTML' }, { attachments: {} }, { attachments: 'x' }]) {
      assert.equal((await cid.ask('private_message', { to: 'dora', content: 'x', ...wrong })).error.code, 'invalid');
    }
  });

  it('tells each message once, after handlers were loaded anew', async () => {
    const tom = await room.join('tom');
    for (let i = 0; i < 2; i++) assert.equal((await room.server.reload()).code, 0);
    await as('una').send('tom', 'once');
    await tom.settle();
    for (const event of ['new_message', 'private_message', 'notification']) assert.equal(tom.heard(event).length, 1, event);
  });

  it('refuses what is no message, and messages to nobody', async () => {
    const fay = as('fay');
    assert.deepEqual(code(await fay.send('fay', 'me')), [400, 'invalid']);
    for (const body of [undefined, 'hi', [], 5, null, { content: 'x' }, { receiverId: 'gus' }, { receiverId: 'gus', content: '' }, { receiverId: '', content: 'x' },
      { receiverId: 'a\nb', content: 'x' }, { receiverId: {}, content: 'x' }, { receiverId: 'gus', content: 'x'.repeat(8001) }, { receiverId: 'gus', content: 5 },
      { receiverId: 'gus', content: 'x', messageType: 'image' }, { receiverId: 'gus', content: 'x', attachments: { a: 1 } },
      { receiverId: 'gus', content: 'x', attachments: ['y'.repeat(16001)] }]) {
      assert.deepEqual(code(await fay.ask('POST', '/chat/messages', { body })), [400, 'invalid'], JSON.stringify(body)?.slice(0, 80));
    }
    assert.equal((await request(room, 'POST', '/chat/messages', { token: null, body: { receiverId: 'gus', content: 'x' } })).status, 401);
    assert.equal((await request(room, 'POST', '/chat/messages', { body: { receiverId: 'gus', content: 'x' } })).status, 200); // a token, though a service's
    assert.equal((await fay.get('/chat/conversations')).pagination.total, 0);
  });

  it('lists conversations and messages page by page, in order', async () => {
    const hal = as('hal', { name: 'Hal' });
    for (let i = 1; i <= 5; i++) await as(`h${i}`, { name: `H ${i}` }).send('hal', `from ${i}`);
    await hal.send('h2', 'é'.repeat(150));
    const { conversations, pagination } = await hal.get('/chat/conversations?page=1&limit=2');
    assert.deepEqual(pagination, { total: 5, page: 1, limit: 2, totalPages: 3 });
    assert.deepEqual(conversations.map((c) => [c.id, c.unreadCount, c.otherUser.firstName]), [['h2.hal', 1, 'H 2'], ['h5.hal', 1, 'H 5']]);
    assert.equal(conversations[0].lastMessagePreview, 'é'.repeat(100));
    assert.equal(conversations[0].lastMessage.content, 'é'.repeat(150));
    assert.deepEqual((await hal.get('/chat/conversations?page=3&limit=2')).conversations.map((c) => c.id), ['h1.hal']);
    for (let i = 1; i <= 6; i++) await hal.send('h1', `m${i}`);
    const page = await as('h1').get('/chat/conversations/h1.hal/messages?page=1&limit=4');
    assert.deepEqual(page.messages.map((m) => m.content), ['m3', 'm4', 'm5', 'm6']);
    assert.deepEqual(page.pagination, { total: 7, page: 1, limit: 4, totalPages: 2 });
    const [first] = (await hal.get('/chat/conversations/h1.hal/messages?page=2&limit=4')).messages;
    assert.deepEqual([first.content, first.sender.firstName, first.receiver.firstName], ['from 1', 'H 1', 'Hal']);
    for (const query of ['page=x', 'page=-1', 'limit=all', 'page=1e3', `limit=${'9'.repeat(400)}`]) {
      for (const path of ['/chat/conversations', '/chat/conversations/h1.hal/messages']) assert.deepEqual(code(await hal.ask('GET', `${path}?${query}`)), [400, 'invalid'], path + query);
    }
    for (const query of ['page=0', 'limit=0', 'limit=1000000', 'page=1000000']) assert.equal((await hal.ask('GET', `/chat/conversations?${query}`)).status, 200, query);
  });

  it('is for the two alone', async () => {
    const ivy = as('ivy');
    await ivy.send('jon', 'secret');
    const [kim, root] = [as('kim'), as('root', { role: 'admin' })];
    for (const other of [kim, root]) {
      for (const id of ['ivy.jon', 'jon.ivy', 'clx123', '.', '%01', 'a.b.c']) {
        assert.deepEqual(code(await other.ask('GET', `/chat/conversations/${id}/messages`)), [404, 'not_found'], id);
        assert.deepEqual(code(await other.ask('POST', `/chat/conversations/${id}/read`)), [404, 'not_found'], id);
      }
      const socket = await room.join(other === kim ? 'kim' : 'root', { claims: { role: other === kim ? 'student' : 'admin' } });
      for (const id of ['ivy.jon', 'clx123']) {
        assert.equal((await socket.ask('join_conversation', id)).error.code, 'forbidden', id);
        assert.equal((await socket.ask('join_room', { room: `conversation:${id}` })).error.code, 'forbidden', id);
      }
    }
    assert.deepEqual((await ivy.get('/chat/conversations/ivy.nobody/messages')).messages, []);
  });

  it('says what is unread the same everywhere, and what was read, by whatever way', async () => {
    const [lea, mo, moo] = [await room.join('lea'), await room.join('mo'), await room.join('mo')];
    const [asLea, asMo] = [as('lea'), as('mo')];
    for (const who of [lea, mo]) assert.deepEqual(await who.ask('join_conversation', { conversationId: 'lea.mo' }), { ok: true, conversationId: 'lea.mo' });
    assert.deepEqual(await lea.hear('joined_conversation'), { conversationId: 'lea.mo' });
    for (let i = 0; i < 3; i++) await asLea.send('mo', `l${i}`);
    await as('ned').send('mo', 'n');
    const unread = async () => {
      const { conversations } = await asMo.get('/chat/conversations');
      const list = Object.fromEntries(conversations.map((c) => [c.otherUser.id, c.unreadCount]));
      const { unreadCount } = await asMo.get('/chat/unread-count');
      const events = await mo.ask('list_conversations', {});
      assert.deepEqual(Object.fromEntries(events.conversations.map((c) => [c.with, c.unreadCount])), list);
      assert.equal((await mo.ask('room_unread', { room: 'private:lea:mo' })).unreadCount, list.lea);
      assert.equal(unreadCount, Object.values(list).reduce((a, b) => a + b, 0));
      return list;
    };
    assert.deepEqual(await unread(), { lea: 3, ned: 1 });
    const { messages } = await asMo.get('/chat/conversations/lea.mo/messages');
    await mo.ask('mark_room_read', { room: 'private:lea:mo', messageId: messages[0].id });
    assert.deepEqual(await lea.hear('messages_read'), { conversationId: 'lea.mo', readBy: 'mo', count: 1 });
    assert.deepEqual(await unread(), { lea: 2, ned: 1 });
    assert.deepEqual((await asLea.get('/chat/conversations/lea.mo/messages')).messages.map((m) => m.isRead), [true, false, false]);
    assert.deepEqual(await asMo.post('/chat/conversations/lea.mo/read'), { success: true, markedCount: 2 });
    assert.deepEqual(await asMo.post('/chat/conversations/lea.mo/read'), { success: true, markedCount: 0 });
    assert.deepEqual(await unread(), { lea: 0, ned: 1 });
    assert.deepEqual(await lea.hear('messages_read'), { conversationId: 'lea.mo', readBy: 'mo', count: 2 });
    for (const device of [mo, moo]) assert.equal((await device.hear('read_mark', (mark) => mark.unreadCount === 0)).room, 'private:lea:mo');
    assert.deepEqual([moo.heard('messages_read'), mo.heard('messages_read').length], [[], 2]); // moo is not in the room
    const shown = (await asLea.get('/chat/conversations/lea.mo/messages')).messages;
    assert.ok(shown.every((m) => m.isRead && new Date(m.readAt).toISOString() === m.readAt));
    assert.deepEqual(await lea.ask('leave_conversation', 'lea.mo'), { ok: true, conversationId: 'lea.mo' });
    assert.deepEqual(await lea.hear('left_conversation'), { conversationId: 'lea.mo' });
    await asLea.send('mo', 'again');
    await asMo.post('/chat/conversations/lea.mo/read');
    await lea.settle();
    assert.equal(lea.heard('messages_read').length, 2);
  });

  it('deletes own messages alone; a tombstone stays for both', async () => {
    const [oli, pia] = [as('oli'), as('pia')];
    const devices = [await room.join('oli'), await room.join('pia'), await room.join('pia')];
    const { body: sent } = await oli.send('pia', 'a regret');
    assert.deepEqual(code(await pia.ask('DELETE', `/chat/messages/${sent.id}`)), [400, 'invalid']);
    for (const [who, id] of [[as('eve'), sent.id], [oli, 'none'], [oli, '%01'], [oli, encodeURIComponent('é/?')]]) assert.equal((await who.ask('DELETE', `/chat/messages/${id}`)).status, 404, id);
    const { status, body: gone } = await oli.ask('DELETE', `/chat/messages/${sent.id}`);
    assert.equal(status, 200);
    assert.deepEqual([gone.id, gone.content, gone.isDeleted, gone.sender.id], [sent.id, '', true, 'oli']);
    assert.equal(new Date(gone.deletedAt).toISOString(), gone.deletedAt);
    for (const device of devices) {
      const told = await device.hear('message_deleted');
      assert.deepEqual([told.id, told.from, told.to, told.deletedBy], [sent.id, 'oli', 'pia', 'oli']);
    }
    assert.deepEqual((await oli.ask('DELETE', `/chat/messages/${sent.id}`)).body, gone);
    const [one] = (await pia.get('/chat/conversations')).conversations;
    assert.deepEqual([one.lastMessage.isDeleted, one.lastMessagePreview, one.unreadCount], [true, '', 0]);
    assert.equal((await pia.get('/chat/unread-count')).unreadCount, 0);
  });

  it('begins a conversation once, for any id that a person may have', async () => {
    const quin = as('user:é/1');
    const begin = (id) => quin.ask('POST', `/chat/conversations/with/${encodeURIComponent(id)}`);
    const { status, body: one } = await begin('ro b.ert');
    assert.equal(status, 200);
    assert.deepEqual([one.id, one.participant1Id, one.participant2Id, one.lastMessage, one.lastMessageAt, one.lastMessagePreview, one.unreadCount],
      ['ro~20b~2Eert.user~3A~C3~A9~2F1', 'ro b.ert', 'user:é/1', null, null, null, 0]);
    assert.deepEqual((await begin('ro b.ert')).body, one);
    assert.equal((await as('ro b.ert').get('/chat/conversations')).conversations[0].id, one.id);
    await quin.send('ro b.ert', 'hi');
    assert.equal((await as('ro b.ert').get(`/chat/conversations/${one.id}/messages`)).messages[0].content, 'hi');
    for (const id of ['user:é/1', '', '\u0001', 'x'.repeat(300)]) assert.ok([400, 404].includes((await begin(id)).status), id);
  });

  it('lets a platform\'s own conversations be joined by grant, and ends it', async () => {
    const sam = await room.join('sam');
    assert.equal((await call(room, 'grant_room', ['sam', 'conversation:clx9'])).status, 200);
    assert.equal((await sam.ask('join_conversation', 'clx9')).ok, true);
    await call(room, 'emit_to_room', ['conversation:clx9', 'hello', 1]);
    await sam.hear('hello');
    assert.equal((await call(room, 'revoke_room', ['sam', 'conversation:clx9'])).status, 200);
    await sam.hear('room_revoked');
    assert.equal((await sam.ask('join_conversation', 'clx9')).error.code, 'forbidden');
    assert.equal((await sam.ask('join_conversation', 9)).error.code, 'forbidden');
    await call(room, 'emit_to_room', ['conversation:clx9', 'hello', 2]);
    await sam.settle();
    assert.deepEqual(sam.heard('hello'), [1]);
    for (const payload of [undefined, null, true, '', {}, [], { conversationId: 1.5 }, { conversationId: '' }, 'x\ny', 'x'.repeat(2000)]) {
      for (const event of ['join_conversation', 'leave_conversation']) assert.equal((await sam.ask(event, payload)).error.code, 'invalid', JSON.stringify(payload));
    }
  });
});

describe('a chat with known people only', () => {
  const room = useServer({ files: { 'lectern.lua': 'return { app = { staff = {}, private_messages = true, known_people_only = true } }' } });
  const as = asPerson(room);

  it('has no conversations with nobody', async () => {
    const ann = as('ann');
    assert.deepEqual(code(await ann.send('ben', 'x')), [404, 'not_found']);
    assert.deepEqual(code(await ann.ask('POST', '/chat/conversations/with/ben')), [404, 'not_found']);
    const ben = await room.join('ben', { claims: { name: 'Ben' } });
    assert.equal((await ann.send('ben', 'x')).status, 200);
    ben.close();
    await sleep(50);
    assert.equal((await ann.send('ben', 'x')).status, 200);
  });
});

describe('private messages that are switched off', () => {
  const room = useServer({ files: { 'lectern.lua': 'return { app = { staff = {}, private_messages = false } }' } });

  it('switch the chat off', async () => {
    const ann = asPerson(room)('ann');
    for (const [method, path] of [['POST', '/messages'], ['GET', '/conversations'], ['GET', '/unread-count'], ['GET', '/conversations/ann.ben/messages'],
      ['POST', '/conversations/ann.ben/read'], ['POST', '/conversations/with/ben'], ['DELETE', '/messages/1']]) {
      assert.deepEqual(code(await ann.ask(method, `/chat${path}`, { body: method === 'POST' ? { receiverId: 'ben', content: 'x' } : undefined })), [403, 'forbidden'], path);
    }
    assert.equal((await (await room.join('ann')).ask('join_conversation', 'ann.ben')).error.code, 'forbidden');
  });
});

// Time between a message and its notification, to be killed in.
const SLOWLY = `
  local lectern = require "lectern"
  require("lectern.messages").when_sent("slowly", function(message)
    if message.content == "between" then lectern.sleep(1) end
  end)
  return {}`;

describe('a message with an Idempotency-Key', () => {
  const room = useServer({ env: DISK, files: { 'handlers/slowly.lua': SLOWLY } });
  const as = asPerson(room);

  it('is one message and one notification, also when the server is killed in between', async () => {
    const ann = as('ann', { name: 'Ann' });
    const kept = async (key) => {
      const { messages } = await as('ben').get('/chat/conversations/ann.ben/messages?limit=100');
      const { notifications } = await as('ben').get('/notifications?limit=100');
      const found = messages.filter((m) => m.content === key);
      return [found.length, notifications.filter((n) => n.data.messageId === found[0]?.id).length];
    };
    const first = await ann.send('ben', 'plain', {}, { 'idempotency-key': 'plain' });
    const again = await ann.send('ben', 'plain', {}, { 'idempotency-key': 'plain' });
    assert.deepEqual([again.status, again.body, again.headers.get('idempotency-replayed')], [200, first.body, 'true']);
    assert.deepEqual(await kept('plain'), [1, 1]);
    assert.equal((await ann.send('ben', 'other', {}, { 'idempotency-key': 'plain' })).status, 409);
    for (const key of ['at once', 'soon', 'between']) {
      const send = () => ann.send('ben', key, {}, { 'idempotency-key': key });
      const lost = send().catch(() => null);
      if (key === 'soon') await sleep(3);
      if (key === 'between') await until(async () => (await kept(key))[0] === 1);
      room.server.signal('SIGKILL');
      await room.server.ended;
      await lost;
      const { port } = room.server;
      room.server = await Server.start({ dir: room.scripts.dir, port, env: DISK });
      await until(async () => (await fetch(`${room.url}/readyz`)).ok);
      if (key === 'between') assert.deepEqual(await kept(key), [1, 0]);
      assert.equal((await send()).status, 200);
      assert.deepEqual(await kept(key), [1, 1], `killed ${key}`);
    }
  });
});

describe('a chat partner who is erased', () => {
  const room = useServer({ env: DISK });
  const as = asPerson(room);

  it('leaves no name and no message with the other', async () => {
    await as('ann', { name: 'Ann Unforgettable' }).send('ben', 'a secret');
    await as('ann').ask('POST', '/chat/conversations/with/cid');
    const ben = await room.join('ben');
    assert.equal(ben.connected.unreadCount, 1);
    assert.equal((await call(room, 'export_person', ['ann'])).body.result.conversations.length, 2);
    assert.equal((await call(room, 'erase_person', ['ann'])).status, 200);
    assert.equal((await ben.hear('unread_count')).unreadCount, 0);
    for (const who of ['ben', 'cid']) {
      assert.deepEqual((await as(who).get('/chat/conversations')).conversations, []);
      assert.deepEqual((await as(who).get('/notifications')).notifications, []);
    }
  });
});
