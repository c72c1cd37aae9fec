// Messages on their way. Each has an id of this page's, by which the server knows a repetition: so one that got no
// answer is sent again until there is one, and is never there twice. What is typed meanwhile is another message.
import { newId } from './dom.js';
import { ask, link } from './server.js';

const RETRY = 3000; // ms, while the connection stands
const LATER = ['busy', 'unavailable', 'full', 'timeout', 'rate_limited']; // refusals that may not come again
const waiting = new Map(); // id → { event, payload, show }

// show(id, state, more): 'sending'; 'sent', with the message as the server has it; 'refused', with what it says.
export function post(event, payload, show) {
  const id = newId();
  const item = { event, payload: { ...payload, id }, show, busy: false };
  waiting.set(id, item);
  show(id, 'sending');
  deliver(id);
}

async function deliver(id) {
  const item = waiting.get(id);
  if (!item || item.busy || !link.socket?.connected) return; // `resume` comes when it is connected
  item.busy = true;
  const answer = await ask(item.event, item.payload, { quiet: true });
  item.busy = false;
  if (!waiting.has(id)) return;
  if (answer === undefined || (answer.ok === false && LATER.includes(answer.error?.code))) {
    setTimeout(() => deliver(id), RETRY);
  } else {
    waiting.delete(id);
    if (answer.ok === false) item.show(id, 'refused', answer.error?.message ?? '');
    else item.show(id, 'sent', answer.message);
  }
}

// After each connection.
export function resume() {
  for (const id of waiting.keys()) deliver(id);
}

// Of somebody who signed out.
export function forget() {
  waiting.clear();
}
