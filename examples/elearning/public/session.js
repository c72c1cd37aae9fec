// The live session of the course: whether it is on, whose hands are up, who shares a screen, and what happens.
import { $, append, clock, el } from './dom.js';
import { who } from './names.js';
import { ask, me } from './server.js';

let session = ''; // its id, '' outside
let hands = []; // user ids, in the order in which they went up
let screens = [];

// A course's live session bears the course's id.
export const sessionOf = (room) => room.replace(/^course:/, '');
export const inSession = () => session !== '';

export async function enterSession(id) {
  const answer = await ask('join_room', { room: `live-session:${id}`, type: 'live_session' });
  if (!answer) return;
  if (!session) ask('live_session_event', { sessionId: id, type: 'user_joined', data: { userName: me.name } });
  session = id;
  showState(answer.session);
  showSession();
}

export async function leaveSession() {
  await ask('live_session_event', { sessionId: session, type: 'user_left' });
  await ask('leave_room', { room: `live-session:${session}` });
  forgetSession();
}

export function forgetSession() {
  session = '';
  showState({});
  showSession();
}

export const reenterSession = () => session && enterSession(session);

// What the server knows of it: for who comes, and who comes back.
function showState({ live = false, hands: up = [], screens: shared = [] } = {}) {
  hands = up.map(({ userId }) => userId);
  screens = shared.map(({ userId }) => userId);
  $('live-state').hidden = !live;
  showHands();
}

function showHands() {
  $('hands').replaceChildren(
    ...hands.map((id) => el('li', {}, '✋ ', id === me.id ? 'You' : who(id))),
    ...screens.map((id) => el('li', {}, '🖥 ', id === me.id ? 'You share your screen' : who(id))),
  );
  press('hand_raised', hands.includes(me.id));
  press('screen_share', screens.includes(me.id));
}

function press(type, on) {
  document.querySelector(`[data-live=${type}]`).setAttribute('aria-pressed', String(on));
}

function showSession() {
  $('live-join').textContent = session ? 'Leave session' : 'Enter session';
  for (const button of document.querySelectorAll('.in-live')) button.hidden = !session || (button.classList.contains('staff') && !me.staff);
}

const without = (list, id) => list.filter((other) => other !== id);
const toggled = (list, id, on) => (on ? [...without(list, id), id] : without(list, id));

const WORDS = {
  user_joined: () => 'came in',
  user_left: () => 'left',
  session_started: () => 'started the session',
  session_ended: () => 'ended the session',
  mute_all: () => 'muted everybody',
  hand_raised: ({ up }) => (up === false ? 'took the hand down' : 'raises a hand'),
  screen_share: ({ isSharing }) => (isSharing === false ? 'stopped sharing the screen' : 'shares the screen'),
};

export function onLiveEvent({ type, userId, timestamp, data }) {
  const more = data ?? {};
  append($('live-log'), el('li', {}, `${clock(timestamp)} `, userId ? who(userId, 'b') : el('b', {}, 'somebody'), ` ${WORDS[type]?.(more) ?? type}`), 100);
  if (type === 'hand_raised') hands = toggled(hands, userId, more.up !== false);
  if (type === 'screen_share') screens = toggled(screens, userId, more.isSharing !== false);
  if (type === 'user_left') [hands, screens] = [without(hands, userId), without(screens, userId)];
  if (type === 'session_started') $('live-state').hidden = false;
  if (type === 'session_ended') {
    [hands, screens] = [[], []];
    $('live-state').hidden = true;
  }
  showHands();
}

for (const button of document.querySelectorAll('[data-live]')) {
  button.addEventListener('click', () => {
    const type = button.dataset.live;
    const on = button.getAttribute('aria-pressed') !== 'true';
    const data = { hand_raised: { up: on }, screen_share: { isSharing: on } }[type] ?? {};
    ask('live_session_event', { sessionId: session, type, data });
  });
}
