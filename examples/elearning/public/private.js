// Private messages: whom one has written with, and what was said with the one who is chosen.
import { $, clock, el, toast, onSubmit } from './dom.js';
import { Messages } from './messages.js';
import { nameOf, who } from './names.js';
import { ask, me } from './server.js';

const messages = new Messages($('private-list'));
const conversations = new Map(); // user id → { id, at, text, unread }, of the last message
let partner = '';

export async function loadPrivate() {
  const answer = await ask('list_conversations', {});
  if (!answer) return;
  conversations.clear();
  for (const { with: id, lastMessage, lastMessageAt, unreadCount } of answer.conversations) {
    conversations.set(id, { id: lastMessage?.id, at: lastMessageAt, text: lastMessage?.content ?? '', unread: unreadCount });
  }
  if (!partner && answer.conversations.length > 0) await choose(answer.conversations[0].with);
  else if (partner) await choose(partner);
  showConversations();
}

export function forgetPrivate() {
  partner = '';
  conversations.clear();
  messages.clear();
  $('private-form').reset();
  showConversations();
}

// Shows what was said with somebody, and has it read. Whom one is just writing to stays in the form.
async function choose(id) {
  const { to } = $('private-form').elements;
  if (to.value.trim() === partner) to.value = id;
  if (id !== partner) messages.clear();
  partner = id;
  const answer = await ask('private_history', { with: id });
  if (!answer || partner !== id) return;
  messages.showAll(answer.messages.map(shaped));
  markRead();
  showConversations();
}

// On the person's own wish.
function pick(id) {
  $('private-form').elements.to.value = id;
  choose(id);
}

export function writeTo(id) {
  pick(id);
  $('private-form').elements.content.focus();
}

// The room of two people, in any order; an id's own colons are written %3A.
const inName = (id) => id.replace(/[%:]/g, (sign) => ({ '%': '%25', ':': '%3A' })[sign]);
const roomsWith = (id) => [[me.id, id], [id, me.id]].map((two) => `private:${two.map(inName).join(':')}`);

const shaped = (message) => ({ ...message, userId: message.from });

export function onPrivateMessage(message) {
  const other = message.from === me.id ? message.to : message.from;
  const before = conversations.get(other);
  const mine = message.from === me.id;
  conversations.set(other, { id: message.id, at: message.timestamp, text: message.content, unread: mine ? 0 : (before?.unread ?? 0) + 1 });
  if (!partner) choose(other);
  else if (other === partner) messages.show(shaped(message));
  if (other === partner && !mine) markRead();
  if (!mine) toast(`${nameOf(message.from)} writes to you`, message.content);
  showConversations();
}

// Changed, or taken back.
export function onPrivateChanged(message) {
  messages.change(message);
  for (const one of conversations.values()) if (one.id === message.id) one.text = message.content ?? '';
  showConversations();
}

// Read on another device, or in another tab.
export function onReadMark({ room, unreadCount }) {
  for (const [id, one] of conversations) if (roomsWith(id).includes(room)) one.unread = unreadCount;
  showConversations();
}

// The other one was erased, and with them what was said.
export function onConversationDeleted({ with: id }) {
  conversations.delete(id);
  if (id === partner) {
    messages.clear();
    if ($('private-form').elements.to.value.trim() === id) $('private-form').reset();
    partner = '';
  }
  showConversations();
}

function markRead() {
  const known = conversations.get(partner);
  if (!known?.unread) return;
  known.unread = 0;
  ask('mark_room_read', { room: roomsWith(partner)[0] }, { quiet: true });
}

function showConversations() {
  const rows = [...conversations].sort(([, a], [, b]) => String(b.at).localeCompare(String(a.at)));
  $('conversations').replaceChildren(
    ...rows.slice(0, 20).map(([id, { at, text, unread }]) =>
      el('li', {}, el('button', { type: 'button', ariaPressed: String(id === partner), onclick: () => pick(id) },
        who(id, 'b'), unread > 0 && el('span', { className: 'count' }, unread), el('span', { className: 'grow' }, text), el('small', {}, at ? clock(at) : '')))));
  $('private-none').hidden = rows.length > 0 || Boolean(partner);
}

onSubmit('private-form', ({ to, content }) => {
  const id = to.value.trim();
  const text = content.value.trim();
  if (!id || !text) return;
  content.value = '';
  if (id !== partner) choose(id);
  messages.send('private_message', { to: id, content: text });
});
