// Idempotency-Key, from outside: what a back end that repeats its calls gets, and what is in the database.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, request, serviceToken } from './support/api.mjs';
import { Server } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const HANDLERS = `
  local lectern = require "lectern"
  local db = lectern.db
  local M = {}

  local function note(text)
    local rows, message, code = db.query("INSERT INTO notes (text) VALUES ($1) RETURNING id", text)
    if not rows then return nil, message, code end
    return rows[1].id
  end

  function M.note(text) return note(text) end
  function M.notes() return db.query("SELECT text FROM notes ORDER BY id") end
  function M.count(text) return db.query("SELECT count(*) AS n FROM notes WHERE text = $1", text)[1].n end

  -- Writes, waits, and writes again.
  function M.slowly(text, seconds)
    local first = note(text .. " 1")
    lectern.sleep(seconds)
    local sum = db.transaction(function(tx)
      tx:query("INSERT INTO notes (text) VALUES ($1)", text .. " 2")
      return tx:query("SELECT count(*) AS n FROM notes WHERE text LIKE $1", text .. " %")[1].n
    end)
    lectern.sleep(seconds)
    return { first = first, second = note(text .. " 3"), sum = sum }
  end

  function M.refuse_after(text)
    note(text)
    return nil, "no", "not_found"
  end

  function M.fail_once(text)
    note(text)
    if not lectern.state.failed then
      lectern.state.failed = true
      error "boom"
    end
    return "well"
  end

  function M.emit(n) return lectern.emit("told", n) end

  M.routes = {
    ["POST /notes"] = function(request)
      local id, message, code = note(request:json().text)
      if not id then return nil, message, code end
      return lectern.response { status = 201, body = "id " .. id, headers = { Location = "/notes/" .. id } }
    end,
    ["POST /open"] = { public = true, handler = function() return note "open" end },
  }
  return M`;
const TABLES = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);';
const DISK = { LECTERN_DATABASE: 'sqlite:lectern.db' };
const files = { 'handlers/main.lua': HANDLERS, 'migrations/0001_notes.sql': TABLES };

describe('a call with an Idempotency-Key', () => {
  const room = useServer({ example: false, files, env: DISK });
  const keyed = (key, name, args, options) => call(room, name, args, { ...options, headers: { 'idempotency-key': key } });
  const texts = async () => (await call(room, 'notes', [])).body.result.map((row) => row.text);

  it('is made once, and answered the same each time', async () => {
    const first = await keyed('k1', 'note', ['Zwölf €']);
    assert.equal(first.status, 200);
    assert.equal(first.headers.get('idempotency-replayed'), null);
    for (let i = 0; i < 3; i++) {
      const again = await keyed('k1', 'note', ['Zwölf €']);
      assert.deepEqual([again.status, again.body], [200, first.body]);
      assert.equal(again.headers.get('idempotency-replayed'), 'true');
      assert.equal(again.headers.get('content-type'), 'application/json');
    }
    assert.deepEqual(await texts(), ['Zwölf €']);
  });

  it('is another caller\'s, another function\'s, another body\'s', async () => {
    await keyed('k2', 'note', ['mine']);
    assert.equal((await keyed('k2', 'note', ['mine'], { token: serviceToken('shop') })).headers.get('idempotency-replayed'), null);
    for (const answer of [await keyed('k2', 'note', ['other']), await keyed('k2', 'emit', ['mine'])]) {
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [409, null]);
      assert.equal(answer.body.error.code, 'conflict');
    }
  });

  it('has 256 bytes at most', async () => {
    assert.equal((await keyed('x'.repeat(256), 'emit', [1])).status, 200);
    assert.equal((await keyed('x'.repeat(257), 'emit', [1])).status, 400);
  });

  it('that is under way is refused, and may be asked for again', async () => {
    const first = keyed('k3', 'slowly', ['way', 0.3]);
    await sleep(150);
    const second = await keyed('k3', 'slowly', ['way', 0.3]);
    assert.deepEqual([second.status, second.headers.get('retry-after')], [409, '1']);
    assert.equal((await first).status, 200);
    assert.equal((await keyed('k3', 'slowly', ['way', 0.3])).headers.get('idempotency-replayed'), 'true');
  });

  it('tells the same again even if it wrote nothing, and does not do it', async () => {
    const ada = await room.join('ada');
    assert.deepEqual((await keyed('k4', 'emit', [4])).body, { result: 1 });
    assert.deepEqual((await keyed('k4', 'emit', [4])).body, { result: 1 });
    await ada.settle();
    assert.equal(ada.heard('told').length, 1);
  });

  it('that was refused is refused again if it wrote something', async () => {
    for (let i = 0; i < 2; i++) assert.equal((await keyed('k5', 'refuse_after', ['refused'])).status, 404);
    assert.equal((await call(room, 'count', ['refused'])).body.result, 1);
  });

  it('that failed goes on where it was', async () => {
    assert.equal((await keyed('k6', 'fail_once', ['failed'])).status, 500);
    assert.deepEqual((await keyed('k6', 'fail_once', ['failed'])).body, { result: 'well' });
    assert.equal((await call(room, 'count', ['failed'])).body.result, 1);
  });

  it('is answered though its first caller has gone', async () => {
    const gone = new AbortController();
    const first = call(room, 'slowly', ['gone', 0.2], { headers: { 'idempotency-key': 'k7' }, signal: gone.signal }).catch(() => {});
    await sleep(100);
    gone.abort();
    await first;
    await until(async () => (await keyed('k7', 'slowly', ['gone', 0.2])).status === 200);
    assert.equal((await keyed('k7', 'slowly', ['gone', 0.2])).body.result.sum, 2);
  });

  it('may be a list of calls', async () => {
    const list = [{ call: 'note', args: ['one of a list'] }, { call: 'note', args: ['two of a list'] }, { call: 'nope' }];
    const post = () => request(room, 'POST', '/api', { body: list, headers: { 'idempotency-key': 'k8' } });
    const first = await post();
    assert.deepEqual((await post()).body, first.body);
    assert.equal((await texts()).filter((text) => text.endsWith('of a list')).length, 2);
  });

  it('may be a request to a route', async () => {
    const post = (text, token = tokenFor('ada'), path = '/notes') => request(room, 'POST', path, { body: { text }, token, headers: { 'idempotency-key': 'k9' } });
    const first = await post('by a route');
    assert.equal(first.status, 201);
    const again = await post('by a route');
    assert.deepEqual([again.status, again.body, again.headers.get('location')], [201, first.body, first.headers.get('location')]);
    assert.equal((await post('by another', tokenFor('bob'))).headers.get('idempotency-replayed'), null);
    for (let i = 0; i < 2; i++) await post('x', null, '/open');
    assert.equal((await call(room, 'count', ['open'])).body.result, 2); // nobody's key
  });

  it('outlives the server', async () => {
    const first = await keyed('k10', 'note', ['kept']);
    await room.restart();
    await until(async () => (await fetch(`${room.url}/readyz`)).ok);
    const again = await keyed('k10', 'note', ['kept']);
    assert.deepEqual(again.body, first.body);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
  });

  it('does each thing once when the server is killed in the middle of it', async () => {
    for (const [i, when] of [40, 120, 200, 330, 420, 500].entries()) {
      const key = `killed-${i}`;
      const first = keyed(key, 'slowly', [key, 0.2]).catch(() => null);
      await sleep(when);
      room.server.signal('SIGKILL');
      await room.server.ended;
      await first;
      const { port } = room.server;
      room.server = await Server.start({ dir: room.scripts.dir, port, env: DISK });
      await until(async () => (await fetch(`${room.url}/readyz`)).ok);
      const again = await keyed(key, 'slowly', [key, 0.2]);
      assert.equal(again.status, 200, JSON.stringify(again.body));
      assert.equal(again.body.result.sum, 2);
      const notes = (await texts()).filter((text) => text.startsWith(`${key} `));
      assert.deepEqual(notes, [1, 2, 3].map((n) => `${key} ${n}`), `killed after ${when} ms`);
      assert.deepEqual((await keyed(key, 'slowly', [key, 0.2])).body, again.body);
    }
  });
});

describe('the answers kept for one person', () => {
  const room = useServer({
    example: false, env: DISK, args: ['--api-max-kept', '5'],
    files: { ...files, 'handlers/kept.lua': 'return { kept = function() return require "lectern".db.query("SELECT caller, count(*) AS n FROM lectern_calls GROUP BY caller ORDER BY caller") end }' },
  });
  const post = (id, key) => request(room, 'POST', '/notes', { token: tokenFor(id), body: { text: key }, headers: { 'idempotency-key': key } });

  it('are the newest; those of a back end all are', async () => {
    for (let i = 1; i <= 20; i++) {
      assert.equal((await post('ada', `a${i}`)).status, 201);
      assert.equal((await call(room, 'note', [`s${i}`], { headers: { 'idempotency-key': `s${i}` } })).status, 200);
    }
    assert.equal((await post('bob', 'b1')).status, 201);
    const kept = async () => Object.fromEntries((await call(room, 'kept', [])).body.result.map(({ caller, n }) => [caller, n]));
    await until(async () => (await kept())['user:ada'] <= 5, 'the oldest have gone');
    const now = await kept();
    assert.equal(now['user:bob'], 1);
    assert.deepEqual(Object.entries(now).filter(([caller]) => caller.startsWith('service:')).map(([, n]) => n), [20]);
    assert.equal((await post('ada', 'a20')).headers.get('idempotency-replayed'), 'true');
    assert.equal((await post('ada', 'a1')).headers.get('idempotency-replayed'), null);
  });
});
