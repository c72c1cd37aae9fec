// Nothing acknowledged is lost: kills the server without warning while a back end calls it, again and again, and then
// reads the file with sqlite3. Whatever was acknowledged must be there, and every call exactly once.
//
//   node tests/crash/crash.mjs [--kills 50] [--seed N]
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { call } from '../e2e/support/api.mjs';
import { Server } from '../e2e/support/process.mjs';
import { freePort } from '../e2e/support/proxy.mjs';
import { random } from '../e2e/support/random.mjs';
import { Scripts } from '../e2e/support/scripts.mjs';
import { tokenFor } from '../e2e/support/tokens.mjs';
import { sleep, until } from '../e2e/support/wait.mjs';

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '50' }, seed: { type: 'string', default: String(Date.now() % 1e9) } },
});
const kills = Number(options.kills);
const dice = random(Number(options.seed));
const WORKERS = 32;

const home = mkdtempSync(path.join(tmpdir(), 'lectern-crash-'));
const school = new Scripts({ handlers: [] });
process.on('exit', () => {
  rmSync(home, { recursive: true, force: true });
  school.remove();
});
const state = path.join(home, 'state');
const journal = path.join(home, 'journal');
writeFileSync(journal, '');

const port = await freePort();
const start = () => Server.start({
  dir: school.dir, port, env: { STATE_DIRECTORY: state },
  args: ['--store-notifications', '1000000', '--store-messages', '1000000'],
});

console.log(`seed ${options.seed}`);
let server = await start();
const judge = spawn(process.execPath,
  [fileURLToPath(new URL('judge.mjs', import.meta.url)), `http://127.0.0.1:${port}`, tokenFor('judge', { role: 'service' }), journal, String(WORKERS)],
  { stdio: ['ignore', 'pipe', 'inherit'] });
let said = '';
judge.stdout.setEncoding('utf8').on('data', (text) => (said += text));
const ended = new Promise((resolve) => judge.once('close', resolve));
let past = '';
const logs = () => (past + server.log).split('\n').filter((line) => !line.includes(': 200, ')).slice(-40).join('\n');
const lines = () => readFileSync(journal, 'utf8').split('\n').filter(Boolean);

for (let i = 0; i < kills; i++) {
  const before = i === 0 ? 0 : lines().length;
  await until(() => judge.exitCode !== null || lines().length > before, 'a call is acknowledged', 20_000);
  if (judge.exitCode !== null) await sleep(500);
  assert.equal(judge.exitCode, null, `the judge has given up:\n${logs()}`);
  await sleep(50 + dice.below(400));
  server.signal('SIGKILL');
  await server.ended;
  past = server.log;
  server = await start();
}
judge.kill('SIGTERM');
assert.equal(await ended, 0);
server.signal('SIGKILL');
await server.ended;

// --- the file, by another program than ours

const sql = (text) => execFileSync('sqlite3', ['-readonly', '-json', path.join(state, 'lectern.db'), text], { encoding: 'utf8', maxBuffer: 1e9 });
const rows = (text) => JSON.parse(sql(text) || '[]');
assert.equal(execFileSync('sqlite3', [path.join(state, 'lectern.db'), 'pragma integrity_check'], { encoding: 'utf8' }).trim(), 'ok');
const kept = {
  notification: rows("select id, title as key from lectern_notifications where type = 'CRASH'"),
  message: rows('select id, content as key from lectern_messages'),
};
const acknowledged = lines().map((line) => line.split(' '));
let lost = 0;
let doubled = 0;
for (const [kind, list] of Object.entries(kept)) {
  const byKey = new Map();
  for (const row of list) byKey.set(row.key, [...(byKey.get(row.key) ?? []), row]);
  for (const [what, id, key] of acknowledged) {
    if (what !== kind) continue;
    const found = byKey.get(key) ?? [];
    if (!found.some((row) => row.id === id)) lost++;
    if (found.length > 1) doubled++;
    byKey.delete(key);
  }
  // All calls were answered in the end, so there is nothing that nobody asked for.
  assert.equal(byKey.size, 0, `${kind}s that were never acknowledged: ${[...byKey.keys()].slice(0, 5)}`);
}
// The number on the bell is the number in the list.
const lists = rows('select person, count(*) as unread from lectern_notifications where read_at is null and gone is null group by person');
server = await start();
for (const { person, unread } of lists) {
  assert.equal((await call(server, 'get_unread_count', [person])).body.result, unread, person);
}
await server.stop();

const { calls, repeats } = JSON.parse(said);
console.log(`${kills} kills, ${calls} calls of which ${repeats} again, ${acknowledged.length} acknowledged: ${lost} lost, ${doubled} there twice`);
assert.equal(lost, 0);
assert.equal(doubled, 0);
