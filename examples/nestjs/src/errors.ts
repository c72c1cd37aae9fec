// What goes wrong with a call, in one class.

/** What a {@link LecternError} tells beside its message. */
export interface LecternErrorDetails {
  code: string;
  status?: number;
  requestId?: string;
  retryable?: boolean;
  call?: string;
  cause?: unknown;
}

/**
 * A call that failed. `code` is the server's word (`invalid`, `forbidden`, `not_found`, `conflict`, `too_big`,
 * `rate_limited`, `busy`, `unavailable`, `timeout`, `internal_error` …) or one of the client's own:
 *
 * - `unreachable`: no answer came; the message names the address and what the system said
 * - `timeout`: the call's time was over
 * - `aborted`: the caller's signal said so
 * - `stopped`: the application shut down before the answer came
 * - `bad_answer`: something answered that is no Lectern
 * - `bad_token`: the `token` function failed
 * - `bad_options`: the options of the module are wrong
 */
export class LecternError extends Error {
  readonly code: string;
  /** The HTTP status of the last answer, if one came. */
  readonly status: number | undefined;
  /** Stands in the server's log beside the call. */
  readonly requestId: string | undefined;
  /** Whether the same call, with the same key, may succeed later. */
  readonly retryable: boolean;
  /** The function that was called. */
  readonly call: string | undefined;

  constructor(message: string, details: LecternErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'LecternError';
    this.code = details.code;
    this.status = details.status;
    this.requestId = details.requestId;
    this.retryable = details.retryable ?? false;
    this.call = details.call;
  }
}
