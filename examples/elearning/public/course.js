// The course: who is there, what is said and felt, who types, and what staff tell all of it.
import { $, el, onSubmit, toast } from './dom.js';
import { Messages } from './messages.js';
import { face, nameOf, whenNamed, who } from './names.js';
import { clearNews, loadNews } from './news.js';
import { writeTo } from './private.js';
import { ask, link, me } from './server.js';
import { enterSession, inSession, leaveSession, sessionOf } from './session.js';

const DISCUSSION = 'general';
const people = new Map(); // user id → 'online' | 'offline'
const typists = new Map(); // user id → timer that forgets them should no stop ever come
const messages = new Messages($('messages'));
let room = ''; // the one joined, '' before

export const course = () => room;

export async function joinCourse(id) {
  const before = room;
  const ack = await ask('join_room', { room: id.includes(':') ? id : `course:${id}`, type: 'discussion' });
  if (!ack) {
    if (ack === null) $('course-note').textContent = `You cannot join ${id}. Ask its staff, or choose another course.`;
    return;
  }
  room = ack.room;
  if (room !== before) {
    clearMessages();
    clearNews();
    $('live-log').replaceChildren();
  }
  people.clear();
  for (const userId of ack.online ?? []) people.set(userId, 'online');
  $('course-note').textContent = `You are in ${room}.`;
  $('course-button').textContent = 'Leave';
  $('course').value = room.replace(/^course:/, '');
  $('course').readOnly = true;
  $('discussion-room').textContent = room;
  $('discussion-room').hidden = false;
  showCourse();
  const history = await ask('discussion_history', { room, discussionId: DISCUSSION });
  if (ack.room !== room) return; // it was left meanwhile
  messages.showAll(history?.messages);
  $('messages').toggleAttribute('data-known', Boolean(history));
  showReactions(history?.reactions);
  if (room.startsWith('course:')) loadNews(sessionOf(room));
}

async function leaveCourse() {
  if (inSession()) await leaveSession();
  if (await ask('leave_room', { room })) forgetCourse();
}

export function forgetCourse() {
  room = '';
  people.clear();
  $('course-note').textContent = 'Join a course to talk.';
  $('course-button').textContent = 'Join';
  $('course').readOnly = false;
  $('discussion-room').hidden = true;
  clearMessages();
  clearNews();
  showCourse();
}

function clearMessages() {
  messages.clear();
  $('messages').removeAttribute('data-known'); // whether anybody has written
}

export function onRoomRevoked({ room: lost }) {
  toast('You were taken out of a room', lost, 'bad');
  if (lost === room) forgetCourse();
}

function showCourse() {
  for (const node of document.querySelectorAll('#message-form :is(textarea, button), .reactions button, #live-join')) node.disabled = !room;
  forgetTypists();
  showPeople();
}

// ---------------------------------------------------------------------------------- people

export function onPresence({ userId, status }) {
  people.set(userId, status);
  if (status === 'offline') stopTyping(userId);
  showPeople();
}

function showPeople() {
  const rows = [...people].sort(([a, x], [b, y]) => y.localeCompare(x) || nameOf(a).localeCompare(nameOf(b)));
  $('people').replaceChildren(
    ...rows.map(([id, status]) =>
      el('li', { className: status === 'online' ? '' : 'away' },
        face(id),
        el('span', { className: 'grow' }, who(id), id === me.id && el('small', {}, ' (you)'), status !== 'online' && el('small', {}, ' gone')),
        id !== me.id && el('button', { type: 'button', className: 'link', ariaLabel: `Write to ${nameOf(id)}`, onclick: () => writeTo(id) }, 'Write'),
      ),
    ),
  );
  $('people-count').textContent = rows.filter(([, status]) => status === 'online').length;
  $('people-none').hidden = rows.length > 0;
}

whenNamed(showPeople); // their order, and what screen readers say

// ---------------------------------------------------------------------------------- what is said

export function onDiscussion(message) {
  if (message.room !== room || (message.discussionId ?? DISCUSSION) !== DISCUSSION) return;
  stopTyping(message.userId);
  messages.show(message);
}

export function onDiscussionChanged(message) {
  if (message.room === room) messages.change(message);
}

onSubmit('message-form', ({ message }) => {
  const content = message.value.trim();
  if (!content || !room) return;
  iStopped();
  message.value = '';
  message.focus();
  messages.send('discussion_message', { room, discussionId: DISCUSSION, content });
});
$('message').addEventListener('input', () => ($('message').value ? iType() : iStopped()));
$('message').addEventListener('blur', iStopped);
$('message').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $('message-form').requestSubmit();
  }
});

// ---------------------------------------------------------------------------------- what is felt

export function onReaction({ room: where, userId, reaction }) {
  if (where !== room) return;
  const button = [...document.querySelectorAll('[data-reaction]')].find((one) => one.dataset.reaction === reaction);
  if (button) {
    button.classList.remove('bump');
    void button.offsetWidth; // lets the animation begin anew
    button.classList.add('bump');
  }
  if (userId !== me.id) messages.note(who(userId), ` reacts ${reaction}`);
  loadReactions();
}

export function onReactionRemoved({ room: where }) {
  if (where === room) loadReactions();
}

function showReactions(counts) {
  for (const button of document.querySelectorAll('[data-reaction]')) {
    button.querySelector('span').textContent = counts?.[button.dataset.reaction] || '';
  }
}

// The server counts each person's reaction once, so its numbers are asked for: at most once a second.
let counting = 0;
function loadReactions() {
  counting ||= setTimeout(async () => {
    counting = 0;
    if (!room || !link.socket?.connected) return;
    showReactions((await ask('discussion_history', { room, discussionId: DISCUSSION, limit: 1 }))?.reactions);
  }, 300);
}

for (const button of document.querySelectorAll('[data-reaction]')) {
  button.addEventListener('click', () => ask('discussion_reaction', { room, discussionId: DISCUSSION, reaction: button.dataset.reaction }));
}

// ---------------------------------------------------------------------------------- who types

export function onTyping({ room: where, userId, isTyping }) {
  if (where !== room) return;
  clearTimeout(typists.get(userId));
  if (isTyping) typists.set(userId, setTimeout(() => stopTyping(userId), 15_000));
  else typists.delete(userId);
  showTyping();
}

export function forgetTypists() {
  for (const timer of typists.values()) clearTimeout(timer);
  typists.clear();
  showTyping();
}

function stopTyping(userId) {
  clearTimeout(typists.get(userId));
  if (typists.delete(userId)) showTyping();
}

function showTyping() {
  const ids = [...typists.keys()];
  $('typing').replaceChildren(
    ...(ids.length === 0 ? [] : ids.length === 1 ? [who(ids[0]), ' is typing…'] : ids.length === 2 ? [who(ids[0]), ' and ', who(ids[1]), ' are typing…'] : [`${ids.length} people are typing…`]),
  );
}

// Tells the others at most once a second that one types, and after a pause that one stopped.
const typing = { told: 0, pause: 0 };
function iType() {
  if (!room) return;
  const now = Date.now();
  if (now - typing.told > 1000) {
    link.socket.emit('typing_start', { room, discussionId: DISCUSSION });
    typing.told = now;
  }
  clearTimeout(typing.pause);
  typing.pause = setTimeout(iStopped, 2500);
}
function iStopped() {
  clearTimeout(typing.pause);
  if (typing.told && room) link.socket?.emit('typing_stop', { room, discussionId: DISCUSSION });
  typing.told = 0;
}

// ---------------------------------------------------------------------------------- coming, going, telling

onSubmit('course-form', () => (room ? leaveCourse() : joinCourse($('course').value.trim())));
$('live-join').addEventListener('click', () => (inSession() ? leaveSession() : enterSession(sessionOf(room))));

export function announceForm() {
  onSubmit('announce-form', async ({ title, message, as, userId }, form) => {
    const text = { title: title.value, message: message.value };
    const courseId = sessionOf(room);
    const ack =
      as.value === 'system' ? await ask('announce_system', { ...text, type: 'info' })
      : as.value === 'person' ? await ask('notify', { ...text, userId: userId.value.trim(), type: 'PERSONAL' })
      : await ask('announce', { ...text, courseId, as: as.value, ...(as.value !== 'announcement' && { type: 'news' }) });
    if (ack) {
      title.value = message.value = '';
      if (as.value === 'person') toast('Sent', `to ${nameOf(userId.value.trim())}`);
    }
    form.elements.title.focus();
  });
  $('announce-form').elements.as.addEventListener('change', ({ target }) => {
    $('announce-to').hidden = target.value !== 'person';
    $('announce-form').elements.userId.required = target.value === 'person';
  });
  showCourse();
}
