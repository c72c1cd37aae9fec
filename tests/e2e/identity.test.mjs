// on_connect says who somebody is, where the token's id is not the platform's.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer } from './support/suite.mjs';
import { inSeconds, tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

// The accounts of an identity provider, and whom the school knows by them.
const HANDLERS = `
local lectern = require "lectern"
local M = {}
local PEOPLE = { acc_ada = "1", acc_ada_again = "1", acc_bob = 2, acc_bad = "a\\nb", acc_half = 1.5, acc_none = true }

function M.on_connect(socket)
  lectern.sleep(0.01)
  if socket.user.id == "acc_stranger" then
    return nil, "Authentication error: no such user", "unauthorized"
  end
  socket.user.id = PEOPLE[socket.user.id] or socket.user.id
end

function M.on_connected(socket)
  socket:join("user:" .. socket.user.id)
  socket:emit("connected", { id = socket.user.id, sub = socket.user.sub, kind = type(socket.user.id) })
end

function M.on_token_refreshed(socket)
  socket:emit("renewed", { id = socket.user.id, level = socket.user.level })
end

function M.on_who(socket)
  return socket.user.id
end

function M.ask(name, ...)
  return lectern.api[name](...)
end

function M.on_call(_, name, ...)
  return lectern.api[name](...)
end

return M
`;

describe('a person whom on_connect has looked up', () => {
  const room = useServer({
    example: false,
    handlers: [],
    files: { 'handlers/identity.lua': HANDLERS },
    args: ['--recovery-window', '20000', '--max-connections-per-user', '2'],
  });
  const come = async (id, options) => {
    const person = room.client(id, options);
    await person.admitted();
    const told = await person.hear('connected');
    return Object.assign(person, { told });
  };

  it('is that person for rooms, calls and lists', async () => {
    const ada = await come('acc_ada');
    const bob = await come('acc_bob');
    assert.deepEqual(ada.told, { id: '1', sub: 'acc_ada', kind: 'string' });
    assert.deepEqual(bob.told, { id: '2', sub: 'acc_bob', kind: 'string' });
    assert.equal(await ada.ask('who'), '1');
    assert.equal(await ada.ask('call', 'emit_to_user', '2', 'news', 7), 1);
    assert.equal(await bob.hear('news'), 7);
    assert.equal(await ada.ask('call', 'emit_to_user', 'acc_bob', 'news', 8), 0);
    assert.deepEqual((await ada.ask('call', 'get_connected_users')).sort(), ['1', '2']);
    assert.deepEqual(await ada.ask('call', 'are_users_connected', ['1', 'acc_ada']), { 1: true, acc_ada: false });
  });

  it('may be refused, or not be one', async () => {
    const refused = (id) => room.client(id).hear('connect_error');
    assert.match((await refused('acc_stranger')).message, /^Authentication error: no such user$/);
    for (const id of ['acc_bad', 'acc_half', 'acc_none']) {
      assert.equal((await refused(id)).data.code, 'internal_error', id);
    }
    assert.match(room.server.log, /on_connect has set socket.user.id: .*control characters/);
    assert.match(room.server.log, /socket.user.id must be a string or an integer, not a boolean/);
  });

  it('has max_connections_per_user, over all accounts', async () => {
    await come('acc_ada');
    await come('acc_ada_again');
    // An account of that very name is that person, too.
    for (const id of ['acc_ada', 'acc_ada_again', '1']) {
      assert.equal((await room.client(id).hear('connect_error')).data.code, 'too_many_connections', id);
    }
    await come('acc_bob');
  });

  it('takes another token of the account, and of no other', async () => {
    const ada = await come('acc_ada');
    const renewed = await ada.ask('refresh_token', tokenFor('acc_ada', { level: 3 }));
    assert.equal(renewed.ok, true, JSON.stringify(renewed));
    assert.deepEqual(await ada.hear('renewed'), { id: '1', level: 3 });
    for (const id of ['1', 'acc_ada_again']) {
      assert.equal((await ada.ask('refresh_token', tokenFor(id))).error?.code, 'unauthorized', id);
    }
  });

  it('is the same after a break', async () => {
    const ada = await come('acc_ada');
    const bob = await come('acc_bob');
    ada.socket.io.engine.close();
    await until(() => !ada.socket.connected, 'the break');
    await bob.ask('call', 'emit_to_user', '1', 'missed', 1);
    ada.socket.connect();
    await until(() => ada.socket.connected && ada.heard('connected').length === 2, 'back again');
    assert.equal(ada.socket.recovered, true);
    assert.equal(ada.heard('connected')[1].id, '1');
    assert.deepEqual(ada.heard('missed'), [1]);
    assert.equal(await ada.ask('who'), '1');
    assert.deepEqual(await ada.ask('call', 'is_user_connected', '1'), true);
  });

  it('is ended by a revocation of the person, also while away', async () => {
    const ada = await come('acc_ada', { claims: { iat: inSeconds(-10) } });
    const bob = await come('acc_bob');
    ada.socket.io.engine.close();
    await until(() => !ada.socket.connected, 'the break');
    await bob.ask('call', 'revoke_user', '1');
    ada.socket.connect();
    const why = await ada.hear('connect_error');
    assert.equal(why.data.code, 'unauthorized');
    assert.match(why.message, /token was revoked/);
  });
});
