// The badge is one number, and right: three tabs and two devices that sleep, in which a person's notifications
// come, are read, are deleted and expire, while connections break and the server is stopped and killed. In the
// end, and now and then on the way, all show what the server says. Two faults that are planted show that
// this test would see them.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { io } from 'socket.io-client';
import { Inbox } from '../../examples/elearning/public/inbox.js';
import { lectern, Server } from './support/process.mjs';
import { random } from './support/random.mjs';
import { Scripts } from './support/scripts.mjs';
import { tokenFor } from './support/tokens.mjs';
import { sleep, until } from './support/wait.mjs';

const LONG = Boolean(process.env.LECTERN_LONG);
const SEEDS = process.env.BADGE_SEED ? [Number(process.env.BADGE_SEED)] : Array.from({ length: LONG ? 12 : 2 }, (_, i) => i + 1);
const ROUNDS = LONG ? 8 : 4; // each ends with a comparison
const STEPS = LONG ? 60 : 40; // in a round
const KEPT = 25; // of a person; more makes the oldest go
const LAST_EXPIRY = 600; // ms

const SCHOOL = `
local lectern = require "lectern"
local notifications = require "lectern.notifications"
local M = {}
function M.on_bulk(_, list)
  local sent, why, code = notifications.bulk(list)
  if not sent then return nil, why, code end
  local ids = lectern.array()
  for i, each in ipairs(sent) do ids[i] = each.id end
  return { ok = true, ids = ids }
end
return M
`;

// Each takes the place of something in the library, before the handlers load.
const FAULTS = {
  'a change that does not advance the rev': `
local people = require "lectern.store.people"
local advance_if, calls = people.advance_if, 0
function people.advance_if(...)
  local statement = advance_if(...)
  calls = calls + 1
  if calls % 3 == 0 then statement[1] = statement[1]:gsub("rev %+ 1", "rev + 0") end
  return statement
end
return {}
`,
  'a count that is taken before the commit': `
local lectern = require "lectern"
local db = require "lectern.db"
local people = require "lectern.store.people"
local badge_sql = people.badge("", 0)[1]
local batch = db.batch
function db.batch(statements)
  local last = statements[#statements]
  if #statements < 4 or last[1] ~= badge_sql then return batch(statements) end
  local before = db.query(unpack(last))
  local results, why, code = batch(statements)
  if results and before then results[#results][1].unread = before[1].unread end
  return results, why, code
end
return {}
`,
};

// Three tabs and two devices; a device is awake or not.
class School {
  constructor(seed, fault) {
    this.chance = random(seed);
    this.scripts = new Scripts({ handlers: [], files: { 'handlers/zz_bulk.lua': SCHOOL, ...(fault && { 'handlers/aa_fault.lua': fault }) } });
    this.devices = [];
    this.ids = []; // of all notifications that were acknowledged
    this.begun = 0; // how many were sent
    this.before = new Map(); // how many had been sent before, by id
    this.gone = new Set(); // those that a deletion was tried of, or that expire
    this.busy = new Set(); // what is under way
    this.done = {};
  }

  async start(port = 0) {
    const args = ['--store-notifications', String(KEPT), '--limits-events-per-second', '0', '--drain-timeout', '1000'];
    this.server = await Server.start({ dir: this.scripts.dir, args, port });
  }

  async open() {
    await this.start();
    this.staff = this.connect('tess', { role: 'teacher' });
    for (let i = 0; i < 5; i++) {
      const socket = this.connect('ada', {}, i === 2 ? ['polling', 'websocket'] : ['websocket']);
      this.devices.push({ name: i < 3 ? `tab ${i + 1}` : `device ${i - 2}`, sleeps: i >= 3, socket, inbox: new Inbox(socket, { retry: 50 }) });
    }
    await this.everybodyKnows();
  }

  connect(id, claims, transports = ['websocket']) {
    return io(this.server.url, {
      auth: { token: tokenFor(id, claims) }, transports, forceNew: true,
      reconnectionDelay: 20, reconnectionDelayMax: 200, timeout: 5000,
    });
  }

  async close() {
    for (const { socket } of this.devices) socket.disconnect();
    this.staff?.disconnect();
    try {
      await this.server?.stop();
    } finally {
      this.scripts.remove();
    }
  }

  // What is asked of a server that may be gone by then; whether it has happened, its devices will say.
  begin(what, promise) {
    this.done[what] = (this.done[what] ?? 0) + 1;
    const entry = Promise.resolve(promise).catch(() => {}).finally(() => this.busy.delete(entry));
    this.busy.add(entry);
  }

  get awake() {
    return this.chance.pick(this.devices.filter(({ socket }) => socket.active));
  }

  // One that this device shows, as a rule; sometimes one that it does not show any more.
  idFor({ inbox }) {
    const { list } = inbox;
    return list.length > 0 && !this.chance.chance(0.1) ? this.chance.pick(list).id : this.chance.pick(this.ids);
  }

  notification(expires = this.chance.chance(0.25)) {
    return {
      userId: 'ada', title: `number ${this.ids.length + this.busy.size}`, message: 'm', data: { at: this.ids.length },
      expiresAt: expires ? new Date(Date.now() + 50 + this.chance.below(LAST_EXPIRY - 50)).toISOString() : undefined,
    };
  }

  async notify(expires) {
    const list = [this.notification(expires)];
    await this.send(list, async () => [(await this.staff.timeout(5000).emitWithAck('notify', list[0])).notification.id]);
  }

  async bulk() {
    const list = Array.from({ length: 1 + this.chance.below(8) }, () => this.notification());
    await this.send(list, async () => (await this.staff.timeout(5000).emitWithAck('bulk', list)).ids);
  }

  async send(list, answer) {
    const before = this.begun;
    this.begun += list.length;
    const ids = await answer();
    ids.forEach((id, i) => {
      this.ids.push(id);
      this.before.set(id, before);
      if (list[i].expiresAt) this.gone.add(id);
    });
  }

  async restart(signal) {
    const { port } = this.server;
    this.server.signal(signal);
    if (signal === 'SIGTERM') await this.server.exit(20_000);
    else await this.server.ended;
    await this.start(port);
  }

  async step() {
    const device = this.awake;
    const n = this.chance.below(100);
    if (n < 30) this.begin('notify', this.notify());
    else if (n < 36) this.begin('bulk', this.bulk());
    else if (n < 58 && this.ids.length) this.begin('read', device.inbox.markRead(this.idFor(device)));
    else if (n < 62) this.begin('read all', device.inbox.markAllRead());
    else if (n < 74 && this.ids.length) {
      const id = this.idFor(device);
      this.gone.add(id);
      this.begin('delete', device.inbox.delete(id));
    } else if (n < 82) this.begin('break', device.socket.io.engine?.close());
    else if (n < 94) {
      const sleeper = this.chance.pick(this.devices.filter(({ sleeps }) => sleeps));
      if (sleeper.socket.active) sleeper.socket.disconnect();
      else sleeper.socket.connect();
      this.begin('sleep or wake');
    } else if (n === 99) {
      const signal = this.chance.pick(['SIGTERM', 'SIGKILL']);
      this.done[signal] = (this.done[signal] ?? 0) + 1;
      await this.restart(signal);
    }
    if (this.chance.chance(0.7)) await sleep(this.chance.below(20));
  }

  async everybodyKnows() {
    await until(() => this.devices.every(({ socket, inbox }) => socket.connected && !inbox.asking && inbox.rev !== undefined), 'all are connected and know something', 20_000);
    await until(() => this.staff.connected, 'staff is connected');
  }

  // Wakes all, and lets come what is under way and expire what expires.
  async rest() {
    for (const { socket } of this.devices) if (!socket.active) socket.connect();
    await Promise.all(this.busy);
    await sleep(LAST_EXPIRY + 100);
    await this.everybodyKnows();
  }

  // All devices show what a new one is told.
  async compare(label) {
    const socket = this.connect('ada', {});
    const connected = await new Promise((resolve) => socket.once('connected', resolve));
    const fresh = new Inbox(socket);
    await fresh.catchUp();
    socket.disconnect();
    const shown = ({ rev, epoch, unreadCount, list }) => ({
      rev, epoch, unreadCount, list: list.map(({ readAt, ...one }) => one),
    });
    const right = shown(fresh);
    assert.equal(right.unreadCount, right.list.filter((one) => !one.isRead).length, `${label}: the count is not the list's`);
    assert.deepEqual([connected.unreadCount, connected.rev, connected.epoch], [right.unreadCount, right.rev, right.epoch], `${label}: another badge in connected`);
    try {
      await until(() => this.devices.every(({ inbox }) => inbox.rev === right.rev && !inbox.asking), 'all have the last rev', 2000);
    } catch {
      // The comparison says more.
    }
    for (const { name, inbox } of this.devices) {
      assert.deepEqual(shown(inbox), right, `${label}: ${name} differs`);
    }
    return right;
  }

  // Of what was acknowledged: those that so few came after that none made them go, that nobody deleted, and that
  // do not expire, but that are not there.
  lost({ list }) {
    const listed = new Set(list.map((one) => one.id));
    return this.ids.filter((id) => this.begun - this.before.get(id) <= KEPT && !this.gone.has(id) && !listed.has(id));
  }
}

async function play(seed, fault) {
  const school = new School(seed, fault);
  try {
    await school.open();
    for (let round = 1; round <= ROUNDS; round++) {
      for (let i = 0; i < STEPS; i++) await school.step();
      if (round === 2) await school.restart('SIGKILL');
      if (round === 3) await school.restart('SIGTERM');
      await school.rest();
      const right = await school.compare(`seed ${seed}, round ${round}`);
      assert.deepEqual(school.lost(right), [], `seed ${seed}, round ${round}: lost`);
      await school.notify(false); // a last word to all, with what they know of before
      await school.compare(`seed ${seed}, round ${round}, told once more`);
    }
    return { ...school.done, rev: school.devices[0].inbox.rev };
  } finally {
    await school.close();
  }
}

describe('the badge', () => {
  for (const seed of SEEDS) {
    it(`is the same number everywhere, and the list too (seed ${seed})`, async (t) => {
      t.diagnostic(JSON.stringify(await play(seed)));
    });
  }

  for (const [name, fault] of Object.entries(FAULTS)) {
    it(`would not be with ${name}`, () => assert.rejects(play(1, fault), /differs|is not the list's|another badge in connected/));
  }

  it('is that of the backup after a restore, on every device', async () => {
    const school = new School(1);
    const run = async (...args) => {
      const { code, stdout, stderr } = await lectern(args);
      assert.equal(code, 0, stdout + stderr);
    };
    try {
      await school.open();
      for (let i = 0; i < 3; i++) await school.notify(false);
      const kept = await school.compare('before the backup');
      const file = path.join(school.scripts.dir, 'backup.db');
      await run('backup', file, school.scripts.dir, '--port', String(school.server.port));

      // As many changes come after it before the restore as behind it: the same revs of other lists.
      const [first, second] = kept.list.map((one) => one.id);
      const [tab] = school.devices;
      await tab.inbox.markRead(first);
      await school.notify(false);
      await school.compare('before the restore');
      const { port } = school.server;
      await school.server.stop();
      await run('restore', file, school.scripts.dir);
      await school.start(port);
      await school.everybodyKnows();
      const restored = await school.compare('after the restore');
      assert.notEqual(restored.epoch, kept.epoch);
      assert.deepEqual({ ...restored, epoch: kept.epoch }, kept);
      await tab.inbox.delete(second);
      await school.notify(false);
      await school.compare('later');
    } finally {
      await school.close();
    }
  });
});
