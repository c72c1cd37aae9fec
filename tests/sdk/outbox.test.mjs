// The outbox of examples/nestjs on a real PostgreSQL: what the platform commits is one notification, what it rolls back
// is none, in order, whoever is killed. LECTERN_LONG=1 kills for minutes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import pg from 'pg';
import { serviceToken } from '../e2e/support/api.mjs';
import { Postgres } from '../e2e/support/postgres.mjs';
import { ROOT, Server } from '../e2e/support/process.mjs';
import { freePort } from '../e2e/support/proxy.mjs';
import { random } from '../e2e/support/random.mjs';
import { Scripts } from '../e2e/support/scripts.mjs';
import { useServer } from '../e2e/support/suite.mjs';
import { PATIENCE, sleep, until, within } from '../e2e/support/wait.mjs';
import { makeApp } from './support/app.mjs';

const FILES = fileURLToPath(new URL('outbox/', import.meta.url));
const app = await makeApp('nest11', {
  from: FILES,
  packages: ['pg'],
  files: {
    'all.mjs': `import 'reflect-metadata';
export * from '@lectern/nestjs';
export { Module } from '@nestjs/common';
export { NestFactory } from '@nestjs/core';
`,
  },
});
const { LecternModule, LecternOutbox, LecternOutboxModule, Module, NestFactory, OUTBOX_SQL, enqueue, outboxStatus, releaseParked } =
  await import(pathToFileURL(path.join(app, 'all.mjs')));

let postgres;
before(async () => {
  postgres = await Postgres.start();
  await postgres.query(OUTBOX_SQL);
});
after(() => postgres?.stop());

const opened = async (url) => {
  const client = new pg.Client(url);
  await client.connect();
  return client;
};

describe('the outbox', () => {
  const room = useServer({
    files: {
      'handlers/odd.lua': `
local M = {}
local notes, broken = {}, true
function M.note(text) notes[#notes + 1] = text; return #notes end
function M.notes() local list = notes; notes = {}; return list end
function M.mend() broken = false; return true end
function M.picky(text)
  if broken then return nil, "not now: " .. text, "invalid" end
  notes[#notes + 1] = text
  return true
end
function M.fails() error "a mistake of the handler" end
return M
`,
    },
  });
  let db;
  let log;
  const relays = new Set();
  const token = serviceToken();

  // A relay in this process; `connect` is how it gets to the database.
  async function relay({ connect = () => opened(postgres.url), url = room.url, ...options } = {}) {
    class App {}
    Module({
      imports: [
        LecternModule.forRoot({ url, token: () => token, attemptTimeout: 1000 * PATIENCE, timeout: 3000 * PATIENCE, retries: 1 }),
        LecternOutboxModule.forRoot({ connect, pollInterval: 50, longestPause: 200, ...options }),
      ],
    })(App);
    const context = await NestFactory.createApplicationContext(App, { abortOnError: false, logger: { log: (...a) => log.push(a), error: (...a) => log.push(a), warn() {} } });
    const outbox = context.get(LecternOutbox);
    const one = { context, outbox };
    one.close = async () => {
      relays.delete(one);
      await context.close();
    };
    relays.add(one);
    return one;
  }
  const waiting = async () => (await outboxStatus(db)).waiting;
  const empty = () => until(async () => (await waiting()) === 0, 'the outbox is empty', 10_000);
  const notes = async () => (await fetch(`${room.url}/api/notes`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '[]' })).json().then(({ result }) => result);
  const write = async (call, ...texts) => {
    for (const text of texts) await enqueue(db, call, [text]);
  };
  const logged = (pattern) => log.map((line) => line.join(' ')).filter((line) => pattern.test(line));

  beforeEach(async () => {
    log = [];
    db = await opened(postgres.url);
    await db.query('TRUNCATE lectern_outbox');
  });
  afterEach(async () => {
    await Promise.all([...relays].map((one) => one.close()));
    await db.end();
    await notes();
  });

  it('calls what is committed, in order, and not what is rolled back', async () => {
    await db.query('BEGIN');
    await write('note', 'a', 'b');
    await db.query('ROLLBACK');
    await db.query('BEGIN');
    await write('note', 'c', 'd');
    const { outbox } = await relay();
    await until(() => outbox.relaying, 'it relays');
    await sleep(200);
    assert.equal(outbox.sent, 0, 'nothing before the commit');
    await db.query('COMMIT');
    await write('note', 'ü\u0000€', 'f');
    await empty();
    assert.deepEqual(await notes(), ['c', 'd', 'ü\u0000€', 'f']);
    assert.equal(outbox.sent, 4);
    assert.deepEqual(await outboxStatus(db), { waiting: 0, parked: 0, oldest: null });
  });

  it('a notification is stored once, though its row is not deleted', async () => {
    // The database refuses to delete, as one that fails at that moment: the relay makes the call again, with its key.
    await db.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON lectern_outbox EXECUTE FUNCTION refuse()`);
    const ada = await room.join('ada');
    await enqueue(db, 'createNotification', [{ userId: 'ada', type: 'ONCE', title: 'Once', message: 'only', data: { at: new Date(0) } }]);
    const { outbox } = await relay();
    await until(() => outbox.sent >= 3, 'it is called three times', 10_000);
    await db.query('DROP TRIGGER refuse ON lectern_outbox; DROP FUNCTION refuse');
    await empty();
    assert.equal(logged(/the platform's database: not now/).length, 1, 'an outage is said once');
    const { notifications } = await ada.ask('list_notifications', {});
    assert.deepEqual(notifications.map((one) => [one.title, one.data]), [['Once', { at: '1970-01-01T00:00:00.000Z' }]]);
    await ada.settle();
    assert.equal(ada.heard('notification').length, 1);
  });

  it('parks what is refused, says so, goes on with the others, and can release it', async () => {
    const told = [];
    await write('note', '1');
    await write('picky', '2', '3');
    await write('fails', '4');
    await write('no_such_function', '5');
    await write('note', '6');
    const { outbox } = await relay({ attempts: 3, onParked: (parked) => told.push(parked) });
    await empty();
    assert.deepEqual(await notes(), ['1', '6']);
    assert.equal(outbox.parked, 4);
    assert.equal((await outboxStatus(db)).parked, 4);
    assert.deepEqual(told.map(({ call, args, error }) => [call, args[0], error.split(':')[0]]), [
      ['picky', '2', 'invalid'], ['picky', '3', 'invalid'], ['fails', '4', 'internal_error'], ['no_such_function', '5', 'not_found'],
    ]);
    const { rows } = await db.query('SELECT id::text AS id, call, attempts, error FROM lectern_outbox ORDER BY lectern_outbox.id');
    assert.deepEqual(rows.map(({ call, attempts }) => [call, attempts]), [['picky', 1], ['picky', 1], ['fails', 3], ['no_such_function', 1]]);
    assert.match(rows[0].error, /^invalid: picky: not now: 2$/);
    assert.equal(logged(/is put aside: invalid: picky: not now/).length, 2);

    await fetch(`${room.url}/api/mend`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '[]' });
    await releaseParked(db, [rows[1].id]);
    outbox.wake();
    await empty();
    assert.deepEqual(await notes(), ['3']);
    await releaseParked(db);
    await until(async () => (await outboxStatus(db)).parked === 2 && (await waiting()) === 0, 'the others are tried again', 10_000);
    assert.deepEqual(await notes(), ['2']);
  });

  it('a server that is down, or a wrong token, holds all back, and nothing is parked or overtaken', async () => {
    await room.server.stop();
    const { outbox } = await relay({ attempts: 1 });
    await write('note', 'a', 'b', 'c');
    await until(() => outbox.trouble, 'it has noticed');
    assert.match(outbox.trouble, /^unreachable: cannot connect to /);
    await sleep(500);
    assert.deepEqual([outbox.sent, outbox.parked], [0, 0]);
    const { oldest, waiting: left } = await outboxStatus(db);
    assert.equal(left, 3);
    assert.ok(Math.abs(Date.now() - oldest) < 60_000);
    room.server = await Server.start({ dir: room.scripts.dir, port: room.server.port });
    await empty();
    assert.deepEqual(await notes(), ['a', 'b', 'c']);
    assert.equal(outbox.trouble, null);
    assert.equal(logged(/the outbox waits: unreachable/).length, 1);
    assert.equal(logged(/the outbox goes on/).length, 1);
  });

  it('one of several relays works; when it dies the next one does; wake() makes it look at once', async () => {
    const first = await relay();
    await until(() => first.outbox.relaying, 'the first relays');
    const pool = new pg.Pool({ connectionString: postgres.url });
    const second = await relay({ connect: () => pool.connect(), pollInterval: 200 });
    await write('note', ...'abcdef');
    await empty();
    assert.deepEqual([first.outbox.sent, second.outbox.sent, second.outbox.relaying], [6, 0, false]);
    await first.close();
    await until(() => second.outbox.relaying, 'the second relays');
    await write('note', 'g');
    await empty();
    assert.deepEqual(await notes(), [...'abcdefg']);

    // Its connection is ended under it: it takes another one.
    await db.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    await write('note', 'h');
    await empty();
    assert.deepEqual(await notes(), ['h']);
    // It ended in good order: the pool has its connection again, and nobody holds the lock.
    await second.close();
    assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
    assert.deepEqual((await db.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).rows, []);
    await pool.end();

    const third = await relay({ pollInterval: 3_600_000 });
    await until(() => third.outbox.relaying, 'the third relays');
    await sleep(100);
    await write('note', 'i');
    third.outbox.wake();
    await empty();
  });

  it('ends with the application while the server does not answer, and while the database is away', async () => {
    await write('note', 'a');
    room.server.signal('SIGSTOP');
    const { outbox, close } = await relay({ shutdownTimeout: 200 });
    await until(() => outbox.relaying, 'it relays');
    await sleep(100);
    await within(2000, close(), () => 'it does not end');
    room.server.signal('SIGCONT');
    assert.equal(await waiting(), 1, 'it was neither sent nor parked');

    const nowhere = await relay({ connect: () => opened('postgresql://127.0.0.1:1/none') });
    await until(() => nowhere.outbox.trouble, 'it has noticed');
    assert.match(nowhere.outbox.trouble, /the platform's database: .*ECONNREFUSED/);
    await within(2000, nowhere.close(), () => 'it does not end');
    await relay();
    await empty();
  });

  it('has the table that the README shows', () => {
    const readme = readFileSync(path.join(ROOT, 'examples/nestjs/README.md'), 'utf8');
    assert.equal(/^```sql\n(.*?)^```$/ms.exec(readme)[1], OUTBOX_SQL);
  });

  it('says what is wrong with its options, and with arguments', async () => {
    await assert.rejects(relay({ connect: 'postgresql://' }), /connect is missing/);
    await assert.rejects(relay({ batch: 0 }), /batch is 0; it must be a whole number/);
    const ring = {};
    ring.ring = ring;
    await assert.rejects(enqueue(db, 'note', [ring]), /note: its arguments are no JSON: .*circular/);
    await assert.rejects(enqueue(db, ''), /name of a function is needed/);
    assert.equal(await waiting(), 0);
  });
});

describe('programs that are killed', () => {
  const long = Boolean(process.env.LECTERN_LONG);
  const kills = long ? { relay: 150, server: 60, postgres: 6 } : { relay: 8, server: 4, postgres: 1 };
  const seed = Number(process.env.LECTERN_SEED || Date.now() % 1e9);

  it(`lose nothing and double nothing (seed ${seed})`, { timeout: (long ? 1200 : 120) * 1000 * PATIENCE }, async () => {
    const dice = random(seed);
    const home = mkdtempSync(path.join(tmpdir(), 'lectern-outbox-'));
    const rolledBack = path.join(home, 'rolled-back');
    writeFileSync(rolledBack, '');
    await postgres.query(`TRUNCATE lectern_outbox;
      CREATE TABLE people (id text PRIMARY KEY, n int NOT NULL DEFAULT 0);
      INSERT INTO people SELECT 'person-' || n FROM generate_series(0, 19) n;
      CREATE TABLE deeds (id text PRIMARY KEY, person text NOT NULL, n int NOT NULL)`);
    const scripts = new Scripts();
    const port = await freePort();
    const state = path.join(home, 'state');
    const serve = () => Server.start({ dir: scripts.dir, port, env: { STATE_DIRECTORY: state }, args: ['--store-notifications', '1000000'] });
    const children = new Set();
    const run = (file, args = []) => {
      const child = spawn(process.execPath, [path.join(app, file), ...args], {
        env: { PATH: process.env.PATH, LECTERN_URL: `http://127.0.0.1:${port}`, LECTERN_TOKEN: serviceToken(), DATABASE_URL: postgres.url },
      });
      child.out = '';
      child.errors = '';
      child.stdout.setEncoding('utf8').on('data', (text) => (child.out += text));
      child.stderr.setEncoding('utf8').on('data', (text) => (child.errors += text));
      child.ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
      child.ended.then(() => children.delete(child));
      children.add(child);
      return child;
    };
    const began = Date.now();
    let server = await serve();
    try {
      const writer = run('writer.mjs', [postgres.url, rolledBack, '4', String(seed)]);
      let relays = [run('relay.mjs'), run('relay.mjs')];
      const enough = { relay: 0, server: 0, postgres: 0 };
      const killRelays = async () => {
        for (; enough.relay < kills.relay; enough.relay++) {
          // One of two works, and is killed after some calls; often the other one as well.
          const calls = 1 + dice.below(60);
          const made = (one) => Number(one.out.trim().split('\n').at(-1));
          const at = await until(() => relays.findIndex((one) => made(one) >= calls) + 1, `a relay makes ${calls} calls`, 60_000);
          await sleep(dice.below(10));
          const both = dice.below(3) === 0;
          for (const i of both ? [0, 1] : [at - 1]) relays[i].kill('SIGKILL');
          relays = relays.map((one) => (one.killed ? run('relay.mjs') : one));
        }
      };
      const killServer = async () => {
        for (; enough.server < kills.server; enough.server++) {
          await sleep(300 + dice.below(900));
          server.signal('SIGKILL');
          await server.ended;
          await sleep(dice.below(200));
          server = await serve();
        }
      };
      const killPostgres = async () => {
        for (; enough.postgres < kills.postgres; enough.postgres++) {
          await sleep((long ? 5000 : 2000) + dice.below(2000));
          await postgres.kill();
          await sleep(dice.below(300));
          await postgres.up();
        }
      };
      await Promise.all([killRelays(), killServer(), killPostgres()]);
      assert.equal(writer.exitCode, null, writer.errors);
      writer.kill('SIGTERM');
      assert.equal(await within(20_000, writer.ended, () => 'the writer does not end'), 0, writer.errors);
      const left = async () => (await postgres.rows('SELECT count(*) AS n FROM lectern_outbox'))[0].n;
      const behind = await left();
      await until(async () => (await left()) === 0, 'the outbox is empty', 120_000);
      for (const one of relays) one.kill('SIGTERM');
      for (const one of relays) await within(10_000, one.ended, () => `the relay does not end: ${one.errors}`);
      await server.stop();

      // --- both databases, by programs that are not ours
      const deeds = await postgres.rows('SELECT id, person, n FROM deeds ORDER BY person, n');
      const file = path.join(state, 'lectern.db');
      const stored = JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', file,
        "SELECT title AS id, person, cast(message AS integer) AS n FROM lectern_notifications WHERE type = 'DEED' ORDER BY person, born"], { encoding: 'utf8', maxBuffer: 1e9 }) || '[]');
      const undone = new Set(readFileSync(rolledBack, 'utf8').split('\n').filter(Boolean));
      const { transactions, broken } = JSON.parse(writer.out);
      console.log(`seed ${seed}, ${Math.round((Date.now() - began) / 1000)} s: killed relay ${enough.relay}, server ${enough.server}, PostgreSQL ${enough.postgres}; ` +
        `${transactions} transactions, ${broken} broken; ${deeds.length} deeds committed, ${undone.size} rolled back, ${stored.length} notifications; ${behind} were waiting at the end`);
      assert.ok(deeds.length > 100 && undone.size > 20, 'the writer wrote');
      assert.equal(stored.filter(({ id }) => undone.has(id)).length, 0, 'what is rolled back is not sent');
      assert.deepEqual(stored, deeds, "each person's deeds once, and in their order");
    } finally {
      for (const child of children) child.kill('SIGKILL');
      server.signal('SIGKILL');
      scripts.remove();
      rmSync(home, { recursive: true, force: true });
    }
  });
});
