-- Requests that were made under an Idempotency-Key, for a day: a row is
-- committed with the change that its request made, and has no answer until
-- the request is over.  key is an SHA-256, request one under the master key, as
-- bodies may hold a password; sealed is the answer, or, while status is 0, what
-- of it is told only once: docs/store.md.
CREATE TABLE idempotency (
  number INTEGER PRIMARY KEY,
  operator_id TEXT NOT NULL,
  key BLOB NOT NULL CHECK (length(key) = 32),
  request BLOB NOT NULL CHECK (length(request) = 32),
  created_at INTEGER NOT NULL,
  subject TEXT NOT NULL,
  status INTEGER NOT NULL,
  etag TEXT NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (operator_id, key)
) STRICT;

CREATE INDEX idempotency_by_time ON idempotency (created_at);
