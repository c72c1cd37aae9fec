// Logs: a line an event, for people or programs; DEBUG as the guide says; never a token.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { useServer, WAYS } from './support/suite.mjs';
import { SECRET, tokenFor } from './support/tokens.mjs';

async function day(room) {
  const tokens = [];
  for (const { options } of WAYS) {
    const token = tokenFor('ada');
    tokens.push(token);
    const ada = await room.join('ada', { ...options, token });
    await ada.ask('join_room', { room: 'course:1' });
    await ada.ask('crash');
    await ada.ask('refuse');
    await ada.settle();
    ada.close();
  }
  const header = tokenFor('bob');
  await room.join('bob', { token: null, extraHeaders: { Authorization: `Bearer ${header}` } });
  const query = tokenFor('carol');
  const carol = room.client('carol', { token: null, query: { token: query } });
  await carol.hear('connect_error');
  const forged = tokenFor('eve', {}, { key: 'some other secret of thirty-two bytes' });
  await room.client('eve', { token: forged }).hear('connect_error');
  return [...tokens, header, query, forged];
}

function assertNoToken(log, tokens) {
  for (const token of tokens) {
    const [, payload, signature] = token.split('.');
    for (const part of [payload, signature]) assert.ok(!log.includes(part.slice(0, 24)), 'a token in the log');
  }
  assert.ok(!log.includes(SECRET));
}

describe('DEBUG=socket.io:*', () => {
  const room = useServer({ env: { DEBUG: 'socket.io:*' } });
  it('logs connections and events in detail, with the person, and no token', async () => {
    const tokens = await day(room);
    await room.server.logged(/user=ada/);
    const { log } = room.server;
    assert.match(log, /^\S+Z debug +socket\.io:\S+ .*$/m);
    assert.match(log, /conn=\S+/);
    assert.doesNotMatch(log, /debug +engine\.io/);
    assertNoToken(log, tokens);
  });
});

describe('DEBUG=*', () => {
  const room = useServer({ env: { DEBUG: '*' } });
  it('logs everything, and still no token', async () => {
    const tokens = await day(room);
    await room.server.logged(/debug +engine\.io/);
    assertNoToken(room.server.log, tokens);
  });
});

describe('without DEBUG', () => {
  const room = useServer();
  it('says no details, but what went wrong', async () => {
    const tokens = await day(room);
    assert.doesNotMatch(room.server.log, / debug /);
    await room.server.logged(/error.*zz_probe\.lua/);
    assertNoToken(room.server.log, tokens);
  });
  it('lets no client forge lines', async () => {
    const ada = await room.join('ada\nforged line', { token: tokenFor('ada\n2026-01-01T00:00:00.000Z error forged') }).catch(() => null);
    if (ada) await ada.ask('crash');
    assert.doesNotMatch(room.server.log, /^2026-01-01T00:00:00/m);
  });
});

describe('--log-format json', () => {
  const room = useServer({ args: ['--log-format', 'json'], env: { DEBUG: '*' } });
  it('is one JSON object a line', async () => {
    const tokens = await day(room);
    await room.server.logged(/zz_probe\.lua/);
    const lines = room.server.log.split('\n').slice(0, -1); // the last may not be whole yet
    const entries = lines.map((line) => JSON.parse(line));
    assert.ok(entries.length > 10);
    assert.ok(entries.some((entry) => entry.user === 'ada'), 'with the user');
    assert.ok(entries.some((entry) => JSON.stringify(entry).includes('zz_probe.lua')), 'with the traceback');
    assertNoToken(room.server.log, tokens);
  });
});
