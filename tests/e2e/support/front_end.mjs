// The front end of the platform behind the guide, as its websocket service talks to the server: an unmodified
// client with that service's options, which joins the room of its person by a bare string whenever it hears
// `connected`, gives up when that does not come, takes some words of a refusal for "you are logged out", and
// opens a new socket of its own after a loss while the client still tries the old one.
import { Person } from './person.mjs';

const OPTIONS = { transports: ['websocket', 'polling'], timeout: 20_000, reconnection: true };
const CONNECTED_WITHIN = 5000; // ms after `connect`
const ATTEMPTS = 5; // to connect anew, the first after FIRST_DELAY ms, each later by twice as much
const FIRST_DELAY = 1000;
const SIGNED_OUT = ['token', 'auth', 'unauthorized'];

export class FrontEnd {
  // As a Person.
  constructor(server, id, options = {}) {
    this.server = server;
    this.id = id;
    this.options = options;
    this.people = []; // a Person for each socket that it opened, the newest last
    this.state = 'connecting'; // connected | signed out | not authenticated in time
    this.attempts = 0;
    this.open();
  }

  open() {
    const person = new Person(this.server, this.id, { ...OPTIONS, ...this.options });
    const { socket } = person;
    this.people.push(person);
    socket.on('connect', () => {
      person.deadline = setTimeout(() => this.end('not authenticated in time'), CONNECTED_WITHIN);
    });
    socket.on('connected', () => {
      clearTimeout(person.deadline);
      this.state = 'connected';
      this.attempts = 0;
      socket.emit('join_room', `user:${this.id}`);
    });
    socket.on('connect_error', (error) => {
      if (SIGNED_OUT.some((word) => error.message.includes(word))) this.end('signed out');
      else this.again();
    });
    socket.on('disconnect', (reason) => {
      clearTimeout(person.deadline);
      if (reason !== 'io client disconnect') this.again();
    });
  }

  again() {
    if (this.timer || this.attempts >= ATTEMPTS || this.ended) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.open();
    }, FIRST_DELAY * 2 ** this.attempts++);
  }

  end(state) {
    this.state = state;
    this.close();
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    for (const person of this.people) {
      clearTimeout(person.deadline);
      person.close();
    }
  }

  joinRoom(room) {
    this.person.emit('join_room', room);
  }

  leaveRoom(room) {
    this.person.emit('leave_room', room);
  }

  // What tests ask of a Person, of the newest socket.
  get person() {
    return this.people.at(-1);
  }

  get socket() {
    return this.person.socket;
  }

  admitted(...args) {
    return this.person.admitted(...args);
  }

  hear(...args) {
    return this.person.hear(...args);
  }

  heard(event) {
    return this.person.heard(event);
  }

  emit(...args) {
    this.person.emit(...args);
  }

  ask(...args) {
    return this.person.ask(...args);
  }

  settle() {
    return this.person.settle();
  }
}
