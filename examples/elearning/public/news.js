// Announcements and updates of the course, and what is said to everybody. Those that are kept are loaded when one comes.
import { $, clock, el, toast } from './dom.js';
import { who } from './names.js';
import { ask } from './server.js';

const MAX_SHOWN = 50;

let time = 0; // one more each time it is another course
let known = false; // whether its list has come
const came = new Set(); // ids of those that came while the list was asked for, and may not be in it
const gone = new Set(); // of those taken back meanwhile

// Before the course was asked, nothing is known, and nothing is said.
export function clearNews() {
  time += 1;
  known = false;
  $('news').replaceChildren();
  $('news-none').hidden = true;
}

export async function loadNews(courseId) {
  const before = time;
  for (const ids of [came, gone]) ids.clear();
  const answer = await ask('list_announcements', { courseId });
  if (!answer || before !== time) return;
  const kept = new Set([...came, ...answer.announcements.map(({ id }) => id)]);
  for (const one of [...$('news').children]) if (one.dataset.kept && !kept.has(one.dataset.id)) one.remove();
  for (const announcement of answer.announcements.filter(({ id }) => !gone.has(id)).reverse()) show(announcement);
  known = true;
  showEmpty();
}

export function onAnnouncement(announcement) {
  came.add(announcement.id);
  show(announcement);
}

export function onAnnouncementDeleted({ id }) {
  gone.add(id);
  came.delete(id);
  [...$('news').children].find((one) => one.dataset.id === id)?.remove();
  showEmpty();
}

function show({ id, title, message, instructorId, timestamp }) {
  showNews({ id, title, message, createdAt: timestamp, from: instructorId ? who(instructorId) : 'the staff', kept: true });
}

export function onUpdate({ title, message, type, timestamp }) {
  showNews({ title, message, createdAt: timestamp, from: type ? `update: ${type}` : 'update' });
}

export function onSystem({ title, message }) {
  showNews({ title, message, from: 'to everybody', kind: 'system' });
  toast(title, message);
}

export function showNews({ id, title, message, createdAt, from, kind = '', kept = false }) {
  const item = el('li', { className: kind }, el('strong', {}, title ?? ''), el('div', {}, message ?? ''), el('small', {}, clock(createdAt), ' · ', from));
  if (id) item.dataset.id = id;
  if (kept) item.dataset.kept = true;
  const there = id && [...$('news').children].find((one) => one.dataset.id === id);
  if (there) there.replaceWith(item);
  else $('news').prepend(item);
  while ($('news').childElementCount > MAX_SHOWN) $('news').lastElementChild.remove();
  showEmpty();
}

function showEmpty() {
  $('news-none').hidden = !known || $('news').childElementCount > 0;
}
