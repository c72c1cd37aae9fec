// The demo classroom: an ordinary page on an unmodified socket.io client. It shows every event of
// the guide and sends every event that examples/elearning/handlers take. Here: who one is, the connection, and what
// each event goes to.

/* global io */

import { announceForm, onRoomRevoked, onTyping, onDiscussion, onDiscussionChanged, onPresence, onReaction, onReactionRemoved, joinCourse, forgetCourse, forgetTypists, course } from './course.js';
import { $, el, onSubmit, toast } from './dom.js';
import { askNamesBy, face, knowName } from './names.js';
import { onAnnouncement, onAnnouncementDeleted, onSystem, onUpdate } from './news.js';
import { forgetInbox, openInbox } from './notifications.js';
import * as outbox from './outbox.js';
import { forgetPrivate, loadPrivate, onConversationDeleted, onPrivateChanged, onPrivateMessage, onReadMark } from './private.js';
import { ask, link, logEvent, me } from './server.js';
import { forgetSession, onLiveEvent, reenterSession } from './session.js';

const pollingOnly = new URLSearchParams(location.search).get('transport') === 'polling';
let cameBack = ''; // how, after a lost connection
let expiryTimer = 0;

// ---------------------------------------------------------------------------------- the token

// What a token says about its owner. Only for display: the server decides what it is worth.
function readToken(token) {
  const payload = token.split('.')[1];
  if (!payload) return null;
  try {
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

// From the address once, then kept for this tab only: it does not belong into history or bookmarks.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    sessionStorage.setItem('token', given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem('token');
}

// Whoever comes next sees and sends nothing of whom the page was before.
function leave() {
  link.socket?.disconnect();
  link.socket = null;
  hideExpiry();
  for (const forget of [forgetCourse, forgetSession, forgetInbox, forgetPrivate, outbox.forget]) forget();
}

function showSignIn(title = '', advice = '') {
  leave();
  sessionStorage.removeItem('token');
  for (const id of ['classroom', 'me']) $(id).hidden = true;
  $('bell').parentElement.hidden = true;
  $('sign-in').hidden = false;
  $('sign-in-error').hidden = !title;
  $('sign-in-error').replaceChildren(el('strong', {}, title), el('span', {}, advice));
  $('token').focus();
}

// What to do about a refusal at the door.
function adviceFor(message) {
  if (/expired/i.test(message)) return 'Tokens are good for a limited time. Get a new one and try again.';
  if (/revoked/i.test(message)) return 'It was withdrawn. Ask for a new one.';
  if (/no token|missing/i.test(message)) return 'Paste the whole token: three parts with two dots between them.';
  return 'Was it copied whole, and made with the JWT_SECRET that this server runs with? After a restart of "serve --dev", tokens of before are void.';
}

// ---------------------------------------------------------------------------------- connection

function showConnection(state, text) {
  $('connection').dataset.state = state;
  $('connection-text').textContent = text;
}

function showTransport() {
  const { socket } = link;
  if (socket?.connected) showConnection('on', ['connected', socket.io.engine.transport.name, cameBack].filter(Boolean).join(' · '));
}

// Why events may be missing, by what the server says (recoveryFailed).
const WHY_ANEW = {
  unknown: 'The server was restarted meanwhile.',
  expired: 'You were away for too long.',
  no_offset: 'You had just come.',
  offset_lost: 'Too much has happened since.',
  too_much: 'Too much has happened since.',
  user_changed: 'You are somebody else now.',
};

function showReturn({ recovered, recoveryFailed }) {
  cameBack = recovered ? 'recovered' : recoveryFailed ? 'started anew' : '';
  if (recovered) toast('You are back', 'What you missed has arrived.');
  if (recoveryFailed) toast('You are back', `${WHY_ANEW[recoveryFailed] ?? ''} The page has been loaded anew.`);
  showTransport();
}

// The last minute of a token, or whatever jwt.warn is.
function showExpiry(expiresAt) {
  hideExpiry();
  const end = Date.parse(expiresAt);
  const tick = () => ($('expiry-left').textContent = `${Math.max(0, Math.round((end - Date.now()) / 1000))} s left.`);
  tick();
  expiryTimer = setInterval(tick, 1000);
  $('expiry').hidden = false;
  $('expiry-when').textContent = `Your token expires at ${new Date(end).toLocaleTimeString()}.`;
}

function hideExpiry() {
  clearInterval(expiryTimer);
  $('expiry').hidden = true;
  $('expiry-form').reset();
}

function enter(token) {
  const claims = readToken(token);
  if (!claims) {
    showSignIn('This is not a token.', adviceFor('missing'));
    return;
  }
  sessionStorage.setItem('token', token);
  Object.assign(me, { id: String(claims.sub ?? ''), role: String(claims.role ?? ''), name: String(claims.name ?? claims.sub ?? '') });
  me.staff = ['teacher', 'instructor', 'admin'].includes(me.role);
  knowName(me.id, me.name);
  $('course').value ||= [claims.courses].flat()[0] ?? 'demo';
  showConnection('wait', 'connecting…');

  if (typeof io !== 'function') {
    showSignIn('The socket.io client is missing.', 'This server was built without it; examples/elearning/run builds one that has it.');
    return;
  }
  const socket = io({ auth: { token }, forceNew: true, ...(pollingOnly && { transports: ['polling'] }) });
  link.socket = socket;
  // Behind an event's one argument comes where recovery would go on, which the client keeps for itself.
  socket.onAny((event, data) => logEvent('in', event, [data]));
  socket.onAnyOutgoing((event, ...args) => logEvent('out', event, args));
  for (const [event, handle] of Object.entries(handlers)) socket.on(event, handle);
  openInbox(socket);
  socket.on('connect', () => {
    cameBack = '';
    hideExpiry();
    showTransport();
    socket.io.engine.on('upgrade', showTransport);
  });
  socket.on('connect_error', (error) => {
    logEvent('bad', 'connect_error', [error.message]);
    // While active, the client tries again by itself; otherwise the server has said no.
    if (socket.active) showConnection('wait', 'no connection, trying again…');
    else {
      showConnection('bad', 'refused');
      showSignIn(`The server refused: ${error.message}`, adviceFor(error.message));
    }
  });
  socket.on('disconnect', (reason) => {
    logEvent('bad', 'disconnect', [reason]);
    if (socket === link.socket && socket.active) showConnection('wait', 'connection lost, coming back…');
    else showConnection('off', 'not connected');
    if (reason === 'io server disconnect') toast('The server closed the connection.', 'Reload the page to come back.', 'bad');
    forgetTypists();
  });
}

// ---------------------------------------------------------------------------------- what comes in

function onConnected(data) {
  me.id = String(data.userId);
  $('me-name').textContent = me.name || me.id;
  $('me-role').textContent = me.role || 'learner';
  $('me-face').replaceWith(Object.assign(face(me.id), { id: 'me-face' }));
  $('me').hidden = $('classroom').hidden = false;
  $('bell').parentElement.hidden = false;
  $('sign-in').hidden = true;
  for (const node of document.querySelectorAll('.stack.staff')) node.hidden = !me.staff;
  for (const node of document.querySelectorAll('.admin')) node.hidden = node.disabled = me.role !== 'admin';
  askNamesBy((event, payload) => ask(event, payload, { quiet: true }));
  showReturn(data);
  loadPrivate();
  joinCourse(course() || $('course').value); // after a reconnect: where one was
  reenterSession();
  outbox.resume();
}

const handlers = {
  connected: onConnected,
  // With an event: what was wrong with it. Without: the socket ends.
  error({ event, code, message = '' }) {
    if (!event && code === 'unauthorized') showSignIn(`You were signed out: ${message}.`, adviceFor(message));
    else toast('The server says no', `${event ?? ''}: ${message}`, 'bad');
  },
  token_expiring: ({ expiresAt }) => showExpiry(expiresAt),

  user_presence: onPresence,
  room_revoked: onRoomRevoked,
  typing_indicator: onTyping,
  discussion_message: onDiscussion,
  discussion_reaction: onReaction,
  discussion_reaction_removed: onReactionRemoved,
  message_updated: (message) => (message.from ? onPrivateChanged(message) : onDiscussionChanged(message)),
  message_deleted: (message) => (message.from ? onPrivateChanged(message) : onDiscussionChanged(message)),

  course_announcement: onAnnouncement,
  course_announcement_deleted: onAnnouncementDeleted,
  course_update: onUpdate,
  system_announcement: onSystem,

  private_message: onPrivateMessage,
  conversation_deleted: onConversationDeleted,
  read_mark: onReadMark,
  live_session_event: onLiveEvent,
};

// ---------------------------------------------------------------------------------- what one does

onSubmit('sign-in-form', () => enter($('token').value.trim()));
onSubmit('expiry-form', async ({ newer }) => {
  const token = newer.value.trim();
  const ack = await ask('refresh_token', token);
  if (!ack) return;
  link.socket.auth = { token }; // for the next connection
  sessionStorage.setItem('token', token);
  hideExpiry();
  toast('You stay', ack.expiresAt ? `until ${new Date(ack.expiresAt).toLocaleString()}` : '');
});
$('sign-out').addEventListener('click', () => {
  showConnection('off', 'not connected');
  showSignIn();
});
$('polling-only').checked = pollingOnly;
$('polling-only').addEventListener('change', ({ target }) => {
  location.search = target.checked ? '?transport=polling' : '';
});

function begin() {
  const token = takeToken();
  if (token) enter(token);
  else showSignIn();
}
window.addEventListener('hashchange', () => {
  if (!location.hash.includes('token=')) return;
  leave();
  begin();
});
announceForm();
begin();
