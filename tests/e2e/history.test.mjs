// What was written is there later: page by page, after an edit, a deletion, a restart.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer } from './support/suite.mjs';

const LASTING = { LECTERN_DATABASE: 'sqlite:lectern.db' };

const ok = (ack) => {
  assert.equal(ack.ok, true, JSON.stringify(ack));
  return ack;
};
const code = (ack) => ack.error?.code;

describe('history', () => {
  const room = useServer({ env: LASTING });
  const course = async (id, options) => {
    const person = await room.join(id, options);
    ok(await person.ask('join_room', { room: 'course:1' }));
    return person;
  };

  it('pages through what shares a millisecond, while more comes', async () => {
    const ada = await course('ada');
    const bob = await course('bob');
    const sent = [];
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      sent[i] = ok(await ada.ask('discussion_message', { room: 'course:1', content: `m${i}` })).message.id;
    }));
    const seen = [];
    let filter = { room: 'course:1', limit: 7 };
    for (;;) {
      const page = ok(await bob.ask('discussion_history', filter));
      seen.unshift(...page.messages.map((m) => m.content));
      if (!page.hasMore) break;
      filter = { room: 'course:1', limit: 7, cursor: page.nextCursor };
      ok(await ada.ask('discussion_message', { room: 'course:1', content: 'meanwhile' }));
    }
    assert.deepEqual(seen, Array.from({ length: 60 }, (_, i) => `m${i}`));
    // What they heard live came in the same order.
    await bob.settle();
    assert.deepEqual(bob.heard('discussion_message').map((m) => m.content).filter((c) => c !== 'meanwhile'), seen);
    const missed = ok(await bob.ask('discussion_history', { room: 'course:1', after: sent[57] }));
    assert.deepEqual(missed.messages.slice(0, 2).map((m) => m.content), ['m58', 'm59']);
    assert.equal(code(await bob.ask('discussion_history', { room: 'course:1', after: 'gone' })), 'not_found');
    assert.equal(code(await bob.ask('discussion_history', { room: 'course:1', cursor: 'mine' })), 'invalid');
  });

  it('holds a message once, however often the page sends it', async () => {
    const ada = await course('ada');
    const bob = await course('bob');
    const message = { room: 'course:1', content: 'once', id: 'page-7' };
    const acks = await Promise.all(Array.from({ length: 5 }, () => ada.ask('discussion_message', message)));
    for (const ack of acks) assert.deepEqual(ok(ack).message, acks[0].message);
    assert.equal(code(await bob.ask('discussion_message', message)), 'conflict');
    await bob.settle();
    assert.equal(bob.heard('discussion_message').filter((m) => m.id === 'page-7').length, 1);
    for (let i = 0; i < 2; i += 1) ok(await ada.ask('private_message', { to: 'bob', content: 'psst', id: 'page-8' }));
    await bob.settle();
    assert.equal(bob.heard('private_message').length, 1);
  });

  it('is there after a restart: messages, tombstones, reactions, announcements, marks, grants', async () => {
    let ada = await course('ada');
    let bob = await course('bob');
    const tina = await course('tina', { claims: { role: 'teacher' } });
    const say = async (who, content) => ok(await who.ask('discussion_message', { room: 'course:1', discussionId: 'd', content })).message.id;
    const [one, two, three] = [await say(ada, 'wrnog'), await say(ada, 'rude'), await say(bob, 'fine')];
    ok(await ada.ask('edit_message', { room: 'course:1', id: one, content: 'right' }));
    assert.equal(code(await bob.ask('edit_message', { room: 'course:1', id: one, content: 'x' })), 'forbidden');
    assert.equal(code(await tina.ask('edit_message', { room: 'course:1', id: one, content: 'x' })), 'forbidden');
    assert.equal(code(await bob.ask('delete_message', { room: 'course:1', id: two })), 'forbidden');
    ok(await tina.ask('delete_message', { room: 'course:1', id: two }));
    assert.equal((await bob.hear('message_updated')).content, 'right');
    assert.equal((await bob.hear('message_deleted')).deletedBy, 'tina');
    const reaction = { room: 'course:1', discussionId: 'd', messageId: one, reaction: '👍' };
    ok(await bob.ask('discussion_reaction', reaction));
    ok(await ada.ask('discussion_reaction', reaction));
    ok(await ada.ask('discussion_reaction', { ...reaction, remove: true }));
    const data = { list: [], object: {}, text: 'ä 👩‍🏫 \u2028', none: null, deep: [[{ a: [1.5] }]] };
    ok(await tina.ask('announce', { courseId: '1', title: 'Exam', message: 'On Monday', data }));
    ok(await tina.ask('announce', { courseId: '1', title: 'Soon', message: 'x', expiresAt: new Date(Date.now() + 1000).toISOString() }));
    ok(await ada.ask('private_message', { to: 'bob', content: 'secret' }));
    ok(await bob.ask('mark_room_read', { room: 'course:1', messageId: one }));
    await ada.ask('api', 'revoke_room', ['ada', 'course:2']);
    const announced = ok(await ada.ask('list_announcements', { courseId: '1' }));
    const history = ok(await ada.ask('discussion_history', { room: 'course:1', discussionId: 'd' }));

    await room.restart();
    ada = await course('ada');
    bob = await course('bob');
    const again = ok(await ada.ask('discussion_history', { room: 'course:1', discussionId: 'd' }));
    assert.deepEqual(again, history);
    const last = again.messages.slice(-3);
    assert.deepEqual(last.map((m) => [m.content, m.editedBy, m.deletedBy]), [['right', 'ada', undefined], [null, undefined, 'tina'], ['fine', undefined, undefined]]);
    assert.deepEqual(again.reactions, { '👍': 1 });
    const listed = ok(await ada.ask('list_announcements', { courseId: '1' })).announcements;
    assert.deepEqual(listed.at(-1), announced.announcements.at(-1));
    assert.deepEqual(listed.at(-1).data, data);
    assert.equal(ok(await bob.ask('room_unread', { room: 'course:1' })).messageId, one);
    assert.equal(ok(await bob.ask('mark_room_read', { room: 'course:1', messageId: three })).unreadCount, 0);
    assert.equal(ok(await bob.ask('mark_room_read', { room: 'course:1', messageId: one })).messageId, three, 'a mark never goes back');
    assert.deepEqual(ok(await bob.ask('private_history', { with: 'ada' })).messages.map((m) => m.content).at(-1), 'secret');
    assert.equal(ok(await bob.ask('list_conversations', {})).conversations[0].with, 'ada');
    assert.equal(code(await ada.ask('join_room', { room: 'course:2' })), 'forbidden');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.deepEqual(ok(await ada.ask('list_announcements', { courseId: '1' })).announcements.map((a) => a.title), ['Exam']);
  });

  it('tells the own devices how far one has read, and nobody else', async () => {
    const bob = await course('bob');
    const phone = await course('bob');
    const ada = await course('ada');
    const { message } = ok(await ada.ask('discussion_message', { room: 'course:1', content: 'new' }));
    const mark = ok(await phone.ask('mark_room_read', { room: 'course:1', messageId: message.id }));
    for (const device of [bob, phone]) {
      const told = await device.hear('read_mark');
      assert.deepEqual({ ok: true, ...told }, mark);
    }
    await ada.settle();
    assert.deepEqual([...ada.heard('read_mark'), ...ada.heard('messages_read')], []);
  });
});

describe('read receipts', () => {
  const room = useServer({ files: { 'lectern.lua': 'return { app = { staff = {}, private_messages = true, read_receipts = true } }' } });

  it('tell others, where the app wants it', async () => {
    const ada = await room.join('ada');
    const bob = await room.join('bob');
    const { message } = await ada.ask('private_message', { to: 'bob', content: 'hi' });
    await bob.ask('mark_room_read', { room: 'private:ada:bob' });
    const told = await ada.hear('messages_read');
    assert.deepEqual([told.readBy, told.messageId, told.room], ['bob', message.id, 'private:ada:bob']);
  });
});
