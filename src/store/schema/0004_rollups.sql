-- Calls get a number, in the order in which they were taken in; what is summed
-- and looked up is made of blocks of 131072 of them (seq >> 17).  docs/store.md.

CREATE TABLE numbered (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
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
  cache_write_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  unit INTEGER NOT NULL,
  units INTEGER NOT NULL,
  hit_picos INTEGER NOT NULL,
  miss_picos INTEGER NOT NULL,
  output_picos INTEGER NOT NULL,
  write_picos INTEGER NOT NULL,
  unit_picos INTEGER NOT NULL,
  held_nanos INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL,
  day INTEGER NOT NULL DEFAULT 0,
  month INTEGER NOT NULL DEFAULT 0,
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  trace_id TEXT NOT NULL
) STRICT;

INSERT INTO numbered (id, at, key_id, account_id, upstream_id, credential_id,
    model, endpoint, flags, status, code, basis, latency_ms, ttft_ms,
    prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens,
    completion_tokens, reasoning_tokens, unit, units, hit_picos, miss_picos,
    output_picos, write_picos, unit_picos, held_nanos, cost_nanos, ip,
    user_agent, trace_id)
  SELECT id, at, key_id, account_id, upstream_id, credential_id,
    model, endpoint, flags, status, code, basis, latency_ms, ttft_ms,
    prompt_tokens, prompt_cache_hit_tokens, cache_write_tokens,
    completion_tokens, reasoning_tokens, unit, units, hit_picos, miss_picos,
    output_picos, write_picos, unit_picos, held_nanos, cost_nanos, ip,
    user_agent, trace_id FROM calls ORDER BY at, id;

DROP TABLE calls;
ALTER TABLE numbered RENAME TO calls;
CREATE INDEX calls_by_time ON calls (at);

-- Calls below first are in the tables below; and of those from first to next,
-- which is the block after or first itself, the ones of keys up to key_id.
CREATE TABLE rolled_up (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  first INTEGER NOT NULL,
  next INTEGER NOT NULL,
  key_id TEXT NOT NULL
) STRICT;

INSERT INTO rolled_up VALUES (1, 0, 0, '');

-- All other calls; and those.
CREATE VIEW recent_calls AS SELECT * FROM calls
  WHERE seq >= (SELECT first FROM rolled_up)
    AND (seq >= (SELECT next FROM rolled_up)
         OR key_id > (SELECT key_id FROM rolled_up));
CREATE VIEW rolled_calls AS SELECT * FROM calls
  WHERE +seq < (SELECT next FROM rolled_up)
    AND (+seq < (SELECT first FROM rolled_up)
         OR key_id <= (SELECT key_id FROM rolled_up));

CREATE TABLE rollups (
  quarter INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  endpoint INTEGER NOT NULL,
  upstream_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  account_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  prompt_cache_hit_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL,
  images INTEGER NOT NULL,
  audio_ms INTEGER NOT NULL,
  characters INTEGER NOT NULL,
  latency BLOB NOT NULL,
  ttft BLOB NOT NULL,
  PRIMARY KEY (quarter, key_id, model, endpoint, upstream_id, status)
) STRICT, WITHOUT ROWID;

-- Which calls of a block are a key's.
CREATE TABLE key_calls (
  block INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  last_at INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (block, key_id)
) STRICT, WITHOUT ROWID;

-- Calls that were settled in another day or month than they were admitted in:
-- days since 1970 and year * 12 + month, in their key's zone.
CREATE TABLE moved_calls (
  seq INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  day INTEGER NOT NULL,
  month INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL
) STRICT;
