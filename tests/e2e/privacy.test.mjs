// Everything about one person, told and taken away; and that not even the bytes are left.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { useServer } from './support/suite.mjs';
import { inSeconds } from './support/tokens.mjs';

const LASTING = { LECTERN_DATABASE: 'sqlite:lectern.db' };

// Files below a directory that hold a text.
const holding = (dir, text) =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) return holding(path, text);
    return readFileSync(path).includes(text) ? [name] : [];
  });

describe('one person', () => {
  const room = useServer({ env: LASTING });
  const call = async (who, name, ...args) => {
    const ack = await who.ask('api', name, args);
    assert.equal(ack.ok, true, JSON.stringify(ack));
    return ack.result;
  };

  it('is exported and erased, and what others wrote stays', async () => {
    const ada = await room.join('ada');
    const bob = await room.join('bob');
    const SECRET = 'a-secret-between-two-people';
    for (const who of [ada, bob]) {
      await who.ask('join_room', { room: 'course:1' });
      await who.ask('discussion_message', { room: 'course:1', content: `said by ${who.id}` });
      await call(bob, 'create_notification', { userId: who.id, title: `a title for ${who.id}`, message: 'm' });
    }
    await ada.ask('private_message', { to: 'bob', content: SECRET });
    await bob.ask('private_message', { to: 'eve', content: 'others may keep this' });

    const told = await call(bob, 'export_person', 'ada');
    assert.deepEqual(told.messagesWritten.map((m) => m.content), ['said by ada', SECRET]);
    assert.equal(told.notifications[0].title, 'a title for ada');
    assert.ok(!JSON.stringify(told).includes('said by bob'));

    const { erased, disconnected } = await call(bob, 'erase_person', 'ada');
    assert.equal(disconnected, 1);
    assert.deepEqual([erased.notifications, erased.privateMessages, erased.messages], [1, 1, 1]);
    await ada.hear('disconnect');
    assert.deepEqual(await bob.hear('conversation_deleted'), { room: 'private:ada:bob', with: 'ada' });
    const { messages } = await bob.ask('discussion_history', { room: 'course:1' });
    assert.deepEqual(messages.map((m) => [m.userId, m.content, m.deletedUser]), [[null, 'said by ada', true], ['bob', 'said by bob', undefined]]);
    assert.deepEqual((await bob.ask('private_history', { with: 'ada' })).messages, []);
    assert.equal((await bob.ask('private_history', { with: 'eve' })).messages.length, 1);
    const back = room.client('ada', { claims: { iat: inSeconds(-60) } });
    assert.equal((await back.hear('connect_error')).data.code, 'unauthorized');

    // While it runs, and without it.
    for (let i = 0; i < 2; i += 1) {
      for (const text of [SECRET, 'a title for ada', 'private:ada:bob']) assert.deepEqual(holding(room.scripts.dir, text), [], text);
      assert.notDeepEqual(holding(room.scripts.dir, 'others may keep this'), []);
      await room.restart();
    }
    const again = room.client('ada', { claims: { iat: inSeconds(-60) } });
    assert.equal((await again.hear('connect_error')).data.code, 'unauthorized', 'revoked for good');
  });
});
