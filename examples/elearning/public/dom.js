// Small things that all of the page uses. Whatever comes from people is set as text, never as markup.

export const $ = (id) => document.getElementById(id);

// el('li', { className: 'x' }, 'text', node…): text always stays text.
export function el(name, props = {}, ...children) {
  const node = Object.assign(document.createElement(name), props);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const clock = (when) => {
  const date = new Date(when ?? Date.now());
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
};

export function toast(title, text = '', kind = '') {
  const node = el('div', { className: `toast ${kind}` }, el('strong', {}, title), text ? el('div', {}, text) : null);
  $('toasts').append(node);
  while ($('toasts').childElementCount > 4) $('toasts').firstElementChild.remove();
  setTimeout(() => node.remove(), 6000);
}

// Adds to a scrolling list and follows its end, unless the reader has scrolled away from it.
export function append(list, node, limit = 300) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(node);
  while (list.childElementCount > limit) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// A form that does one thing at a time.
export function onSubmit(id, act) {
  $(id).addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = event.target.querySelector('[type=submit]');
    button.disabled = true;
    await act(event.target.elements, event.target);
    button.disabled = false;
  });
}

// An id that nobody else makes; pages that came over http:// have no randomUUID.
export const newId = () => [...crypto.getRandomValues(new Uint8Array(15))].map((byte) => byte.toString(36).padStart(2, '0')).join('');
