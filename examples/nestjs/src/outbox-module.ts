// Options of the outbox, and its module.

import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { OutboxDatabase } from './outbox';

/** A connection of the relay's own: a client of pg, or of its pool, or a query runner of TypeORM. */
export interface OutboxConnection extends OutboxDatabase {
  /** Gives it back; with an error, it must not be used again. */
  release?(error?: any): unknown;
  /** Closes it, if there is no `release`. */
  end?(): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** A call that was refused. */
export interface ParkedCall {
  id: string;
  key: string;
  call: string;
  args: unknown;
  error: string;
}

/** Options of `LecternOutboxModule.forRoot`. */
export interface LecternOutboxOptions {
  /**
   * Opens a connection. The relay keeps it, and a lock of its session; so it must not be one of PgBouncer's
   * transaction pooling.
   */
  connect: () => Promise<OutboxConnection>;
  /** How often it looks for calls, in ms, when there are none and nobody calls `wake()`; 500. */
  pollInterval?: number | undefined;
  /** Calls that are read at once, and deleted at once when they are done; 50. */
  batch?: number | undefined;
  /** How often a call that the server fails to do is made before it is parked; 5. Outages do not count. */
  attempts?: number | undefined;
  /** The longest pause between attempts, in ms; 30,000. */
  longestPause?: number | undefined;
  /** Time for the call under way when the application ends, in ms; 5,000. */
  shutdownTimeout?: number | undefined;
  /** Is told of each call that is parked, beside the log. */
  onParked?: ((parked: ParkedCall) => void) | undefined;
}

export const { ConfigurableModuleClass: OutboxModuleClass, MODULE_OPTIONS_TOKEN: LECTERN_OUTBOX_OPTIONS } =
  new ConfigurableModuleBuilder<LecternOutboxOptions>({ moduleName: 'LecternOutbox' })
    .setClassMethodName('forRoot')
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
    .build();
