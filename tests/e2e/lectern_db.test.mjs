// lectern.db: SQL of handlers, in a server with its database on the disk, and what it means for the order of a
// client's events.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { random } from './support/random.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer, WAYS } from './support/suite.mjs';
import { PATIENCE, sleep, until } from './support/wait.mjs';

const TABLES = `
CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, legs BIGINT, picture BLOB);
CREATE TABLE members (room TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (room, person));
CREATE TABLE sums (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
`;

const HANDLERS = `
local lectern = require "lectern"
local db = lectern.db
local M = {}

-- What the client says is run: not a thing to imitate.
function M.on_query(_, sql, ...)
  local rows, changes, code = db.query(sql, ...)
  if not rows then return nil, changes, code end
  return rows, changes
end

function M.on_batch(_, statements)
  local list, message, code = db.batch(statements)
  if not list then return nil, message, code end
  local changes = list.changes
  list.changes = nil
  return list, changes
end

-- Adds to a sum by reading and writing it.
function M.on_add(_, name, n)
  return db.transaction(function(tx)
    local row = tx:query("SELECT n FROM sums WHERE name = $1", name)[1]
    if n < 0 and (not row or row.n + n < 0) then return nil, "that is too little", "too_little" end
    if row then
      tx:query("UPDATE sums SET n = $2 WHERE name = $1", name, row.n + n)
    else
      tx:query("INSERT INTO sums VALUES ($1, $2)", name, n)
    end
    return (row and row.n or 0) + n
  end)
end

function M.on_crash_inside(_, name)
  return db.transaction(function(tx)
    tx:query("INSERT INTO sums VALUES ($1, 1)", name)
    error "oh no"
  end)
end

function M.on_loop_inside(_, name)
  return db.transaction(function(tx)
    tx:query("INSERT INTO sums VALUES ($1, 1)", name)
    while true do end
  end)
end

function M.on_nap_inside(_, name, seconds, timeout)
  return db.transaction(function(tx)
    tx:query("INSERT INTO sums VALUES ($1, 1)", name)
    lectern.sleep(seconds)
    tx:query("UPDATE sums SET n = 2 WHERE name = $1", name)
    return "slept"
  end, { timeout = timeout })
end

function M.on_leave_inside(socket, name)
  return db.transaction(function(tx)
    tx:query("INSERT INTO sums VALUES ($1, 1)", name)
    socket:disconnect(true)
    tx:query("UPDATE sums SET n = 2 WHERE name = $1", name)
  end)
end

function M.on_picture(_, name)
  return db.query("SELECT picture FROM pets WHERE name = $1", name)[1].picture
end

function M.on_keep_picture(_, name, picture)
  return db.query("INSERT INTO pets (name, picture) VALUES ($1, $2) RETURNING id", name, picture)[1].id
end

-- Joining asks the database, speaking wants to have joined.
function M.on_join(socket, room)
  db.query("INSERT INTO members VALUES ($1, $2) ON CONFLICT DO NOTHING", room, socket.user.id)
  local there = db.query("SELECT 1 FROM members WHERE room = $1 AND person = $2", room, socket.user.id)
  if #there ~= 1 then return nil, "not a member", "forbidden" end
  socket:join(room)
end

function M.on_say(socket, room, text)
  if not socket:has_joined(room) then return nil, "not in the room", "forbidden" end
  lectern.to(room):emit("said", text)
end

function M.on_slow_write(socket, name)
  lectern.detach()
  lectern.log.info("writing " .. name)
  for i = 1, 20 do db.query("INSERT INTO sums VALUES ($1, $2)", name .. i, i) end
  lectern.log.info("written " .. name)
end

function M.on_slow_read()
  lectern.log.info "reading slowly"
  db.query "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
end

function M.on_connected(socket)
  socket.data.visits = db.query("INSERT INTO sums VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET n = sums.n + 1 RETURNING n",
    "visits:" .. socket.user.id)[1].n
end

function M.on_visits(socket)
  return socket.data.visits
end

return M
`;

const env = { LECTERN_DATABASE: 'sqlite:lectern.db' };
const files = { 'migrations/0001_pets.sql': TABLES, 'handlers/db.lua': HANDLERS };

describe('lectern.db', () => {
  const room = useServer({ example: false, files, env });
  const query = (person, ...args) => new Promise((resolve) => person.socket.emit('query', ...args, (...answer) => resolve(answer)));

  it('writes, reads and counts', async () => {
    const ada = await room.join('ada');
    assert.deepEqual(await query(ada, 'INSERT INTO pets (name, legs) VALUES ($1, $2), ($3, NULL)', 'rex', 4, 'jaws'), [[], 2]);
    assert.deepEqual(await query(ada, 'SELECT name, legs FROM pets ORDER BY name'), [
      [
        { name: 'jaws', legs: null },
        { name: 'rex', legs: 4 },
      ],
      0,
    ]);
    assert.deepEqual(await query(ada, 'DELETE FROM pets RETURNING name'), [[{ name: 'rex' }, { name: 'jaws' }], 2]);
  });

  it('keeps bytes', async () => {
    const ada = await room.join('ada');
    const picture = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
    assert.equal(typeof (await ada.ask('keep_picture', 'blob', picture)), 'number');
    assert.deepEqual(await ada.ask('picture', 'blob'), picture);
  });

  it('says what is wrong, in words for programs', async () => {
    const ada = await room.join('ada');
    await query(ada, "INSERT INTO pets (name) VALUES ('tom')");
    for (const [code, ...args] of [
      ['conflict', "INSERT INTO pets (name) VALUES ('tom')"],
      ['conflict', 'INSERT INTO pets (name) VALUES (NULL)'],
      ['invalid', 'SELECT * FROM nowhere'],
      ['invalid', 'SELEC'],
      ['invalid', 'SELECT $2', 1],
      ['invalid', 'SELECT 9007199254740993 AS n'],
      ['invalid', "ATTACH 'x' AS x"],
      ['too_big', 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'],
    ]) {
      const [{ ok, error }] = await query(ada, ...args);
      assert.equal(ok, false);
      assert.equal(error.code, code, `${args[0]}: ${error.message}`);
    }
    assert.deepEqual(await query(ada, 'SELECT 1 AS one'), [[{ one: 1 }], 0]);
  });

  it('does all of a batch, or nothing', async () => {
    const ada = await room.join('ada');
    const list = await ada.ask('batch', [
      ['INSERT INTO sums VALUES ($1, $2)', 'batch', 1],
      ['UPDATE sums SET n = n + $1 WHERE name = $2', 5, 'batch'],
      ['SELECT n FROM sums WHERE name = $1', 'batch'],
    ]);
    assert.deepEqual(list, [[], [], [{ n: 6 }]]);
    const { error } = await ada.ask('batch', [['DELETE FROM sums'], ["INSERT INTO pets (id, name) VALUES (1, 'a'), (1, 'b')"]]);
    assert.equal(error.code, 'conflict');
    assert.match(error.message, /^statement 2: UNIQUE/);
    assert.deepEqual(await query(ada, "SELECT n FROM sums WHERE name = 'batch'"), [[{ n: 6 }], 0]);
  });

  describe('transaction', () => {
    const left = async (person, name) => (await query(person, 'SELECT n FROM sums WHERE name = $1', name))[0];

    it('loses nothing when many add at a time', async () => {
      const people = await Promise.all(Array.from({ length: 10 }, (_, i) => room.join(`p${i}`)));
      await Promise.all(people.flatMap((person) => Array.from({ length: 10 }, () => person.ask('add', 'many', 1))));
      assert.deepEqual(await left(people[0], 'many'), [{ n: 100 }]);
    });

    it('does nothing when it is refused, or fails', async () => {
      const ada = await room.join('ada');
      assert.equal((await ada.ask('add', 'debt', -5)).error.code, 'too_little');
      assert.equal((await ada.ask('crash_inside', 'crash')).error.code, 'internal_error');
      assert.equal((await ada.ask('loop_inside', 'loop')).error.code, 'internal_error');
      const before = Date.now();
      assert.equal(await ada.ask('add', 'after', 1), 1);
      assert.ok(Date.now() - before < 1000 * PATIENCE, 'one that failed keeps the others from writing');
      for (const name of ['debt', 'crash', 'loop']) assert.deepEqual(await left(ada, name), []);
    });

    it('ends at its timeout, for those who wait', async () => {
      const [ada, bob] = [await room.join('ada'), await room.join('bob')];
      const nap = ada.ask('nap_inside', 'nap', 2 * PATIENCE, 0.3);
      await sleep(50);
      assert.equal(await bob.ask('add', 'meanwhile', 1), 1);
      assert.equal((await nap).error.code, 'timeout');
      assert.deepEqual(await left(ada, 'nap'), []);
      assert.equal(await ada.ask('nap_inside', 'short', 0.01, 60), 'slept');
      assert.deepEqual(await left(ada, 'short'), [{ n: 2 }]);
    });

    it('ends with its socket', async () => {
      const bob = await room.join('bob');
      for (const event of ['nap_inside', 'leave_inside']) {
        const ada = await room.join('ada');
        ada.emit(event, 'gone', 60, 60);
        await sleep(50);
        ada.close();
        const before = Date.now();
        assert.equal(typeof (await bob.ask('add', 'later', 1)), 'number');
        assert.ok(Date.now() - before < 1000 * PATIENCE, `${event}: one whose client left keeps the others from writing`);
        assert.deepEqual(await left(bob, 'gone'), []);
      }
    });
  });

  for (const { way, options } of WAYS) {
    it(`takes no time for its own socket: who joins and speaks in one breath is heard (${way})`, async () => {
      const [ada, bob] = [await room.join('ada', options), await room.join('bob', options)];
      const expected = [];
      for (let i = 0; i < 200; i++) {
        const [one, other] = i % 2 ? [ada, bob] : [bob, ada];
        one.emit('join', `room ${way} ${i}`);
        one.emit('say', `room ${way} ${i}`, i);
        other.emit('say', `room ${way} ${i}`, 'from outside');
        if (one === ada) expected.push(i);
      }
      await Promise.all([ada.settle(), bob.settle()]);
      assert.deepEqual(ada.heard('said'), expected);
      assert.equal(ada.heard('error').length + bob.heard('error').length, 200);
      for (const { code } of [...ada.heard('error'), ...bob.heard('error')]) assert.equal(code, 'forbidden');
    });
  }

  it('holds what comes while on_connected asks', async () => {
    for (let i = 1; i <= 20; i++) {
      const ada = await room.client('visitor');
      ada.emit('visits'); // leaves with, or right behind, CONNECT
      assert.equal(await ada.ask('visits'), i);
      ada.close();
    }
  });

  it('goes on without its client if it is detached, else ends, and what is held with it', async () => {
    const [ada, bob] = [await room.join('ada'), await room.join('bob')];
    const count = async (like) => (await query(bob, 'SELECT count(*) AS n FROM sums WHERE name LIKE $1', like))[0][0].n;
    ada.emit('slow_write', 'slow');
    await room.server.logged(/writing slow/);
    ada.close();
    await room.server.logged(/written slow/);
    assert.equal(await count('slow%'), 20);

    const eve = await room.join('eve');
    const events = async () => JSON.parse((await lectern(['status', '--json', '--port', String(room.server.port)])).stdout).handlers.held;
    eve.emit('slow_read');
    eve.emit('query', "INSERT INTO sums VALUES ('held', 1)");
    await room.server.logged(/reading slowly/);
    await until(async () => (await events()) > 0, 'an event is held');
    eve.close();
    await until(async () => (await events()) === 0, 'it has gone');
    assert.equal(await count('held'), 0);
  });

  it('runs held events on the handlers that serve then', async () => {
    const [ada, bob] = [await room.join('ada'), await room.join('bob')];
    const text = (word) => `
      local lectern = require "lectern"
      local M = {}
      function M.on_ask() repeat lectern.db.query "SELECT 1" until lectern.state.enough return "${word}" end
      function M.on_enough() lectern.state.enough = true end
      function M.on_word() return "${word}" end
      return M`;
    room.scripts.write('handlers/word.lua', text('old'));
    assert.equal((await room.server.reload()).code, 0);
    assert.equal(await ada.ask('word'), 'old');
    const answers = Promise.all([ada.ask('ask'), ada.ask('word')]);
    await bob.settle();
    room.scripts.write('handlers/word.lua', text('new'));
    assert.equal((await room.server.reload()).code, 0);
    bob.emit('enough');
    assert.deepEqual(await answers, ['old', 'new']);
  });

  it('keeps the sums of 200 clients at once', async () => {
    const { below, pick } = random(Number(process.env.LECTERN_SEED || 7));
    const people = await Promise.all(Array.from({ length: 200 }, (_, i) => room.join(`crowd${i}`, { transports: [i % 4 ? 'websocket' : 'polling'] })));
    const names = ['red', 'green', 'blue'];
    const total = Object.fromEntries(names.map((name) => [name, 0]));
    await Promise.all(
      people.map(async (person, i) => {
        for (let turn = 0; turn < 5; turn++) {
          const name = pick(names);
          const n = 1 + below(5);
          if (turn === 4 && i % 3 === 0) {
            assert.equal(await person.ask('add', name, n) > 0, true);
          } else if (turn % 2) {
            const list = await person.ask('batch', [
              ['INSERT INTO sums VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = sums.n + excluded.n', name, n],
              ['SELECT n FROM sums WHERE name = $1', name],
            ]);
            assert.ok(list[1][0].n >= n);
          } else {
            await person.ask('query', 'SELECT count(*) AS n FROM sums');
            continue;
          }
          total[name] += n;
        }
      }),
    );
    for (const name of names) {
      const [rows] = await query(people[0], 'SELECT n FROM sums WHERE name = $1', name);
      assert.deepEqual(rows, [{ n: total[name] }]);
    }
  });

  it('is counted, and leaves nothing behind', async () => {
    const status = async () => JSON.parse((await lectern(['status', '--json', '--port', String(room.server.port)])).stdout);
    const { counters, handlers } = await until(async () => {
      const all = await status();
      return all.handlers.tasks === 0 && all;
    }, 'all handlers have ended');
    assert.equal(handlers.held, 0);
    for (const name of ['db_calls', 'db_failures', 'events_held', 'events_dropped']) assert.ok(counters[name].total > 0, name);
  });
});

describe('lectern.db and a server that ends', () => {
  it('has written all that was begun when it stops', async () => {
    const stops = `
      local lectern = require "lectern"
      local function on_stop()
        for i = 1, 10 do lectern.db.query("INSERT INTO sums VALUES ($1, 1)", "stop" .. i) end
      end
      return { on_stop = on_stop }`;
    const scripts = new Scripts({ example: false, files: { ...files, 'handlers/stops.lua': stops } });
    let server = await Server.start({ dir: scripts.dir, env });
    try {
      const ada = new Person(server, 'ada');
      ada.emit('slow_write', 'slow');
      await server.logged(/writing slow/);
      await server.stop();
      server = await Server.start({ dir: scripts.dir, env });
      const bob = new Person(server, 'bob');
      const [{ n }] = await bob.ask('query', "SELECT count(*) AS n FROM sums WHERE name LIKE 'slow%' OR name LIKE 'stop%'");
      assert.equal(n, 20 + 10);
      bob.close();
    } finally {
      await server.stop();
      scripts.remove();
    }
  });

  it('has on the disk what was answered when it is killed', async () => {
    const scripts = new Scripts({ example: false, files });
    let server = await Server.start({ dir: scripts.dir, env });
    try {
      const ada = new Person(server, 'ada');
      let answered = 0;
      const ended = assert.rejects(async () => {
        for (;;) answered = await ada.ask('add', 'kept', 1);
      });
      await until(() => answered > 50, 'many are answered');
      server.signal('SIGKILL');
      await server.ended;
      ada.close();
      await ended;
      const known = answered;
      server = await Server.start({ dir: scripts.dir, env });
      const bob = new Person(server, 'bob');
      const rows = await bob.ask('query', "SELECT n FROM sums WHERE name = 'kept'");
      assert.ok(rows[0].n === known || rows[0].n === known + 1, `${rows[0].n} of ${known}`);
      bob.close();
    } finally {
      await server.stop();
      scripts.remove();
    }
  });
});
