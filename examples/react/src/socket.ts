// The hook's socket with the types of the server's events.

import type { Socket } from 'socket.io-client';
import type { ClientToServerEvents, EmitsWithAnswers, ServerToClientEvents } from '@lectern/nestjs/events';

export type LecternSocket = EmitsWithAnswers & Socket<ServerToClientEvents, ClientToServerEvents>;

/** Time for an answer, in ms. */
export const TIMEOUT = 10_000;

type Answer = { ok: true } | { ok: false; error: { message: string } };

/** The answer, if it is what was asked for; else an error with the server's words. */
export async function granted<A extends Answer>(answer: Promise<A>): Promise<Extract<A, { ok: true }>> {
  const given = await answer;
  if (!given.ok) throw new Error(given.error.message);
  return given as Extract<A, { ok: true }>;
}
