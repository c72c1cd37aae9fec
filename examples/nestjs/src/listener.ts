// What the platform's own services tell by EventEmitter2, sent as the old gateway sent it.
//
//   notification.created  {userId, notification}          notification, to the person; the platform keeps it
//   notification.room     {room, notification}            notification, to the room
//   notification.system   {notification}                  system_announcement, to all
//   message.sent          {message, conversationId}       new_message to the receiver, message_sent to the sender;
//                                                         both may join conversation:{id} from then on
//   messages.read         {conversationId, userId, count} messages_read, to conversation:{id}
//
// A failure is logged, and never thrown into the service that told it.

import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { LecternClient, type LecternCall } from './client';
import { LecternError } from './errors';
import { Lanes } from './lanes';

const WAITING_MAX = 10_000; // events that have not been sent
const AT_ONCE = 32; // events that are being sent: each is a connection
const LOST_AGAIN = 60_000; // ms between lines of the log about lost ones
const GRANTED_MAX = 10_000; // conversations whose two people were let in already

type Fields = Record<string, unknown>;

/** What is needed of EventEmitter2. */
interface Emitter {
  on(event: string, listener: (payload: unknown) => void): unknown;
  off(event: string, listener: (payload: unknown) => void): unknown;
}

const NO_EMITTER =
  'LecternModule: the option listen takes events from EventEmitter2, and there is none; ' +
  'install @nestjs/event-emitter and import EventEmitterModule.forRoot()';

// To which servers each emitter's events go. An application may have the module twice, and each of its events once.
const HEARD = new WeakMap<Emitter, Set<string>>();

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** A field that must be there. */
function object(of: unknown, name: string): Fields {
  const value = isObject(of) ? of[name] : undefined;
  if (!isObject(value)) throw new TypeError(`${name} is missing`);
  return value;
}

function text(of: unknown, name: string): string {
  const value = isObject(of) ? of[name] : undefined;
  if ((typeof value !== 'string' || value === '') && typeof value !== 'number') throw new TypeError(`${name} is missing`);
  return String(value);
}

const ROOM = ['type', 'title', 'message', 'data', 'priority', 'actionUrl'];
const PERSONAL = ['id', ...ROOM, 'isRead', 'createdAt'];

/** What clients see of a notification: of a row, not whose it is. */
function shown(notification: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => notification[name] !== undefined).map((name) => [name, notification[name]]));
}

interface Sending {
  /** Events with the same lane are sent in order. */
  lane: string;
  calls: LecternCall[];
  /** After all of them were done. */
  done?: () => void;
}

/** Takes the five events, if the option `listen` says so. */
@Injectable()
export class LecternListener implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Lectern');
  private readonly lanes = new Lanes(WAITING_MAX, AT_ONCE);
  private readonly granted = new Set<string>();
  private readonly ways: Record<string, (payload: unknown) => Sending> = {
    'notification.created': (payload) => this.created(payload),
    'notification.room': (payload) => this.room(payload),
    'notification.system': (payload) => this.system(payload),
    'message.sent': (payload) => this.message(payload),
    'messages.read': (payload) => this.read(payload),
  };
  private stop: (() => void) | undefined;
  private lost = 0;
  private lostAt = -Infinity; // when that was said

  constructor(
    @Inject(LecternClient) private readonly client: LecternClient,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  onModuleInit(): void {
    if (this.client.options.listen !== true) return;
    const emitter = this.emitter();
    const { url } = this.client.options;
    const heard = HEARD.get(emitter) ?? new Set();
    HEARD.set(emitter, heard);
    if (heard.has(url)) {
      this.logger.warn(`LecternModule is there more than once with the option listen; events go to ${url} once all the same`);
      return;
    }
    heard.add(url);
    const listeners = Object.entries(this.ways).map(([event, way]) => {
      const listener = (payload: unknown): void => this.hear(event, way, payload);
      emitter.on(event, listener);
      return [event, listener] as const;
    });
    this.stop = () => {
      heard.delete(url);
      for (const [event, listener] of listeners) emitter.off(event, listener);
    };
  }

  /** Waits for what was heard, as long as the client waits for its calls. */
  async onApplicationShutdown(): Promise<void> {
    this.stop?.();
    if (this.lanes.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.client.options.shutdownTimeout);
    });
    await Promise.race([this.lanes.ended(), late]);
    clearTimeout(timer);
    this.giveUp();
  }

  private giveUp(): void {
    const left = this.lanes.stop();
    if (left > 0) this.logger.error(`${left} events were not sent, as the application has shut down`);
  }

  // The package is looked for only now, as it is needed by those who listen alone.
  private emitter(): Emitter {
    let type: new () => Emitter;
    try {
      ({ EventEmitter2: type } = require('@nestjs/event-emitter') as { EventEmitter2: new () => Emitter });
    } catch (cause) {
      throw new LecternError(`${NO_EMITTER} (${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)})`, {
        code: 'bad_options',
        cause,
      });
    }
    try {
      return this.modules.get(type, { strict: false });
    } catch (cause) {
      throw new LecternError(NO_EMITTER, { code: 'bad_options', cause });
    }
  }

  private hear(event: string, way: (payload: unknown) => Sending, payload: unknown): void {
    let sending: Sending;
    try {
      sending = way(payload);
    } catch (error) {
      this.logger.error(`${event}: ${error instanceof Error ? error.message : String(error)}; it was not sent`);
      return;
    }
    if (!this.lanes.add(sending.lane, () => this.send(event, sending))) this.lose();
  }

  private lose(): void {
    this.lost++;
    const now = Date.now();
    if (now - this.lostAt < LOST_AGAIN) return;
    this.logger.error(`${WAITING_MAX} events wait for the server; ${this.lost} lost so far, and more until some were sent`);
    this.lostAt = now;
  }

  private async send(event: string, { calls, done }: Sending): Promise<void> {
    try {
      await this.client.failures.logged(
        async () => {
          for (const { error } of await this.client.callMany(calls).catch((error: unknown) => this.failed(error))) if (error) throw error;
          done?.();
        },
        () => undefined,
      );
    } catch (error) {
      this.logger.error(`${event}: ${error instanceof Error ? error.message : String(error)}; it was not sent`);
    }
  }

  // The client ends all calls when their time is over; the next events would only make new ones.
  private failed(error: unknown): never {
    if (error instanceof LecternError && error.code === 'stopped') this.giveUp();
    throw error;
  }

  private created(payload: unknown): Sending {
    const userId = text(payload, 'userId');
    const notification = shown(object(payload, 'notification'), PERSONAL);
    return { lane: `user:${userId}`, calls: [{ call: 'sendNotificationToUser', args: [userId, notification] }] };
  }

  private room(payload: unknown): Sending {
    const room = text(payload, 'room');
    const notification = { ...shown(object(payload, 'notification'), ROOM), isRoomNotification: true };
    return { lane: room, calls: [{ call: 'sendNotificationToRoom', args: [room, notification] }] };
  }

  private system(payload: unknown): Sending {
    const notification = { ...shown(object(payload, 'notification'), ROOM), isSystemAnnouncement: true };
    return { lane: '', calls: [{ call: 'broadcastToAll', args: ['system_announcement', notification] }] };
  }

  private message(payload: unknown): Sending {
    const message = object(payload, 'message');
    const conversationId = text(payload, 'conversationId');
    const [sender, receiver] = [text(message, 'senderId'), text(message, 'receiverId')];
    const room = `conversation:${conversationId}`;
    const told = { message, conversationId };
    const calls: LecternCall[] = [
      { call: 'emitToUser', args: [receiver, 'new_message', told] },
      { call: 'emitToUser', args: [sender, 'message_sent', told] },
    ];
    if (this.granted.has(room)) return { lane: room, calls };
    const grants = [sender, receiver].map((person) => ({ call: 'grantRoom', args: [person, room] }));
    return { lane: room, calls: [...grants, ...calls], done: () => this.remember(room) };
  }

  private read(payload: unknown): Sending {
    const conversationId = text(payload, 'conversationId');
    const room = `conversation:${conversationId}`;
    const count = isObject(payload) ? payload['count'] : undefined;
    const told = { conversationId, readBy: text(payload, 'userId'), count };
    return { lane: room, calls: [{ call: 'emitToRoom', args: [room, 'messages_read', told] }] };
  }

  // The oldest one is forgotten: to grant it once more does no harm.
  private remember(room: string): void {
    this.granted.add(room);
    if (this.granted.size <= GRANTED_MAX) return;
    const [oldest] = this.granted;
    if (oldest !== undefined) this.granted.delete(oldest);
  }
}
