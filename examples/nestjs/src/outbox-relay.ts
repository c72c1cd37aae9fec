// The relay: makes the calls of the outbox, one after another in the order of their ids.
//
// One by one, because order is what people see: an answer before its question, "cancelled" before "booked". A call
// that must wait therefore holds up those behind it: what stops one (a server that is down, or overloaded) stops all.
// Several relays may run; one holds a lock of PostgreSQL and the others wait for it. Order and exactly-once do
// not hang on the lock: each relay goes on to a call only after it saw the one before done, and a call that is made
// twice has the same key. The lock saves the work.

import { Inject, Injectable, Logger, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LecternClient } from './client';
import { LecternError } from './errors';
import { enqueue, rowsOf } from './outbox';
import {
  LECTERN_OUTBOX_OPTIONS,
  OutboxModuleClass,
  type LecternOutboxOptions,
  type OutboxConnection,
  type ParkedCall,
} from './outbox-module';

interface Row {
  id: string;
  key: string;
  call: string;
  args: string;
  attempts: number;
}

/** What to do about a failed call: wait for better times, try it some times more, or put it aside. */
type Verdict = 'hold' | 'doubt' | 'park';

// 'lect', so that the platform's own locks are others; the table's number follows.
const LOCK = "1818583924, 'lectern_outbox'::regclass::oid::integer";
const FIRST_PAUSE = 200; // ms, doubled with each failure
const FLUSH = 200; // ms after which done calls are deleted, though their batch goes on
const QUERY_TIMEOUT = 30_000; // ms; then the connection is taken for dead
const LAST_QUERY_TIMEOUT = 1_000; // ms, once the time to shut down is over
const TELL_AGAIN = 60_000; // ms between lines of the log about one outage
// Of the address, the key or the network, not of the call.
const OUTAGES = new Set(['unreachable', 'bad_token', 'stopped', 'aborted']);

function verdictOn(error: unknown): Verdict {
  if (!(error instanceof LecternError)) return 'doubt';
  // Something in between may refuse this call alone, and so may a function that never comes to an end.
  if (error.code === 'timeout' || error.code === 'bad_answer') return error.status === 413 ? 'park' : 'doubt';
  if (error.status === 409 && error.retryable) return 'doubt'; // an attempt before is still under way
  if (error.retryable || OUTAGES.has(error.code) || error.status === 401) return 'hold';
  return error.status !== undefined && error.status >= 500 ? 'doubt' : 'park';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes calls into the outbox, and makes those that are there from the application's start to its end. */
@Injectable()
export class LecternOutbox implements OnApplicationBootstrap, OnModuleDestroy {
  /** Calls made, and calls parked, since the start. */
  sent = 0;
  parked = 0;
  /** Whether it is this relay that makes the calls; another one may, and then this one waits. */
  relaying = false;
  /** Why it does not get on, if it does not. */
  trouble: string | null = null;
  /** Writes a call, in the transaction that the first argument has open. `wake()` after the commit is a courtesy. */
  readonly enqueue = enqueue;

  private readonly logger = new Logger('LecternOutbox');
  private readonly options: Required<Omit<LecternOutboxOptions, 'onParked'>> & Pick<LecternOutboxOptions, 'onParked'>;
  private running: Promise<void> | null = null;
  private stopping = false;
  private end = new AbortController();
  private woken = false;
  private rouse: (() => void) | null = null;
  private failures = 0;
  private toldAt = 0;
  private isTold = false;

  constructor(
    @Inject(LecternClient) private readonly client: LecternClient,
    @Inject(LECTERN_OUTBOX_OPTIONS) options: LecternOutboxOptions,
  ) {
    if (typeof options?.connect !== 'function') {
      throw new LecternError('LecternOutboxModule: connect is missing; give a function that opens a connection', { code: 'bad_options' });
    }
    const { pollInterval = 500, batch = 50, attempts = 5, longestPause = 30_000, shutdownTimeout = 5_000 } = options;
    for (const [name, value] of Object.entries({ pollInterval, batch, attempts, longestPause, shutdownTimeout })) {
      if (!Number.isInteger(value) || value < (name === 'shutdownTimeout' ? 0 : 1)) {
        throw new LecternError(`LecternOutboxModule: ${name} is ${String(value)}; it must be a whole number from 1 on`, { code: 'bad_options' });
      }
    }
    this.options = { ...options, pollInterval, batch, attempts, longestPause, shutdownTimeout };
  }

  onApplicationBootstrap(): void {
    this.start();
  }

  /** The first hook of a shutdown: pools that are closed in a later one wait for the connection that it holds. */
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  /** Begins to make calls; the application's start does it. */
  start(): void {
    if (this.running !== null) return;
    this.stopping = false;
    this.end = new AbortController();
    this.running = this.run();
  }

  /** Lets the call under way end, for `shutdownTimeout`, and gives the connection back. */
  async stop(): Promise<void> {
    if (this.running === null) return;
    this.stopping = true;
    this.wake();
    const timer = setTimeout(() => this.end.abort(), this.options.shutdownTimeout);
    await this.running;
    clearTimeout(timer);
    this.running = null;
  }

  /** Looks for calls now; to be called after a commit. Outages it does not shorten. */
  wake(): void {
    this.woken = true;
    this.rouse?.();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.connected();
      } catch (error) {
        await this.backOff(`the platform's database: ${messageOf(error)}`);
      }
    }
  }

  private async connected(): Promise<void> {
    const opening = this.options.connect();
    let db: OutboxConnection;
    try {
      db = await this.within('connecting', opening);
    } catch (error) {
      opening.then((late) => this.close(late, error)).catch(() => undefined); // nobody else gives it back
      throw error;
    }
    let broken: Error | null = null;
    db.on?.('error', (error) => {
      broken = error;
      this.wake();
    });
    try {
      while (!this.stopping) {
        if (broken !== null) throw broken;
        if (!this.relaying && !(await this.lock(db))) this.over();
        if (!this.relaying || !(await this.batch(db))) await this.idle();
      }
    } catch (error) {
      await this.close(db, error);
      throw error;
    } finally {
      this.relaying = false;
    }
    await this.close(db);
  }

  /** Gives a connection back; without a lock, since a pool would keep both. */
  private async close(db: OutboxConnection, error?: unknown): Promise<void> {
    let bad = error;
    try {
      if (bad === undefined) await this.query(db, `SELECT pg_advisory_unlock(${LOCK})`);
    } catch (failure) {
      bad = failure;
    }
    try {
      const closing = db.release ? db.release(bad === undefined ? undefined : bad instanceof Error ? bad : true) : db.end?.();
      await this.within('closing', Promise.resolve(closing));
    } catch {
      // It was broken before, or nobody answers who could close it.
    }
  }

  /** The value, or an error when it takes too long: a database that has gone may leave a query without an answer. */
  private within<T>(what: string, promise: PromiseLike<T>): Promise<T> {
    const { signal } = this.end;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout;
      const limit = (ms: number): void => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(new Error(`${what} took too long`)), ms);
      };
      const hurry = (): void => limit(LAST_QUERY_TIMEOUT);
      limit(signal.aborted ? LAST_QUERY_TIMEOUT : QUERY_TIMEOUT);
      signal.addEventListener('abort', hurry, { once: true });
      Promise.resolve(promise)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer);
          signal.removeEventListener('abort', hurry);
        });
    });
  }

  private query(db: OutboxConnection, text: string, params: unknown[] = []): Promise<unknown> {
    return this.within('a query', db.query(text, params));
  }

  private async lock(db: OutboxConnection): Promise<boolean> {
    const [row] = rowsOf<{ held: boolean }>(await this.query(db, `SELECT pg_try_advisory_lock(${LOCK}) AS held`));
    this.relaying = row?.held === true;
    return this.relaying;
  }

  /** Makes the first calls that wait. Says whether there may be more. */
  private async batch(db: OutboxConnection): Promise<boolean> {
    this.woken = false;
    const rows = rowsOf<Row>(
      await this.query(
        db,
        `SELECT id::text AS id, key::text AS key, call, args::text AS args, attempts
           FROM lectern_outbox WHERE parked_at IS NULL ORDER BY lectern_outbox.id LIMIT ${this.options.batch}`,
      ),
    );
    let done: string[] = [];
    let flushed = Date.now();
    const flush = async (): Promise<void> => {
      if (done.length === 0) return;
      const ids = done.join(',');
      done = [];
      flushed = Date.now();
      await this.query(db, "DELETE FROM lectern_outbox WHERE id = ANY (string_to_array($1::text, ',')::bigint[])", [ids]);
      this.over();
    };
    for (const row of rows) {
      if (this.stopping) break;
      let failure: unknown;
      try {
        await this.client.call(row.call as string, JSON.parse(row.args) as object, { idempotencyKey: row.key, signal: this.end.signal });
        done.push(row.id);
        this.sent++;
      } catch (error) {
        failure = error ?? new Error('an unknown failure');
      }
      if (failure !== undefined || Date.now() - flushed > FLUSH) await flush();
      if (failure !== undefined && !(await this.failed(db, row, failure))) return true;
    }
    await flush();
    if (rows.length === 0) this.over();
    return rows.length > 0;
  }

  /** Does what a failed call needs. Says whether the calls behind it may be made. */
  private async failed(db: OutboxConnection, row: Row, failure: unknown): Promise<boolean> {
    if (this.stopping && failure instanceof LecternError && failure.code === 'aborted') return false;
    let verdict = verdictOn(failure);
    if (verdict === 'doubt' && row.attempts + 1 >= this.options.attempts && (await this.isAnswering())) verdict = 'park';
    const error = failure instanceof LecternError ? `${failure.code}: ${failure.message}` : messageOf(failure);
    if (verdict === 'park') {
      await this.query(
        db,
        `UPDATE lectern_outbox SET parked_at = now(), attempts = attempts + 1, error = $2::text WHERE id = $1::text::bigint`,
        [row.id, error],
      );
      this.park({ id: row.id, key: row.key, call: row.call, args: JSON.parse(row.args), error });
      return true;
    }
    await this.query(
      db,
      `UPDATE lectern_outbox SET attempts = attempts + $3::text::integer, error = $2::text WHERE id = $1::text::bigint`,
      [row.id, error, verdict === 'doubt' ? '1' : '0'],
    );
    await this.backOff(error);
    return false;
  }

  /** Whether the server answers something else; a refusal is an answer. */
  private async isAnswering(): Promise<boolean> {
    try {
      await this.client.call('getConnectedUsersCount', [], { timeout: 5_000, signal: this.end.signal });
      return true;
    } catch (error) {
      return error instanceof LecternError && error.status !== undefined && !error.retryable && error.status !== 401 && error.code !== 'bad_answer';
    }
  }

  private park(parked: ParkedCall): void {
    this.parked++;
    this.logger.error(`call ${parked.id} of the outbox is put aside: ${parked.error}; releaseParked() lets it be made once more`);
    try {
      this.options.onParked?.(parked);
    } catch (error) {
      this.logger.error(`onParked: ${messageOf(error)}`);
    }
  }

  private async idle(): Promise<void> {
    if (!this.woken) await this.pause(this.options.pollInterval, true);
    this.woken = false;
  }

  private async backOff(why: string): Promise<void> {
    this.trouble = why;
    const now = Date.now();
    if (now - this.toldAt >= TELL_AGAIN && !this.stopping) {
      this.toldAt = now;
      this.isTold = true;
      this.logger.error(`the outbox waits: ${why}`);
    }
    const most = Math.min(this.options.longestPause, FIRST_PAUSE * 2 ** Math.min(this.failures++, 20));
    await this.pause(most * (0.5 + Math.random() / 2), false);
  }

  private over(): void {
    if (this.trouble === null) return;
    this.trouble = null;
    this.failures = 0;
    if (this.isTold) this.logger.log('the outbox goes on'); // within a minute of that, the next trouble is not told
    this.isTold = false;
  }

  private pause(ms: number, wakes: boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.rouse = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.rouse = () => {
        if (wakes || this.stopping) done();
      };
      if (this.stopping) done();
    });
  }
}

/** `LecternOutboxModule.forRoot({ connect })`, beside `LecternModule`; only where calls are to be made from. */
@Module({ providers: [LecternOutbox], exports: [LecternOutbox] })
export class LecternOutboxModule extends OutboxModuleClass {}
