// A person is who the token says, literally: whatever the id, nobody is taken for somebody else, and what
// cannot be an id is refused at the door.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer } from './support/suite.mjs';

const LONG = 'x'.repeat(254);

describe('a person', () => {
  const room = useServer();

  it('is not another whose id looks like theirs', async () => {
    const alice = await room.join('alice');
    const bob = await room.join('bob');
    const others = [];
    for (const id of ['user-alice', 'user:alice', 'user:user-alice', ' alice', 'alice ', 'Alice', 'alice%', 'private:alice']) {
      others.push(await room.join(id));
    }
    const { message } = await bob.ask('private_message', { to: 'alice', content: 'for alice alone' });
    assert.equal((await alice.hear('private_message')).id, message.id);
    await alice.ask('api', 'createNotification', [{ userId: 'alice', title: 't', message: 'm' }]);
    await alice.hear('notification');
    for (const other of others) {
      assert.equal(other.connected.userId, other.id);
      assert.deepEqual((await other.ask('who_am_i')).rooms.sort(), [other.socket.id, `user:${other.id}`].sort());
      for (const name of ['user:alice', 'user-alice', 'private:alice:bob', 'private:bob:alice']) {
        const ack = await other.ask('join_room', { room: name });
        assert.equal(ack.error?.code, 'forbidden', `${other.id} asks for ${name}`);
      }
      assert.deepEqual((await other.ask('private_history', { with: 'bob' })).messages, []);
      assert.equal((await other.ask('list_notifications', {})).unreadCount, 0);
      await other.settle();
      assert.deepEqual(other.heard('private_message'), []);
      assert.deepEqual(other.heard('notification'), []);
    }
  });

  it('has a room and private messages, however odd or long the id', async () => {
    const friend = await room.join('friend');
    for (const id of ['user', 'user-', 'user:', 'private', ':', '%', '%3A', 'a:b:c', ' a', 'a ', '😀'.repeat(60), `${LONG}é`.slice(1), `${LONG}1`, 12, '-0']) {
      const text = String(id);
      const person = await room.join(text, { claims: { sub: id } });
      assert.equal(person.connected.userId, text);
      assert.equal((await person.ask('join_room', { room: `user:${text}` })).ok, true);
      const sent = await friend.ask('private_message', { to: id, content: 'hello' });
      assert.equal(sent.ok, true, JSON.stringify(sent));
      assert.equal((await person.hear('private_message')).from, 'friend');
      const { messages } = await person.ask('private_history', { with: 'friend' });
      assert.deepEqual(messages.map((m) => [m.from, m.to]), [['friend', text]]);
      const escaped = (name) => name.replace(/[%:]/g, (c) => (c === '%' ? '%25' : '%3A'));
      assert.equal((await person.ask('join_room', { room: `private:friend:${escaped(text)}` })).ok, true);
    }
  });

  it('of an id that nobody can have is refused', async () => {
    for (const [sub, why] of [
      ['', 'is empty'],
      ['x'.repeat(256), 'is longer than 255 bytes'],
      ['é'.repeat(128), 'is longer than 255 bytes'],
      ['a\nb', 'has control characters in it'],
      ['\u007f', 'has control characters in it'],
      ['a\0b', 'is neither text nor an integer'],
      [1.5, 'is neither text nor an integer'],
      [true, 'is neither text nor an integer'],
      [['a'], 'is neither text nor an integer'],
    ]) {
      const error = await room.client('x', { claims: { sub } }).hear('connect_error');
      assert.equal(error.message, `Authentication error: the user's id in the token ${why}`);
      assert.equal(error.data.code, 'unauthorized');
    }
  });

  it('is told clearly that nobody can be written to under such an id', async () => {
    const ada = await room.join('ada');
    for (const to of ['', 'x'.repeat(256), 'a\nb', 1.5, true, [], {}, 'ada']) {
      assert.equal((await ada.ask('private_message', { to, content: 'x' })).error.code, 'invalid', JSON.stringify(to));
    }
    for (const name of ['user:', `user:${'x'.repeat(256)}`, 'private:ada', 'private:ada:b:c', 'private:ada:b%', 'private:ada:ada']) {
      assert.equal((await ada.ask('join_room', { room: name })).error.code, 'invalid', name);
    }
  });
});
