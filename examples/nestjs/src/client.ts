// Calls of the server's API: with a key that makes repetitions safe, repeated while that helps, never past a deadline.

import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { LecternCalls } from './calls';
import { Credentials } from './credentials';
import { LecternError } from './errors';
import { errorOf, exchange, type Exchange, type Outcome } from './exchange';
import { Failures } from './failures';
import { jsonOf } from './json';
import { LECTERN_OPTIONS } from './module-definition';
import { isTime, resolveOptions, type LecternOptions, type ResolvedOptions } from './options';

/** A function's arguments: the list of them, or the one object that it takes. */
export type LecternArguments<N extends keyof LecternCalls> = LecternCalls[N] extends (...args: infer A) => unknown
  ? Readonly<A> | (A extends [infer O] ? (O extends readonly unknown[] ? never : O extends object ? O : never) : never)
  : never;

/** What a function answers. */
export type LecternAnswer<N extends keyof LecternCalls> = LecternCalls[N] extends (...args: never[]) => infer R
  ? Awaited<R>
  : never;

export interface LecternCallOptions {
  /**
   * Calls with the same key are done once, whoever makes them, for 24 hours; 256 characters at most. Unless given,
   * each call has a new one, and functions that only read have none. `false`: none, and it is repeated only
   * when the server cannot have begun it.
   */
  idempotencyKey?: string | false | undefined;
  /** Gives the call up. It may have been done. */
  signal?: AbortSignal | undefined;
  /** Time for all attempts, in ms; the option `timeout` unless given. */
  timeout?: number | undefined;
}

/** One of the calls that go together. */
export interface LecternCall {
  call: string;
  args?: readonly unknown[] | object | undefined;
}

/** What became of one of them. */
export type LecternOutcome<T = unknown> = { result: T; error?: undefined } | { result?: undefined; error: LecternError };

// Functions that change nothing need no key: the server would keep each answer for a day.
const READS = new Set([
  'areUsersConnected',
  'exportPerson',
  'getConnectedUsers',
  'getConnectedUsersCount',
  'getConnectionStatus',
  'getRoomCount',
  'getRoomUsers',
  'getRooms',
  'getUnreadCount',
  'getUserNotifications',
  'getUserSocketId',
  'isUserConnected',
  'listCourseAnnouncements',
]);

const KEY_MAX = 256; // characters, as the server has it
const FIRST_PAUSE = 100; // ms, doubled with each attempt, and a random part of it waited
const LONGEST_PAUSE = 3_000;

function camelCase(name: string): string {
  return name.replace(/([A-Za-z0-9])_+([A-Za-z0-9])/g, (_, a: string, b: string) => a + b.toUpperCase());
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}

/** The value, or a rejection as soon as the signal says so. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The last attempt's error, with what the caller must know of all of them. */
function inTheEnd(call: Call, error: LecternError, untouched: boolean): LecternError {
  if (!error.retryable) return error;
  const many = call.attempts > 1 ? `, after ${call.attempts} attempts` : '';
  const done = untouched && call.attempts === 1 ? '' : '; it may have been done';
  return new LecternError(`${error.message}${many}${call.isRead ? '' : done}`, { ...error, cause: error.cause });
}

/** A call under way: its deadline, and what ends it. */
class Call {
  readonly end = new AbortController();
  attempts = 0;
  last: LecternError | undefined;
  private readonly deadline: number;
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort = (): void => this.stop('aborted', 'its caller gave it up');

  constructor(
    readonly name: string,
    readonly body: string,
    readonly key: string | undefined,
    readonly isRead: boolean,
    timeout: number,
    private readonly signal: AbortSignal | undefined,
    url: string,
  ) {
    this.deadline = Date.now() + timeout;
    this.timer = setTimeout(() => this.stop('timeout', `${url} gave no final answer in ${timeout} ms`), timeout);
    signal?.addEventListener('abort', this.onAbort);
    if (signal?.aborted) this.onAbort();
  }

  get left(): number {
    return this.deadline - Date.now();
  }

  /** Whether doing it twice does no harm. */
  get repeatable(): boolean {
    return this.isRead || this.key !== undefined;
  }

  stop(code: string, why: string): void {
    const { call = this.name || 'a list of calls', message, status, requestId } = this.last ?? ({} as Partial<LecternError>);
    const before = message === undefined ? '' : `; the last of ${this.attempts} attempts: ${message}`;
    const sent = this.attempts > 0 && this.key !== undefined ? '. It may have been done; the same idempotencyKey makes it safe to repeat' : '';
    const retryable = code === 'timeout' || code === 'stopped';
    this.end.abort(
      new LecternError(`${call}: ${why}${before}${sent}`, { code, status, requestId, retryable, call, cause: this.signal?.reason ?? this.last }),
    );
  }

  release(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener('abort', this.onAbort);
  }
}

/** Calls functions of the server. One for an application is enough: it holds no connection of its own. */
@Injectable()
export class LecternClient implements OnApplicationShutdown {
  readonly options: Readonly<ResolvedOptions>;
  /** What the services do with errors. */
  readonly failures: Failures;
  private readonly credentials: Credentials;
  private readonly underWay = new Set<Call>();

  constructor(@Inject(LECTERN_OPTIONS) options: LecternOptions) {
    this.options = resolveOptions(options);
    this.failures = new Failures(this.options.onError);
    this.credentials = new Credentials(this.options);
  }

  /**
   * Calls a function of the server, by its name in either spelling, and gives what it returns.
   *
   * @throws {LecternError} when it is refused, or cannot be done in time
   */
  call<N extends keyof LecternCalls>(name: N, args: LecternArguments<N>, options?: LecternCallOptions): Promise<LecternAnswer<N>>;
  call<T = unknown, N extends string = string>(
    name: N extends keyof LecternCalls ? never : N,
    args?: readonly unknown[] | object,
    options?: LecternCallOptions,
  ): Promise<T>;
  async call(name: string, args: readonly unknown[] | object = [], options: LecternCallOptions = {}): Promise<unknown> {
    if (typeof name !== 'string' || name === '') throw new LecternError('the name of a function is needed', { code: 'invalid' });
    return this.send(name, args, READS.has(camelCase(name)), options);
  }

  /**
   * Calls several functions, in order and in one request. Each has an outcome of its own; it throws only when the
   * request as a whole fails. One key stands for all.
   */
  async callMany(calls: readonly LecternCall[], options: LecternCallOptions = {}): Promise<LecternOutcome[]> {
    if (calls.length === 0) return [];
    const results = await this.send('', calls, calls.every(({ call }) => READS.has(camelCase(call))), options);
    if (!Array.isArray(results) || results.length !== calls.length) {
      throw new LecternError(`${this.options.url} did not answer each of ${calls.length} calls`, { code: 'bad_answer' });
    }
    return results.map((entry: { result?: unknown; error?: Record<string, unknown> }, i) =>
      entry.error ? { error: errorOf(entry.error, calls[i]?.call ?? '') } : { result: entry.result },
    );
  }

  /** Waits for calls under way, as long as `shutdownTimeout` says, and ends the others. */
  async onApplicationShutdown(): Promise<void> {
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), this.options.shutdownTimeout);
    while (this.underWay.size > 0 && !end.signal.aborted) await pause(20, end.signal);
    clearTimeout(timer);
    for (const call of this.underWay) call.stop('stopped', 'the application has shut down');
  }

  /** Makes one call or a list of calls, '' being the list's name. */
  protected async send(name: string, args: unknown, reads: boolean, options: LecternCallOptions): Promise<unknown> {
    const { idempotencyKey = reads ? false : randomUUID(), signal, timeout = this.options.timeout } = options;
    const body = jsonOf(name, args);
    if (!isTime(timeout, 1)) {
      throw new LecternError(`${name}: timeout is ${String(timeout)}; it must be a whole number of ms from 1 to ${2 ** 31 - 1}`, { code: 'invalid', call: name });
    }
    const key = idempotencyKey === false ? undefined : idempotencyKey;
    if (key !== undefined && (typeof key !== 'string' || key.length > KEY_MAX || !/^[\x21-\x7e]+$/.test(key))) {
      throw new LecternError(`${name}: an idempotencyKey is 1 to ${KEY_MAX} characters of ASCII without spaces`, { code: 'invalid', call: name });
    }
    const call = new Call(name, body, key, reads, timeout, signal, this.options.url);
    this.underWay.add(call);
    try {
      return await this.repeat(call);
    } finally {
      this.underWay.delete(call);
      call.release();
    }
  }

  private async repeat(call: Call): Promise<unknown> {
    let renewed = false;
    let waited = 0; // attempts that found the call under way: these are no failures
    for (;;) {
      const authorization = await this.authorization(call);
      const outcome = await this.attempt(call, authorization);
      if (outcome.error === undefined) return outcome.value;
      const { error, untouched, underWay } = outcome;
      call.last = error;
      if (underWay) waited++;
      if (error.status === 401 && this.credentials.canRenew && !renewed) {
        renewed = true;
        await unlessAborted(this.credentials.refused(authorization), call.end.signal);
        continue;
      }
      const mayRepeat = error.retryable && (call.repeatable || untouched);
      const failures = call.attempts - waited;
      if (!mayRepeat || failures > this.options.retries) throw inTheEnd(call, error, untouched);
      const most = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, failures - 1));
      const wait = (outcome.wait ?? 0) + Math.random() * most;
      if (wait >= call.left) throw inTheEnd(call, error, untouched);
      await pause(wait, call.end.signal);
    }
  }

  private async authorization(call: Call): Promise<string> {
    call.end.signal.throwIfAborted();
    return unlessAborted(this.credentials.get(), call.end.signal);
  }

  private async attempt(call: Call, authorization: string): Promise<Outcome> {
    const { end, name, body, key } = call;
    const own = new AbortController();
    const ms = this.options.attemptTimeout;
    const timer = setTimeout(() => own.abort(), ms);
    const stop = (): void => own.abort();
    end.signal.addEventListener('abort', stop);
    if (end.signal.aborted) stop();
    call.attempts++;
    const sent: Exchange = { name, body, key, authorization, signal: own.signal };
    try {
      return await exchange(this.options, sent);
    } catch {
      end.signal.throwIfAborted();
      const error = new LecternError(`${this.options.url} did not answer ${name || 'a list of calls'} in ${ms} ms`, {
        code: 'timeout',
        retryable: true,
        call: name,
      });
      return { error, untouched: false };
    } finally {
      clearTimeout(timer);
      end.signal.removeEventListener('abort', stop);
    }
  }
}
