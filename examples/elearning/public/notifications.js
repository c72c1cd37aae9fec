// The bell: what is unread, and the list. What an app must know about revs and gaps is in inbox.js.
import { $, clock, el, toast } from './dom.js';
import { Inbox } from './inbox.js';
import { showNews } from './news.js';

const SHOWN = 100;
let inbox = null;

// For each new connection object; it loads itself when the server greets.
export function openInbox(socket) {
  inbox = new Inbox(socket, { keep: SHOWN, onChange: draw });
  socket.on('connected', ({ rev }) => {
    if (rev === undefined) toast('Notifications are not available now', 'They come as soon as the store is back.', 'bad');
  });
  socket.on('notification', (notification) => {
    toast(notification.title, notification.message);
    if (notification.isRoomNotification) showNews({ ...notification, from: 'to the course' });
  });
}

export function forgetInbox() {
  inbox = null;
  $('notification-list').replaceChildren();
  $('notification-none').hidden = true;
  showUnread(0);
}

function draw(from) {
  if (from !== inbox || inbox.rev === undefined) return;
  $('notification-list').replaceChildren(...inbox.list.slice(0, SHOWN).map(item));
  $('notification-none').hidden = inbox.items.size > 0;
  showUnread(inbox.unreadCount);
}

function item({ id, title, message, createdAt, isRead, actionUrl }) {
  const button = (text, label, act) => el('button', { type: 'button', className: 'link', ariaLabel: `${label} ${title}`, onclick: () => act(id).catch(complain) }, text);
  return el('li', { className: isRead ? '' : 'unread' },
    el('div', {}, el('strong', {}, title), el('div', {}, message ?? ''), el('small', {}, clock(createdAt), actionUrl ? ` · ${actionUrl}` : '')),
    !isRead && button('Read', 'Mark as read:', (one) => inbox.markRead(one)),
    button('Remove', 'Remove:', (one) => inbox.delete(one)));
}

const complain = ({ message }) => toast('That did not work', message, 'bad');

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
$('read-all').addEventListener('click', () => inbox.markAllRead().catch(complain));
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
