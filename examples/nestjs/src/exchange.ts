// One attempt of a call: a request, and what its answer or its failure means.

import { LecternError } from './errors';
import type { ResolvedOptions } from './options';

/** What is sent; the same for each attempt but for the authorization. */
export interface Exchange {
  /** The function's name, or '' for a list of calls. */
  name: string;
  body: string;
  key: string | undefined;
  authorization: string;
  signal: AbortSignal;
}

/** What became of it. */
export type Outcome =
  | { value: unknown; error?: undefined }
  | {
      error: LecternError;
      /** ms that the server asks to wait. */
      wait?: number;
      /** Whether the server cannot have done it: it was not reached, or it refused at the door. */
      untouched: boolean;
      /** Whether the server is still doing it: the answer comes to who asks again with the same key. */
      underWay?: boolean;
    };

const TRY_AGAIN = new Set([429, 502, 503, 504]);
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const WORDS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there; is the server running, and is it the right port?',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
};

/** Seconds or a date, as ms from now. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The code that the system, or the HTTP client, gave to what made fetch fail. */
function causeOf(failure: unknown): { code: string; text: string } {
  let cause = failure;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  const { code, errors, message } = cause as { code?: unknown; errors?: { code?: string }[]; message?: string };
  return { code: String(code ?? errors?.[0]?.code ?? ''), text: message || String(code ?? failure) };
}

function isOfTls(code: string): boolean {
  return /CERT|SSL|TLS|EPROTO|SELF_SIGNED|UNABLE_TO/.test(code);
}

function failed(url: string, call: string, failure: unknown): Outcome {
  const { code, text } = causeOf(failure);
  const details = { code: 'unreachable', call, cause: failure };
  if (code === '' && text === 'bad port') {
    return { error: new LecternError(`${url}: fetch never connects to this port; give the server another one`, details), untouched: true };
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return { error: new LecternError(`${url} speaks no TLS: should the url begin with http://?`, details), untouched: true };
  }
  if (isOfTls(code)) {
    const message = `${url} has no certificate that this program trusts: ${text} (${code})`;
    return { error: new LecternError(message, details), untouched: true };
  }
  if (NOT_CONNECTED.has(code)) {
    const message = `cannot connect to ${url}: ${WORDS[code] ?? text} (${code})`;
    return { error: new LecternError(message, { ...details, retryable: true }), untouched: true };
  }
  const message = `the connection to ${url} broke before ${call} was answered: ${text}${code ? ` (${code})` : ''}`;
  return { error: new LecternError(message, { ...details, retryable: true }), untouched: false };
}

/** What a refusal means for whoever set this up, after the server's own words. */
function advice(status: number, withKey: boolean, url: string): string {
  if (status === 401) {
    return withKey
      ? `. Is apiKey the whole line that "lectern key new NAME" printed, and of the server at ${url}? "lectern key list" shows what there is`
      : `. The function token must give one that the server at ${url} can verify`;
  }
  if (status === 403 && !withKey) return '. The token needs the role "service" (the setting api.service_role)';
  return '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An answer of something else: a proxy in between, or another program. */
function strange(response: Response, address: string, call: string): Outcome {
  const { status } = response;
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const location = response.headers.get('location');
  if (TRY_AGAIN.has(status)) {
    return {
      error: new LecternError(`${address} answered ${status}: a proxy in between does not reach the server`, {
        code: status === 429 ? 'rate_limited' : 'unavailable',
        status,
        requestId,
        retryable: true,
        call,
      }),
      wait: waitOf(response.headers.get('retry-after')),
      untouched: false,
    };
  }
  const what =
    status >= 300 && status < 400
      ? `sends on to ${location ?? 'another address'}: give that as url`
      : `answered ${status} ${response.headers.get('content-type') ?? 'without a type'}, which is no answer of Lectern: is url right?`;
  return { error: new LecternError(`${address} ${what}`, { code: 'bad_answer', status, requestId, call }), untouched: false };
}

function nothing(address: string, call: string, response: Response): Outcome {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const message = `there is no API at ${address}: is url right? The setting api.listen moves it`;
  return { error: new LecternError(message, { code: 'bad_answer', status: 404, requestId, call }), untouched: true };
}

/** The error that an answer's `error` stands for. */
export function errorOf(said: Record<string, unknown>, call: string, status?: number, more = '', retryable?: boolean): LecternError {
  const message = typeof said['message'] === 'string' ? said['message'] : 'no reason was given';
  return new LecternError(`${call}: ${message}${more}`, {
    code: typeof said['code'] === 'string' ? said['code'] : 'refused',
    status,
    requestId: typeof said['id'] === 'string' ? said['id'] : undefined,
    retryable: retryable ?? ['rate_limited', 'busy', 'full', 'unavailable', 'timeout'].includes(String(said['code'])),
    call,
  });
}

function judged(response: Response, text: string, address: string, call: string, options: ResolvedOptions): Outcome {
  const { status } = response;
  const value = parsed(text);
  if (status === 200 && isObject(value) && 'result' in value) return { value: value['result'] };
  const said = isObject(value) ? value['error'] : undefined;
  if (!isObject(said)) return strange(response, address, call);
  if (status === 404 && said['id'] === undefined) return nothing(address, call, response); // not of the API
  const wait = waitOf(response.headers.get('retry-after'));
  // The server says of a call that is still under way when to ask again; other conflicts stay.
  const underWay = status === 409 && wait !== undefined;
  const retryable = TRY_AGAIN.has(status) || underWay;
  return {
    error: errorOf(said, call, status, advice(status, options.token === undefined, options.url), retryable),
    wait,
    untouched: status === 401 || status === 403 || status === 429,
    underWay,
  };
}

/** Makes one attempt. Rejects only when the signal says so. */
export async function exchange(options: ResolvedOptions, sent: Exchange): Promise<Outcome> {
  const address = `${options.url}/api${sent.name ? `/${encodeURIComponent(sent.name)}` : ''}`;
  const call = sent.name || 'a list of calls';
  const headers: Record<string, string> = {
    authorization: `Bearer ${sent.authorization}`,
    'content-type': 'application/json',
    accept: 'application/json',
  };
  if (sent.key !== undefined) headers['idempotency-key'] = sent.key;
  try {
    const { fetch } = options; // called without an object, as the global one wants it
    const response = await fetch(address, {
      method: 'POST',
      headers,
      body: sent.body,
      redirect: 'manual',
      signal: sent.signal,
    });
    return judged(response, await response.text(), address, call, options);
  } catch (failure) {
    if (sent.signal.aborted) throw failure;
    return failed(options.url, call, failure);
  }
}
