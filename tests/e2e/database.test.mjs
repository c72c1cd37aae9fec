// The database of a server: where it is, whose it is, what it is brought up to, copies of it, and what
// happens when its file or its disk fails.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeSync, closeSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { ask } from './support/http.mjs';
import { Person } from './support/person.mjs';
import { lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { SECRET } from './support/tokens.mjs';
import { until } from './support/wait.mjs';

const HANDLER = `
local lectern = require "lectern"
local db = lectern.db
local M = {}
function M.on_sql(_, sql, ...)
  local rows, changes, code = db.query(sql, ...)
  if not rows then return { code = code, message = changes } end
  return { rows = rows, changes = changes }
end
function M.on_slowly(socket, ms)
  local ok, message, code = db.transaction(function(tx)
    tx:query "SELECT 1"
    lectern.sleep(ms / 1000)
    return tx:query("INSERT INTO pupils (name) VALUES ('slow')")
  end)
  return ok and true or { code = code, message = message }
end
function M.on_many(_, n)
  local codes, left = {}, n
  for i = 1, n do
    lectern.spawn(function()
      local ok, _, code = db.query("INSERT INTO pupils (name) VALUES ($1)", tostring(i))
      if not ok then codes[code] = (codes[code] or 0) + 1 end
      left = left - 1
    end)
  end
  while left > 0 do lectern.sleep(0.01) end
  return codes
end
function M.on_live(socket, what)
  socket:emit("lived", what)
  return what
end
function M.on_disconnect(socket)
  lectern.detach()
  db.query("INSERT INTO pupils (name) VALUES ($1)", "left:" .. socket.user.id)
end
return M`;
const PUPILS = 'CREATE TABLE pupils (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n';
const FILES = { 'handlers/sql.lua': HANDLER, 'migrations/0001_pupils.sql': PUPILS };
const KEEPS = { LECTERN_DATABASE: 'sqlite:lectern.db' };

// A script directory, servers of it, and who is connected to them; all gone after the test.
const things = [];
afterEach(async () => {
  while (things.length > 0) await things.pop()();
});
function directory(files = {}) {
  const scripts = new Scripts({ example: false, handlers: [], files: { ...FILES, ...files } });
  things.push(() => scripts.remove());
  scripts.state = (name = '') => path.join(scripts.dir, '.state', name);
  return scripts;
}
async function serve(scripts, { env = {}, ...options } = {}) {
  const server = await Server.start({ dir: scripts.dir, env: { ...KEEPS, ...env }, ...options });
  things.push(() => server.alive && server.stop());
  return server;
}
async function join(server, id = 'ada') {
  const person = new Person(server, id);
  things.push(() => person.close());
  await person.admitted();
  return person;
}
const command = (args, options = {}) => lectern(args, { env: { JWT_SECRET: SECRET, ...KEEPS, ...options.env }, ...options });
async function refuses(scripts, pattern, options) {
  const { code, stderr } = await command(['serve', scripts.dir, '--port', '0'], options);
  assert.equal(code, 1, stderr);
  assert.match(stderr, pattern);
}
async function names(person) {
  const { rows } = await person.ask('sql', 'SELECT name FROM pupils ORDER BY id');
  return rows.map((row) => row.name);
}
const insert = (person, name) => person.ask('sql', 'INSERT INTO pupils (name) VALUES ($1)', name);

describe('the folder of what lasts', () => {
  it('is .state, for its owner alone, and for no repository', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    assert.equal(statSync(scripts.state()).mode & 0o777, 0o700);
    assert.equal(readFileSync(scripts.state('.gitignore'), 'utf8'), '*\n');
    for (const file of ['lectern.db', 'lectern.db-wal', 'lectern.db.lock']) assert.equal(statSync(scripts.state(file)).mode & 0o777, 0o600, file);
    await server.logged(/database sqlite:lectern\.db in .*\.state, \d+\.\d MB; rows: .*migrations \d+/);
  });

  it('is what systemd or a setting says', async () => {
    const scripts = directory();
    await (await serve(scripts, { env: { STATE_DIRECTORY: path.join(scripts.dir, 'var') } })).stop();
    assert.ok(existsSync(path.join(scripts.dir, 'var/lectern.db')));
    await (await serve(scripts, { env: { STATE_DIRECTORY: '/nowhere', LECTERN_STATE_DIR: 'own' } })).stop();
    assert.ok(existsSync(path.join(scripts.dir, 'own/lectern.db')));
    assert.ok(!existsSync(scripts.state()));
  });

  it('is not made for a database in memory', async () => {
    const scripts = directory();
    const server = await serve(scripts, { env: { LECTERN_DATABASE: 'memory:' } });
    const ada = await join(server);
    assert.equal((await insert(ada, 'x')).changes, 1);
    assert.deepEqual(await names(ada), ['x']);
    assert.ok(!existsSync(scripts.state()));
  });

  it('that may not be written is said, with what to do', async (t) => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    if (spawnSync(nobody[0], [...nobody.slice(1), 'true']).status !== 0) return t.skip('setpriv is not allowed here');
    const scripts = directory();
    chmodSync(scripts.dir, 0o755);
    await refuses(scripts, /\.state, cannot be made: Permission denied; state_dir \(LECTERN_STATE_DIR\) names another/, { via: nobody });
    await (await serve(scripts)).stop();
    chmodSync(scripts.state(), 0o755);
    await refuses(scripts, /lectern\.db\.lock cannot be opened for writing: Permission denied; the database, and the folder it is in, must be this user's to write/, { via: nobody });
    for (const name of readdirSync(scripts.state())) chownSync(scripts.state(name), 65534, 65534);
    chmodSync(scripts.state('lectern.db'), 0o400);
    await refuses(scripts, /lectern\.db cannot be opened for writing/, { via: nobody });
  });
});

describe('a server and its database', () => {
  it('belong together: a second server is refused', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    await refuses(scripts, new RegExp(`lectern\\.db is in use by another server, process ${server.child.pid}; one at a time`));
    await server.stop();
    await serve(scripts);
  });

  it('keep what was answered, through kill -9', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    const ada = await join(server);
    let answered = 0;
    const writing = (async () => {
      for (;;) {
        const { changes } = await insert(ada, `${answered + 1}`);
        assert.equal(changes, 1);
        answered++;
      }
    })().catch(() => {});
    await until(() => answered > 50, 'rows are written');
    server.child.kill('SIGKILL');
    await server.ended;
    ada.close();
    await writing;
    const again = await serve(scripts);
    const bob = await join(again, 'bob');
    const { rows } = await bob.ask('sql', "SELECT count(*) AS n FROM pupils WHERE name NOT LIKE 'left:%'");
    assert.ok(rows[0].n >= answered && rows[0].n <= answered + 1, `${rows[0].n} of ${answered}`);
  });

  it('end together: what handlers write when their clients go is kept', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    const people = [];
    for (let i = 0; i < 20; i++) people.push(await join(server, `p${i}`));
    await server.stop();
    const again = await serve(scripts);
    const left = (await names(await join(again, 'bob'))).filter((name) => name.startsWith('left:p'));
    assert.equal(left.length, 20);
  });

  it('show in status, and in /readyz', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    const port = ['--port', String(server.port)];
    assert.match((await lectern(['status', ...port])).stdout, /^database +sqlite:lectern\.db, there; waiting: 0$/m);
    const { database } = JSON.parse((await lectern(['status', '--json', ...port])).stdout);
    assert.deepEqual(database, { url: 'sqlite:lectern.db', driver: 'sqlite', state: 'there', waiting: 0 });
    assert.equal((await ask(server, '/readyz')).status, 200);
  });
});

describe('bounds of the database', () => {
  const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n';
  async function bounded(...args) {
    const server = await serve(directory(), { args });
    return join(server);
  }

  it('time of a call, and of a transaction between two of its own', async () => {
    const ada = await bounded('--db-timeout', '200', '--db-transaction-timeout', '150');
    assert.equal((await ada.ask('sql', ENDLESS)).code, 'timeout');
    assert.equal((await ada.ask('slowly', 500)).code, 'timeout');
    assert.equal(await ada.ask('slowly', 1), true);
    assert.deepEqual(await names(ada), ['slow']);
  });

  it('rows and bytes of an answer', async () => {
    const ada = await bounded('--db-max-rows', '3', '--db-max-result-bytes', '1024');
    assert.equal((await ada.ask('sql', 'VALUES (1), (2), (3)')).rows.length, 3);
    assert.equal((await ada.ask('sql', 'VALUES (1), (2), (3), (4)')).code, 'too_big');
    assert.equal((await ada.ask('sql', "SELECT printf('%1100d', 1)")).code, 'too_big');
  });

  it('calls that wait', async () => {
    const ada = await bounded('--db-max-calls', '10');
    const { busy, ...others } = await ada.ask('many', 50);
    assert.deepEqual(others, {});
    assert.equal(busy, 40);
    assert.equal((await names(ada)).length, 10);
  });

  it('bytes that wait', async () => {
    const ada = await bounded('--db-max-queued-bytes', '4096');
    assert.equal((await insert(ada, 'x'.repeat(5000))).code, 'busy');
    assert.equal((await insert(ada, 'x'.repeat(3000))).changes, 1);
  });

  it('size of the file', async () => {
    const ada = await bounded('--db-max-bytes', '600000');
    let refused;
    for (let i = 0; i < 100 && !refused; i++) refused = (await insert(ada, 'x'.repeat(20_000))).code;
    assert.equal(refused, 'full');
    assert.equal(await ada.ask('live', 'on'), 'on');
    assert.ok((await ada.ask('sql', 'DELETE FROM pupils WHERE id > 1')).changes > 0);
    assert.equal((await insert(ada, 'x'.repeat(20_000))).changes, 1);
  });
});

describe('migrations', () => {
  it('are applied once each, and a failing one leaves nothing behind', async () => {
    const scripts = directory();
    const dry = await command(['migrate', '--dry-run', scripts.dir]);
    assert.match(dry.stdout, /^to be applied: app 0001_pupils\.sql$/m);
    const server = await serve(scripts);
    assert.match(server.log, /applied app 0001_pupils\.sql/);
    const ada = await join(server);
    await insert(ada, 'ada');

    // A running server is asked to.
    const port = ['--port', String(server.port)];
    assert.match((await command(['migrate', scripts.dir, ...port])).stdout, /^nothing to be done$/m);
    scripts.write('migrations/0002_marks.sql', 'ALTER TABLE pupils ADD COLUMN mark INTEGER; UPDATE pupils SET mark = 1;');
    assert.match((await command(['migrate', scripts.dir, ...port])).stdout, /^applied app 0002_marks\.sql$/m);
    assert.deepEqual((await ada.ask('sql', 'SELECT name, mark FROM pupils')).rows, [{ name: 'ada', mark: 1 }]);
    scripts.write('migrations/0003_wrong.sql', 'CREATE TABLE half (a); INSERT INTO none VALUES (1);');
    const wrong = await command(['migrate', scripts.dir, ...port]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /app 0003_wrong\.sql: no such table: none; nothing of this file was done/);
    assert.equal((await ada.ask('sql', 'SELECT a FROM half')).code, 'invalid');
    await server.stop();
    await refuses(scripts, /app 0003_wrong\.sql: no such table: none/);
    scripts.write('migrations/0003_wrong.sql', 'CREATE TABLE half (a);');
    const again = await serve(scripts);
    assert.match(again.log, /applied app 0003_wrong\.sql/);
    assert.doesNotMatch(again.log, /applied app 0001/);
  });

  it('take the file of the driver', async () => {
    const scripts = directory({
      'migrations/0002_it.sql': 'CREATE TABLE general (a)',
      'migrations/0002_it.sqlite.sql': 'CREATE TABLE special (a)',
      'migrations/0002_it.postgres.sql': 'this is not for SQLite',
    });
    const server = await serve(scripts);
    const ada = await join(server);
    assert.deepEqual((await ada.ask('sql', 'SELECT a FROM special')).rows, []);
    assert.equal((await ada.ask('sql', 'SELECT a FROM general')).code, 'invalid');
  });

  const changes = {
    'a file that was applied and has changed': [
      (scripts) => scripts.write('migrations/0001_pupils.sql', `${PUPILS}-- more`),
      /app 0001_pupils\.sql was applied and has changed since; put it back as it was/,
    ],
    'a database of a newer version': [
      (scripts) => rmSync(path.join(scripts.dir, 'migrations/0002_more.sql')),
      /the database has app 0002_more\.sql, which this version does not: a newer one made it/,
    ],
    'a number that is missing': [
      (scripts) => scripts.write('migrations/0004_gap.sql', 'SELECT 1'),
      /app: 0004_gap\.sql has no file of number 3 before it/,
    ],
    'a number that is twice there': [
      (scripts) => scripts.write('migrations/0002_again.sql', 'SELECT 1'),
      /app: 0002_again\.sql and 0002_more\.sql have the same number/,
    ],
    'a name that is none': [
      (scripts) => scripts.write('migrations/more.sql', 'SELECT 1'),
      /app more\.sql: a migration is named like 0001_what_it_does\.sql/,
    ],
  };
  for (const [what, [change, pattern]] of Object.entries(changes)) {
    it(`refuse ${what}`, async () => {
      const scripts = directory({ 'migrations/0002_more.sql': 'CREATE TABLE more (a)' });
      await (await serve(scripts)).stop();
      change(scripts);
      await refuses(scripts, pattern);
      const { code, stderr } = await command(['migrate', scripts.dir]);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
    });
  }
});

describe('copies', () => {
  it('are made while the server writes, and restored by name', async () => {
    const scripts = directory();
    const file = path.join(scripts.dir, 'copy.db');
    const server = await serve(scripts);
    const ada = await join(server);
    const epoch = async (person) => (await person.ask('sql', "SELECT value FROM lectern_store WHERE key = 'epoch'")).rows[0].value;
    const first = await epoch(ada);
    await ada.ask('sql', "INSERT INTO pupils (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT printf('%100d', i) FROM n");
    let going = true, written = 0;
    const writing = (async () => {
      for (; going; written++) assert.equal((await insert(ada, `${written}`)).changes, 1);
    })();
    const port = ['--port', String(server.port)];
    const made = await command(['backup', file, scripts.dir, ...port]);
    assert.equal(made.code, 0, made.stderr);
    going = false;
    await writing;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const twice = await command(['backup', file, scripts.dir, ...port]);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /copy\.db is there already/);
    const busy = await command(['restore', file, scripts.dir]);
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /in use by another server, process \d+.*: stop it first/);
    await insert(ada, 'after the copy');
    await server.stop();

    const restored = await command(['restore', file, scripts.dir]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.ok(existsSync(scripts.state('lectern.db.before-restore')));
    assert.match((await command(['db', 'check', scripts.dir])).stdout, /^ok$/m);
    const again = await serve(scripts);
    const bob = await join(again, 'bob');
    const { rows } = await bob.ask('sql', "SELECT count(*) AS n, sum(name = 'after the copy') AS late FROM pupils");
    assert.ok(rows[0].n >= 20000 && rows[0].n <= 20000 + written, `${rows[0].n}`);
    assert.equal(rows[0].late, 0);
    assert.notEqual(await epoch(bob), first);
  });

  it('of no database are refused, and nothing changes', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    await insert(await join(server), 'kept');
    await server.stop();
    scripts.write('text.db', 'no database\n'.repeat(1000));
    const { code, stderr } = await command(['restore', path.join(scripts.dir, 'text.db'), scripts.dir]);
    assert.equal(code, 1);
    assert.match(stderr, /there is no good backup in .*text\.db: file is not a database/);
    assert.equal((await command(['restore', '/no/such/file', scripts.dir])).code, 1);
    const again = await serve(scripts);
    assert.ok((await names(await join(again, 'bob'))).includes('kept'));
  });

  it('are made without a server, too', async () => {
    const scripts = directory();
    await (await serve(scripts)).stop();
    const file = path.join(scripts.dir, 'copy.db');
    assert.equal((await command(['backup', file, scripts.dir])).code, 0);
    assert.ok(statSync(file).size > 4096);
  });

  it('want a name, and db a word it knows', async () => {
    assert.equal((await command(['backup'])).code, 2);
    assert.equal((await command(['restore'])).code, 2);
    assert.equal((await command(['db'])).code, 2);
    assert.match((await command(['db', 'chekc', '/tmp'])).stderr, /there is `lectern db check`/);
  });
});

describe('when the disk fails, live events go on', () => {
  it('a file that is damaged', async () => {
    const scripts = directory({ 'migrations/0002_other.sql': 'CREATE TABLE other (a)' });
    const server = await serve(scripts);
    const ada = await join(server);
    await ada.ask('sql', "INSERT INTO pupils (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT printf('%100d', i) FROM n");
    await server.stop();
    const size = statSync(scripts.state('lectern.db')).size;
    const fd = openSync(scripts.state('lectern.db'), 'r+');
    const page = Buffer.alloc(4096, 0x55);
    for (let at = size - 60 * 4096; at < size - 10 * 4096; at += 4096) writeSync(fd, page, 0, 4096, at);
    closeSync(fd);

    const again = await serve(scripts);
    const bob = await join(again, 'bob');
    const { code, message } = await bob.ask('sql', 'SELECT sum(length(name)) AS n FROM pupils');
    assert.equal(code, 'unavailable');
    assert.match(message, /the database file is damaged .*lectern db check/);
    assert.equal(await bob.ask('live', 'on'), 'on');
    assert.equal((await bob.ask('sql', 'INSERT INTO other VALUES (1)')).changes, 1);
    const check = await command(['db', 'check', scripts.dir, '--port', String(again.port)]);
    assert.equal(check.code, 1);
    assert.doesNotMatch(check.stderr, /^ok$/m);
  });

  it('a file that is no database at all', async () => {
    const scripts = directory();
    await (await serve(scripts)).stop();
    scripts.write('.state/lectern.db', 'no database\n'.repeat(1000));
    await refuses(scripts, /lectern\.db is damaged, or is no SQLite database .*lectern restore FILE/);
  });

  it('a file that is gone, and comes back', async () => {
    const scripts = directory();
    const server = await serve(scripts);
    const ada = await join(server);
    await insert(ada, 'before');
    renameSync(scripts.state('lectern.db'), scripts.state('elsewhere.db'));
    assert.equal((await insert(ada, 'lost')).code, 'unavailable');
    await server.logged(/the database is away: .*the file is not in its place any more/);
    assert.equal((await ask(server, '/readyz')).status, 503);
    assert.equal(await ada.ask('live', 'on'), 'on');
    const bob = await join(server, 'bob');
    assert.equal((await insert(bob, 'lost')).code, 'unavailable');
    renameSync(scripts.state('elsewhere.db'), scripts.state('lectern.db'));
    await server.logged(/the database is back/);
    assert.equal((await insert(bob, 'after')).changes, 1);
    assert.deepEqual(await names(bob), ['before', 'after']);
    assert.equal((await ask(server, '/readyz')).status, 200);
  });

  it('a disk that is full, and has room again', async (t) => {
    const scripts = directory();
    const mount = `mkdir -m 700 -p ${scripts.state()} && mount -t tmpfs -o size=1500k,mode=700 none ${scripts.state()} && exec "$@"`;
    const via = ['unshare', '-m', 'sh', '-c', mount, 'sh'];
    if (spawnSync(via[0], [...via.slice(1), 'true']).status !== 0) return t.skip('mounts of its own are not allowed here');
    const server = await serve(scripts, { via });
    const ada = await join(server);
    const inside = (text) => spawnSync('nsenter', ['-t', String(server.child.pid), '-m', 'sh', '-c', text]);
    assert.equal((await insert(ada, 'before')).changes, 1);
    inside(`dd if=/dev/zero of=${scripts.state('ballast')} bs=4096 2>/dev/null`);
    let refused;
    for (let i = 0; i < 50 && !refused; i++) {
      const { code } = await insert(ada, 'x'.repeat(20_000));
      if (code) refused = code;
    }
    assert.equal(refused, 'full');
    assert.equal(await ada.ask('live', 'on'), 'on');
    assert.ok((await names(ada)).includes('before'), 'what is there can be read');
    inside(`rm ${scripts.state('ballast')}`);
    assert.equal((await insert(ada, 'after')).changes, 1);
    assert.ok((await names(ada)).includes('after'));
  });
});
