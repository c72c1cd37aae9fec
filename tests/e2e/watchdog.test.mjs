// A handler that no hook can stop: one call inside C that takes ages.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Person } from './support/person.mjs';
import { Server } from './support/process.mjs';
import { Scripts } from './support/scripts.mjs';
import { sleep, within } from './support/wait.mjs';

const HANDLERS = `
local M = {}
function M.on_explode() return ("a"):rep(40):find(("a*"):rep(20) .. "b") end
function M.on_explode_inside()
  require "lectern".spawn(function() return ("a"):rep(40):find(("a*"):rep(20) .. "b") end)
end
function M.on_loop() while true do end end
function M.on_hello() return "hello" end
return M
`;

async function withServer(args, run) {
  const scripts = new Scripts({ example: false, handlers: [], files: { 'handlers/search.lua': HANDLERS } });
  const server = await Server.start({ dir: scripts.dir, args });
  const person = new Person(server, 'ada');
  try {
    await person.admitted();
    await run(server, person);
  } finally {
    person.close();
    if (server.alive) server.signal('SIGKILL');
    await server.ended;
    scripts.remove();
  }
}

const QUICK = ['--script-time', '100', '--script-watchdog', '400'];

describe('the watchdog', () => {
  for (const [event, what] of [['explode', /handlers\/search\.lua on_explode/], ['explode_inside', /a spawned function/]]) {
    it(`ends the process when ${event} is stuck inside C, and says what ran`, () =>
      withServer(QUICK, async (server, ada) => {
        const began = Date.now();
        ada.emit(event);
        const end = await within(10_000, server.ended, () => 'it goes on');
        assert.deepEqual(end, { code: 70, signal: null });
        assert.ok(Date.now() - began >= 500);
        assert.match(server.log, new RegExp(`error lectern:script ${what.source} is stuck for \\d+ ms inside one call`));
      }));
  }

  it('leaves a busy server alone', () =>
    withServer(QUICK, async (server, ada) => {
      const end = Date.now() + 1500;
      while (Date.now() < end) {
        assert.equal((await ada.ask('loop')).error.code, 'internal_error');
        assert.equal(await ada.ask('hello'), 'hello');
      }
      await server.stop();
    }));

  it('is off when it is set to 0', () =>
    withServer(['--script-time', '100', '--script-watchdog', '0'], async (server, ada) => {
      ada.emit('explode');
      await sleep(1500); // three times what the others get
      assert.ok(server.alive);
    }));
});
