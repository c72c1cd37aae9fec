// Handlers change while a class runs: nobody is disconnected, and a broken file changes nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { until } from './support/wait.mjs';

const greeter = (word) => `
local lectern = require "lectern"
local M = {}
local loaded = lectern.state.loaded or 0
lectern.state.loaded = loaded + 1
function M.on_greet(_, name) return "${word} " .. name end
function M.on_loaded() return lectern.state.loaded end
function M.on_remember(socket, what) socket.data.what = what return true end
function M.on_recall(socket) return socket.data.what end
function M.on_later(socket, seconds) lectern.after(seconds, function() socket:emit("later", "${word}") end) return true end
function M.on_wait(_, seconds) lectern.sleep(seconds) return "${word}" end
return M
`;
const GREETER = 'handlers/greeter.lua';

describe('reload', () => {
  const room = useServer({ files: { [GREETER]: greeter('hello') } });

  it('changes behaviour under traffic, and nobody notices', async () => {
    const people = [];
    for (let i = 0; i < 12; i++) people.push(await room.join(`p${i}`, WAYS[i % WAYS.length].options));
    for (const person of people) {
      await person.ask('join_room', { room: 'course:1' });
      await person.ask('remember', person.id);
    }
    const ids = people.map((person) => person.socket.id);

    let going = true;
    let words = new Set();
    const traffic = people.map(async (person) => {
      for (let n = 0; going; n++) {
        const [greeting] = await Promise.all([
          person.ask('greet', `${n}`),
          person.ask('discussion_message', { room: 'course:1', content: `${person.id} ${n}` }),
        ]);
        const [word, echoed] = greeting.split(' ');
        assert.equal(echoed, `${n}`);
        words.add(word);
      }
    });
    for (const word of ['hallo', 'hej', 'ciao', 'salut']) {
      room.scripts.write(GREETER, greeter(word));
      const { code, stderr } = await room.server.reload();
      assert.equal(code, 0, stderr);
      assert.equal(await people[0].ask('greet', 'you'), `${word} you`);
      await until(() => words.has(word), `traffic hears ${word}`);
    }
    going = false;
    await Promise.all(traffic);
    assert.deepEqual([...words].sort(), ['ciao', 'hallo', 'hej', 'hello', 'salut'].sort());
    for (const person of people) {
      assert.deepEqual(person.heard('disconnect'), []);
      assert.equal(await person.ask('recall'), person.id, 'socket.data stays');
    }
    assert.deepEqual(people.map((person) => person.socket.id), ids);
    await people[0].ask('discussion_message', { room: 'course:1', content: 'the end' });
    for (const person of people) await person.hear('discussion_message', (m) => m.content === 'the end');
    assert.equal(await people[0].ask('loaded'), 5, 'lectern.state stays');
  });

  for (const [what, text, names] of [
    ['a syntax error', 'local M = {}\nfunction M.on_greet( return M', /greeter\.lua:2/],
    ['an error while it loads', 'local M = {}\n\nerror("no such thing")\nreturn M', /greeter\.lua:3.*no such thing/],
    ['no table', 'return 42', /greeter\.lua/],
    ['a handler that is no function', 'return { on_greet = "hello" }', /greeter\.lua/],
    ['an endless loop', 'while true do end', /greeter\.lua:1/],
  ]) {
    it(`keeps the old handlers when a file has ${what}`, async () => {
      room.scripts.write(GREETER, greeter('before'));
      assert.equal((await room.server.reload()).code, 0);
      const ada = await room.join('ada');
      room.scripts.write(GREETER, text);
      const { code, stdout, stderr } = await room.server.reload();
      assert.equal(code, 1);
      assert.match(stderr + stdout, names);
      assert.equal(await ada.ask('greet', 'ada'), 'before ada');
      await room.server.logged(names);
      room.scripts.write(GREETER, greeter('after'));
      assert.equal((await room.server.reload()).code, 0);
      assert.equal(await ada.ask('greet', 'ada'), 'after ada');
      assert.deepEqual(ada.heard('disconnect'), []);
    });
  }

  it('takes SIGHUP as well', async () => {
    const ada = await room.join('ada');
    room.scripts.write(GREETER, greeter('sighup'));
    room.server.signal('SIGHUP');
    await until(async () => (await ada.ask('greet', 'ada')) === 'sighup ada', 'the new handlers run');
  });

  it('leaves timers and waiting handlers running to their end', async () => {
    const ada = await room.join('ada');
    room.scripts.write(GREETER, greeter('old'));
    await room.server.reload();
    const answer = ada.ask('wait', 0.4);
    await ada.ask('later', 0.4);
    room.scripts.write(GREETER, greeter('new'));
    await room.server.reload();
    assert.equal(await ada.ask('greet', 'ada'), 'new ada');
    assert.equal(await answer, 'old');
    assert.equal(await ada.hear('later'), 'old');
  });

  it('takes new files in, and lets removed ones go', async () => {
    const ada = await room.join('ada');
    room.scripts.write('handlers/extra.lua', 'return { on_extra = function() return "extra" end, shout = function(t) return t:upper() end }');
    await room.server.reload();
    assert.equal(await ada.ask('extra'), 'extra');
    assert.equal((await ada.ask('api', 'shout', ['hey'])).result, 'HEY');
    room.scripts.write('handlers/extra.lua', 'return {}');
    await room.server.reload();
    ada.emit('extra');
    assert.equal((await ada.ask('api', 'shout', ['hey'])).error.code, 'internal_error');
  });

  it('many times over does not grow or break anything', async () => {
    const ada = await room.join('ada');
    for (let i = 0; i < 30; i++) {
      room.scripts.write(GREETER, greeter(`turn${i}`));
      room.server.signal('SIGHUP');
      await until(async () => (await ada.ask('greet', 'x')) === `turn${i} x`, `reload ${i}`);
    }
  });

  it('a client that connects meanwhile gets in', async () => {
    const joins = [];
    for (let i = 0; i < 10; i++) {
      joins.push(room.join(`n${i}`, WAYS[i % WAYS.length].options));
      room.server.signal('SIGHUP');
      await new Promise(setImmediate);
    }
    for (const person of await Promise.all(joins)) await person.settle();
  });
});
