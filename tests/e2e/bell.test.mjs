// The bell rings: two thousand people open the platform within two seconds. Each has a token and a badge, which
// is one question to the database; the class that is there already goes on, whatever the disk does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { Person } from './support/person.mjs';
import { BINARY, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { storm } from './support/storm.mjs';
import { tokenFor } from './support/tokens.mjs';
import { PATIENCE, sleep } from './support/wait.mjs';

const PEOPLE = 2000;
const WITHIN = 2000; // ms
const CLASS = 200;
const EVERY = 25; // ms between two events that the class hears
const UNREAD = 3; // notifications of each person before
const FIRST_EVENT = 1000; // ms; p99
const HURT = 20; // ms; by which the class's p99 may grow
const TRIES = 3;
const CALM = 200; // ms that the server's loop may wait for a processor, of the two seconds
const DISKS = { 'as it is': 0, 'that takes 50 ms a commit': 50 };

const SCHOOL = `
local lectern = require "lectern"
local db = require "lectern.db"
local notifications = require "lectern.notifications"
local calls = 0
for _, name in ipairs { "query", "batch" } do
  local real = db[name]
  db[name] = function(...)
    calls = calls + 1
    return real(...)
  end
end
local M = {}
function M.on_calls() return calls end
function M.on_enter(socket) return socket:join("class") end
function M.on_say(_, at) lectern.to("class"):emit("said", at) end
function M.on_bulk(_, list)
  local sent, why, code = notifications.bulk(list)
  if not sent then return nil, why, code end
  return #sent
end
return M
`;

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const figures = (values) => [0.5, 0.99, 1].map((q) => quantile(values, q).toFixed(1)).join(' / ');

for (const [disk, ms] of Object.entries(DISKS)) describe(`the bell, with a disk ${disk}`, () => {
  let server, scripts, teacher, clerk; // what somebody writes holds up only what the same person says next
  const pupils = [];
  const heard = []; // ms that events took to each of the class

  before(async () => {
    scripts = new Scripts({ handlers: [], files: { 'handlers/aa_bell.lua': SCHOOL } });
    const env = ms && { LD_PRELOAD: path.join(path.dirname(BINARY), 'slow_disk.so'), SLOW_DISK_MS: String(ms), ASAN_OPTIONS: 'detect_leaks=1:exitcode=99:verify_asan_link_order=0' };
    server = await Server.start({ dir: scripts.dir, args: ['--limits-events-per-second', '0'], env: env || {} });
    [teacher, clerk] = ['tess', 'carl'].map((id) => new Person(server, id, { claims: { role: 'teacher' }, transports: ['websocket'] }));
    for (const person of [teacher, clerk]) await person.hear('connected');
    const list = Array.from({ length: PEOPLE * UNREAD }, (_, i) => ({ userId: `s${i % PEOPLE}`, title: 'before', message: 'm' }));
    assert.equal(await teacher.socket.timeout(60_000).emitWithAck('bulk', list), list.length);
    for (let i = 0; i < CLASS; i++) pupils.push(await pupil(`c${i}`));
  });

  after(async () => {
    for (const ws of pupils) ws.terminate();
    teacher?.close();
    clerk?.close();
    try {
      await server?.stop();
    } finally {
      scripts?.remove();
    }
  });

  // One of the class, who writes down how long events take.
  const pupil = (id) =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
      ws.on('error', reject);
      ws.on('message', (data) => {
        const text = String(data);
        if (text.startsWith('42["said",')) heard.push(performance.now() - Number(text.slice(10, -1)));
        else if (text === '2') ws.send('3');
        else if (text.startsWith('0')) ws.send(`40${JSON.stringify({ token: tokenFor(id) })}`);
        else if (text.startsWith('42["connected"')) ws.send('420["enter"]');
        else if (text.startsWith('430')) resolve(ws);
      });
    });

  // What the class hears while fn runs, and a clerk writes meanwhile.
  const lesson = async (fn) => {
    heard.length = 0;
    const speaking = setInterval(() => teacher.emit('say', performance.now()), EVERY);
    const writing = setInterval(() => clerk.emit('notify', { userId: 'c0', title: 't', message: 'm' }), 4 * EVERY);
    const result = await fn();
    clearInterval(speaking);
    clearInterval(writing);
    await sleep(300);
    return { result, heard: [...heard] };
  };

  // Milliseconds for which the server's loop has run, and has waited for a processor that others had.
  const spent = () => readFileSync(`/proc/${server.child.pid}/schedstat`, 'utf8').split(' ').slice(0, 2).map((ns) => Number(ns) / 1e6);

  // Tells what came of it: whether it was as quick as it shall be, and whether it could have been.
  const ring = async (t) => {
    const calm = await lesson(() => sleep(WITHIN));
    const callsBefore = await teacher.ask('calls');
    const before = spent();
    const rush = await lesson(() => storm({ port: server.port, people: PEOPLE, ms: WITHIN }));
    const { times, events, took } = rush.result;
    const [ran, waited] = spent().map((now, i) => now - before[i]);
    const written = (took / EVERY / 4) * 1.5; // by the clerk, each one call
    const calls = (await teacher.ask('calls')) - callsBefore;

    t.diagnostic(`${times.length} first events: ${figures(times)} ms (p50, p99, max), all within ${took.toFixed(0)} ms; the loop ran ${ran.toFixed(0)} ms, and waited ${waited.toFixed(0)} ms for a processor`);
    t.diagnostic(`the class of ${CLASS}: ${figures(calm.heard)} ms before, ${figures(rush.heard)} ms meanwhile; ${calls} calls of the database`);

    assert.equal(times.length, PEOPLE);
    for (const [i, text] of events) {
      const [event, { userId, unreadCount, rev, epoch }] = JSON.parse(text);
      assert.deepEqual([event, userId, unreadCount, rev > 0, typeof epoch], ['connected', `s${i}`, UNREAD, true, 'string']);
    }
    assert.ok(calls - PEOPLE < written + 10, `${calls} calls for ${PEOPLE} people`);
    const hurt = quantile(rush.heard, 0.99) - quantile(calm.heard, 0.99);
    return { quick: quantile(times, 0.99) < FIRST_EVENT * PATIENCE && hurt < HURT * PATIENCE, calm: waited < CALM };
  };

  it(`lets ${PEOPLE} in within ${WITHIN} ms, each with the badge first, and the class goes on`, async (t) => {
    // Milliseconds say something only on a machine that has a processor free for the server.
    let wasCalm = false;
    for (let left = TRIES; left > 0; left--) {
      const { quick, calm } = await ring(t);
      if (quick) return;
      wasCalm ||= calm;
    }
    assert.ok(!wasCalm, 'it is too slow');
    t.skip('the machine is too busy with something else to say how quick it is');
  });
});
