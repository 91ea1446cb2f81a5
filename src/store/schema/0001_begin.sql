-- Instants are Unix time in milliseconds, 0 meaning never; money is in
-- nano-units of the ledger currency; lists are JSON.  docs/store.md has the
-- whole story.

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
  verification TEXT NOT NULL
    CHECK (verification IN ('unverified', 'pending', 'verified')),
  billing TEXT NOT NULL CHECK (billing IN ('prepaid', 'postpaid')),
  granted_nanos INTEGER NOT NULL DEFAULT 0,
  topped_up_nanos INTEGER NOT NULL DEFAULT 0,
  base_nanos INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  labels TEXT NOT NULL DEFAULT '{}',
  kind TEXT NOT NULL
    CHECK (kind IN ('production', 'development', 'restricted')),
  status TEXT NOT NULL
    CHECK (status IN ('active', 'inactive', 'disabled', 'deleted')),
  scopes TEXT NOT NULL,
  models TEXT NOT NULL,
  endpoints TEXT NOT NULL,
  requests_per_second INTEGER NOT NULL DEFAULT 0,
  requests_per_minute INTEGER NOT NULL DEFAULT 0,
  requests_per_day INTEGER NOT NULL DEFAULT 0,
  tokens_per_minute INTEGER NOT NULL DEFAULT 0,
  concurrency INTEGER NOT NULL DEFAULT 0,
  max_queue_ms INTEGER NOT NULL DEFAULT 0,
  daily_nanos INTEGER NOT NULL DEFAULT 0,
  monthly_nanos INTEGER NOT NULL DEFAULT 0,
  timezone TEXT NOT NULL DEFAULT 'UTC',
  allowed_ips TEXT NOT NULL,
  allowed_referrers TEXT NOT NULL,
  hours TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX keys_by_account ON keys (account_id, number);

CREATE TABLE secrets (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  key_id TEXT NOT NULL REFERENCES keys (id),
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  prefix TEXT NOT NULL,
  last4 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  valid_until INTEGER NOT NULL DEFAULT 0,
  last_used_at INTEGER NOT NULL DEFAULT 0,
  last_used_ip TEXT NOT NULL DEFAULT '',
  last_used_agent TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX secrets_by_key ON secrets (key_id, number);

CREATE TABLE upstreams (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  position INTEGER NOT NULL UNIQUE,
  dialect TEXT NOT NULL
    CHECK (dialect IN ('deepseek', 'openai', 'vllm', 'anthropic')),
  base_url TEXT NOT NULL,
  addresses TEXT NOT NULL DEFAULT '[]',
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  upstream_id TEXT NOT NULL REFERENCES upstreams (id),
  sealed BLOB NOT NULL,
  last4 TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'replaced', 'disabled')),
  created_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX credentials_by_upstream ON credentials (upstream_id, number);

CREATE TABLE models (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  upstream_id TEXT REFERENCES upstreams (id),
  development INTEGER NOT NULL DEFAULT 0,
  max_context_tokens INTEGER NOT NULL DEFAULT 0,
  max_output_tokens INTEGER NOT NULL DEFAULT 0,
  max_fim_tokens INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE prices (
  model TEXT NOT NULL REFERENCES models (name),
  effective_at INTEGER NOT NULL,
  hit_picos INTEGER NOT NULL,
  miss_picos INTEGER NOT NULL,
  output_picos INTEGER NOT NULL,
  peak_hit_picos INTEGER NOT NULL,
  peak_miss_picos INTEGER NOT NULL,
  peak_output_picos INTEGER NOT NULL,
  peak_quarters BLOB NOT NULL CHECK (length(peak_quarters) = 84),
  flags INTEGER NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (model, effective_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE operators (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL
    CHECK (role IN ('owner', 'admin', 'auditor', 'billing')),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  operator_id TEXT NOT NULL REFERENCES operators (id),
  created_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- How far each segment of the journal has been taken in.  writer_id is the
-- unsigned number's bits; bad says why the rest of it cannot be read.
CREATE TABLE segments (
  writer_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  bad TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (writer_id, number)
) STRICT, WITHOUT ROWID;

-- Calls, as docs/journal.md has them; endpoint, code, basis and flags are
-- the journal's numbers.  A call whose key is gone stays.
CREATE TABLE calls (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  credential_id TEXT NOT NULL,
  model TEXT NOT NULL,
  endpoint INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  status INTEGER NOT NULL,
  code INTEGER NOT NULL,
  basis INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  ttft_ms INTEGER,
  prompt_tokens INTEGER NOT NULL,
  prompt_cache_hit_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  hit_picos INTEGER NOT NULL,
  miss_picos INTEGER NOT NULL,
  output_picos INTEGER NOT NULL,
  held_nanos INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL,
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  trace_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_by_time ON calls (at);
CREATE INDEX calls_by_key ON calls (key_id, at);
