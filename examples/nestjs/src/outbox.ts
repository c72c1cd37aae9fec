// The outbox: calls that are written in a transaction of the platform's own PostgreSQL, and made after it committed.
// What rolls back is never called; what commits is, however often a program on the way dies. LecternOutbox makes them.

import type { LecternArguments } from './client';
import type { LecternCalls } from './calls';
import { LecternError } from './errors';
import { jsonOf } from './json';

/**
 * The table, for a migration of the platform; PostgreSQL 13 or newer. `args` is json, not jsonb, which refuses some
 * texts: what this library is told must not make the platform's transaction fail.
 */
export const OUTBOX_SQL = `CREATE TABLE IF NOT EXISTS lectern_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key uuid NOT NULL DEFAULT gen_random_uuid(),
  call text NOT NULL,
  args json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  error text,
  parked_at timestamptz
);
CREATE INDEX IF NOT EXISTS lectern_outbox_waiting ON lectern_outbox (id) WHERE parked_at IS NULL;
`;

/** What runs SQL: a client of pg, a query runner or entity manager of TypeORM, or two lines around another library. */
export interface OutboxDatabase {
  query(text: string, params: any[]): PromiseLike<unknown>;
}

/** What is in the table. */
export interface OutboxStatus {
  /** Calls that are still to be made. */
  waiting: number;
  /** Since when the first of them waits. */
  oldest: Date | null;
  /** Calls that the server refused, and that nobody has released. */
  parked: number;
}

/** The rows of a SELECT: pg puts them into an object, other libraries give them as they are. */
export function rowsOf<T>(result: unknown): T[] {
  if (Array.isArray(result)) return result as T[];
  const rows = (result as { rows?: unknown } | null | undefined)?.rows;
  if (Array.isArray(rows)) return rows as T[];
  throw new LecternError('the outbox needs a query() that gives rows: a list, or an object with the list "rows"', { code: 'bad_options' });
}

/**
 * Writes a call into the outbox, inside the transaction that `tx` has open; once it has committed, the call is made.
 * Calls are made in the order in which they were written, as far as one transaction could know of the other.
 *
 * @throws {LecternError} when the arguments are no JSON; and what `tx` throws
 */
export function enqueue<N extends keyof LecternCalls>(tx: OutboxDatabase, name: N, args: LecternArguments<N>): Promise<void>;
export function enqueue<N extends string>(
  tx: OutboxDatabase,
  name: N extends keyof LecternCalls ? never : N,
  args?: readonly unknown[] | object,
): Promise<void>;
export async function enqueue(tx: OutboxDatabase, name: string, args: readonly unknown[] | object = []): Promise<void> {
  if (typeof name !== 'string' || name === '') throw new LecternError('the name of a function is needed', { code: 'invalid' });
  const text = jsonOf(name, args);
  // Sent as text: some libraries would make JSON of a json parameter once more.
  await tx.query('INSERT INTO lectern_outbox (call, args) VALUES ($1::text, $2::text::json)', [name, text]);
}

/** How much waits, since when, and how much was refused. */
export async function outboxStatus(db: OutboxDatabase): Promise<OutboxStatus> {
  const [row] = rowsOf<{ waiting: string; oldest: string | null; parked: string }>(
    await db.query(
      `SELECT count(*) FILTER (WHERE parked_at IS NULL)::text AS waiting, count(parked_at)::text AS parked,
              (extract(epoch FROM min(created_at) FILTER (WHERE parked_at IS NULL)) * 1000)::text AS oldest
         FROM lectern_outbox`,
      [],
    ),
  );
  const { waiting = '0', parked = '0', oldest = null } = row ?? {};
  return { waiting: Number(waiting), parked: Number(parked), oldest: oldest === null ? null : new Date(Number(oldest)) };
}

/** Lets parked calls be made once more, all or those with these ids; they keep their keys and their places. */
export async function releaseParked(db: OutboxDatabase, ids?: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE lectern_outbox SET parked_at = NULL, attempts = 0
      WHERE parked_at IS NOT NULL AND ($1::text IS NULL OR id = ANY (string_to_array($1::text, ',')::bigint[]))`,
    [ids === undefined ? null : ids.join(',')],
  );
}
