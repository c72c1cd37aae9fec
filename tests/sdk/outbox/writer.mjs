// The platform: transactions that change its own tables and put calls into the outbox; some roll back. Its table of
// deeds is the truth: a deed is there if, and only if, its transaction committed. Ends on SIGTERM, when all workers have.
//
//   node writer.mjs DATABASE_URL ROLLED_BACK WORKERS SEED
//
// ROLLED_BACK: a file that gets the id of each deed whose transaction was rolled back.
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import pg from 'pg';
import { enqueue } from '@lectern/nestjs';

const [url, rolledBack, workers, seed] = process.argv.slice(2);
const PEOPLE = 20;
const BEHIND = 300; // it writes no faster than calls are made
let over = false;
let transactions = 0;
let broken = 0;
process.on('SIGTERM', () => (over = true));

// Numbers from 0 up to below n, the same for a seed.
let state = Number(seed) >>> 0 || 1;
const below = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One person's deeds are numbered under a lock of the person, as counters of a platform are: the numbers are the order.
async function deed(db, id, person) {
  const { rows: [{ n }] } = await db.query('UPDATE people SET n = n + 1 WHERE id = $1 RETURNING n', [person]);
  await db.query('INSERT INTO deeds (id, person, n) VALUES ($1, $2, $3)', [id, person, n]);
  await enqueue(db, 'createNotification', [{ userId: person, type: 'DEED', title: id, message: String(n), data: { at: new Date() } }]);
}

async function work() {
  let db = null;
  while (!over) {
    const ids = Array.from({ length: 1 + below(3) }, () => randomUUID());
    const person = `person-${below(PEOPLE)}`;
    const commits = below(4) > 0;
    try {
      if (db === null) {
        db = new pg.Client(url);
        db.on('error', () => {});
        await db.connect();
      }
      await db.query('BEGIN');
      for (const id of ids) await deed(db, id, person);
      if (below(5) === 0) await sleep(below(30)); // so that ids and commits are not in the same order
      if (!commits) appendFileSync(rolledBack, ids.map((id) => `${id}\n`).join(''));
      await db.query(commits ? 'COMMIT' : 'ROLLBACK');
      transactions++;
      while (!over && (await db.query('SELECT count(*)::int AS n FROM lectern_outbox')).rows[0].n > BEHIND) await sleep(100);
    } catch {
      // The database has gone, and nobody knows of this transaction whether it committed: its deeds tell.
      broken++;
      await db?.end().catch(() => {});
      db = null;
      await sleep(50);
    }
    await sleep(below(20));
  }
  await db?.end().catch(() => {});
}

await Promise.all(Array.from({ length: Number(workers) }, work));
console.log(JSON.stringify({ transactions, broken }));
