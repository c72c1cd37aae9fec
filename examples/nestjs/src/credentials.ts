// What calls are authorized by: an API key, or a token that is kept while it is good.

import { LecternError } from './errors';
import type { ResolvedOptions } from './options';

const EARLY = 30_000; // ms before its expiry that a token is asked for anew

/** When a JSON Web Token expires, in ms since 1970; of anything else, never. */
function expiryOf(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims.exp === 'number' ? claims.exp * 1000 : Infinity;
  } catch {
    return Infinity;
  }
}

export class Credentials {
  /** Whether there can be another one after a 401. */
  readonly canRenew: boolean;
  private kept: Promise<string> | undefined;

  constructor(private readonly options: ResolvedOptions) {
    this.canRenew = options.token !== undefined;
  }

  /** The key or token. Calls at the same time ask once. */
  get(): Promise<string> {
    const { apiKey, token } = this.options;
    if (token === undefined) return Promise.resolve(apiKey as string);
    if (this.kept === undefined) {
      const asked: Promise<string> = this.ask(token);
      this.kept = asked;
      asked.then(
        (text) => {
          const wait = expiryOf(text) - Date.now() - EARLY;
          if (wait < 2 ** 31) setTimeout(() => this.forget(asked), Math.max(0, wait)).unref();
        },
        () => this.forget(asked),
      );
    }
    return this.kept;
  }

  /** The server refused this one: the next get() asks anew. */
  async refused(text: string): Promise<void> {
    const { kept } = this;
    if (kept !== undefined && (await kept.catch(() => text)) === text) this.forget(kept);
  }

  private forget(asked: Promise<string>): void {
    if (this.kept === asked) this.kept = undefined;
  }

  private async ask(token: () => string | Promise<string>): Promise<string> {
    let text: unknown;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const { attemptTimeout: ms } = this.options;
      timer = setTimeout(() => reject(new Error(`it gave none in ${ms} ms`)), ms);
    });
    try {
      text = await Promise.race([token(), late]); // else one that never ends would be what all calls wait for
    } catch (cause) {
      throw new LecternError(`the function token failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
        code: 'bad_token',
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
      throw new LecternError('the function token gave no token: it must be text without spaces and line ends', {
        code: 'bad_token',
      });
    }
    return text;
  }
}
