// Names of people in place of their ids. Whoever shows somebody calls who(id): it is the id at first, and the name
// as soon as the server has told it.
import { el } from './dom.js';

const names = new Map(); // user id → name
const asked = new Set();
let wanted = new Set();
let ask = null;
const listeners = [];

// Has fn called after names came that were not known.
export const whenNamed = (fn) => listeners.push(fn);

export function knowName(id, name) {
  if (!name || names.get(id) === name) return;
  names.set(id, name);
  for (const node of document.querySelectorAll('[data-who]')) if (node.dataset.who === id) paint(node);
}

export const nameOf = (id) => names.get(id) ?? id;

function paint(node) {
  const id = node.dataset.who;
  if (node.classList.contains('face')) node.textContent = initials(nameOf(id));
  else node.textContent = nameOf(id);
  node.title = id;
}

// Asks for the names of all that were met in this moment.
function want(id) {
  if (names.has(id) || asked.has(id)) return;
  if (wanted.size === 0) setTimeout(fetchNames);
  wanted.add(id);
}

async function fetchNames() {
  const ids = [...wanted].slice(0, 100);
  wanted = new Set([...wanted].slice(100));
  for (const id of ids) asked.add(id);
  const answer = await ask?.('people', { ids });
  if (!answer) for (const id of ids) asked.delete(id);
  const came = Object.entries(answer?.names ?? {});
  for (const [id, name] of came) knowName(id, name);
  if (came.length > 0) for (const fn of listeners) fn();
  if (wanted.size > 0) fetchNames();
}

// How the names are asked for, from the first connection on.
export function askNamesBy(fn) {
  ask = fn;
  asked.clear();
}

const initials = (name) => name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join('').toUpperCase() || '?';

export function who(id, tag = 'span') {
  const node = el(tag, {});
  node.dataset.who = id;
  want(id);
  paint(node);
  return node;
}

// A round picture of somebody: initials on a colour that belongs to the id.
export function face(id) {
  let hash = 2166136261;
  for (const letter of id) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  const node = who(id);
  node.className = 'face';
  paint(node);
  node.setAttribute('aria-hidden', 'true');
  node.style.setProperty('--hue', ((hash >>> 8) % 24) * 15);
  return node;
}
