// Namespaces by pattern, with the unmodified client: several of them on one connection, made by who
// joins first, gone with who leaves last.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import parser from 'socket.io-msgpack-parser';
import { Origin } from './support/origin.mjs';
import { lectern, Server } from './support/process.mjs';
import { RawWebSocket } from './support/raw.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer, WAYS } from './support/suite.mjs';
import { keysFor, tokenFor } from './support/tokens.mjs';
import { once, PATIENCE, until, within } from './support/wait.mjs';

// In the main namespace: reaches into the others.
const REACH = `
local lectern = require "lectern"
local M = {}
function M.on_reach(_, ns, room)
  local target = lectern.of(ns)
  if room then target = target:to(room) end
  return target:emit("reached", ns)
end
function M.on_look(_, ns) return { #lectern.sockets { namespace = ns }, lectern.count(nil, ns), lectern.rooms(ns).everybody } end
function M.on_clear(_, ns) lectern.of(ns):disconnect() end
return M
`;
const FILES = { 'handlers/zz_reach.lua': REACH };
const OPTIONS = { example: false, handlers: ['probe', 'course', 'whiteboard'], files: FILES };

// The namespace on the connection that a person has.
const entered = new Set();
function enter(person, name, auth = {}) {
  const socket = person.socket.io.socket(name, { auth: { ...person.socket.auth, ...auth } });
  entered.add(socket);
  return socket;
}
afterEach(() => {
  for (const socket of entered) socket.disconnect();
  entered.clear();
});

const ask = (socket, ...args) => socket.timeout(5000 * PATIENCE).emitWithAck(...args);

// The same, let in and welcomed.
async function welcomed(person, name, auth) {
  const socket = enter(person, name, auth);
  const welcome = within(
    5000,
    new Promise((resolve, reject) => {
      socket.once('welcome', (...args) => resolve(args));
      socket.once('connect_error', reject);
    }),
    () => `no welcome in ${name}`,
  );
  socket.welcome = await welcome;
  return socket;
}

async function status(app) {
  const { code, stdout, stderr } = await lectern(['status', '--json', '--port', String(app.server.port)]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

// Nobody is left in a namespace of the pattern.
const empty = (app) =>
  until(async () => {
    const { patterns, namespaces } = await status(app);
    return patterns['/course-*'].namespaces === 0 && !Object.keys(namespaces).some((name) => name.startsWith('/course-'));
  }, 'all courses are gone');

describe('namespaces by pattern', () => {
  const app = useServer(OPTIONS);

  for (const { way, options } of WAYS) {
    it(`live while somebody is in them, several on one connection (${way})`, async () => {
      const ada = await app.join('ada', options);
      const bob = await app.join('bob', options);
      await empty(app);
      const before = (await status(app)).counters;
      const a1 = await welcomed(ada, '/course-1');
      const a2 = await welcomed(ada, '/course-maths & more');
      const b1 = await welcomed(bob, '/course-1');
      assert.deepEqual(a1.welcome, ['/course-1', ['1']]);
      assert.deepEqual(a2.welcome, ['/course-maths & more', ['maths & more']]);
      assert.equal(new Set([ada.socket.id, a1.id, a2.id, b1.id]).size, 4);
      const now = await status(app);
      assert.deepEqual(now.patterns['/course-*'], { namespaces: 2, sockets: 3, rooms: 2 });
      assert.deepEqual(now.namespaces['/course-1'], { sockets: 2, rooms: 1 });

      const said = once(a1, 'said');
      a2.on('said', () => assert.fail('a course hears another'));
      ada.socket.on('said', () => assert.fail('the main namespace hears a course'));
      assert.equal(await ask(b1, 'say', 'hello'), 1);
      assert.equal(await said, 'bob');
      assert.equal(await ask(a2, 'say', 'nobody'), 0);

      const bye = once(b1, 'bye');
      a1.disconnect();
      assert.equal(await bye, 'ada');
      assert.equal(await ask(a2, 'echo', 1), 1);
      b1.disconnect();
      a2.disconnect();
      await empty(app);
      await ada.settle();
      const after = (await status(app)).counters;
      assert.equal(after.namespaces_made.total - before.namespaces_made.total, 2);
      assert.equal(after.namespaces_removed.total - before.namespaces_removed.total, 2);

      const again = await welcomed(ada, '/course-1');
      assert.equal(await ask(again, 'say', 'anybody?'), 0);
      again.disconnect();
    });
  }

  it('serve clients with the msgpack parser beside others', async () => {
    const ada = await app.join('ada', { parser });
    const bob = await app.join('bob');
    const packed = await welcomed(ada, '/course-1');
    const plain = await welcomed(bob, '/course-1');
    assert.deepEqual(packed.welcome, ['/course-1', ['1']]);
    const said = [once(packed, 'said'), once(plain, 'said')];
    assert.equal(await ask(plain, 'say', 'to ada'), 1);
    assert.equal(await ask(packed, 'say', 'to bob'), 1);
    assert.deepEqual(await Promise.all(said), ['bob', 'ada']);
    for (const name of ['/course-', '/course-*', '/course-\u0000'])
      assert.equal((await once(enter(ada, name), 'connect_error')).message, 'Invalid namespace');
  });

  it('are gone with the connection', async () => {
    const ada = await app.join('ada');
    const bob = await app.join('bob');
    await Promise.all(['/course-1', '/course-2', '/course-3'].map((name) => welcomed(ada, name)));
    ada.socket.io.engine.close();
    for (const name of ['/course-1', '/course-2', '/course-3'])
      assert.deepEqual((await bob.hear('left', (m) => m.from === name)).match, [name.slice(8)]);
    await empty(app);
  });

  it('refuse by their own policy, at once or later, and are gone then', async () => {
    const ada = await app.join('ada');
    for (const [i, auth] of [{ refuse: true }, { refuse: true, knock: true }, { token: 'forged' }].entries()) {
      const error = await once(enter(ada, `/course-${i}`, auth), 'connect_error');
      assert.match(error.message, auth.token ? /^Authentication error/ : /^no such course$/);
      if (!auth.token) assert.equal(error.data.code, 'not_found');
    }
    await ada.settle();
    await empty(app);
    await welcomed(ada, '/course-9', { knock: true });
  });

  it('are reached by name or all together, and not made by that', async () => {
    const ada = await app.join('ada');
    const bob = await app.join('bob');
    await empty(app);
    assert.equal(await ada.ask('reach', '/course-1'), 0);
    assert.equal(await ada.ask('reach', '/course-*'), 0);
    await empty(app);
    const sockets = [await welcomed(ada, '/course-1'), await welcomed(ada, '/course-2'), await welcomed(bob, '/course-2')];
    const reached = (list) => Promise.all(list.map((socket) => once(socket, 'reached')));
    const all = reached(sockets);
    assert.equal(await ada.ask('reach', '/course-*'), 3);
    assert.deepEqual(await all, ['/course-*', '/course-*', '/course-*']);
    const second = reached(sockets.slice(1));
    assert.equal(await ada.ask('reach', '/course-2', 'everybody'), 2);
    assert.deepEqual(await second, ['/course-2', '/course-2']);
    assert.deepEqual(await ada.ask('look', '/course-*'), [3, 3, 3]);
    assert.equal((await ada.ask('reach', '/corse-*')).error.code, 'internal_error');
    await app.server.logged(/zz_reach\.lua:\d+: no module has the namespace "\/corse-\*"/);
    ada.emit('clear', '/course-*');
    await Promise.all(sockets.map((socket) => until(() => socket.disconnected, 'it is out')));
    await empty(app);
    await ada.settle();
  });

  it('end in their own callbacks, in every way', async () => {
    const bob = await app.join('bob');
    for (const auth of [{ at_connect: 'leave' }, { at_connect: 'close' }, { at_connected: 'leave' }, { at_connected: 'close' },
      { at_connected: 'leave', takes_all: true }, { ends: 'leave' }, { ends: 'close' }, { ends: 'leave', takes_all: true }]) {
      const ada = await app.join('ada');
      const other = auth.takes_all && (await welcomed(bob, '/course-1'));
      const course = enter(ada, '/course-1', auth);
      if (auth.ends) {
        await once(course, 'welcome');
        // What follows is on its way when the server ends it, and excused.
        course.emit('end', auth.ends);
        for (let i = 0; i < 5; i++) course.emit('echo', i);
      }
      await until(() => other?.disconnected !== false && !course.connected && (auth.at_connect !== 'close' || !ada.socket.connected), JSON.stringify(auth));
      if (auth.ends === 'leave') await ada.settle();
      await empty(app);
      ada.close();
    }
    await bob.settle();
  });

  it('have no names that are junk', async () => {
    const ada = await app.join('ada');
    for (const [name, message] of [
      ['/course-', 'Invalid namespace'], ['/course-*', 'Invalid namespace'], ['/course-1/2', 'Invalid namespace'], ['/Course-1', 'Invalid namespace'],
      ['/course-\u0000', 'Invalid namespace'], ['/course-\u001b[2J', 'Invalid namespace'], ['/course-\n', 'Invalid namespace'],
      ['/course-\u009b', 'Invalid namespace'], [`/course-${'x'.repeat(249)}`, 'Namespace name too long'],
      [`/course-${'x'.repeat(900_000)}`, 'Namespace name too long'],
    ]) {
      const error = await once(enter(ada, name), 'connect_error');
      assert.equal(error.message, message, name.slice(0, 20));
    }
    for (const name of [`/course-${'x'.repeat(248)}`, '/course-👩‍🏫 ä', '/course-%2a"\\']) {
      const course = await welcomed(ada, name);
      assert.deepEqual(course.welcome, [name, [name.slice(8)]]);
      assert.deepEqual((await status(app)).namespaces[name], { sockets: 1, rooms: 1 });
      course.disconnect();
    }
    await ada.settle();
    await empty(app);
    const raw = await RawWebSocket.open(app.server.port);
    await raw.joinNamespace({ token: tokenFor('raw') });
    raw.send(Buffer.from('40/course-\xff,{}', 'latin1'), 1);
    await raw.closed;
    assert.equal(raw.closeCode, 1007);
    await empty(app);
  });

  it('show up in status as one line', async () => {
    const ada = await app.join('ada');
    await empty(app);
    await welcomed(ada, '/course-1');
    await welcomed(ada, '/course-2');
    const { stdout } = await lectern(['status', '--port', String(app.server.port)]);
    assert.match(stdout, /^\/course-\* +2 +2 +in namespaces: 2$/m);
    assert.doesNotMatch(stdout, /^\/course-1/m);
  });

  it('show up in check', async () => {
    const { code, stdout } = await lectern(['check', app.scripts.dir]);
    assert.equal(code, 0);
    assert.match(stdout, /^handlers\/zz_course\.lua \(every \/course-\*\)$/m);
  });
});

describe('the limit of namespaces by pattern', () => {
  const app = useServer({ ...OPTIONS, args: ['--max-dynamic-namespaces', '2', '--max-namespace-name', '10'] });

  it('holds for living ones, and for their names', async () => {
    const ada = await app.join('ada');
    const bob = await app.join('bob');
    const first = await welcomed(ada, '/course-1');
    await welcomed(ada, '/course-2');
    assert.equal((await once(enter(bob, '/course-3'), 'connect_error')).message, 'Too many dynamic namespaces');
    await welcomed(bob, '/course-2');
    first.disconnect();
    await ada.settle();
    await welcomed(bob, '/course-3');
    assert.equal((await once(enter(bob, '/course-123'), 'connect_error')).message, 'Namespace name too long');
  });
});

describe('patterns and reload', () => {
  const app = useServer({ ...OPTIONS, handlers: ['probe'] });
  const course = (namespace, word) => `return { namespace = "${namespace}", on_word = function(s) return { "${word}", s.namespace_match } end }`;
  const reload = async (files) => {
    for (const [name, text] of Object.entries(files)) app.scripts.write(`handlers/${name}.lua`, text);
    const { code, stderr } = await app.server.reload();
    assert.equal(code, 0, stderr);
  };
  const word = (socket) => ask(socket, 'word');

  it('come, change and go, and nobody is disconnected', async () => {
    const ada = await app.join('ada');
    assert.equal((await once(enter(ada, '/course-7'), 'connect_error')).message, 'Invalid namespace');
    await reload({ a: course('/course-*', 'a') });
    const seven = enter(ada, '/course-7');
    await once(seven, 'connect');
    assert.deepEqual(await word(seven), ['a', ['7']]);
    await reload({ a: course('/c*', 'weaker'), b: course('/course-*', 'b') });
    assert.deepEqual(await word(seven), ['b', ['7']]);
    await reload({ c: course('/course-7', 'its own') });
    assert.deepEqual(await word(seven), ['its own', []]);
    await reload({ c: 'return {}' });
    assert.deepEqual(await word(seven), ['b', ['7']]);
    await reload({ a: 'return {}', b: 'return {}' });
    assert.ok(seven.connected);
    const bob = await app.join('bob');
    assert.equal((await once(enter(bob, '/course-7'), 'connect_error')).message, 'Invalid namespace');
    assert.deepEqual((await status(app)).namespaces['/course-7'], { sockets: 1, rooms: 0 });
    await reload({ a: course('/*-7', 'again') });
    assert.deepEqual(await word(seven), ['again', ['course']]);
    const other = enter(bob, '/course-7');
    await once(other, 'connect');
    seven.disconnect();
    other.disconnect();
    await until(async () => !(await status(app)).namespaces['/course-7'], 'it is gone');
  });
});

describe('namespaces by pattern and recovery', () => {
  const app = useServer({ ...OPTIONS, args: ['--recovery-window', '4000'] });

  it('outlast who may come back, and no longer', async () => {
    const bob = await app.join('bob');
    const ada = await app.join('ada', { transports: ['websocket'], reconnection: false });
    const course = await welcomed(ada, '/course-7');
    const { id } = course;
    const cut = async () => {
      ada.socket.io.engine.transport.ws._socket.destroy();
      await until(() => course.disconnected, 'the connection is lost');
      await bob.hear('left', (m) => m.who === 'ada');
    };
    await cut();
    assert.equal(await bob.ask('reach', '/course-*', 'everybody'), 0);
    const missed = once(course, 'reached');
    course.connect();
    assert.equal(await missed, '/course-*');
    await until(() => course.connected, 'it is back');
    assert.deepEqual([course.recovered, course.id], [true, id]);
    const back = await ask(course, 'say', 'alone');
    assert.equal(back, 0);

    await cut();
    assert.equal((await status(app)).patterns['/course-*'].namespaces, 1);
    await empty(app);
    course.connect();
    await until(() => course.connected, 'it is let in');
    assert.deepEqual([course.recovered, course.id === id], [false, false]);
    course.disconnect();
    await empty(app);
  });
});

describe('namespaces by pattern in a server that stops', () => {
  it('keep nothing for who leaves', async () => {
    const scripts = new Scripts(OPTIONS);
    const server = await Server.start({ dir: scripts.dir, args: ['--recovery-window', '60000'] });
    try {
      const connect = `{"token":"${tokenFor('ada')}"}`;
      const raws = [await RawWebSocket.open(server.port), await RawWebSocket.open(server.port)];
      for (const raw of raws) raw.send(`40${connect}`);
      await until(() => raws.every((raw) => raw.messages.some((m) => m.startsWith('40'))), 'both are in');
      const drained = lectern(['drain', '60', '--port', String(server.port)], { timeout: 30_000 * PATIENCE });
      await Promise.race(raws.map((raw) => raw.closed)); // one of two goes at once, the other after half of the time
      for (const raw of raws) if (!raw.socket.destroyed) raw.send(`40/course-1,${connect}`);
      await until(() => raws.some((raw) => raw.messages.some((m) => m.startsWith('40/course-1,'))), 'it is in the course');
      for (const raw of raws) raw.socket.destroy();
      await server.exit();
      assert.equal((await drained).code, 0);
    } finally {
      if (server.alive) server.signal('SIGKILL');
      scripts.remove();
    }
  });
});

describe('namespaces by pattern and the bytes that recovery keeps', () => {
  const app = useServer({ ...OPTIONS, args: ['--recovery-window', '30000', '--recovery-max-dynamic-bytes', '8000'] });

  it('have equal parts of them', async () => {
    const bob = await app.join('bob');
    const ada = await app.join('ada', { transports: ['websocket'], reconnection: false });
    const courses = [];
    for (const name of ['/course-1', '/course-2', '/course-3', '/course-4']) courses.push(await welcomed(ada, name));
    ada.socket.io.engine.transport.ws._socket.destroy();
    await until(() => courses.every((course) => course.disconnected), 'the connection is lost');
    await until(async () => (await status(app)).namespaces['/course-4'].sockets === 0, 'the server knows');
    for (let i = 0; i < 30; i++) await bob.ask('reach', '/course-1', 'everybody');
    for (const course of courses) course.connect();
    await until(() => courses.every((course) => course.connected), 'all are back');
    assert.deepEqual(courses.map((course) => course.recovered), [false, true, true, true]);
  });
});

describe('namespaces by pattern and keys by URL', () => {
  it('let nobody in who waited for a key while a reload took the pattern away', async () => {
    const { publicKey, privateKey } = keysFor('ES256');
    const set = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] };
    const scripts = new Scripts(OPTIONS);
    let release;
    const origin = await Origin.start({ answer: (_, response) => (release = () => response.end(JSON.stringify(set))) });
    const server = await Server.start({ dir: scripts.dir, args: ['--jwt-jwks-url', origin.url], env: { JWT_SECRET: undefined } });
    try {
      await origin.asked(1);
      const raw = await RawWebSocket.open(server.port);
      const token = tokenFor('ada', {}, { alg: 'ES256', key: privateKey, header: { kid: 'one' } });
      for (const name of ['', '/course-1,']) raw.send(`40${name}${JSON.stringify({ token, refuse: true })}`);
      await until(async () => (await status({ server })).counters.tokens_waited.total === 2, 'it waits');
      scripts.write('handlers/zz_course.lua', 'return {}');
      const { code, stderr } = await server.reload();
      assert.equal(code, 0, stderr);
      release();
      await until(() => raw.messages.length >= 3, 'both are answered');
      assert.match(raw.messages.find((m) => m.startsWith('40')), /^40\{"sid":/);
      assert.deepEqual(raw.messages.filter((m) => m.includes('/course-1')), ['44/course-1,{"message":"Invalid namespace"}']);
      raw.socket.destroy();
    } finally {
      await server.stop();
      await origin.close();
      scripts.remove();
    }
  });
});
