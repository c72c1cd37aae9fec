// The way to the server: the one socket of the page, questions with an answer, and the log of what both say.
import { $, append, el, toast } from './dom.js';

export const me = { id: '', role: '', name: '', staff: false };

export const link = { socket: null };

// Sends an event and gives its answer. A refusal is shown and gives null; no answer gives undefined.
export async function ask(event, payload, { quiet = false } = {}) {
  let answer;
  try {
    answer = await link.socket.timeout(10_000).emitWithAck(event, payload);
  } catch {
    if (!quiet) toast('No answer from the server', `to ${event}`, 'bad');
    return undefined;
  }
  logEvent(answer?.ok === false ? 'bad' : 'in', `${event} ↩`, [answer]);
  if (answer?.ok !== false) return answer ?? {};
  if (!quiet) toast('That did not work', answer.error?.message ?? '', 'bad');
  return quiet ? answer : null;
}

let logged = 0;
export function logEvent(direction, event, args) {
  const sign = { in: '←', out: '→', bad: '!' }[direction];
  const text = JSON.stringify(args.length === 1 ? args[0] : args, (_, value) => (value instanceof ArrayBuffer ? `${value.byteLength} bytes` : value));
  append($('events'), el('li', {},
    el('time', {}, new Date().toISOString().slice(11, 23)),
    el('span', { className: direction, title: { in: 'received', out: 'sent', bad: 'problem' }[direction] }, sign),
    el('b', {}, event),
    el('span', {}, args.length === 0 || text === undefined ? '' : text.slice(0, 2000))), 200);
  $('event-count').textContent = ++logged;
}

$('events-clear').addEventListener('click', () => $('events').replaceChildren());
