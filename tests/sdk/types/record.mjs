// What a session says and hears, by name: each as often as it has another shape.

import { Person } from '../../e2e/support/person.mjs';
import { call } from '../../e2e/support/api.mjs';

const KEPT = 8; // of a name, of each kind

// Kinds: event (arguments), asked (arguments), answer, given (arguments of a call), result, refused (connect_error).
export class Record {
  entries = [];
  shapes = new Map();

  add(kind, name, value) {
    const key = `${kind} ${name}`;
    const shapes = this.shapes.get(key) ?? new Set();
    this.shapes.set(key, shapes);
    const shape = shapeOf(value);
    if (shapes.has(shape) || shapes.size >= KEPT) return;
    shapes.add(shape);
    this.entries.push({ kind, name, value });
  }

  names(kind) {
    return new Set(this.entries.filter((one) => one.kind === kind).map(({ name }) => name));
  }

  of(kind, name) {
    return this.entries.filter((one) => one.kind === kind && one.name === name).map(({ value }) => value);
  }
}

// Two values of one shape differ in their texts and numbers only.
function shapeOf(value) {
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].join()}]`;
  if (value === null || typeof value !== 'object') return value === true || value === false ? String(value) : value === null ? 'null' : typeof value;
  return `{${Object.keys(value).sort().map((name) => `${name}:${shapeOf(value[name])}`).join()}}`;
}

// A client that writes down all that it hears, asks and is answered.
export const recorded = (record) =>
  class extends Person {
    record(event, args) {
      const before = this.inbox.length;
      super.record(event, args);
      const { args: plain } = this.inbox[before];
      if (event === 'connect_error') record.add('refused', event, plain[0].data);
      else if (event !== 'connect' && event !== 'disconnect') record.add('event', event, plain);
    }

    async ask(event, ...args) {
      const answer = await super.ask(event, ...args);
      record.add('asked', event, args);
      record.add('answer', event, answer);
      return answer;
    }

    // Asks for what must not be refused.
    async done(event, ...args) {
      const answer = await this.ask(event, ...args);
      if (answer?.ok !== true) throw new Error(`${event} is refused: ${JSON.stringify(answer)}`);
      return answer;
    }
  };

// Calls functions of the API, by their names in camelCase, and writes down what they answer.
export const caller = (record, server) => async (name, ...args) => {
  const { status, body } = await call(server(), name, args);
  if (status !== 200) throw new Error(`${name} is refused: ${JSON.stringify(body)}`);
  record.add('given', name, args);
  record.add('result', name, body.result);
  return body.result;
};
