-- Operators have a state and accounts of their own, a password and a second
-- factor; their tokens have names, ends and narrower scopes; and there are
-- sessions.

-- accounts: a JSON list of ids; an empty one is all of them.
ALTER TABLE operators ADD COLUMN status TEXT NOT NULL DEFAULT 'active'
  CHECK (status IN ('active', 'suspended', 'disabled'));
ALTER TABLE operators ADD COLUMN accounts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE operators ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;

-- password is argon2id's text; the seeds of TOTP are sealed (seal.h) under
-- "totp:" and the operator's id; totp_next is the first time step whose code
-- has not been used.
ALTER TABLE operators ADD COLUMN password TEXT NOT NULL DEFAULT '';
ALTER TABLE operators ADD COLUMN totp BLOB NOT NULL DEFAULT x'';
ALTER TABLE operators ADD COLUMN totp_pending BLOB NOT NULL DEFAULT x'';
ALTER TABLE operators ADD COLUMN totp_next INTEGER NOT NULL DEFAULT 0;

-- scopes: a JSON list of permissions; an empty one is all that the role has.
-- account_id: '' or the only one.
ALTER TABLE tokens ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN last4 TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tokens ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN last_used_ip TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN last_used_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN fresh_until INTEGER NOT NULL DEFAULT 0;
UPDATE tokens SET id = 'tok_' || lower(hex(randomblob(10)));
CREATE UNIQUE INDEX tokens_by_id ON tokens (id);
CREATE INDEX tokens_by_operator ON tokens (operator_id);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  operator_id TEXT NOT NULL REFERENCES operators (id),
  kind TEXT NOT NULL CHECK (kind IN ('bearer', 'cookie')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  last_used_ip TEXT NOT NULL,
  last_used_agent TEXT NOT NULL,
  fresh_until INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_operator ON sessions (operator_id);

-- Each lets its operator in once.
CREATE TABLE recovery_codes (
  operator_id TEXT NOT NULL REFERENCES operators (id),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  used_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (operator_id, digest)
) STRICT, WITHOUT ROWID;

-- Attempts to log in or to prove oneself, by whom or from where: the instant
-- by which all that were made are paid for.
CREATE TABLE attempts (
  name TEXT PRIMARY KEY,
  paid_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_time ON attempts (paid_at);
