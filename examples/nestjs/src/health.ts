// Whether the server is ready, in the shape of @nestjs/terminus, which need not be there.

import { Inject, Injectable } from '@nestjs/common';
import { LecternClient } from './client';

/** As Terminus has it: by key, `up` or `down`, and why. */
export type LecternHealth<K extends string = string> = Record<K, { status: 'up' | 'down'; message?: string }>;

const TIMEOUT = 3_000; // ms

/** What Terminus 10 takes as its own HealthCheckError. */
export class LecternHealthError<K extends string = string> extends Error {
  readonly isHealthCheckError = true;

  constructor(
    message: string,
    /** What Terminus shows. */
    readonly causes: LecternHealth<K>,
  ) {
    super(message);
    this.name = 'LecternHealthError';
  }
}

/** `() => this.lectern.isHealthy()` is one of the checks of `HealthCheckService.check`. */
@Injectable()
export class LecternHealthIndicator {
  constructor(@Inject(LecternClient) private readonly client: LecternClient) {}

  /**
   * Asks `/readyz`: whether the server lets people in, and has its database. It says nothing of the API key.
   *
   * @param key under which Terminus shows it
   * @param options `timeout` in ms, 3,000 unless given; `throws`: a {@link LecternHealthError} in place of `down`, which
   *   Terminus 10 wants, and later versions do not
   */
  async isHealthy<K extends string = 'lectern'>(
    key = 'lectern' as K,
    { timeout = TIMEOUT, throws = false }: { timeout?: number; throws?: boolean } = {},
  ): Promise<LecternHealth<K>> {
    const message = await this.trouble(timeout);
    if (message === undefined) return { [key]: { status: 'up' } } as LecternHealth<K>;
    const health = { [key]: { status: 'down', message } } as LecternHealth<K>;
    if (throws) throw new LecternHealthError(`${key}: ${message}`, health);
    return health;
  }

  private async trouble(timeout: number): Promise<string | undefined> {
    const { fetch, healthUrl } = this.client.options;
    const address = `${healthUrl}/readyz`;
    try {
      const response = await fetch(address, { signal: AbortSignal.timeout(timeout), redirect: 'manual' });
      await response.arrayBuffer();
      return response.status === 200 ? undefined : `${address} answered ${response.status}`;
    } catch (error) {
      const { cause = error } = error as { cause?: unknown };
      const { message, code } = cause as { message?: string; code?: string };
      return `${address} did not answer: ${message || code || String(cause)}`;
    }
  }
}
