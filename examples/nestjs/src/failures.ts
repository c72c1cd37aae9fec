// What becomes of failures where notifications are best effort: lines of the log, few of them, and calls that go on.

import { Logger } from '@nestjs/common';
import { LecternError } from './errors';

const AGAIN = 60_000; // ms until the same failure is told once more
const MOST = 100; // failures that are told apart

interface Told {
  at: number;
  /** How many came since, which nobody was told of. */
  more: number;
  /** An outage that nobody was told the end of. */
  lasts: boolean;
}

// Outages concern whatever is called; what is refused is the caller's mistake.
function isOutage(error: LecternError): boolean {
  return error.retryable || error.status === 401 || ['unreachable', 'bad_answer', 'bad_token', 'stopped'].includes(error.code);
}

/** Failures of one client. */
export class Failures {
  private readonly logger = new Logger('Lectern');
  private readonly told = new Map<string, Told>();

  constructor(private readonly onError: 'throw' | 'log') {}

  /**
   * Makes a call. Where failures are only logged, a failed one gives what `instead` says. Mistakes of this library are
   * never hidden: what is no LecternError is thrown.
   */
  async guard<T>(call: () => Promise<T>, instead: () => T): Promise<T> {
    if (this.onError === 'throw') return call();
    return this.logged(call, instead);
  }

  /** As guard, whatever the options say. */
  async logged<T>(call: () => Promise<T>, instead: () => T): Promise<T> {
    try {
      const value = await call();
      this.over();
      return value;
    } catch (error) {
      if (!(error instanceof LecternError)) throw error;
      this.tell(error);
      return instead();
    }
  }

  private tell(error: LecternError): void {
    const outage = isOutage(error);
    const kind = outage ? error.code : `${error.code} ${error.message}`;
    const now = Date.now();
    const known = this.told.get(kind);
    if (known !== undefined && now - known.at < AGAIN) {
      known.more++;
      return;
    }
    const more = known !== undefined && known.more > 0 ? ` (and ${known.more} more since this was last said)` : '';
    const id = error.requestId === undefined ? '' : `, request ${error.requestId}`;
    this.logger.error(`${error.message} [${error.code}${id}]${more}`);
    this.told.delete(kind);
    this.told.set(kind, { at: now, more: 0, lasts: outage });
    if (this.told.size > MOST) {
      const [oldest] = this.told.keys();
      if (oldest !== undefined) this.told.delete(oldest);
    }
  }

  // Its end does not make it another one: a server that answers every second call would fill the log.
  private over(): void {
    let more = 0;
    let lasted = false;
    for (const told of this.told.values()) {
      if (!told.lasts) continue;
      lasted = true;
      more += told.more;
      told.more = 0;
      told.lasts = false;
    }
    if (lasted) this.logger.log(`the server answers again${more > 0 ? `; ${more} more calls had failed` : ''}`);
  }
}
