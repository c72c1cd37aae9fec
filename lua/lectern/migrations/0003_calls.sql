-- Calls with an Idempotency-Key: what they were answered, and until then what they have written.

-- A call is claimed in the transaction of the first thing that it writes. status is NULL until it has its
-- answer. start_id: of the process that makes the call; lease: until when others leave it alone (ms).
CREATE TABLE lectern_calls (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  hash TEXT NOT NULL,
  start_id TEXT NOT NULL,
  lease BIGINT NOT NULL,
  created BIGINT NOT NULL,
  status BIGINT,
  type TEXT,
  headers TEXT,
  body BYTEA,
  PRIMARY KEY (caller, key)
);
CREATE INDEX lectern_calls_created ON lectern_calls (created);

-- The n-th write of a call and what the database answered it, kept in its transaction; behind so many
-- results of statements that the call itself knows nothing of.
CREATE TABLE lectern_call_writes (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  n BIGINT NOT NULL,
  answer BYTEA NOT NULL,
  behind BIGINT NOT NULL,
  PRIMARY KEY (caller, key, n)
);

-- API keys: what lets other programs call. The secret itself is nowhere.
CREATE TABLE lectern_api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BYTEA NOT NULL,
  functions TEXT,
  rate BIGINT NOT NULL,
  created BIGINT NOT NULL,
  revoked BIGINT NOT NULL
);
