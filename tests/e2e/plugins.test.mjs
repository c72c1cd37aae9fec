// Plugins: found, configured, loaded and refused.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { call } from './support/api.mjs';
import { BINARY, EXAMPLE, lectern, Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { useServer } from './support/suite.mjs';
import { SECRET } from './support/tokens.mjs';

const BUILD = path.dirname(BINARY);
const teacher = { claims: { role: 'teacher' } };

const GREETER = {
  'plugins/greeter/plugin.lua': `return { name = "greeter", version = "2.1", settings = {
    word = { default = "hello", help = "what is said" },
    times = { default = 1, help = "how often" },
    loud = { default = false, help = "in capitals" } } }`,
  'plugins/greeter/greeter.lua': `
local settings = require("lectern").config.plugins.greeter
local M = {}
function M.greet(name)
  local text = settings.word:rep(settings.times) .. " " .. require("greeter.deep.mark").mark(name)
  return settings.loud and text:upper() or text
end
return M`,
  'plugins/greeter/deep/mark.lua': 'return { mark = function(name) return name .. "!" end }',
  'plugins/greeter/handlers/greet.lua': `local M = {}
function M.on_greet(_, name) return require("greeter").greet(name) end
return M`,
};

describe('the example plugin', () => {
  const room = useServer({ args: ['--rooms-default', 'allow'] });

  it('opens, counts and closes polls for a room', async () => {
    const tess = await room.join('tess', teacher);
    const [ada, bob] = [await room.join('ada'), await room.join('bob')];
    for (const person of [tess, ada, bob]) await person.ask('join_room', { room: 'course:1' });
    const question = { room: 'course:1', question: 'Ready?', options: ['yes', 'no'] };
    assert.equal((await ada.ask('open_poll', question)).error.code, 'forbidden');
    const { ok, poll } = await tess.ask('open_poll', question);
    assert.equal(ok, true);
    assert.deepEqual(poll.options, [{ label: 'yes', votes: 0 }, { label: 'no', votes: 0 }]);
    assert.deepEqual(await bob.hear('poll'), poll);

    await ada.ask('vote_poll', { pollId: poll.pollId, choice: 1 });
    await ada.ask('vote_poll', { pollId: poll.pollId, choice: 2 });
    const voted = await bob.ask('vote_poll', { pollId: poll.pollId, choice: 2 });
    assert.deepEqual(voted.poll.options.map((option) => option.votes), [0, 2]);
    assert.equal((await bob.ask('vote_poll', { pollId: poll.pollId, choice: 3 })).error.code, 'invalid');
    assert.equal((await bob.ask('close_poll', { pollId: poll.pollId })).error.code, 'forbidden');
    assert.equal((await tess.ask('close_poll', { pollId: poll.pollId })).poll.closed, true);
    assert.equal((await ada.ask('vote_poll', { pollId: poll.pollId, choice: 1 })).error.code, 'closed');
    assert.deepEqual((await tess.ask('get_poll', { pollId: poll.pollId })).names, []);
    assert.equal((await ada.ask('get_poll', { pollId: 'none' })).error.code, 'not_found');
    const eve = await room.join('eve');
    assert.equal((await eve.ask('get_poll', { pollId: poll.pollId })).error.code, 'forbidden');

    const export_of = async (id) => (await call(room, 'export_person', [id])).body.result.polls;
    assert.deepEqual(await export_of('ada'), [{ poll: poll.pollId, question: 'Ready?', choice: 2 }]);
    assert.deepEqual(await export_of('tess'), [{ poll: poll.pollId, question: 'Ready?', choice: null }]);
    for (const id of ['ada', 'tess']) assert.equal((await call(room, 'erase_person', [id])).body.result.erased.polls, 1);
    for (const id of ['ada', 'tess']) assert.deepEqual(await export_of(id), []);
    assert.deepEqual((await bob.ask('get_poll', { pollId: poll.pollId })).poll.options.map((option) => option.votes), [0, 1]);
  });
});

describe('plugins in Lua', () => {
  const room = useServer({
    files: {
      ...GREETER,
      'lectern.lua': 'return { plugins = { greeter = { word = "hi", times = 2 } } }',
      'handlers/own.lua': `local M = {}
function M.on_greet_too(_, name) return require("greeter").greet(name) end
return M`,
    },
    env: { LECTERN_PLUGINS_GREETER_LOUD: 'true' },
  });

  it('answer events, by modules of their own, with the settings of the team', async () => {
    const ada = await room.join('ada');
    assert.equal(await ada.ask('greet', 'Ada'), 'HIHI ADA!');
    assert.equal(await ada.ask('greet_too', 'Bob'), 'HIHI BOB!');
  });

  it('are loaded anew by a reload, or not at all', async () => {
    const ada = await room.join('ada');
    room.scripts.write('plugins/greeter/deep/mark.lua', 'return { mark = function(name) return name .. "?" end }');
    assert.equal((await room.server.reload()).code, 0);
    assert.equal(await ada.ask('greet', 'Ada'), 'HIHI ADA?');
    room.scripts.write('plugins/greeter/handlers/broken.lua', 'return {');
    const { code, stderr } = await room.server.reload();
    assert.equal(code, 1);
    assert.match(stderr, /plugins\/greeter\/handlers\/broken\.lua:1:/);
    assert.equal(await ada.ask('greet', 'Ada'), 'HIHI ADA?');
  });

  it('are listed with what is in them, and reported by check', async () => {
    const { stdout } = await lectern(['plugins', room.scripts.dir]);
    assert.match(stdout, /^greeter 2\.1, .*plugins\/greeter: handlers$/m);
    assert.match(stdout, /^ {2}word = hi {2}what is said$/m);
    assert.match(stdout, /^ {2}loud = false \(default\) {2}in capitals$/m);
    assert.match(stdout, /^sqlite \S+, part of the server: C library$/m);
    const { stdout: example } = await lectern(['plugins', EXAMPLE]);
    assert.match(example, /^polls 1\.0, .*: handlers, migrations$/m);
    assert.match((await lectern(['check', EXAMPLE])).stdout, /^plugins\/polls\/handlers\/polls\.lua$/m);
  });
});

describe('the plugins of the server itself', () => {
  const shared = new Scripts({ example: false, files: GREETER });
  after(() => shared.remove());
  const env = { LECTERN_PLUGIN_DIR: path.join(shared.dir, 'plugins') };

  it('are found by the setting, and give way to one of the team', async () => {
    const scripts = new Scripts({ example: false });
    try {
      const { stdout } = await lectern(['plugins', scripts.dir], { env });
      assert.match(stdout, new RegExp(`^greeter 2\\.1, ${shared.dir}`, 'm'));
      scripts.write('plugins/greeter/plugin.lua', 'return { name = "greeter", version = "3" }');
      const own = await lectern(['plugins', scripts.dir], { env });
      assert.match(own.stdout, new RegExp(`^greeter 3, ${scripts.dir}`, 'm'));
    } finally {
      scripts.remove();
    }
  });
});

describe('what is wrong with plugins is said', () => {
  const plugin = (text) => ({ 'plugins/it/plugin.lua': text });
  const good = 'return { name = "it", version = "1" }';
  const cases = {
    'plugin.lua is no Lua': [plugin('return {'), /plugins\/it\/plugin\.lua: plugin\.lua:1:/],
    'it returns nothing': [plugin(''), /must return a table, not nil/],
    'another name': [plugin('return { name = "that", version = "1" }'), /name is "that", but must be that of its folder, "it"/],
    'no version': [plugin('return { name = "it" }'), /version is missing/],
    'it runs for ever': [plugin('while true do end'), /plugins\/it\/plugin\.lua: /],
    'it reaches outside': [plugin('os.execute("true") return {}'), /plugins\/it\/plugin\.lua: .*execute/],
    'a setting without default': [
      plugin('return { name = "it", version = "1", settings = { a = { help = "x" } } }'),
      /settings\.a: its default is/,
    ],
    'a need that is not there': [plugin('return { name = "it", version = "1", needs = { "that" } }'), /the plugin it needs the plugin that, which is not there/],
    'a need in a circle': [
      {
        'plugins/a/plugin.lua': 'return { name = "a", version = "1", needs = { "b" } }',
        'plugins/b/plugin.lua': 'return { name = "b", version = "1", needs = { "a" } }',
      },
      /the plugin a needs the plugin b, which needs it in turn/,
    ],
    'a folder with capitals': [{ 'plugins/It/plugin.lua': good }, /a plugin's name has small letters/],
    'the name of ours': [{ 'plugins/sqlite/plugin.lua': good }, /the name is that of a plugin of the server itself/],
    'a setting of nobody': [{ ...plugin(good), 'lectern.lua': 'return { plugins = { it = { a = 1 } } }' }, /plugins\.it\.a: there is no such setting of the plugin it/],
    'settings of nobody': [{ ...GREETER, 'lectern.lua': 'return { plugins = { greter = { a = 1 } } }' }, /there is no plugin greter; did you mean "greeter"\?/],
    'a setting of another kind': [{ ...GREETER, 'lectern.lua': 'return { plugins = { greeter = { times = "often" } } }' }, /plugins\.greeter\.times: "often" is no number/],
    'settings that are none': [{ 'lectern.lua': 'return { plugins = { "it" } }' }, /plugins = \{ name = \{ setting = value \} \}/],
  };
  for (const [what, [files, pattern]] of Object.entries(cases)) {
    it(what, async () => {
      const scripts = new Scripts({ example: false, files });
      try {
        const { code, stderr } = await lectern(['plugins', scripts.dir]);
        assert.equal(code, 2, stderr);
        assert.match(stderr, pattern);
      } finally {
        scripts.remove();
      }
    });
  }
});

describe('plugins in C', () => {
  const withLibrary = (stub) => {
    const scripts = new Scripts({
      example: false,
      files: { 'plugins/stub/plugin.lua': 'return { name = "stub", version = "1", settings = { word = { default = "psst", help = "x" } } }' },
    });
    mkdirSync(path.join(scripts.dir, 'plugins/stub'), { recursive: true });
    const library = path.join(scripts.dir, 'plugins/stub/stub.so');
    if (stub) copyFileSync(path.join(BUILD, `${stub}.so`), library);
    else scripts.write('plugins/stub/stub.so', 'no library');
    return scripts;
  };

  it('are loaded, see their settings, and write to the log', async () => {
    const scripts = withLibrary('stub_logs');
    const server = await Server.start({ dir: scripts.dir });
    assert.match(server.log, /lectern:plugin stub: the stub's word is psst/);
    await server.stop();
    scripts.remove();
  });

  const refusals = {
    stub_missing: /stub\.so has no function lectern_plugin/,
    stub_refuses: /the plugin stub does not want to begin/,
    stub_older: /the plugin stub is made for version 2 of lectern\/plugin\.h, and this server has version 1/,
    '': /the plugin stub cannot be loaded: .*(file too short|invalid ELF header)/,
  };
  for (const [stub, pattern] of Object.entries(refusals)) {
    it(`are refused: ${stub || 'no library at all'}`, async () => {
      const scripts = withLibrary(stub);
      try {
        const { code, stderr } = await lectern(['serve', scripts.dir, '--port', '0'], { env: { JWT_SECRET: SECRET } });
        assert.equal(code, 1, stderr);
        assert.match(stderr, pattern);
      } finally {
        scripts.remove();
      }
    });
  }

  it('that know the scheme of the database are wanted, when no other does', async () => {
    const scripts = new Scripts({ example: false });
    try {
      const { code, stderr } = await lectern(['serve', scripts.dir, '--port', '0'], {
        env: { JWT_SECRET: SECRET, LECTERN_DATABASE: 'postgres://user:hush@db/school' },
      });
      assert.equal(code, 1);
      assert.match(stderr, /no plugin knows "postgres:"/);
      assert.doesNotMatch(stderr, /hush/);
    } finally {
      scripts.remove();
    }
  });
});
