// The outbox of examples/nestjs on a real PostgreSQL: what is committed is called, in order; what fails waits or is put
// aside; relays take turns, and end.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { call, serviceToken } from '../e2e/support/api.mjs';
import { Postgres } from '../e2e/support/postgres.mjs';
import { ROOT, Server } from '../e2e/support/process.mjs';
import { useServer } from '../e2e/support/suite.mjs';
import { PATIENCE, sleep, until, within } from '../e2e/support/wait.mjs';
import { makeApp } from './support/app.mjs';

const app = await makeApp('nest11', {
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
local lectern = require "lectern"
local M = {}
local notes, broken = {}, true
function M.note(text) notes[#notes + 1] = text; return #notes end
function M.notes() local list = notes; notes = {}; return list end
function M.hangs() lectern.sleep(5) return true end
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

  // A relay in this process; `connect` is how it gets to the database, `client` are options of the module.
  async function relay({ connect = () => opened(postgres.url), client, ...options } = {}) {
    class App {}
    Module({
      imports: [
        LecternModule.forRoot({ url: room.url, token: () => token, attemptTimeout: 1000 * PATIENCE, timeout: 3000 * PATIENCE, retries: 1, ...client }),
        LecternOutboxModule.forRoot({ connect, pollInterval: 50, longestPause: 200, ...options }),
      ],
    })(App);
    const keep = (...words) => log.push(words);
    const context = await NestFactory.createApplicationContext(App, { abortOnError: false, logger: { log: keep, error: keep, warn: keep } });
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
  const notes = async () => (await call(room, 'notes', [])).body.result;
  const write = async (name, ...texts) => {
    for (const text of texts) await enqueue(db, name, [text]);
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
    assert.deepEqual(told.map((one) => [one.call, one.args[0], one.error.split(':')[0]]), [
      ['picky', '2', 'invalid'], ['picky', '3', 'invalid'], ['fails', '4', 'internal_error'], ['no_such_function', '5', 'not_found'],
    ]);
    const { rows } = await db.query('SELECT id::text AS id, call, attempts, error FROM lectern_outbox ORDER BY lectern_outbox.id');
    assert.deepEqual(rows.map((row) => [row.call, row.attempts]), [['picky', 1], ['picky', 1], ['fails', 3], ['no_such_function', 1]]);
    assert.match(rows[0].error, /^invalid: picky: not now: 2$/);
    assert.equal(logged(/is put aside: invalid: picky: not now/).length, 2);

    await call(room, 'mend', []);
    await releaseParked(db, [rows[1].id]);
    outbox.wake();
    await empty();
    assert.deepEqual(await notes(), ['3']);
    await releaseParked(db);
    await until(async () => (await outboxStatus(db)).parked === 2 && (await waiting()) === 0, 'the others are tried again', 10_000);
    assert.deepEqual(await notes(), ['2']);
  });

  it('trouble that comes and goes is told once', async () => {
    for (const text of 'abcd') {
      await write('fails', text);
      await write('note', text);
    }
    const { outbox } = await relay({ attempts: 2, batch: 1 });
    await empty();
    assert.equal(outbox.parked, 4);
    await until(() => outbox.trouble === null, 'it goes on');
    assert.equal(logged(/the outbox waits/).length, 1);
    assert.equal(logged(/the outbox goes on/).length, 1);
    assert.deepEqual(await notes(), [...'abcd']);
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

    await write('note', 'd');
    for (const one of relays) await one.close();
    const stranger = await relay({ attempts: 1, client: { token: () => 'not.a.token' } });
    await until(() => stranger.outbox.trouble, 'it has noticed');
    assert.match(stranger.outbox.trouble, /^unauthorized: note: /);
    assert.deepEqual(await outboxStatus(db).then((status) => [status.waiting, status.parked]), [1, 0]);
    await stranger.close();
    await relay();
    await empty();
    assert.deepEqual(await notes(), ['d']);
  });

  it('a function that does not come to an end stops the others for some attempts only', async () => {
    await write('hangs', 'a');
    await write('note', 'b');
    const { outbox } = await relay({ attempts: 2, client: { timeout: 400, attemptTimeout: 200 } });
    await empty();
    assert.equal(outbox.parked, 1);
    assert.deepEqual(await notes(), ['b']);
    const { rows: [row] } = await db.query('SELECT attempts, error FROM lectern_outbox');
    assert.equal(row.attempts, 2);
    assert.match(row.error, /^(timeout|conflict): hangs: /);
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

    // One whose other end has gone without a word is never closed.
    const ends = [];
    const deaf = await relay({
      shutdownTimeout: 200,
      connect: async () => {
        const client = await opened(postgres.url);
        return { query: (...query) => client.query(...query), on: (...listener) => client.on(...listener), end: () => new Promise(() => ends.push(client)) };
      },
    });
    await until(() => deaf.outbox.relaying, 'it relays');
    await within(3000, deaf.close(), () => 'it does not end');
    assert.equal(ends.length, 1);
    await ends[0].end();

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
