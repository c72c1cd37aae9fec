// A client that loses its connection comes back as who it was and gets what it missed: judged by
// the unmodified socket.io-client, on each transport.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RawWebSocket } from './support/raw.mjs';
import { useServer, WAYS, upgraded } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';
import { once, sleep, until, within } from './support/wait.mjs';

const REMEMBER = `
local M = {}
function M.on_remember(socket, what) socket.data.what = what; return true end
function M.on_remembered(socket) return socket.data.what end
function M.on_recovery(socket)
  return { recovered = socket.recovered, failed = socket.recovery_failed, rooms = socket.rooms,
           course = socket.user.course, auth = socket.handshake.auth }
end
local journal = {}
function M.on_connect(socket) journal[#journal + 1] = "connect " .. socket.user.id end
function M.on_connected(socket)
  journal[#journal + 1] = "connected " .. socket.user.id .. (socket.recovered and " again" or "")
end
function M.on_disconnect(socket) journal[#journal + 1] = "disconnect " .. socket.user.id end
function M.on_journal(socket, id)
  local mine = require("lectern").array()
  for _, line in ipairs(journal) do if line:sub(-#id) == id or line:find(id .. " ", 1, true) then mine[#mine + 1] = line end end
  return mine
end
-- Keeps the socket itself, and uses it later.
local kept = {}
function M.on_keep(socket) kept[socket.user.id] = socket; return true end
function M.on_use_kept(_, id) return { kept[id].connected, kept[id]:emit("kept", 1) == true } end
return M
`;
const FILES = { 'handlers/zz_remember.lua': REMEMBER };

// The network goes away without a word of WebSocket or Engine.IO: sockets are destroyed.
async function cut(person) {
  const { engine } = person.socket.io;
  if (engine.transport.name === 'websocket') engine.transport.ws._socket.destroy();
  else engine.close();
  await person.hear('disconnect');
}

async function gone(app, id, other) {
  await until(async () => !(await other.ask('journal', id)).at(-1).startsWith('connected'), `${id} is gone`);
}

describe('recovery', () => {
  const app = useServer({ files: FILES, args: ['--recovery-window', '120000', '--presence-grace', '200'] });

  for (const { way, options } of WAYS) {
    it(`gives back id, rooms, data and what was missed, once and in order (${way})`, async () => {
      const bob = await app.join('bob');
      const ada = await app.join('ada', options);
      if (way.includes('upgraded')) await upgraded(ada);
      await ada.ask('enter', 'course:1');
      await ada.ask('remember', { page: 7 });
      for (const round of [1, 2]) {
        const { id } = ada.socket;
        await bob.ask('send_to', { room: 'course:1', event: 'n', args: [`${round}a`] });
        await ada.settle();
        await cut(ada);
        await gone(app, 'ada', bob);
        await bob.ask('send_to', { room: 'course:1', event: 'n', args: [`${round}b`] });
        await bob.ask('send_to', { room: 'course:2', event: 'n', args: ['not for her'] });
        await bob.ask('send_to', { event: 'n', args: [`${round}c`] });
        await bob.ask('send_to', { room: id, event: 'n', args: [`${round}d`] });
        await bob.ask('send_to', { room: 'course:1', event: 'n', args: ['volatile'], volatile: true });
        ada.socket.connect();
        await ada.hear('connect');
        assert.equal(ada.socket.recovered, true);
        assert.equal(ada.socket.id, id);
        const told = await ada.hear('connected', (m) => m.recovered);
        assert.equal(told.recoveryFailed, undefined);
        await bob.ask('send_to', { room: 'course:1', event: 'n', args: [`${round}e`] });
        await ada.settle();
        assert.deepEqual(await ada.ask('remembered'), { page: 7 });
        const { rooms, recovered } = await ada.ask('recovery');
        assert.deepEqual([rooms.sort(), recovered], [[id, 'course:1', 'user:ada'].sort(), true]);
      }
      assert.deepEqual(ada.heard('n'), ['1a', '1b', '1c', '1d', '1e', '2a', '2b', '2c', '2d', '2e']);
    });
  }

  it('runs on_disconnect and on_connected, but not on_connect', async () => {
    const bob = await app.join('bob');
    const eve = await app.join('eve');
    await cut(eve);
    await gone(app, 'eve', bob);
    eve.socket.connect();
    await eve.hear('connected', (m) => m.recovered);
    assert.deepEqual(await bob.ask('journal', 'eve'), ['connect eve', 'connected eve', 'disconnect eve', 'connected eve again']);
  });

  it('makes a socket that a handler kept usable again', async () => {
    const bob = await app.join('bob');
    const kim = await app.join('kim');
    await kim.ask('keep');
    await cut(kim);
    await gone(app, 'kim', bob);
    assert.deepEqual(await bob.ask('use_kept', 'kim'), [false, false]);
    kim.socket.connect();
    await kim.hear('connected', (m) => m.recovered);
    assert.deepEqual(await bob.ask('use_kept', 'kim'), [true, true]);
    await kim.hear('kept');
  });

  it('takes over from a connection that only seems alive', async () => {
    const bob = await app.join('bob');
    const zoe = await app.join('zoe', { transports: ['websocket'] });
    const { id } = zoe.socket;
    zoe.freeze(); // asleep: the server does not know
    await bob.ask('send_to', { event: 'n', args: ['while asleep'] });
    zoe.socket.io.engine.transport.ws.onclose({});
    await zoe.hear('disconnect');
    zoe.socket.connect();
    await zoe.hear('connected', (m) => m.recovered);
    assert.equal(zoe.socket.id, id);
    assert.equal(await zoe.hear('n'), 'while asleep');
    await zoe.settle();
    assert.deepEqual(zoe.heard('n'), ['while asleep']);
  });

  it('shows presence only when the grace was over', async () => {
    const bob = await app.join('bob');
    await bob.ask('join_room', { room: 'course:9' });
    const ann = await app.join('ann');
    await ann.ask('join_room', { room: 'course:9' });
    await bob.hear('user_presence', (m) => m.userId === 'ann' && m.status === 'online');
    await cut(ann);
    await bob.hear('user_presence', (m) => m.userId === 'ann' && m.status === 'offline');
    ann.socket.connect();
    await bob.hear('user_presence', (m) => m.userId === 'ann' && m.status === 'online');
  });

  it('is not for another person, nor without a good token, and says so', async () => {
    const bob = await app.join('bob');
    const tom = await app.join('tom');
    const { id } = tom.socket;
    const good = tom.socket.auth;
    await cut(tom);
    await gone(app, 'tom', bob);
    tom.socket.auth = { token: 'forged' };
    tom.socket.connect();
    assert.match((await tom.hear('connect_error')).message, /^Authentication error/);
    tom.socket.auth = { token: tokenFor('mallory') };
    tom.socket.connect();
    const told = await tom.hear('connected', (m) => m.recoveryFailed);
    assert.deepEqual([told.recoveryFailed, told.userId, tom.socket.recovered], ['user_changed', 'mallory', false]);
    assert.notEqual(tom.socket.id, id);
    assert.ok(good.token);
  });

  it('reads the claims of the token anew, and hides the secret from handlers', async () => {
    const bob = await app.join('bob');
    const may = await app.join('may', { claims: { course: 'old' } });
    await cut(may);
    await gone(app, 'may', bob);
    may.socket.auth = { token: tokenFor('may', { course: 'new' }), page: 'x' };
    may.socket.connect();
    await may.hear('connected', (m) => m.recovered);
    const { course, auth } = await may.ask('recovery');
    assert.equal(course, 'new');
    assert.deepEqual(Object.keys(auth).sort(), ['offset', 'page']);
  });

  it('does not outlast a restart, and says so', async () => {
    const sam = await app.join('sam', { transports: ['websocket'] });
    await sam.ask('enter', 'course:1');
    await app.restart();
    await sam.hear('disconnect');
    sam.socket.connect();
    const told = await sam.hear('connected', (m) => m.recoveryFailed);
    assert.equal(told.recoveryFailed, 'unknown');
    assert.equal(sam.socket.recovered, false);
  });

  it('gives a client that received nothing a new id', async () => {
    const ws = await RawWebSocket.open(app.server.port);
    const first = JSON.parse((await ws.joinNamespace({ token: tokenFor('raw') })).slice(2));
    ws.destroy();
    const again = await RawWebSocket.open(app.server.port);
    const second = JSON.parse((await again.joinNamespace({ token: tokenFor('raw'), pid: first.pid })).slice(2));
    assert.notEqual(second.sid, first.sid);
    assert.notEqual(second.pid, first.pid);
    assert.match(await again.nextPacket(), /"recoveryFailed":"no_offset"/);
    again.destroy();
  });
});

describe('bounds of recovery', () => {
  const app = useServer({ files: FILES, args: ['--recovery-window', '120000', '--recovery-max-bytes', '40000'] });
  const short = useServer({ files: FILES, args: ['--recovery-window', '700'] });

  async function away(app, id, meanwhile) {
    const bob = await app.join('bob');
    const person = await app.join(id);
    await person.ask('enter', 'course:1');
    await cut(person);
    await gone(app, id, bob);
    await meanwhile(bob);
    person.socket.connect();
    return person.hear('connected', (m) => m.recovered || m.recoveryFailed);
  }

  it('time: then the session has expired', async () => {
    assert.equal((await away(short, 'a', () => sleep(1000))).recoveryFailed, 'expired');
  });

  it('bytes: what does not fit is not replayed in part', async () => {
    const told = await away(app, 'b', (bob) => bob.ask('flood', { room: 'course:1', n: 60, size: 1000 }));
    assert.equal(told.recoveryFailed, 'offset_lost');
  });

  it('within them, all is well', async () => {
    assert.equal((await away(app, 'c', (bob) => bob.ask('flood', { room: 'course:1', n: 20, size: 1000 }))).recovered, true);
  });
});

describe('without recovery', () => {
  const app = useServer();

  it('events are what they were', async () => {
    const ada = await app.join('ada');
    assert.equal(ada.socket._pid, undefined);
    const said = once(ada.socket, 'n');
    let args;
    ada.socket.on('n', (...all) => (args = all));
    await ada.ask('send_to', { event: 'n', args: ['x', 'y'] });
    await within(5000, said, () => 'no n');
    assert.deepEqual(args, ['x', 'y']);
  });
});
