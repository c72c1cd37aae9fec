// What happens while a token runs out, when another takes its place, and when it is revoked.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { inSeconds, sign, tokenFor } from './support/tokens.mjs';
import { PATIENCE, sleep } from './support/wait.mjs';

const HANDLER = `
local M = {}
function M.on_token_refreshed(socket)
  socket:emit("welcome_back", { role = socket.user.role, same = socket.data.user == socket.user })
end
function M.on_remember(socket) socket.data.user = socket.user return socket.user.role end
function M.on_role(socket) return socket.user.role or "none" end
return M
`;
const FILES = { 'handlers/life.lua': HANDLER };
const OPTIONS = { args: ['--jwt-leeway', '0', '--jwt-warn', '3'], files: FILES };

describe('a token that runs out', () => {
  const room = useServer(OPTIONS);

  it('is announced, and ends the socket, each way', async () => {
    const live = async ({ options }) => {
      const exp = inSeconds(5);
      const ada = await room.join('ada', { ...options, claims: { exp } });
      const { expiresAt, secondsLeft } = await ada.hear('token_expiring');
      assert.ok(Date.now() >= (exp - 3) * 1000 - 50, 'not early');
      assert.equal(expiresAt, new Date(exp * 1000).toISOString());
      assert.ok(secondsLeft <= 3 && secondsLeft >= Math.floor(exp - Date.now() / 1000), `${secondsLeft} s left`);
      const error = await ada.hear('error');
      assert.equal(error.code, 'unauthorized');
      assert.match(error.message, /expired/);
      assert.equal(await ada.hear('disconnect'), 'io server disconnect');
      const late = Date.now() - exp * 1000;
      assert.ok(late >= 0 && late < 1500 * PATIENCE, `after ${late} ms`);
      assert.equal(ada.heard('token_expiring').length, 1);
    };
    await Promise.all(WAYS.map(live));
  });

  it('is announced at once when little is left', async () => {
    const ada = await room.join('ada', { claims: { exp: inSeconds(3) } });
    const { secondsLeft } = await ada.hear('token_expiring');
    assert.ok(secondsLeft <= 3);
    assert.equal(ada.inbox[0].event, 'connect');
  });

  it('says nothing of one that lasts', async () => {
    const ada = await room.join('ada', { token: sign({ sub: 'ada' }) });
    const bob = await room.join('bob', { claims: { exp: 9e15 } });
    await sleep(300);
    for (const person of [ada, bob]) {
      await person.settle();
      assert.deepEqual(person.heard('token_expiring'), []);
    }
    assert.deepEqual(await ada.ask('refresh_token', sign({ sub: 'ada' })), { ok: true, expiresAt: null });
  });

  it('ends each namespace by its own token', async () => {
    room.scripts.write('handlers/board.lua', 'return { namespace = "/board", on_hi = function() return "hi" end }');
    await room.server.reload();
    const ada = await room.join('ada');
    const board = room.client('ada', { namespace: '/board', claims: { exp: inSeconds(3) }, forceNew: false });
    await board.admitted();
    await board.hear('token_expiring');
    await board.hear('disconnect');
    await ada.settle();
    assert.equal(ada.socket.connected, true);
  });
});

describe('refresh_token', () => {
  const room = useServer({ ...OPTIONS, args: [...OPTIONS.args, '--limits-events', 'refresh_token=100'] });

  it('takes another token in place, each way', async () => {
    const live = async ({ options }) => {
      const ada = await room.join('ada', { ...options, claims: { exp: inSeconds(4), role: 'student' } });
      assert.equal(await ada.ask('remember'), 'student');
      await ada.hear('token_expiring');
      const { id } = ada.socket;
      const exp = inSeconds(5);
      const answer = await ada.ask('refresh_token', tokenFor('ada', { exp, role: 'teacher' }));
      assert.deepEqual(answer, { ok: true, expiresAt: new Date(exp * 1000).toISOString() });
      assert.deepEqual(await ada.hear('welcome_back'), { role: 'teacher', same: true });
      assert.equal(await ada.ask('role'), 'teacher');
      await ada.hear('token_expiring'); // of the new one
      assert.deepEqual(await ada.ask('refresh_token', { token: `Bearer ${tokenFor('ada')}` }).then((a) => a.ok), true);
      await sleep(exp * 1000 - Date.now() + 300);
      await ada.settle();
      assert.equal(ada.socket.id, id);
      assert.equal(await ada.ask('role'), 'none');
    };
    await Promise.all(WAYS.map(live));
  });

  it('refuses what is no good, and changes nothing', async () => {
    const ada = await room.join('ada', { claims: { role: 'student' } });
    const bad = {
      'somebody else': tokenFor('bob', { role: 'admin' }),
      expired: tokenFor('ada', { exp: inSeconds(-60), role: 'admin' }),
      signature: tokenFor('ada', { role: 'admin' }, { key: 'another secret that is long enough, too' }),
      algorithm: tokenFor('ada', { role: 'admin' }, { alg: 'none' }),
      'not a token': 'nonsense',
      string: 42,
      'no token': {},
      'must be a string': { token: { token: 1 } },
      'no token was given': null,
    };
    for (const [why, token] of Object.entries(bad)) {
      const answer = await ada.ask('refresh_token', token);
      assert.equal(answer.ok, false);
      assert.equal(answer.error.code, 'unauthorized');
      assert.match(answer.error.message, new RegExp(why));
      assert.equal(Object.keys(answer).length, 2);
    }
    assert.equal((await ada.ask('refresh_token')).ok, false);
    assert.equal((await ada.ask('refresh_token', Buffer.from('x'))).ok, false);
    assert.equal(await ada.ask('role'), 'student');
    ada.emit('refresh_token', 'nonsense');
    assert.deepEqual(await ada.hear('error'), { event: 'refresh_token', code: 'unauthorized', message: 'this is not a token' });
    assert.ok(!room.server.log.includes(bad['somebody else'].slice(-20)));
  });

  it('without an ack changes the token as well', async () => {
    const ada = await room.join('ada', { claims: { role: 'student' } });
    ada.emit('refresh_token', tokenFor('ada', { role: 'teacher' }));
    await ada.hear('welcome_back');
    assert.equal(await ada.ask('role'), 'teacher');
  });

  it('is no event for handlers, nor is token_refreshed for clients', async () => {
    const ada = await room.join('ada');
    ada.emit('token_refreshed');
    await ada.settle();
    assert.deepEqual(ada.heard('welcome_back'), []);
    const bad = room.scripts.write('handlers/zzz.lua', 'return { on_refresh_token = function() end }');
    const { code, stderr } = await room.server.reload();
    assert.notEqual(code, 0, bad);
    assert.match(stderr, /on_token_refreshed/);
    room.scripts.write('handlers/zzz.lua', 'return {}');
  });
});

describe('revoking', () => {
  const room = useServer({ files: FILES });
  const gone = async (person) => {
    const error = await person.hear('error', undefined, 1000);
    assert.deepEqual(error, { code: 'unauthorized', message: 'the token was revoked' });
    assert.equal(await person.hear('disconnect', undefined, 1000), 'io server disconnect');
  };
  const refused = async (id, token) => {
    const error = await room.client(id, { token }).hear('connect_error');
    assert.equal(error.message, 'Authentication error: the token was revoked');
    assert.equal(error.data.code, 'unauthorized');
  };
  const call = (person, name, ...args) => person.ask('api', name, args);

  it('a person closes all their sockets, in all namespaces, and refuses older tokens', async () => {
    room.scripts.write('handlers/board.lua', 'return { namespace = "/board", on_hi = function() return "hi" end }');
    await room.server.reload();
    const admin = await room.join('admin');
    const token = tokenFor('eve');
    const tabs = [await room.join('eve', { token }), await room.join('eve', { token, transports: ['polling'] })];
    const board = room.client('eve', { token, namespace: '/board' });
    await board.admitted();
    const bob = await room.join('bob');
    assert.deepEqual(await call(admin, 'revoke_user', 'eve'), { ok: true, result: { disconnected: 3 } });
    await Promise.all([...tabs, board].map(gone));
    await refused('eve', token);
    await refused('eve', sign({ sub: 'eve', exp: inSeconds(60) })); // no iat
    await room.join('eve', { token: tokenFor('eve', { iat: inSeconds(2) }) });
    await bob.settle();
    assert.deepEqual(await call(admin, 'revoke_user', 'nobody here'), { ok: true, result: { disconnected: 0 } });
  });

  it('a token closes its sockets and no others, and is refused', async () => {
    const admin = await room.join('admin');
    const lost = tokenFor('ada', { jti: 'lost' });
    const [phone, laptop] = [await room.join('ada', { token: lost }), await room.join('ada', { claims: { jti: 7 } })];
    assert.deepEqual(await call(admin, 'revoke_token', 'lost'), { ok: true, result: { disconnected: 1 } });
    await gone(phone);
    await refused('ada', lost);
    await laptop.settle();
    assert.match((await laptop.ask('refresh_token', lost)).error.message, /revoked/);
    assert.deepEqual(await call(admin, 'revoke_token', 7), { ok: true, result: { disconnected: 1 } });
    await gone(laptop);
    await call(admin, 'revoke_token', 'never seen');
    await refused('ada', tokenFor('ada', { jti: 'never seen' }));
  });

  it('oneself answers the event first', async () => {
    const eve = await room.join('carol');
    assert.deepEqual(await call(eve, 'revoke_user', 'carol'), { ok: true, result: { disconnected: 1 } });
    await gone(eve);
  });

  it('hears nothing more of who is about to go', async () => {
    const dan = await room.join('dan', { transports: ['websocket'] });
    dan.emit('api', 'revoke_user', ['dan']);
    dan.emit('send_to', { event: 'too_late', args: [] });
    const bob = await room.join('bob');
    await gone(dan);
    await bob.settle();
    assert.deepEqual(bob.heard('too_late'), []);
  });

  it('wants an id', async () => {
    const admin = await room.join('admin');
    for (const id of [{}, '', true]) assert.equal((await call(admin, 'revoke_user', id)).error.code, 'invalid');
  });
});
