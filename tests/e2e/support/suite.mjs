// The frame of most suites: one server for a `describe` block, people who leave after each test.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { OldPerson } from './old_person.mjs';
import { Person } from './person.mjs';
import { Server } from './process.mjs';
import { Scripts } from './scripts.mjs';
import { once } from './wait.mjs';

// Registers the hooks in the surrounding describe() and returns a handle whose `server` is there
// once tests run. Options: those of Scripts, and `args` and `env` for the server.
export function useServer({ args, env, ...scripts } = {}) {
  const people = new Set();
  const handle = {
    server: null,
    scripts: null,
    get url() {
      return handle.server.url;
    },
    // A client that may not get in. `old`: a socket.io-client 2; `as`: another kind of Person.
    client(id, { old, as = old ? OldPerson : Person, ...options } = {}) {
      const person = new as(handle.server, id, options);
      people.add(person);
      return person;
    },
    // A client that is let in and has heard `connected`, if handlers send it.
    async join(id, options) {
      const person = handle.client(id, options);
      await person.admitted();
      if (scripts.example !== false && !options?.namespace) person.connected = await person.hear('connected');
      return person;
    },
    // Stops the server and starts it anew on the same port.
    async restart() {
      const { port } = handle.server;
      await handle.server.stop();
      handle.server = await Server.start({ dir: handle.scripts.dir, args, env, port });
    },
  };
  before(async () => {
    handle.scripts = new Scripts(scripts);
    handle.server = await Server.start({ dir: handle.scripts.dir, args, env });
  });
  afterEach(() => {
    for (const person of people) person.close();
    people.clear();
  });
  after(async () => {
    try {
      await handle.server?.stop();
    } finally {
      handle.scripts?.remove();
    }
  });
  return handle;
}

// Values there and back, many acks at once, and a question of the server's: what any client must do.
export async function exchangeValues(ada) {
  for (const value of [0, 1.5, true, '', 'ÄÖÜ € 👩‍🏫', 'x'.repeat(70_000), [], {}, [{ a: [] }], { a: null }]) {
    assert.deepEqual(await ada.ask('echo', value), value);
  }
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ada.ask('echo', i)));
  assert.deepEqual(answers, Array.from({ length: 100 }, (_, i) => i));
  ada.socket.on?.('question', (question, answer) => answer({ question, answer: 42 }));
  assert.deepEqual((await ada.ask('ask_me', 'why?')).answer, { question: 'why?', answer: 42 });
}

// The three ways a client may talk, as socket.io-client options.
export const WAYS = [
  { way: 'polling only', options: { transports: ['polling'] } },
  { way: 'websocket only', options: { transports: ['websocket'] } },
  { way: 'polling, then upgraded', options: { transports: ['polling', 'websocket'] } },
];

// Waits until an upgrading client has arrived on WebSocket. One whose server goes in the middle of it may
// not notice before its ping time-out: of its transports, one is paused and the other not in use yet.
export async function upgraded(person) {
  const { engine } = person.socket.io;
  if (engine.transport.name === 'websocket') return;
  await once(engine, 'upgrade');
}
