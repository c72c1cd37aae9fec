// API keys: made, listed, rotated and revoked by `lectern key`, and what each may do.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, request } from './support/api.mjs';
import { lectern } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { until } from './support/wait.mjs';

const HANDLERS = `
  local M = {}
  function M.add_up(a, b) return a + b end
  function M.other() return "other" end
  M.routes = { ["GET /who"] = function(request) return { caller = request.caller, key = request.key } end }
  return M`;

const DISK = { LECTERN_DATABASE: 'sqlite:lectern.db' };

describe('an API key', () => {
  const room = useServer({ example: false, files: { 'handlers/main.lua': HANDLERS }, args: ['--limits-burst', '1'], env: DISK });
  const key = async (...args) => {
    const { code, stdout, stderr } = await lectern(['key', ...args, room.scripts.dir, '--port', String(room.server.port)], { env: DISK });
    return { code, text: stdout.trim(), stderr };
  };
  const made = async (...args) => {
    const { code, text, stderr } = await key('new', ...args);
    assert.equal(code, 0, stderr);
    assert.match(text, /^lk_[a-z0-9]{10}_[\w-]{43}$/);
    return { token: text, id: text.slice(3, 13) };
  };
  const status = async (token, options) => (await call(room, 'add_up', [1, 2], { token, ...options })).status;

  it('lets a program call, until it is revoked', async () => {
    const { token, id } = await made('the billing system');
    assert.equal(await status(token), 200);
    assert.equal(await status(null, { headers: { 'x-api-key': token } }), 200);
    const from = room.server.log.length;
    await call(room, 'other', [], { token });
    await room.server.logged(new RegExp(`user=key:${id} POST /api/other: 200`), 5000, from);
    assert.ok((await key('list')).text.split('\n').some((line) => line.startsWith(id) && line.includes('the billing system')));
    assert.ok(!room.server.log.includes(token.slice(14)), 'the secret is in the log');
    assert.equal((await key('revoke', id)).code, 0);
    assert.equal(await status(token), 401);
    assert.match((await key('list')).text, new RegExp(`${id}.*revoked`));
    assert.equal((await key('revoke', id)).code, 1);
    assert.equal((await key('rotate', id)).code, 1);
  });

  it('has a new secret after it was rotated', async () => {
    const { token, id } = await made('shop');
    const { text } = await key('rotate', id);
    assert.equal(text.slice(0, 14), token.slice(0, 14));
    assert.notEqual(text, token);
    assert.deepEqual([await status(token), await status(text)], [401, 200]);
  });

  it('is nothing without each of its characters', async () => {
    const { token } = await made('shop');
    for (const wrong of [token.slice(0, -1), `${token}x`, token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A'), token.toUpperCase(), token.replace('lk_', 'lk-'), `lk_${'a'.repeat(10)}${token.slice(13)}`]) {
      assert.equal(await status(wrong), 401, wrong);
    }
  });

  it('may be for some functions alone', async () => {
    const { token } = await made('shop', '--functions', 'add_up,getRooms');
    assert.equal(await status(token), 200);
    for (const name of ['addUp', 'get_rooms', 'getRooms']) assert.notEqual((await call(room, name, [1, 2], { token })).status, 403, name);
    for (const name of ['other', 'emit_to_all']) assert.equal((await call(room, name, [], { token })).status, 403, name);
    const { body } = await request(room, 'GET', '/api', { token });
    assert.deepEqual(body.result.functions.map((one) => one.name), ['add_up', 'get_rooms']);
    const list = await request(room, 'POST', '/api', { token, body: [{ call: 'add_up', args: [1, 1] }, { call: 'other' }] });
    assert.deepEqual(list.body.result.map((one) => one.result ?? one.error.code), [2, 'forbidden']);
  });

  it('may have a rate', async () => {
    const { token } = await made('shop', '--rate', '3');
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push(await status(token));
    assert.deepEqual(statuses.slice(0, 3), [200, 200, 200]);
    assert.ok(statuses.includes(429), String(statuses));
    await sleep(1100);
    assert.equal(await status(token), 200);
  });

  it('is known to routes as well', async () => {
    const { token, id } = await made('shop');
    assert.deepEqual((await request(room, 'GET', '/who', { token })).body, { caller: `key:${id}`, key: { id, name: 'shop' } });
  });

  it('outlives the server, which knows a hash of it alone', async () => {
    const { token, id } = await made('kept');
    await room.restart();
    await until(async () => (await fetch(`${room.url}/readyz`)).ok);
    assert.equal(await status(token), 200);
    const state = path.join(room.scripts.dir, '.state');
    for (const file of readdirSync(state)) assert.ok(!readFileSync(path.join(state, file)).includes(token.slice(14)), file);
    await room.server.stop();
    const { text, code } = await key('list');
    assert.equal(code, 0);
    assert.match(text, new RegExp(`${id}.*kept`));
    const fresh = await made('without a server');
    assert.equal((await key('revoke', id)).code, 0);
    await room.restart();
    await until(async () => (await fetch(`${room.url}/readyz`)).ok);
    assert.deepEqual([await status(token), await status(fresh.token)], [401, 200]);
  });

  it('is refused what makes no sense', async () => {
    const cases = [['new'], ['new', ''], ['new', 'x', '--functions', 'a b'], ['new', 'x', '--functions', 'a,,b'], ['new', 'x', '--rate', '-1'], ['new', 'x'.repeat(101)], ['revoke'], ['revoke', 'nothing'], ['rotate', 'lk_x'], ['frob', 'x']];
    for (const args of cases) {
      const { code, stderr } = await lectern(['key', ...args, '--port', String(room.server.port)], { cwd: room.scripts.dir });
      assert.notEqual(code, 0, args.join(' '));
      assert.ok(stderr.length > 10, args.join(' '));
    }
  });
});
