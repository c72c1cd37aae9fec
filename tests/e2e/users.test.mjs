// Tokens of an identity provider, and a back end that says whose accounts these are: app.users of the example.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { EXAMPLE } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { inSeconds, tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

// The platform's back end: users by account.
const USERS = {
  user_2ada: { id: 42, firstName: 'Ada', lastName: 'Lovelace', role: 'teacher' },
  user_2bob: { id: '7', firstName: 'Bob' },
};
const backEnd = { asked: [], state: 'up' };

const server = createServer((request, response) => {
  const query = new URL(request.url, 'http://school').searchParams;
  const account = query.get('account');
  if (account === null) {
    const ids = query.getAll('id');
    response.end(JSON.stringify(Object.values(USERS).filter(({ id }) => ids.includes(String(id)))));
    return;
  }
  backEnd.asked.push({ account, key: request.headers.authorization });
  const user = USERS[account] ?? (account?.startsWith('crowd') ? { id: `c${account}` } : null);
  const answer = () => {
    response.statusCode = backEnd.state === 'broken' ? 500 : user ? 200 : 404;
    response.end(JSON.stringify(user ?? {}));
  };
  setTimeout(answer, account?.startsWith('crowd') ? 20 : 0);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/internal/users`;
after(() => server.close());

const settings = readFileSync(path.join(EXAMPLE, 'lectern.lua'), 'utf8').replace('app = {', `app = { users = { url = "${url}", key = env "USERS_KEY" },`);

describe('a person whom the platform knows by another id', () => {
  const room = useServer({
    files: { 'lectern.lua': settings, '.env': 'USERS_KEY=let-us-in\n' },
    args: ['--recovery-window', '20000', '--http-client-max-requests', '5'],
  });
  beforeEach(() => {
    backEnd.state = 'up';
    backEnd.asked.length = 0;
  });

  it('is asked for with the key, and is who the platform says', async () => {
    const ada = await room.join('user_2ada');
    const bob = await room.join('user_2bob');
    assert.deepEqual(backEnd.asked, [
      { account: 'user_2ada', key: 'Bearer let-us-in' },
      { account: 'user_2bob', key: 'Bearer let-us-in' },
    ]);
    assert.deepEqual([ada.connected.userId, bob.connected.userId], ['42', '7']);
    assert.equal((await ada.ask('join_room', 'user:42')).ok, true);
    assert.equal((await bob.ask('join_room', 'user:42')).error.code, 'forbidden');
    const { message } = await ada.ask('private_message', { to: '7', content: 'hello' });
    assert.deepEqual([message.from, (await bob.hear('private_message')).id], ['42', message.id]);
    assert.deepEqual((await bob.ask('people', { ids: ['42', '7'] })).names, { 42: 'Ada Lovelace', 7: 'Bob' });
  });

  it('has the role that the platform says, after another token and a break as well', async () => {
    const ada = await room.join('user_2ada');
    const bob = await room.join('user_2bob');
    const announce = (person) => person.ask('announce', { courseId: '1', title: 'Tomorrow', message: 'no lesson' });
    assert.equal((await announce(bob)).error.code, 'forbidden');
    assert.equal((await announce(ada)).ok, true);
    assert.equal((await ada.ask('refresh_token', tokenFor('user_2ada'))).ok, true);
    await until(async () => (await announce(ada)).ok, 'a teacher again');
    ada.socket.io.engine.close();
    await until(() => !ada.socket.connected, 'the break');
    ada.socket.connect();
    await until(() => ada.socket.connected, 'back again');
    assert.equal(ada.socket.recovered, true);
    await until(async () => (await announce(ada)).ok, 'a teacher again');
  });

  it('reads the bell over HTTP as that person', async () => {
    const bob = await room.join('user_2bob');
    await bob.ask('api', 'createNotification', [{ userId: '7', title: 'For Bob', message: 'm' }]);
    const response = await fetch(`${room.url}/notifications`, { headers: { authorization: `Bearer ${tokenFor('user_2bob')}` } });
    assert.deepEqual((await response.json()).notifications.map((each) => each.title), ['For Bob']);
    const stranger = await fetch(`${room.url}/notifications`, { headers: { authorization: `Bearer ${tokenFor('user_2eve')}` } });
    assert.equal(stranger.status, 401);
  });

  it('sees who is online by the role that the platform says', async () => {
    await room.join('user_2ada');
    const status = (account) => fetch(`${room.url}/websocket/status/all`, { headers: { authorization: `Bearer ${tokenFor(account)}` } });
    assert.deepEqual((await (await status('user_2ada')).json()).connectedUsers.map(({ userId }) => userId), ['42']);
    assert.equal((await status('user_2bob')).status, 403);
  });

  it('asks no more over HTTP by a token of before a revocation', async () => {
    const bell = async (token) => (await fetch(`${room.url}/notifications`, { headers: { authorization: `Bearer ${token}` } })).status;
    const old = tokenFor('user_2cid', { iat: inSeconds(-10) });
    USERS.user_2cid = { id: '8' };
    assert.equal(await bell(old), 200);
    const ada = await room.join('user_2ada');
    await ada.ask('api', 'revokeUser', ['8']);
    assert.equal(await bell(old), 401);
    assert.equal(await bell(tokenFor('user_2cid', { iat: inSeconds(1) })), 200);
  });

  it('whom it does not know, is refused as somebody without a good token', async () => {
    const error = await room.client('user_2eve').hear('connect_error');
    assert.match(error.message, /^Authentication error: user not found$/);
    assert.equal(error.data.code, 'unauthorized');
  });

  it('is not refused for good while the back end is away', async () => {
    backEnd.state = 'broken';
    USERS.user_2late = { id: '9' };
    const late = room.client('user_2late');
    const error = await late.hear('connect_error');
    assert.equal(error.data.code, 'unavailable');
    assert.doesNotMatch(error.message, /token|auth|unauthorized/i);
    await room.join('user_2bob'); // known since a moment ago
    backEnd.state = 'up';
    late.socket.connect();
    assert.equal((await late.hear('connected')).userId, '9');
  });

  it('comes in with a whole class, though few can be asked for at a time', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => `crowd${i}`);
    const people = await Promise.all(ids.map((id) => room.join(id)));
    assert.deepEqual(people.map((person) => person.connected.userId), ids.map((id) => `c${id}`));
    assert.equal(backEnd.asked.length, 60);
  });
});
