// A client as tests want it: a real socket.io-client that remembers everything it received, so a
// test can wait for what it expects and can tell what else came.
import { inspect } from 'node:util';
import { io } from 'socket.io-client';
import { tokenFor } from './tokens.mjs';
import { PATIENCE, within } from './wait.mjs';

export class Person {
  // id and claims make the token, unless `token` is given (null: none at all). `library` is another
  // version's `io`. Everything else in options goes to socket.io-client as it is.
  constructor(server, id, { claims, token, namespace = '/', ...options } = {}) {
    this.id = id;
    this.inbox = [];
    this.listeners = new Set();
    this.socket = this.open(server, token === undefined ? tokenFor(id, claims) : token, { namespace, ...options });
    this.listen();
  }

  open(server, token, { auth, namespace, library = io, ...options }) {
    return library(server.url + namespace, {
      auth: auth ?? (token === null ? {} : { token }),
      forceNew: true,
      reconnection: false,
      ...options,
    });
  }

  listen() {
    this.socket.onAny((event, ...args) => this.record(event, args));
    this.socket.on('connect', () => this.record('connect', []));
    this.socket.on('connect_error', (error) => this.record('connect_error', [error]));
    this.socket.on('disconnect', (reason) => this.record('disconnect', [reason]));
  }

  // Events bear their offset as last argument, for recovery: not what a test expects, as a rule.
  record(event, args) {
    const last = args.at(-1);
    if (this.socket._pid && typeof last === 'string' && /^\d+$/.test(last)) args = args.slice(0, -1);
    this.inbox.push({ event, args, heard: false });
    for (const listener of this.listeners) listener();
  }

  // Waits for an event that was not taken before, and returns its first argument (or all, by
  // hearAll). `match` is a function of the arguments; `event` may be a list.
  async hear(event, match, ms) {
    return (await this.hearAll(event, match, ms))[0];
  }

  async hearAll(event, match = () => true, ms = 5000) {
    const events = [event].flat();
    let look;
    const found = new Promise((resolve) => {
      look = () => {
        const entry = this.inbox.find((one) => !one.heard && events.includes(one.event) && match(...one.args));
        if (!entry) return;
        entry.heard = true;
        this.listeners.delete(look); // two events may come in one tick, and this one takes only the first
        resolve(entry.args);
      };
      this.listeners.add(look);
      look();
    });
    try {
      return await within(ms, found, () => `${this.id} did not hear ${events.join(' or ')}, but ${inspect(this.summary(), { depth: 4 })}`);
    } finally {
      this.listeners.delete(look);
    }
  }

  // Waits until it is let in; throws at once when it is not.
  async admitted(ms) {
    const [error] = await this.hearAll(['connect', 'connect_error'], undefined, ms);
    if (error) throw new Error(`${this.id} is not let in: ${error.message} ${inspect(error.data)}`);
  }

  // The payloads of all events of that name so far, taken or not.
  heard(event) {
    return this.inbox.filter((one) => one.event === event).map((one) => one.args[0]);
  }

  summary() {
    return this.inbox.slice(-12).map((one) => [one.event, ...one.args]);
  }

  forget() {
    this.inbox.length = 0;
  }

  emit(...args) {
    this.socket.emit(...args);
  }

  // Emits and waits for the ack's first argument.
  ask(event, ...args) {
    if (this.socket.emitWithAck) return this.socket.timeout(5000 * PATIENCE).emitWithAck(event, ...args);
    const answer = new Promise((resolve) => this.socket.emit(event, ...args, resolve));
    return within(5000, answer, () => `no answer to ${event}`);
  }

  // Everything that the server sent to this client before now has arrived when this returns: what
  // is not in the inbox by then never came. (Needs the test handlers of probe.lua.)
  async settle() {
    const mark = Math.random();
    const answer = await this.ask('echo', mark);
    if (answer !== mark) throw new Error(`${this.id}: echo answered ${inspect(answer)}`);
  }

  // Stops reading (on WebSocket), as a computer that sleeps: nothing is noticed any more.
  freeze() {
    this.frozen = this.socket.io.engine.transport.ws._socket;
    this.frozen.pause();
  }

  close() {
    this.socket.disconnect();
    this.frozen?.destroy();
  }

  get transport() {
    return this.socket.io.engine?.transport?.name;
  }
}
