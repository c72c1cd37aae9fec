// The bell. The server has one number and one list for each person, and each change of them has the next number, `rev`:
// what is told with an older one is old. Who missed something asks for what changed since; after a restore of the store
// (another `epoch`), or after too long, everything is loaded anew.
import { $, clock, el, toast } from './dom.js';
import { ask } from './server.js';
import { showNews } from './news.js';

const MAX_SHOWN = 100;
const inbox = { rev: -1, epoch: '' };

// Takes in the number that something told. False: it is older than what is shown.
function advance({ unreadCount, rev, epoch }) {
  if (epoch !== undefined) inbox.epoch = epoch;
  if (rev !== undefined && rev < inbox.rev) return false;
  if (rev !== undefined) inbox.rev = rev;
  if (unreadCount !== undefined) showUnread(unreadCount);
  return true;
}

// After each connection.
export async function catchUp({ unreadCount, rev, epoch }) {
  if (rev === undefined) {
    toast('Notifications are not available now', 'They come as soon as the store is back.', 'bad');
    return;
  }
  if (inbox.rev < 0 || epoch !== inbox.epoch) {
    await loadAll();
  } else if (rev !== inbox.rev) {
    const news = await ask('notifications_since', { rev: inbox.rev, epoch });
    if (!news) return;
    if (news.reset) return void (await loadAll());
    for (const notification of news.notifications) show(notification);
    for (const id of news.removedIds ?? []) find(id)?.remove();
    advance(news);
  } else {
    showUnread(unreadCount);
  }
}

async function loadAll() {
  const list = await ask('list_notifications', {});
  if (!list) return;
  inbox.rev = -1;
  $('notification-list').replaceChildren();
  for (const notification of list.notifications) show(notification, 'append');
  advance(list);
  showEmpty();
}

export function forgetInbox() {
  Object.assign(inbox, { rev: -1, epoch: '' });
  $('notification-list').replaceChildren();
  showUnread(0);
}

export function onNotification(notification) {
  toast(notification.title, notification.message);
  if (notification.isRoomNotification) showNews({ ...notification, from: 'to the course' });
  else if (advance(notification)) show(notification);
}

export function onUnreadCount(change) {
  if (!advance(change)) return;
  for (const item of [...$('notification-list').children]) {
    if (change.allRead || change.readIds?.includes(item.dataset.id)) markRead(item);
    if (change.removedIds?.includes(item.dataset.id)) item.remove();
  }
  showEmpty();
}

const find = (id) => [...$('notification-list').children].find((item) => item.dataset.id === id);

function show({ id, title, message, createdAt, isRead, actionUrl }, where = 'prepend') {
  const button = (text, label, event) => el('button', { type: 'button', className: 'link', ariaLabel: `${label} ${title}`, onclick: () => ask(event, { id }) }, text);
  const item = el('li', { className: isRead ? '' : 'unread' },
    el('div', {}, el('strong', {}, title), el('div', {}, message ?? ''), el('small', {}, clock(createdAt), actionUrl ? ` · ${actionUrl}` : '')),
    !isRead && button('Read', 'Mark as read:', 'mark_notification_read'),
    button('Remove', 'Remove:', 'delete_notification'));
  item.dataset.id = id;
  const there = find(id);
  if (there) there.replaceWith(item);
  else $('notification-list')[where](item);
  while ($('notification-list').childElementCount > MAX_SHOWN) $('notification-list').lastElementChild.remove();
  showEmpty();
}

function showEmpty() {
  $('notification-none').hidden = $('notification-list').childElementCount > 0;
}

function markRead(item) {
  item.className = '';
  if (item.querySelectorAll('button').length > 1) item.querySelector('button').remove();
}

function showUnread(n) {
  $('unread').hidden = !n;
  $('unread').textContent = n > 99 ? '99+' : n;
  $('bell').setAttribute('aria-label', `Notifications, ${n || 'none'} unread`);
  document.title = `${n ? `(${n}) ` : ''}Lectern classroom`;
}

function open(wanted) {
  $('notifications').hidden = !wanted;
  $('bell').setAttribute('aria-expanded', String(wanted));
}

$('bell').addEventListener('click', () => open($('notifications').hidden));
$('read-all').addEventListener('click', () => ask('mark_all_notifications_read', {}));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !$('notifications').hidden) {
    open(false);
    $('bell').focus();
  }
});
document.addEventListener('click', (event) => {
  // What was clicked may have gone from the page by now, like the button of what was read.
  if (!event.composedPath().includes($('bell').parentElement)) open(false);
});
