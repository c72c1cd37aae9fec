// Sending to many and asking many: broadcasts with acks, sockets found and moved by rooms, and
// listeners that hear everything.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { PATIENCE, until } from './support/wait.mjs';

const POLLING = WAYS[0].options;
const WEBSOCKET = WAYS[1].options;

const HANDLERS = `
local lectern = require "lectern"
local M = {}

function M.on_connected(socket)
  socket:join(socket.user.rooms or {})
  socket.data.name = socket.user.id
end

local function target_of(socket, how)
  local target = how.mine and socket.broadcast or lectern.of(how.namespace or "/")
  for _, room in ipairs(how.rooms or {}) do target = target:to(room) end
  for _, room in ipairs(how.except or {}) do target = target:except(room) end
  if how.seconds then target = target:timeout(how.seconds) end
  return target
end

-- { name = value }, { name = code }: whoever answered, whoever did not.
function M.on_survey(socket, how, ...)
  local answers, missing = target_of(socket, how):emit_with_ack("question", ...)
  local result = { answers = {}, missing = {}, more = {} }
  for _, answer in ipairs(answers) do
    result.answers[answer.socket.user.id] = answer.value == nil and "no argument" or answer.value
    result.more[answer.socket.user.id] = answer.more
  end
  for _, one in ipairs(missing) do result.missing[one.socket.user.id] = one.code end
  return result
end

-- Each way to begin one.
function M.on_each_way(socket, name)
  local me = ("user:%s"):format(socket.user.id)
  local ways = {
    everybody = lectern.timeout(60), room = lectern.to(me), user = lectern.user(socket.user.id),
    namespace = lectern.of("/"), others = socket.broadcast, from = socket:to("class"), plain = lectern,
  }
  local target = ways[name]
  local answers, missing
  if name == "plain" then
    answers, missing = target.emit_with_ack("question")
  else
    answers, missing = target:emit_with_ack("question")
  end
  assert(#missing == 0)
  local names = lectern.array()
  for i, answer in ipairs(answers) do names[i] = answer.socket.user.id end
  table.sort(names)
  return names
end

-- Asks for a very long time, and tells the room "watch" when that ends in any way.
function M.on_survey_for_ever(socket)
  local ok, why = pcall(function() return #lectern.to("class"):timeout(3600):emit_with_ack("question") end)
  lectern.to("watch"):emit("ended", ok, tostring(why))
end

function M.on_look(socket, how)
  local found = lectern.array()
  for i, one in ipairs(target_of(socket, how):sockets()) do
    found[i] = { id = one.id, name = one.data.name, rooms = one.rooms, agent = one.handshake.headers["user-agent"],
      transport = one.transport }
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

function M.on_move(socket, how)
  local target = target_of(socket, how)
  if how.join then return target:join(how.join) end
  if how.leave then return target:leave(how.leave) end
  return target:disconnect(how.close)
end

function M.on_disconnect(socket, reason)
  lectern.to("watch"):emit("left", socket.user.id, reason, socket.rooms)
end

return M
`;

const BOARD = `
local M = { namespace = "/board" }
function M.on_echo(_, value) return value end
return M
`;

const options = { example: false, handlers: ['probe'], files: { 'handlers/a.lua': HANDLERS, 'handlers/board.lua': BOARD } };

// Each answers with what the function makes of the question; one without never does.
function answer(people, fn) {
  for (const person of people) person.socket.on('question', (...args) => args.at(-1)(fn(person, ...args.slice(0, -1))));
}

describe('broadcasts with acks', () => {
  const room = useServer(options);
  const join = (id, rooms, more) => room.join(id, { claims: { rooms }, ...more });
  const everyWay = () => Promise.all(WAYS.map(({ options: way }, i) => join(`p${i}`, ['class'], way)));

  it('all answers, of all transports, by socket', async () => {
    const [teacher, people] = [await join('tea', []), await everyWay()];
    answer(people, (person, question) => ({ [question]: person.id, list: [], none: null }));
    const { answers, missing } = await teacher.ask('survey', { rooms: ['class'] }, 'who?');
    assert.deepEqual(answers, {
      p0: { 'who?': 'p0', list: [], none: null },
      p1: { 'who?': 'p1', list: [], none: null },
      p2: { 'who?': 'p2', list: [], none: null },
    });
    assert.deepEqual(missing, {});
  });

  it('binary questions and answers; several arguments, none', async () => {
    const [teacher, people] = [await join('tea', []), await everyWay()];
    const picture = Buffer.from('\x89PNG\0\xff', 'latin1');
    people[0].socket.on('question', (given, reply) => reply({ back: Buffer.concat([Buffer.from(given), Buffer.from('0')]) }));
    people[1].socket.on('question', (given, reply) => reply(given, 'second', [3]));
    people[2].socket.on('question', (_, reply) => reply());
    const { answers, more } = await teacher.ask('survey', { rooms: ['class'] }, picture);
    assert.deepEqual(Buffer.from(answers.p0.back), Buffer.concat([picture, Buffer.from('0')]));
    assert.deepEqual(Buffer.from(answers.p1), picture);
    assert.equal(answers.p2, 'no argument');
    assert.deepEqual(more, { p1: ['second', [3]] });
  });

  it('who never answers is missing as timeout; its late answer does no harm', async () => {
    const teacher = await join('tea', []);
    const [ada, eve, poll] = [await join('ada', ['class']), await join('eve', ['class']), await join('poll', ['class'], POLLING)];
    answer([ada], () => 'here');
    let late;
    eve.socket.on('question', (reply) => (late = reply));
    const { answers, missing } = await teacher.ask('survey', { rooms: ['class'], seconds: PATIENCE });
    assert.deepEqual(answers, { ada: 'here' });
    assert.deepEqual(missing, { eve: 'timeout', poll: 'timeout' });
    late('too late');
    await eve.settle();
    await poll.settle();
  });

  it('who leaves meanwhile is missing at once', async () => {
    const teacher = await join('tea', []);
    const [ada, bob, eve] = [await join('ada', ['class']), await join('bob', ['class'], POLLING), await join('eve', ['class'])];
    answer([ada], () => 'here');
    bob.socket.on('question', () => bob.close());
    eve.socket.on('question', () => eve.socket.io.engine.close());
    const { answers, missing } = await teacher.ask('survey', { rooms: ['class'], seconds: 3600 });
    assert.deepEqual(answers, { ada: 'here' });
    assert.deepEqual(missing, { bob: 'closed', eve: 'closed' });
  });

  it('nobody to ask: no wait', async () => {
    const teacher = await join('tea', ['class']);
    for (const how of [{ rooms: ['nobody'] }, { rooms: ['class'], mine: true }, { namespace: '/board' }, { except: ['class'] }]) {
      const { answers, missing } = await teacher.ask('survey', { ...how, seconds: 3600 });
      assert.deepEqual([answers, missing], [{}, {}], JSON.stringify(how));
    }
  });

  it('every way to begin one', async () => {
    const [ada, bob] = [await join('ada', ['class']), await join('bob', ['class'], WEBSOCKET)];
    answer([ada, bob], () => 'here');
    await ada.ask('enter', 'user:ada');
    for (const [way, expected] of [
      ['everybody', ['ada', 'bob']],
      ['plain', ['ada', 'bob']],
      ['namespace', ['ada', 'bob']],
      ['room', ['ada']],
      ['user', ['ada']],
      ['others', ['bob']],
      ['from', ['bob']],
    ]) {
      assert.deepEqual(await ada.ask('each_way', way), expected, way);
    }
  });

  it('ends with the socket whose handler asks, and with the server', async () => {
    const [watch, ada] = [await join('watch', ['watch']), await join('ada', ['class'])];
    const asker = await join('asker', []);
    asker.emit('survey_for_ever');
    await ada.hear('question');
    asker.close();
    const [ok, why] = await watch.hearAll('ended');
    assert.equal(ok, false);
    assert.match(why, /disconnected/);
    const other = await join('other', []);
    other.emit('survey_for_ever');
    await ada.hear('question');
    await room.restart(); // checks that nothing is left of it, under AddressSanitizer
  });

  it('a thousand questions, and a client that has max_acks of them open', async () => {
    const [teacher, ada, mute] = [await join('tea', [], WEBSOCKET), await join('ada', ['class'], WEBSOCKET), await join('mute', ['class'], WEBSOCKET)];
    answer([ada], (_, n) => n);
    const asked = Array.from({ length: 995 }, (_, i) => teacher.ask('survey', { rooms: ['class'], seconds: 3600 }, i));
    await until(() => mute.heard('question').length === 995, 'all questions arrive', 10_000);
    const more = Array.from({ length: 5 }, (_, i) => ada.ask('survey', { rooms: ['class'], seconds: 3600 }, 995 + i));
    await until(() => mute.heard('question').length === 1000, 'the last ones, too');
    const { answers, missing } = await ada.ask('survey', { rooms: ['class'], seconds: 3600 }, 1000);
    assert.deepEqual([answers, missing], [{ ada: 1000 }, { mute: 'full' }]);
    mute.close();
    for (const [i, each] of (await Promise.all([...asked, ...more])).entries()) {
      assert.deepEqual([each.answers, each.missing], [{ ada: i }, { mute: 'closed' }]);
    }
  });
});

describe('sockets found and moved by rooms', () => {
  const room = useServer(options);
  const join = (id, rooms, more) => room.join(id, { claims: { rooms }, ...more });

  // a and b in red, b and c in blue, d in none; w watches
  async function class5() {
    const people = { w: await join('w', ['watch']) };
    for (const [i, [name, rooms]] of [['a', ['red']], ['b', ['red', 'blue']], ['c', ['blue']], ['d', []]].entries()) {
      people[name] = await join(name, rooms, WAYS[i % WAYS.length].options);
    }
    return people;
  }

  it('finds them, with id, data, rooms and handshake', async () => {
    const people = await class5();
    const found = await people.w.ask('look', { rooms: ['red'] });
    assert.deepEqual(found.map((one) => one.name), ['a', 'b']);
    assert.equal(found[1].id, people.b.socket.id);
    assert.deepEqual(found[1].rooms.sort(), [people.b.socket.id, 'blue', 'red'].sort());
    assert.equal(found[0].transport, 'polling');
    assert.equal(typeof found[0].agent, 'string');
    for (const [how, expected] of [
      [{}, 'abcdw'],
      [{ rooms: ['red', 'blue'] }, 'abc'],
      [{ rooms: ['red'], except: ['blue'] }, 'a'],
      [{ except: ['red', 'blue'] }, 'dw'],
      [{ mine: true }, 'abcd'],
      [{ rooms: ['none'] }, ''],
      [{ namespace: '/board' }, ''],
      [{ rooms: [people.d.socket.id, 'red'] }, 'abd'],
    ]) {
      assert.equal((await people.w.ask('look', how)).map((one) => one.name).join(''), expected, JSON.stringify(how));
    }
  });

  it('makes them join and leave, those alone that are meant', async () => {
    const people = await class5();
    const names = async (name) => (await people.w.ask('look', { rooms: [name] })).map((one) => one.name).join('');
    assert.equal(await people.w.ask('move', { rooms: ['red', 'blue'], except: ['red'], join: ['x', 'y'] }), 1);
    assert.deepEqual([await names('x'), await names('y')], ['c', 'c']);
    assert.equal(await people.w.ask('move', { mine: true, join: 'x' }), 4);
    assert.equal(await names('x'), 'abcd');
    assert.equal(await people.w.ask('move', { rooms: ['red'], leave: 'x' }), 2);
    assert.equal(await names('x'), 'cd');
    assert.equal(await people.w.ask('move', { namespace: '/board', join: 'x' }), 0);
  });

  it('disconnects them, from the namespace or altogether; on_disconnect still knows their rooms', async () => {
    const people = await class5();
    const board = await room.join('a', { namespace: '/board' });
    assert.equal(await people.w.ask('move', { rooms: ['red'], except: ['blue'] }), 1);
    assert.equal(await people.a.hear('disconnect'), 'io server disconnect');
    const [, reason, rooms] = await people.w.hearAll('left', (name) => name === 'a');
    assert.equal(reason, 'server namespace disconnect');
    assert.ok(rooms.includes('red'), String(rooms));
    await board.settle();
    assert.equal(await people.w.ask('move', { mine: true, close: true }), 3);
    for (const name of ['b', 'c', 'd']) await people[name].hear('disconnect');
    assert.equal((await people.w.ask('look', {})).length, 1);
    await board.settle();
    assert.equal(await people.w.ask('move', { namespace: '/board', close: true }), 1);
    await board.hear('disconnect');
    await people.w.settle();
  });
});

describe('listeners to everything', () => {
  const room = useServer({
    example: false,
    handlers: ['probe'],
    files: {
      'handlers/audit.lua': `
        local lectern = require "lectern"
        local M = {}
        function M.on_any(socket, event, ...)
          if event == "watch" then socket:join "watch" end
          if event == "crash_any" then error "in on_any" end
          lectern.to("watch"):emit("came", socket.user.id, event, ...)
        end
        function M.on_any_outgoing(target, event, ...)
          if event == "came" then return end
          if event == "crash_any_outgoing" then error "in on_any_outgoing" end
          lectern.to("watch"):emit("went", event, target.receivers, target.socket and target.socket.user.id,
            target.rooms, ...)
        end
        function M.before_event(socket, event, what)
          if what == "forbidden" then return nil, "not that", "forbidden" end
        end
        return M`,
    },
  });

  for (const { way, options: how } of WAYS) {
    it(`what comes and what goes, ${way}`, async () => {
      const [watch, ada] = [await room.join('watch'), await room.join('ada', how)];
      watch.emit('watch');
      await watch.settle();
      watch.forget();
      const bytes = Buffer.from([1, 2, 3]);
      assert.deepEqual(Buffer.from(await ada.ask('echo', bytes)), bytes);
      const [, , heard] = await watch.hearAll('came', (id, event) => id === 'ada' && event === 'echo');
      assert.deepEqual(Buffer.from(heard), bytes);
      // no handler
      ada.emit('nobody_handles_this', { a: [] }, 2);
      const came = await watch.hearAll('came', (id, event) => event === 'nobody_handles_this');
      assert.deepEqual(came.slice(2), [{ a: [] }, 2]);
      // a refusal comes after it was heard
      assert.equal((await ada.ask('echo', 'forbidden')).error.code, 'forbidden');
      await watch.hearAll('came', (id, event, what) => what === 'forbidden');
      // once for each call
      await ada.ask('send_to', { event: 'news', room: [ada.socket.id, watch.socket.id], args: [bytes] });
      const [event, receivers, one, rooms, sent] = await watch.hearAll('went');
      assert.deepEqual([event, receivers, one, rooms.length], ['news', 2, null, 2]);
      assert.deepEqual(Buffer.from(sent), bytes);
      ada.socket.on('question', (_, reply) => reply('fine'));
      assert.equal((await ada.ask('ask_me', 'well?')).answer, 'fine');
      const went = await watch.hearAll('went');
      assert.deepEqual([went[0], went[2], went[4]], ['question', 'ada', 'well?']);
      await watch.settle();
      assert.equal(watch.heard('went').length, 2);
    });
  }

  it('a crash in one hurts nobody', async () => {
    const ada = await room.join('ada');
    ada.emit('crash_any');
    await room.server.logged(/audit\.lua on_any failed.*\n?.*in on_any/);
    await ada.ask('send_to', { event: 'crash_any_outgoing', args: [1] });
    assert.equal(await ada.hear('crash_any_outgoing'), 1);
    await room.server.logged(/audit\.lua on_any_outgoing failed/);
    await ada.settle();
  });
});
