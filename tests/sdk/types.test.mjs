// The types of events and calls (examples/nestjs/src/events.ts, calls.ts), held against the server: the same names, and
// what it really sends and answers in a session is what the types say.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { EXAMPLE, ROOT, lectern } from '../e2e/support/process.mjs';
import { request } from '../e2e/support/api.mjs';
import { useServer } from '../e2e/support/suite.mjs';
import { membersOf, problemsOf } from './types/compile.mjs';
import { Record, caller, recorded } from './types/record.mjs';
import { playSession } from './types/session.mjs';

const sorted = (names) => [...names].sort();

// Events of the core, which no handler is for.
const OF_THE_CORE = ['refresh_token'];

// --- the names of events in the sources

// Files that emit what their callers name. Others have the name beside `emit(`.
const BY_VARIABLE = {
  'lua/lectern/announcements.lua': [],
  'lua/lectern/badges.lua': ['notification', 'unread_count'],
  'lua/lectern/discussions.lua': ['message_updated', 'message_deleted', 'discussion_reaction', 'discussion_reaction_removed'],
  'lua/lectern/messages.lua': ['private_message', 'message_updated', 'message_deleted'],
  'lua/lectern/typing.lua': ['typing_indicator', 'user_typing', 'user_stopped_typing'],
  'examples/elearning/handlers/courses.lua': ['course_update'],
};
// Those that emit what programs of the team name.
const WHAT_ONE_LIKES = ['lua/lectern/broadcast.lua', 'lua/lectern/builtin.lua', 'lua/lectern/init.lua'];

function filesOf(folder, end) {
  return readdirSync(path.join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(end) && !/(^|\/)(node_modules|tests|\.state)\//.test(name))
    .map((name) => `${folder}/${name}`);
}

function emittedNames() {
  const names = new Set();
  const problems = [];
  for (const file of [...filesOf('lua/lectern', '.lua'), ...filesOf('examples/elearning', '.lua')]) {
    if (WHAT_ONE_LIKES.includes(file)) continue;
    const text = readFileSync(path.join(ROOT, file), 'utf8').replace(/--.*$/gm, '');
    for (const [, first] of text.matchAll(/[.:]emit\(\s*([^,)]+)/g)) {
      const literal = /^"(\w+)"$/.exec(first);
      if (literal) names.add(literal[1]);
      else if (!BY_VARIABLE[file]) problems.push(`${file} emits ${first}: say in BY_VARIABLE what that may be`);
    }
    for (const name of BY_VARIABLE[file] ?? []) {
      names.add(name);
      if (!allLua.includes(`"${name}"`)) problems.push(`${file}: nothing emits ${name}`);
    }
  }
  for (const file of filesOf('core', '.c')) {
    for (const [, name] of readFileSync(path.join(ROOT, file), 'utf8').matchAll(/"\[\\"(\w+)\\",/g)) names.add(name);
  }
  return { names, problems };
}
const allLua = [...filesOf('lua/lectern', '.lua'), ...filesOf('examples/elearning', '.lua')]
  .map((file) => readFileSync(path.join(ROOT, file), 'utf8')).join('\n');

// --- a program of what was recorded

const TYPES = {
  event: (name) => `Parameters<ServerToClientEvents[${name}]>`,
  asked: (name) => `EventArguments<${name}>`,
  answer: (name) => `EventAnswer<${name}>`,
  given: (name) => `Parameters<LecternCalls[${name}]>`,
  result: (name) => `ReturnType<LecternCalls[${name}]>`,
  refused: () => 'ConnectRefused',
};
const HEAD = `
import type { ClientToServerEvents, ConnectRefused, EventAnswer, EventArguments, ServerToClientEvents } from '@lectern/nestjs/events';
import type { LecternCalls } from '@lectern/nestjs/calls';
`;

const constant = ({ kind, name, value }, i) => `export const v${i}: ${TYPES[kind](JSON.stringify(name))} = ${JSON.stringify(value)};`;

// How a page uses the types: what must compile, and, after @ts-expect-error, what must not.
const PAGE = `
import { io, type Socket } from 'socket.io-client';
import type { ClientToServerEvents, EmitsWithAnswers, ServerToClientEvents } from '@lectern/nestjs/events';

type LecternSocket = EmitsWithAnswers & Socket<ServerToClientEvents, ClientToServerEvents>;
export async function page(untyped: Socket, deadline: number) {
  const socket: LecternSocket = io('http://localhost:3001', { auth: { token: 'your-jwt-token' } });
  const given: LecternSocket = untyped;
  given.on('connected', ({ userId }) => userId.length);
  socket.emit('join_room', { room: 'course:123', type: 'discussion' });
  socket.emit('typing_start', { room: 'course:123', discussionId: 'discussion-456' }, (answer) => answer.ok);
  socket.timeout(5).emit('join_room', { room: 'course:123' }, (error, answer) => (error ? error.message : answer.ok));
  socket.on('notification', (one) => (one.rev !== undefined ? one.unreadCount : one.title?.length));
  const joined = await socket.emitWithAck('join_room', { room: 'course:1' });
  const later = await socket.timeout(deadline).emitWithAck('mark_all_notifications_read');
  if (joined.ok) joined.online.map((id) => id.length);
  else joined.error.message.length;
  if (later.ok) later.unreadCount.toFixed();
  // @ts-expect-error: who does not look may have been refused
  joined.online;
  // @ts-expect-error: so it is with a time-out
  later.unreadCount;
  // @ts-expect-error: a room is needed
  socket.emit('join_room', {});
  // @ts-expect-error: no such event
  socket.emit('join_rooms', { room: 'course:1' });
  // @ts-expect-error: no such event
  socket.on('notifications', () => {});
  // @ts-expect-error: a field that is not known
  await socket.timeout(5).emitWithAck('typing_start', { room: 'course:1', discusionId: '1' });
}
`;

// The value with something that the type does not know, at its top; undefined if it has no such place.
function spoilt(entry) {
  const { kind, value } = entry;
  const target = kind === 'event' ? value[0] : value;
  if (kind === 'given' || kind === 'asked' || target === null || typeof target !== 'object' || Array.isArray(target)) return undefined;
  const wrong = { ...target, planted: 'by the test' };
  return { ...entry, value: kind === 'event' ? [wrong] : wrong };
}

describe('the types of events and calls', () => {
  const room = useServer({
    handlers: [],
    files: {
      'lectern.lua': `return {
        app = { staff = { "teacher", "admin" }, private_messages = true, read_receipts = true },
        presence = { grace = 100 }, typing = { timeout = 5000, interval = 0 }, recovery = { window = 60000 },
        jwt = { leeway = 0 }, plugins = { polls = { show_names = true } },
      }`,
    },
  });
  const record = new Record();
  before(async () => {
    const as = recorded(record);
    await playSession({
      join: (id, options) => room.join(id, { as, ...options }),
      client: (id, options) => room.client(id, { as, ...options }),
      call: caller(record, () => room.server),
    });
  });

  it('name the events that clients may send, and no others', async () => {
    const { code, stdout, stderr } = await lectern(['check', EXAMPLE]);
    assert.equal(code, 0, stderr);
    const handled = [...stdout.matchAll(/^ +events: (.*)$/gm)].flatMap(([, list]) => list.split(', '));
    assert.deepEqual(sorted(membersOf('events.ts', 'ClientToServerEvents')), sorted(new Set([...handled, ...OF_THE_CORE])));
  });

  it('name the events that the server sends, and no others', () => {
    const { names, problems } = emittedNames();
    assert.deepEqual(problems, []);
    assert.deepEqual(sorted(membersOf('events.ts', 'ServerToClientEvents')), sorted(names));
  });

  it('name the functions that back ends may call, and no others', async () => {
    const { body } = await request(room.server, 'GET', '/api');
    const names = body.result.functions.map(({ camelCase }) => camelCase);
    assert.deepEqual(sorted(membersOf('calls.ts', 'LecternCalls')), sorted(names));
  });

  it('are all heard, answered and called in the session', () => {
    const missing = (names, seen) => sorted(names).filter((name) => !seen.has(name));
    assert.deepEqual(missing(membersOf('events.ts', 'ServerToClientEvents'), record.names('event')), []);
    assert.deepEqual(missing(membersOf('calls.ts', 'LecternCalls'), record.names('result')), []);
    const asked = sorted(membersOf('events.ts', 'ClientToServerEvents'));
    assert.deepEqual(asked.filter((name) => !record.of('answer', name).some(({ ok }) => ok === true)), []);
  });

  it('are what the server sends, takes and answers', () => {
    assert.deepEqual(problemsOf(HEAD + record.entries.map(constant).join('\n')), []);
  });

  it('are those of an unmodified socket.io-client, answers included', () => {
    assert.deepEqual(problemsOf(PAGE), []);
  });

  it('know each field: one more is an error, in every event, answer and result', () => {
    const wrong = record.entries.map(spoilt).filter((one) => one !== undefined);
    assert.ok(wrong.length > 100, `${wrong.length}`);
    assert.deepEqual(problemsOf(HEAD + wrong.map((entry, i) => `// @ts-expect-error\n${constant(entry, i)}`).join('\n')), []);
  });
});
