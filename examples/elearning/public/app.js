// The demo classroom: an ordinary page on an unmodified socket.io client. It shows every event of
// the guide and sends every event that examples/elearning/handlers take. Whatever comes from people
// is set as text, never as markup.

/* global io */

const $ = (id) => document.getElementById(id);

// el('li', { className: 'x' }, 'text', node…): text always stays text.
function el(name, props = {}, ...children) {
  const node = Object.assign(document.createElement(name), props);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const clock = (when) => {
  const date = new Date(when ?? Date.now());
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
};

// A round picture of somebody: initials on a colour that belongs to the id.
function face(id) {
  let hash = 2166136261;
  for (const letter of id) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  const initials = id.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join('').toUpperCase();
  const node = el('span', { className: 'face' }, initials || '?');
  node.setAttribute('aria-hidden', 'true');
  node.style.setProperty('--hue', ((hash >>> 8) % 24) * 15);
  return node;
}

function toast(title, text = '', kind = '') {
  const node = el('div', { className: `toast ${kind}` }, el('strong', {}, title), text ? el('div', {}, text) : null);
  $('toasts').append(node);
  while ($('toasts').childElementCount > 4) $('toasts').firstElementChild.remove();
  setTimeout(() => node.remove(), 6000);
}

// Adds to a scrolling list and follows its end, unless the reader has scrolled away from it.
function append(list, node, limit = 300) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(node);
  while (list.childElementCount > limit) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// ---------------------------------------------------------------------------------- the state

const DISCUSSION = 'general';
const pollingOnly = new URLSearchParams(location.search).get('transport') === 'polling';
const me = { id: '', role: '', name: '', staff: false };
const people = new Map(); // user id → 'online' | 'offline', of the course
const typists = new Map(); // user id → timer that forgets them should no stop ever come
const reactions = new Map(); // emoji → number
const shown = new Set(); // ids of the messages in the list
let socket = null;
let course = ''; // the room joined, '' before
let session = ''; // id of the live session entered, '' before
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

function showSignIn(title = '', advice = '') {
  socket?.disconnect();
  socket = null;
  sessionStorage.removeItem('token');
  hideExpiry();
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
  $('course').value ||= [claims.courses].flat()[0] ?? 'demo';
  showConnection('wait', 'connecting…');

  if (typeof io !== 'function') {
    showSignIn('The socket.io client is missing.', 'This server was built without it; examples/elearning/run builds one that has it.');
    return;
  }
  socket = io({ auth: { token }, forceNew: true, ...(pollingOnly && { transports: ['polling'] }) });
  // Behind an event's one argument comes where recovery would go on, which the client keeps for itself.
  socket.onAny((event, data) => logEvent('in', event, [data]));
  socket.onAnyOutgoing((event, ...args) => logEvent('out', event, args));
  for (const [event, handle] of Object.entries(handlers)) socket.on(event, handle);
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
    if (socket?.active) showConnection('wait', 'connection lost, coming back…');
    else showConnection('off', 'not connected');
    if (reason === 'io server disconnect') toast('The server closed the connection.', 'Reload the page to come back.', 'bad');
    typists.clear();
    showTyping();
  });
}

// Sends an event and gives its answer; a refusal is shown and gives null.
async function ask(event, payload) {
  try {
    const ack = await socket.timeout(10_000).emitWithAck(event, payload);
    logEvent(ack?.ok === false ? 'bad' : 'in', `${event} ↩`, [ack]);
    if (ack?.ok !== false) return ack ?? {};
    toast('That did not work', ack.error?.message ?? '', 'bad');
  } catch {
    toast('No answer from the server', `to ${event}`, 'bad');
  }
  return null;
}

// ---------------------------------------------------------------------------------- what comes in

const handlers = {
  connected(data) {
    me.id = String(data.userId);
    $('me-name').textContent = me.name || me.id;
    $('me-role').textContent = me.role || 'learner';
    $('me-face').replaceWith(Object.assign(face(me.id), { id: 'me-face' }));
    $('me').hidden = $('classroom').hidden = false;
    $('bell').parentElement.hidden = false;
    $('sign-in').hidden = true;
    for (const node of document.querySelectorAll('.stack.staff')) node.hidden = !me.staff;
    for (const node of document.querySelectorAll('.admin')) node.hidden = node.disabled = me.role !== 'admin';
    showReturn(data);
    showUnread(data.unreadCount);
    loadNotifications();
    joinCourse(course || $('course').value); // after a reconnect: where one was
    if (session) enterSession();
  },
  // With an event: what was wrong with it. Without: the socket ends.
  error({ event, code, message = '' }) {
    if (!event && code === 'unauthorized') showSignIn(`You were signed out: ${message}.`, adviceFor(message));
    else toast('The server says no', `${event ?? ''}: ${message}`, 'bad');
  },
  token_expiring: ({ expiresAt }) => showExpiry(expiresAt),

  user_presence({ userId, status }) {
    people.set(userId, status);
    if (status === 'offline') stopTyping(userId);
    showPeople();
  },
  room_revoked({ room }) {
    toast('You were taken out of a room', room, 'bad');
    if (room === course) leftCourse();
  },
  typing_indicator({ room, userId, isTyping }) {
    if (room !== course) return;
    clearTimeout(typists.get(userId));
    if (isTyping) typists.set(userId, setTimeout(() => stopTyping(userId), 15_000));
    else typists.delete(userId);
    showTyping();
  },
  discussion_message(message) {
    if (message.room === course) {
      stopTyping(message.userId);
      showMessage(message);
    }
  },
  discussion_reaction({ room, userId, reaction }) {
    if (room !== course) return;
    const button = [...document.querySelectorAll('[data-reaction]')].find((one) => one.dataset.reaction === reaction);
    if (button) {
      button.classList.remove('bump');
      void button.offsetWidth; // lets the animation begin anew
      button.classList.add('bump');
    }
    if (userId !== me.id) append($('messages'), el('li', { className: 'line' }, `${userId} reacts ${reaction}`));
    loadReactions();
  },

  notification(notification) {
    toast(notification.title, notification.message);
    if (notification.isRoomNotification) showNews(notification.title, notification.message, 'to the course', notification.createdAt);
    else showNotification(notification, true);
  },
  unread_count({ unreadCount, readIds, allRead }) {
    showUnread(unreadCount);
    for (const item of $('notification-list').children) {
      if (allRead || readIds?.includes(item.dataset.id)) markShownRead(item);
    }
  },
  course_announcement: (a) => showNews(a.title, a.message, `from ${a.instructorId ?? 'the staff'}`, a.timestamp),
  course_update: (u) => showNews(u.title, u.message, u.type ? `update: ${u.type}` : 'update', u.timestamp),
  system_announcement(a) {
    showNews(a.title, a.message, 'to everybody', undefined, 'system');
    toast(a.title, a.message);
  },

  private_message(message) {
    showPrivate(message);
    if (message.from !== me.id) toast(`${message.from} writes to you`, message.content);
  },
  live_session_event(event) {
    const words = {
      user_joined: 'came in', user_left: 'left', session_started: 'started the session', session_ended: 'ended the session', mute_all: 'muted everybody',
      hand_raised: event.data?.up === false ? 'took the hand down' : 'raises a hand',
      screen_share: event.data?.isSharing === false ? 'stopped sharing the screen' : 'shares the screen',
    };
    append($('live-log'), el('li', {}, `${clock(event.timestamp)} `, el('b', {}, event.userId ?? 'somebody'), ` ${words[event.type] ?? event.type}`), 100);
    if (event.type === 'session_started') $('live-state').hidden = false;
    if (event.type === 'session_ended') $('live-state').hidden = true;
  },
};

// ---------------------------------------------------------------------------------- the course

async function joinCourse(id) {
  const before = course;
  const ack = await ask('join_room', { room: id.includes(':') ? id : `course:${id}`, type: 'discussion' });
  if (!ack) {
    $('course-note').textContent = `You cannot join ${id}. Ask its staff, or choose another course.`;
    return;
  }
  course = ack.room;
  if (course !== before) {
    $('messages').replaceChildren();
    shown.clear();
    $('live-log').replaceChildren();
  }
  people.clear();
  for (const userId of ack.online ?? []) people.set(userId, 'online');
  $('course-note').textContent = `You are in ${course}.`;
  $('course-button').textContent = 'Leave';
  $('course').value = course.replace(/^course:/, '');
  $('course').readOnly = true;
  $('discussion-room').textContent = course;
  $('discussion-room').hidden = false;
  showCourse();
  const history = await ask('discussion_history', { room: course, discussionId: DISCUSSION });
  for (const message of history?.messages ?? []) showMessage(message);
  showReactions(history?.reactions);
}

async function leaveCourse() {
  if (session) await leaveSession();
  if (await ask('leave_room', { room: course })) leftCourse();
}

function leftCourse() {
  course = '';
  people.clear();
  $('course-note').textContent = 'Join a course to talk.';
  $('course-button').textContent = 'Join';
  $('course').readOnly = false;
  $('discussion-room').hidden = true;
  $('messages').replaceChildren();
  shown.clear();
  showCourse();
}

function showCourse() {
  for (const node of document.querySelectorAll('#message-form :is(textarea, button), .reactions button, #live-join')) node.disabled = !course;
  for (const userId of typists.keys()) stopTyping(userId);
  showPeople();
}

function showPeople() {
  const rows = [...people].sort(([a, x], [b, y]) => y.localeCompare(x) || a.localeCompare(b));
  $('people').replaceChildren(
    ...rows.map(([userId, status]) =>
      el('li', { className: status === 'online' ? '' : 'away' },
        face(userId),
        el('span', { className: 'grow', title: userId }, userId, userId === me.id && el('small', {}, ' (you)'), status !== 'online' && el('small', {}, ' gone')),
        userId !== me.id && el('button', { type: 'button', className: 'link', ariaLabel: `Write to ${userId}`, onclick: () => writeTo(userId) }, 'Write'),
      ),
    ),
  );
  $('people-count').textContent = rows.filter(([, status]) => status === 'online').length;
  $('people-none').hidden = rows.length > 0;
}

// ---------------------------------------------------------------------------------- discussion

function showMessage({ id, userId, content, timestamp }) {
  if (id && shown.has(id)) return;
  shown.add(id);
  const mine = userId === me.id;
  append($('messages'),
    el('li', { className: mine ? 'mine' : '' },
      mine ? null : face(String(userId)),
      el('div', { className: 'bubble' },
        el('header', {}, el('b', {}, mine ? 'You' : String(userId)), el('time', { dateTime: timestamp ?? '' }, clock(timestamp))),
        el('p', {}, String(content)))));
}

function showReactions(counts = {}) {
  reactions.clear();
  for (const [emoji, n] of Object.entries(counts || {})) reactions.set(emoji, n);
  for (const button of document.querySelectorAll('[data-reaction]')) {
    button.querySelector('span').textContent = reactions.get(button.dataset.reaction) || '';
  }
}

// The server counts each person's reaction once, so its numbers are asked for: at most once a second.
let counting = 0;
function loadReactions() {
  counting ||= setTimeout(async () => {
    counting = 0;
    if (!course || !socket?.connected) return;
    showReactions((await ask('discussion_history', { room: course, discussionId: DISCUSSION, limit: 1 }))?.reactions);
  }, 300);
}

function stopTyping(userId) {
  clearTimeout(typists.get(userId));
  if (typists.delete(userId)) showTyping();
}

function showTyping() {
  const names = [...typists.keys()];
  $('typing').textContent =
    names.length === 0 ? '' : names.length === 1 ? `${names[0]} is typing…` : names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : `${names.length} people are typing…`;
}

// Tells the others at most once a second that one types, and after a pause that one stopped.
const typing = { told: 0, pause: 0 };
function iType() {
  if (!course) return;
  const now = Date.now();
  if (now - typing.told > 1000) {
    socket.emit('typing_start', { room: course, discussionId: DISCUSSION });
    typing.told = now;
  }
  clearTimeout(typing.pause);
  typing.pause = setTimeout(iStopped, 2500);
}
function iStopped() {
  clearTimeout(typing.pause);
  if (typing.told && course) socket.emit('typing_stop', { room: course, discussionId: DISCUSSION });
  typing.told = 0;
}

// ---------------------------------------------------------------------------------- notifications

async function loadNotifications() {
  const list = await ask('list_notifications', {});
  if (!list) return;
  $('notification-list').replaceChildren();
  for (const notification of list.notifications ?? []) showNotification(notification, false);
  showUnread(list.unreadCount);
}

function showNotification(notification, first) {
  const { id, title, message, createdAt, isRead } = notification;
  const item = el('li', { className: isRead ? '' : 'unread' },
    el('div', {}, el('strong', {}, title), el('div', {}, message ?? ''), el('small', {}, clock(createdAt))),
    !isRead && el('button', { type: 'button', className: 'link', ariaLabel: `Mark ${title} as read`, onclick: () => ask('mark_notification_read', { id }) }, 'Read'));
  item.dataset.id = id;
  $('notification-list')[first ? 'prepend' : 'append'](item);
  $('notification-none').hidden = true;
}

function markShownRead(item) {
  item.className = '';
  item.querySelector('button')?.remove();
}

function showUnread(n) {
  $('unread').hidden = !n;
  $('unread').textContent = n > 99 ? '99+' : n;
  $('bell').setAttribute('aria-label', `Notifications, ${n || 'none'} unread`);
  document.title = `${n ? `(${n}) ` : ''}Lectern classroom`;
}

function openBell(open) {
  $('notifications').hidden = !open;
  $('bell').setAttribute('aria-expanded', String(open));
}

function showNews(title, message, from, when, kind = '') {
  $('news').prepend(el('li', { className: kind }, el('strong', {}, title ?? ''), el('div', {}, message ?? ''), el('small', {}, `${clock(when)} · ${from}`)));
  while ($('news').childElementCount > 50) $('news').lastElementChild.remove();
  $('news-none').hidden = true;
}

// ---------------------------------------------------------------------------------- private, live

function writeTo(userId) {
  $('private-form').elements.to.value = userId;
  $('private-form').elements.content.focus();
}

function showPrivate({ from, to, content, timestamp }) {
  const mine = from === me.id;
  append($('private-list'), el('li', {}, el('b', {}, mine ? `You → ${to}` : from), content, ' ', el('small', {}, clock(timestamp))), 100);
  $('private-none').hidden = true;
  if (!mine && !$('private-form').elements.to.value) $('private-form').elements.to.value = from;
}

// A course's live session bears the course's id.
const sessionOf = (room) => room.replace(/^course:/, '');

async function enterSession() {
  const id = sessionOf(course || session);
  if (!(await ask('join_room', { room: `live-session:${id}`, type: 'live_session' }))) return;
  if (!session) ask('live_session_event', { sessionId: id, type: 'user_joined', data: { userName: me.name } });
  session = id;
  showSession();
}

async function leaveSession() {
  await ask('live_session_event', { sessionId: session, type: 'user_left' });
  await ask('leave_room', { room: `live-session:${session}` });
  session = '';
  showSession();
}

function showSession() {
  $('live-join').textContent = session ? 'Leave session' : 'Enter session';
  for (const button of document.querySelectorAll('.in-live')) {
    button.hidden = !session || (button.classList.contains('staff') && !me.staff);
    if (!session && button.hasAttribute('aria-pressed')) button.setAttribute('aria-pressed', 'false');
  }
}

// ---------------------------------------------------------------------------------- the event log

let logged = 0;
function logEvent(direction, event, args) {
  const sign = { in: '←', out: '→', bad: '!' }[direction];
  const text = JSON.stringify(args.length === 1 ? args[0] : args, (_, value) => (value instanceof ArrayBuffer ? `${value.byteLength} bytes` : value));
  append($('events'), el('li', {},
    el('time', {}, new Date().toISOString().slice(11, 23)),
    el('span', { className: direction, title: { in: 'received', out: 'sent', bad: 'problem' }[direction] }, sign),
    el('b', {}, event),
    el('span', {}, args.length === 0 || text === undefined ? '' : text.slice(0, 2000))), 200);
  $('event-count').textContent = ++logged;
}

// ---------------------------------------------------------------------------------- what one does

function onSubmit(id, act) {
  $(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = event.target.querySelector('[type=submit]');
    button.disabled = true;
    await act(event.target.elements, event.target);
    button.disabled = false;
  });
}

onSubmit('sign-in-form', () => enter($('token').value.trim()));
onSubmit('expiry-form', async ({ newer }) => {
  const token = newer.value.trim();
  const ack = await ask('refresh_token', token);
  if (!ack) return;
  socket.auth = { token }; // for the next connection
  sessionStorage.setItem('token', token);
  hideExpiry();
  toast('You stay', ack.expiresAt ? `until ${new Date(ack.expiresAt).toLocaleString()}` : '');
});
onSubmit('course-form', () => (course ? leaveCourse() : joinCourse($('course').value.trim())));

onSubmit('message-form', async ({ message }) => {
  const content = message.value.trim();
  if (!content) return;
  iStopped();
  if (await ask('discussion_message', { room: course, discussionId: DISCUSSION, content })) message.value = '';
  message.focus();
});
$('message').addEventListener('input', () => ($('message').value ? iType() : iStopped()));
$('message').addEventListener('blur', iStopped);
$('message').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $('message-form').requestSubmit();
  }
});
for (const button of document.querySelectorAll('[data-reaction]')) {
  button.addEventListener('click', () => ask('discussion_reaction', { room: course, discussionId: DISCUSSION, reaction: button.dataset.reaction }));
}

onSubmit('announce-form', async ({ title, message, as, userId }, form) => {
  const text = { title: title.value, message: message.value };
  const courseId = sessionOf(course);
  const ack =
    as.value === 'system' ? await ask('announce_system', { ...text, type: 'info' })
    : as.value === 'person' ? await ask('notify', { ...text, userId: userId.value.trim(), type: 'PERSONAL' })
    : await ask('announce', { ...text, courseId, as: as.value, ...(as.value !== 'announcement' && { type: 'news' }) });
  if (ack) {
    title.value = message.value = '';
    if (as.value === 'person') toast('Sent', `to ${userId.value}`);
  }
  form.elements.title.focus();
});
$('announce-form').elements.as.addEventListener('change', ({ target }) => {
  $('announce-to').hidden = target.value !== 'person';
  $('announce-form').elements.userId.required = target.value === 'person';
});

onSubmit('private-form', async ({ to, content }) => {
  if (await ask('private_message', { to: to.value.trim(), content: content.value })) content.value = '';
});

$('live-join').addEventListener('click', () => (session ? leaveSession() : enterSession()));
for (const button of document.querySelectorAll('[data-live]')) {
  button.addEventListener('click', () => {
    const type = button.dataset.live;
    const on = button.getAttribute('aria-pressed') !== 'true';
    if (button.hasAttribute('aria-pressed')) button.setAttribute('aria-pressed', String(on));
    const data = { hand_raised: { up: on }, screen_share: { isSharing: on } }[type] ?? {};
    ask('live_session_event', { sessionId: session, type, data });
  });
}

$('bell').addEventListener('click', () => openBell($('notifications').hidden));
$('read-all').addEventListener('click', () => ask('mark_all_notifications_read', {}));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !$('notifications').hidden) {
    openBell(false);
    $('bell').focus();
  }
});
document.addEventListener('click', (event) => {
  if (!event.target.closest('.bell')) openBell(false);
});

$('sign-out').addEventListener('click', () => {
  course = session = '';
  showConnection('off', 'not connected');
  showSignIn();
});
$('events-clear').addEventListener('click', () => $('events').replaceChildren());
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
  socket?.disconnect();
  begin();
});
showCourse();
begin();
