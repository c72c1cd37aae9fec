// For the tests of a team: the module without a server. What is sent is recorded, and notifications are kept in memory,
// so that lists, counts and read marks answer as the server's do.

import { randomUUID } from 'node:crypto';
import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { LecternClient, type LecternCallOptions } from './client';
import { LecternError } from './errors';
import { jsonOf } from './json';
import { LECTERN_OPTIONS } from './module-definition';
import { SERVICES } from './module';
import type { LecternOptions } from './options';

/** A call that was made, with its arguments as JSON would carry them. */
export interface RecordedCall {
  /** As it was given, `createNotification`. */
  fn: string;
  args: any[];
  idempotencyKey: string | undefined;
}

/** A notification as the server answers with it, and whose it is. */
export interface RecordedNotification {
  id: string;
  userId: string;
  type: string;
  title: string;
  message: string;
  data: any;
  priority: string;
  actionUrl?: string;
  expiresAt?: string;
  isRead: boolean;
  readAt?: string;
  createdAt: string;
}

type Answer = (...args: any[]) => unknown;

const PAGE = 20;

const camelCase = (name: string): string => name.replace(/([A-Za-z0-9])_+([A-Za-z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase());

function needed(given: any, ...names: string[]): void {
  for (const name of names) {
    if (given?.[name] === undefined || given[name] === null || given[name] === '') {
      throw new LecternError(`${name} is missing`, { code: 'invalid', status: 400 });
    }
  }
}

/** Records calls in place of making them. */
@Injectable()
export class RecordingLecternClient extends LecternClient {
  /** All calls, oldest first; of a list of calls each one. */
  readonly sent: RecordedCall[] = [];
  /** People who are connected, for isUserConnected and the like: fill it as a test needs it. */
  readonly connected = new Set<string>();
  private notifications: RecordedNotification[] = [];
  private answers = new Map<string, Answer>();
  private failure: { error: Error; only: string | undefined } | undefined;

  constructor(options: Partial<LecternOptions> = {}) {
    super({ url: 'http://lectern.invalid', apiKey: 'none', ...options });
  }

  /** The calls of one function. */
  sentTo(fn: string): RecordedCall[] {
    return this.sent.filter((call) => camelCase(call.fn) === camelCase(fn));
  }

  /** All notifications of a person, oldest first. */
  notificationsOf(userId: string): RecordedNotification[] {
    return this.notifications.filter((one) => one.userId === String(userId));
  }

  /** The latest notification of a person. */
  lastNotification(userId: string): RecordedNotification | undefined {
    return this.notificationsOf(userId).at(-1);
  }

  /** What a function answers from now on: for those of your own handlers. */
  answer(fn: string, answer: unknown): void {
    this.answers.set(camelCase(fn), typeof answer === 'function' ? (answer as Answer) : () => answer);
  }

  /** From now on calls fail with that error, all or those of one function; without an error they work again. */
  fail(error?: Error, only?: string): void {
    this.failure = error && { error, only: only === undefined ? undefined : camelCase(only) };
  }

  /** Forgets all of it. */
  reset(): void {
    this.sent.length = 0;
    this.connected.clear();
    this.notifications = [];
    this.answers.clear();
    this.failure = undefined;
  }

  protected override async send(name: string, args: unknown, _reads: boolean, options: LecternCallOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    const given: any = JSON.parse(jsonOf(name, args));
    if (name !== '') return this.one(name, given, options);
    return given.map(({ call, args: own }: { call: string; args?: unknown }) => {
      try {
        return { result: this.one(call, own ?? [], options) };
      } catch (error) {
        if (!(error instanceof LecternError)) throw error;
        return { error: { code: error.code, message: error.message } };
      }
    });
  }

  private one(fn: string, given: unknown, { idempotencyKey }: LecternCallOptions): unknown {
    const args: any[] = Array.isArray(given) ? given : [given];
    this.sent.push({ fn, args, idempotencyKey: idempotencyKey === false ? undefined : idempotencyKey });
    const name = camelCase(fn);
    const { failure } = this;
    if (failure !== undefined && (failure.only === undefined || failure.only === name)) throw failure.error;
    const answer = this.answers.get(name) ?? this.known[name];
    return answer === undefined ? null : (answer(...args) ?? null);
  }

  private keep(given: any): RecordedNotification {
    needed(given, 'userId', 'title', 'message');
    const { userId, type = 'INFO', title, message, data = {}, priority = 'NORMAL', actionUrl, expiresAt } = given;
    const kept: RecordedNotification = {
      id: randomUUID(),
      userId: String(userId),
      type,
      title,
      message,
      data,
      priority,
      ...(actionUrl ? { actionUrl } : {}),
      ...(expiresAt ? { expiresAt: new Date(expiresAt).toISOString() } : {}),
      isRead: false,
      createdAt: new Date().toISOString(),
    };
    this.notifications.push(kept);
    return { ...kept };
  }

  private read(which: RecordedNotification[]): { count: number } {
    const unread = which.filter((one) => !one.isRead);
    for (const one of unread) Object.assign(one, { isRead: true, readAt: new Date().toISOString() });
    return { count: unread.length };
  }

  private reached(ids: string[]): object {
    const results = ids.map((userId) => ({ userId, success: this.connected.has(userId) }));
    return { successCount: results.filter(({ success }) => success).length, totalUsers: ids.length, results };
  }

  private of(userId: string, id: string): RecordedNotification[] {
    return this.notificationsOf(userId).filter((one) => one.id === id);
  }

  // What the server's own functions answer; others answer null unless a test says otherwise.
  private readonly known: Record<string, Answer> = {
    createNotification: (given) => this.keep(given),
    createBulkNotifications: (list: any[]) => {
      for (const one of list) needed(one, 'userId', 'title', 'message');
      return list.map((one) => this.keep(one));
    },
    createRoomNotification: (_room, given) => ({ ...given, isRoomNotification: true }),
    createSystemAnnouncement: (given) => ({ ...given, isSystemAnnouncement: true }),
    getUserNotifications: (userId: string, page = 1, limit = PAGE) => {
      const all = this.notificationsOf(userId).reverse();
      const pagination = { page, limit, total: all.length, pages: Math.ceil(all.length / limit) };
      return { notifications: all.slice((page - 1) * limit, page * limit).map((one) => ({ ...one })), pagination };
    },
    getUnreadCount: (userId: string) => this.notificationsOf(userId).filter((one) => !one.isRead).length,
    markAsRead: (id: string, userId: string) => this.read(this.of(userId, id)),
    markAllAsRead: (userId: string) => this.read(this.notificationsOf(userId)),
    deleteNotification: (id: string, userId: string) => {
      const gone = this.of(userId, id);
      this.notifications = this.notifications.filter((one) => !gone.includes(one));
      return { count: gone.length };
    },
    sendNotificationToUser: () => true,
    sendNotificationToUsers: (ids: string[]) => this.reached(ids),
    sendNotificationToAllConnected: () => this.reached([...this.connected]),
    emitToUser: (userId: string) => (this.connected.has(userId) ? 1 : 0),
    isUserConnected: (userId: string) => this.connected.has(userId),
    areUsersConnected: (ids: string[]) => Object.fromEntries(ids.map((id) => [id, this.connected.has(id)])),
    getUserSocketId: (userId: string) => (this.connected.has(userId) ? `socket-of-${userId}` : null),
    getConnectedUsersCount: () => this.connected.size,
    getConnectedUsers: () => [...this.connected],
    getConnectionStatus: () => ({
      totalConnected: this.connected.size,
      connectedUsers: [...this.connected].map((userId) => ({ userId, socketId: `socket-of-${userId}`, isOnline: true })),
      timestamp: new Date().toISOString(),
    }),
    grantRoom: (_userId, room) => room,
    revokeRoom: (_userId, room) => room,
  };
}

/**
 * Takes the place of `LecternModule` in tests: `Test.createTestingModule({ imports: [LecternTestingModule.forRoot()] })`.
 * `moduleRef.get(RecordingLecternClient)` tells what was sent.
 */
@Module({})
export class LecternTestingModule {
  static forRoot(options: Partial<LecternOptions> = {}): DynamicModule {
    const client = new RecordingLecternClient(options);
    return {
      module: LecternTestingModule,
      global: true,
      providers: [
        ...SERVICES.filter((service) => service !== LecternClient),
        { provide: LecternClient, useValue: client },
        { provide: RecordingLecternClient, useValue: client },
        { provide: LECTERN_OPTIONS, useValue: client.options },
      ],
      exports: [...SERVICES, RecordingLecternClient, LECTERN_OPTIONS],
    };
  }
}
