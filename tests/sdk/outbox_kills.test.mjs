// The outbox of examples/nestjs while everything around it is killed: what the platform commits is one notification, what
// it rolls back is none, and each person's are in order. LECTERN_LONG=1 kills for minutes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { serviceToken } from '../e2e/support/api.mjs';
import { Postgres } from '../e2e/support/postgres.mjs';
import { Server } from '../e2e/support/process.mjs';
import { freePort } from '../e2e/support/proxy.mjs';
import { random } from '../e2e/support/random.mjs';
import { Scripts } from '../e2e/support/scripts.mjs';
import { PATIENCE, sleep, until, within } from '../e2e/support/wait.mjs';
import { makeApp } from './support/app.mjs';

const app = await makeApp('nest11', { from: fileURLToPath(new URL('outbox/', import.meta.url)), packages: ['pg'] });
const { OUTBOX_SQL } = await import(pathToFileURL(path.join(app, 'node_modules/@lectern/nestjs/dist/index.mjs')));

describe('the outbox, when its programs are killed', () => {
  let postgres;
  before(async () => {
    postgres = await Postgres.start();
  });
  after(() => postgres?.stop());

  const long = Boolean(process.env.LECTERN_LONG);
  const kills = long ? { relay: 150, server: 60, postgres: 6 } : { relay: 8, server: 4, postgres: 1 };
  const seed = Number(process.env.LECTERN_SEED || Date.now() % 1e9);

  it(`nothing is lost, nothing is there twice, and all is in order (seed ${seed})`, { timeout: (long ? 1200 : 120) * 1000 * PATIENCE }, async () => {
    const dice = random(seed);
    const home = mkdtempSync(path.join(tmpdir(), 'lectern-outbox-'));
    const rolledBack = path.join(home, 'rolled-back');
    writeFileSync(rolledBack, '');
    await postgres.query(`${OUTBOX_SQL}
      CREATE TABLE people (id text PRIMARY KEY, n int NOT NULL DEFAULT 0);
      INSERT INTO people SELECT 'person-' || n FROM generate_series(0, 19) n;
      CREATE TABLE deeds (id text PRIMARY KEY, person text NOT NULL, n int NOT NULL)`);
    const scripts = new Scripts();
    const port = await freePort();
    const state = path.join(home, 'state');
    const args = ['--store-notifications', '1000000'];
    const serve = () => Server.start({ dir: scripts.dir, port, args, env: { STATE_DIRECTORY: state } });
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
      const notifications = `SELECT title AS id, person, cast(message AS integer) AS n
        FROM lectern_notifications WHERE type = 'DEED' ORDER BY person, born`;
      const text = execFileSync('sqlite3', ['-readonly', '-json', file, notifications], { encoding: 'utf8', maxBuffer: 1e9 });
      const stored = JSON.parse(text || '[]');
      const undone = new Set(readFileSync(rolledBack, 'utf8').split('\n').filter(Boolean));
      const { transactions, broken } = JSON.parse(writer.out);
      console.log([
        `seed ${seed}, ${Math.round((Date.now() - began) / 1000)} s: killed relay ${enough.relay}, server ${enough.server}, PostgreSQL ${enough.postgres}`,
        `${transactions} transactions, ${broken} broken; ${deeds.length} deeds committed, ${undone.size} rolled back`,
        `${stored.length} notifications; ${behind} were waiting at the end`,
      ].join('; '));
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
