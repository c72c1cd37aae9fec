// Notifications of people, with the signatures of the guide's NotificationService.

import { Inject, Injectable } from '@nestjs/common';
import { LecternClient, type LecternCallOptions } from './client';
import { LecternError } from './errors';
import { jsonOf, valuesIn } from './json';

/** What a notification is made of. Dates in `data` become ISO strings. */
export interface CreateNotificationData {
  userId: string;
  type: string;
  title: string;
  message: string;
  data?: any;
  /** `LOW`, `NORMAL` (unless given), `HIGH` or `URGENT`. */
  priority?: string | undefined;
  actionUrl?: string | undefined;
  /** From then on it is in no list and no count. */
  expiresAt?: Date | string | number | undefined;
}

/** A notification as it is kept. */
export interface Notification {
  id: string;
  userId: string;
  type: string;
  title: string;
  message: string;
  data: any;
  priority: string;
  actionUrl: string | null;
  isRead: boolean;
  createdAt: Date;
  readAt: Date | null;
  expiresAt: Date | null;
}

export interface NotificationPage {
  notifications: Notification[];
  pagination: { page: number; limit: number; total: number; pages: number };
}

/** As the server sends one. */
interface Sent {
  id: string;
  type: string;
  title: string;
  message: string;
  data: unknown;
  priority: string;
  actionUrl?: string | undefined;
  isRead: boolean;
  createdAt: string;
  readAt?: string | undefined;
  expiresAt?: string | undefined;
}

function date(text: string | undefined): Date | null {
  return text === undefined ? null : new Date(text);
}

function row(userId: string, sent: Sent): Notification {
  const { id, type, title, message, data, priority, actionUrl = null, isRead, createdAt, readAt, expiresAt } = sent;
  return {
    id,
    userId,
    type,
    title,
    message,
    data,
    priority,
    actionUrl,
    isRead,
    createdAt: new Date(createdAt),
    readAt: date(readAt),
    expiresAt: date(expiresAt),
  };
}

/** What a notification that was not kept looks like, where failures are only logged. */
function unkept(data: CreateNotificationData): Notification {
  const now = new Date().toISOString();
  return row(data.userId, { ...data, id: '', data: data.data ?? {}, priority: data.priority ?? 'NORMAL', isRead: false, createdAt: now, expiresAt: undefined });
}

// A server takes 10,000 of them and a body of 1 MiB (api.max_bytes) with 100,000 values (api.max_values) unless told
// otherwise.
const PIECE = 2_000;
const PIECE_BYTES = 900_000;
const PIECE_VALUES = 90_000;

/** Lists that the server takes in one call each; a list that is not too long is one. */
function piecesOf(list: readonly CreateNotificationData[]): CreateNotificationData[][] {
  const pieces: CreateNotificationData[][] = [];
  let piece: CreateNotificationData[] = [];
  let bytes = 0;
  let values = 0;
  for (const each of list) {
    const json = jsonOf('createBulkNotifications', each);
    const size = Buffer.byteLength(json) + 1;
    const count = valuesIn(json);
    const isFull = piece.length === PIECE || bytes + size > PIECE_BYTES || values + count > PIECE_VALUES;
    if (isFull && piece.length > 0) {
      pieces.push(piece);
      piece = [];
      bytes = values = 0;
    }
    piece.push(each);
    bytes += size;
    values += count;
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/** Each method may have options of its call last: an idempotency key, a signal, a time. */
@Injectable()
export class NotificationService {
  constructor(@Inject(LecternClient) private readonly client: LecternClient) {}

  /** Keeps a notification for one person, and pushes it to all their devices. */
  createNotification(data: CreateNotificationData, options?: LecternCallOptions): Promise<Notification> {
    return this.guard(
      async () => row(data.userId, await this.client.call<Sent>('createNotification', [data], options)),
      () => unkept(data),
    );
  }

  /** A page of a person's, newest first; pages begin with 1. */
  getUserNotifications(userId: string, page = 1, limit = 20, options?: LecternCallOptions): Promise<NotificationPage> {
    return this.guard(
      async () => {
        const { notifications, pagination } = await this.client.call<{
          notifications: Sent[];
          pagination: NotificationPage['pagination'];
        }>('getUserNotifications', [userId, page, limit], options);
        return { notifications: notifications.map((sent) => row(userId, sent)), pagination };
      },
      () => ({ notifications: [], pagination: { page, limit, total: 0, pages: 0 } }),
    );
  }

  /** Marks one of a person's as read; count is 0 when it was read before, or is not theirs. */
  markAsRead(notificationId: string, userId: string, options?: LecternCallOptions): Promise<{ count: number }> {
    return this.counted('markAsRead', [notificationId, userId], options);
  }

  /** Marks all of a person's as read. */
  markAllAsRead(userId: string, options?: LecternCallOptions): Promise<{ count: number }> {
    return this.counted('markAllAsRead', [userId], options);
  }

  /** Deletes one of a person's; count is 0 when there is none. */
  deleteNotification(notificationId: string, userId: string, options?: LecternCallOptions): Promise<{ count: number }> {
    return this.counted('deleteNotification', [notificationId, userId], options);
  }

  /** How many of a person's are unread. */
  getUnreadCount(userId: string, options?: LecternCallOptions): Promise<number> {
    return this.guard(
      () => this.client.call('getUnreadCount', [userId], options),
      () => 0,
    );
  }

  /**
   * Notifies many people. Up to 2,000 of them (900 kB, 90,000 values) are one call, which notifies nobody when one
   * entry is wrong; longer lists are several calls, one after another. If one fails, the error says how many were notified,
   * and with the same idempotencyKey the whole list may be given again.
   */
  createBulkNotifications(notifications: CreateNotificationData[], options: LecternCallOptions = {}): Promise<{ count: number }> {
    let count = 0;
    return this.guard(
      async () => {
        const pieces = piecesOf(notifications);
        const { idempotencyKey: key } = options;
        for (const [i, piece] of pieces.entries()) {
          const own = typeof key === 'string' && pieces.length > 1 ? { ...options, idempotencyKey: `${key}/${i + 1}` } : options;
          try {
            count += (await this.client.call<unknown[]>('createBulkNotifications', [piece], own)).length;
          } catch (error) {
            if (count === 0 || !(error instanceof LecternError)) throw error;
            throw new LecternError(`${count} of ${notifications.length} notifications are sent; of those that follow: ${error.message}`, {
              ...error,
              cause: error,
            });
          }
        }
        return { count };
      },
      () => ({ count }),
    );
  }

  /** Notifies who is in a room now. It is not kept. */
  createRoomNotification(room: string, notification: Omit<CreateNotificationData, 'userId'>, options?: LecternCallOptions): Promise<void> {
    return this.done('createRoomNotification', [room, notification], options);
  }

  /** Tells everybody who is connected now: the event `system_announcement`. It is not kept. */
  createSystemAnnouncement(notification: Omit<CreateNotificationData, 'userId'>, options?: LecternCallOptions): Promise<void> {
    return this.done('createSystemAnnouncement', [notification], options);
  }

  private guard<T>(call: () => Promise<T>, instead: () => T): Promise<T> {
    return this.client.failures.guard(call, instead);
  }

  private counted(name: string, args: unknown[], options?: LecternCallOptions): Promise<{ count: number }> {
    return this.guard(
      async () => ({ count: (await this.client.call<{ count: number }>(name, args, options)).count }),
      () => ({ count: 0 }),
    );
  }

  private done(name: string, args: unknown[], options?: LecternCallOptions): Promise<void> {
    return this.guard(
      async () => void (await this.client.call(name, args, options)),
      () => undefined,
    );
  }
}
