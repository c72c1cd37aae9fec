// Announcements and updates of the course, and what is said to everybody. Those that are kept are loaded when one comes.
import { $, clock, el, toast } from './dom.js';
import { who } from './names.js';
import { ask } from './server.js';

const MAX_SHOWN = 50;

// Before the course was asked, nothing is known, and nothing is said.
export function clearNews() {
  $('news').replaceChildren();
  $('news-none').hidden = true;
}

export async function loadNews(courseId) {
  const answer = await ask('list_announcements', { courseId });
  if (!answer) return;
  clearNews();
  for (const announcement of [...answer.announcements].reverse()) onAnnouncement(announcement);
  showEmpty();
}

export function onAnnouncement({ id, title, message, instructorId, timestamp }) {
  showNews({ id, title, message, createdAt: timestamp, from: instructorId ? who(instructorId) : 'the staff' });
}

export function onUpdate({ title, message, type, timestamp }) {
  showNews({ title, message, createdAt: timestamp, from: type ? `update: ${type}` : 'update' });
}

export function onSystem({ title, message }) {
  showNews({ title, message, from: 'to everybody', kind: 'system' });
  toast(title, message);
}

export function showNews({ id, title, message, createdAt, from, kind = '' }) {
  const item = el('li', { className: kind }, el('strong', {}, title ?? ''), el('div', {}, message ?? ''), el('small', {}, clock(createdAt), ' · ', from));
  if (id) item.dataset.id = id;
  const there = id && [...$('news').children].find((one) => one.dataset.id === id);
  if (there) there.replaceWith(item);
  else $('news').prepend(item);
  while ($('news').childElementCount > MAX_SHOWN) $('news').lastElementChild.remove();
  showEmpty();
}

function showEmpty() {
  $('news-none').hidden = $('news').childElementCount > 0;
}
