import { useCallback, useSyncExternalStore } from 'react';
import { Inbox } from 'lectern-inbox';
import type { StoredNotification } from '@lectern/nestjs/events';
import type { LecternSocket } from './socket';

export interface InboxState {
  list: StoredNotification[];
  unreadCount: number;
}

const EMPTY: InboxState = { list: [], unreadCount: 0 };

// An inbox listens to its socket as long as that lives, so there is one for each, however often components mount.
class SharedInbox {
  state = EMPTY;
  readonly inbox: Inbox;
  private readonly listeners = new Set<() => void>();

  constructor(socket: LecternSocket) {
    this.inbox = new Inbox(socket, { onChange: () => this.changed() });
    if (socket.connected) void this.inbox.catchUp(); // `connected` has come already
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private changed(): void {
    this.state = { list: this.inbox.list.map((one) => ({ ...one })), unreadCount: this.inbox.unreadCount ?? 0 };
    for (const listener of this.listeners) listener();
  }
}

const inboxes = new WeakMap<LecternSocket, SharedInbox>();

function inboxOf(socket: LecternSocket): SharedInbox {
  const inbox = inboxes.get(socket) ?? new SharedInbox(socket);
  inboxes.set(socket, inbox);
  return inbox;
}

/** A person's notifications, newest first, and the badge, which is right in every tab. */
export function useInbox(socket: LecternSocket | null): InboxState & { markRead(id: string): void; markAllRead(): void } {
  const subscribe = useCallback((listener: () => void) => (socket ? inboxOf(socket).subscribe(listener) : () => {}), [socket]);
  const state = useSyncExternalStore(subscribe, () => (socket ? (inboxes.get(socket)?.state ?? EMPTY) : EMPTY));
  const ignore = () => {}; // the badge stays as it is, and tells that nothing came of it
  return {
    ...state,
    markRead: (id) => void (socket && inboxOf(socket).inbox.markRead(id).catch(ignore)),
    markAllRead: () => void (socket && inboxOf(socket).inbox.markAllRead().catch(ignore)),
  };
}
