// The module's options, and what they are unless given.

import { LecternError } from './errors';

/** Options of `LecternModule.forRoot` and of `new LecternClient`. */
export interface LecternOptions {
  /** Where the server is: `http://localhost:3001`, with a path if a proxy puts it below one. */
  url: string;
  /** A key that `lectern key new NAME` printed. Either this or `token` is needed. */
  apiKey?: string | undefined;
  /** Gives a token with the role `service`. It is asked anew before that one expires, and after a 401; it has `attemptTimeout`. */
  token?: (() => string | Promise<string>) | undefined;
  /** Time for a call with all its attempts, in ms; 15,000. */
  timeout?: number | undefined;
  /** Time for one attempt, in ms; 5,000. A call that takes longer goes on in the server, and is asked again. */
  attemptTimeout?: number | undefined;
  /** Attempts after the first one; 4. */
  retries?: number | undefined;
  /** `'log'`: the services log a failure and go on, as the guide's own did. `LecternClient` always throws. */
  onError?: 'throw' | 'log' | undefined;
  /** Takes the platform's own events from `EventEmitter2`, as the old gateway did. */
  listen?: boolean | undefined;
  /** Time that calls under way have when the application shuts down, in ms; 5,000. */
  shutdownTimeout?: number | undefined;
  /** Where `/readyz` is, if not at `url` (the server's setting `api.listen` moves only the API). */
  healthUrl?: string | undefined;
  /** Takes the place of the global `fetch`, for proxies, client certificates and unix sockets. */
  fetch?: typeof fetch | undefined;
}

/** Options with nothing missing. */
export interface ResolvedOptions extends LecternOptions {
  url: string;
  timeout: number;
  attemptTimeout: number;
  retries: number;
  onError: 'throw' | 'log';
  shutdownTimeout: number;
  healthUrl: string;
  fetch: typeof fetch;
}

function bad(message: string): LecternError {
  return new LecternError(`LecternModule: ${message}`, { code: 'bad_options' });
}

function base(name: string, text: unknown): string {
  if (typeof text !== 'string' || text === '') {
    throw bad(`${name} is missing; give the server's address, like "http://localhost:3001"`);
  }
  // It stands in a log, so a key or a password that was put there by mistake is not said.
  const said = /^lk_|@/.test(text) ? 'something with a key or a password' : `"${text}"`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw bad(`${name} is ${said}, which is no address; it looks like "http://localhost:3001"`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw bad(`${name} is ${said}; it must begin with http:// or https://`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw bad(`${name} must have no name, password, query or fragment; keys go into apiKey`);
  }
  return url.href.replace(/\/+$/, '');
}

/** Whether it is a whole number in what a timer takes. */
export function isTime(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= 2 ** 31 - 1;
}

function whole(name: string, value: unknown, least: number, unless: number): number {
  if (value === undefined) return unless;
  if (!isTime(value, least)) throw bad(`${name} is ${String(value)}; it must be a whole number from ${least} to ${2 ** 31 - 1}`);
  return value;
}

/** Checks options and fills in what is missing; throws a {@link LecternError} that says what is wrong. */
export function resolveOptions(options: LecternOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw bad('options are needed: { url, apiKey }');
  const { apiKey, token, onError = 'throw' } = options;
  const url = base('url', options.url);
  if (apiKey !== undefined && token !== undefined) throw bad('give either apiKey or token, not both');
  if (token === undefined && (typeof apiKey !== 'string' || apiKey === '')) {
    throw bad('apiKey is missing; "lectern key new NAME" makes one (or give token: () => Promise<string>)');
  }
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw bad('apiKey has spaces, line ends or other characters that a key never has');
  }
  if (token !== undefined && typeof token !== 'function') throw bad('token must be a function that gives one');
  if (onError !== 'throw' && onError !== 'log') throw bad(`onError is "${String(onError)}"; it must be "throw" or "log"`);
  return {
    ...options,
    url,
    onError,
    timeout: whole('timeout', options.timeout, 1, 15_000),
    attemptTimeout: whole('attemptTimeout', options.attemptTimeout, 1, 5_000),
    retries: whole('retries', options.retries, 0, 4),
    shutdownTimeout: whole('shutdownTimeout', options.shutdownTimeout, 0, 5_000),
    healthUrl: options.healthUrl === undefined ? url : base('healthUrl', options.healthUrl),
    fetch: options.fetch ?? globalThis.fetch,
  };
}
