import { useState } from 'react';
import type { LecternSocket } from './socket';
import { useInbox } from './useInbox';

const SHOWN = 50;
const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function Bell({ socket }: { socket: LecternSocket | null }) {
  const { list, unreadCount, markRead, markAllRead } = useInbox(socket);
  const [isOpen, setOpen] = useState(false);

  return (
    <div
      className="bell"
      onKeyDown={({ key }) => key === 'Escape' && setOpen(false)}
      onBlur={({ currentTarget, relatedTarget }) => currentTarget.contains(relatedTarget) || setOpen(false)}
    >
      <button
        className="quiet"
        aria-expanded={isOpen}
        aria-label={`Notifications, ${unreadCount} unread`}
        onClick={() => setOpen(!isOpen)}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2 2 0 0 0 4 0" />
        </svg>
        {unreadCount > 0 && <span className="badge">{unreadCount > 99 ? '99+' : unreadCount}</span>}
      </button>
      {isOpen && (
        <section className="inbox" aria-label="Notifications" tabIndex={-1}>
          <div className="inbox-head">
            <h2>Notifications</h2>
            <button className="quiet" disabled={unreadCount === 0} onClick={markAllRead}>
              Mark all as read
            </button>
          </div>
          {list.length === 0 && <p className="empty">Nothing yet.</p>}
          <ul>
            {list.slice(0, SHOWN).map(({ id, title, message, priority, isRead, createdAt }) => (
              <li key={id}>
                <button data-read={isRead} data-priority={priority} onClick={() => !isRead && markRead(id)}>
                  <strong>{title}</strong>
                  <span>{message}</span>
                  <time dateTime={createdAt}>{time.format(new Date(createdAt))}</time>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
