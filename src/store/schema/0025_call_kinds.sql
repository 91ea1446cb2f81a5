-- What calls have in common is written once: docs/store.md, "Kinds of calls".

-- What they are of: set up by operators, or one of few by itself.  block is
-- the last one (seq >> 17) that may have a call of it.
CREATE TABLE call_kinds (
  number INTEGER PRIMARY KEY,
  block INTEGER NOT NULL,
  upstream_id TEXT NOT NULL,
  credential_id TEXT NOT NULL,
  model TEXT NOT NULL,
  endpoint INTEGER NOT NULL,
  unit INTEGER NOT NULL,
  hit_picos INTEGER NOT NULL,
  miss_picos INTEGER NOT NULL,
  output_picos INTEGER NOT NULL,
  write_picos INTEGER NOT NULL,
  unit_picos INTEGER NOT NULL,
  UNIQUE (upstream_id, credential_id, model, endpoint, unit, hit_picos,
          miss_picos, output_picos, write_picos, unit_picos)
) STRICT;

INSERT INTO call_kinds (block, upstream_id, credential_id, model, endpoint,
    unit, hit_picos, miss_picos, output_picos, write_picos, unit_picos)
  SELECT DISTINCT (SELECT max(seq) FROM calls) >> 17, upstream_id,
    credential_id, model, endpoint, unit, hit_picos, miss_picos, output_picos,
    write_picos, unit_picos FROM calls;

-- kind is the number of a row above; to check it with each call would cost a
-- look at it, so ledger verify does.
CREATE TABLE call_rows (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  kind INTEGER NOT NULL,
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
  units INTEGER NOT NULL,
  held_nanos INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL,
  day INTEGER NOT NULL,
  month INTEGER NOT NULL,
  ip TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  trace_id TEXT NOT NULL
) STRICT;

INSERT INTO call_rows
  SELECT seq, id, at, key_id, account_id, call_kinds.number, flags, status,
    code, basis, latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens,
    cache_write_tokens, completion_tokens, reasoning_tokens, units,
    held_nanos, cost_nanos, day, month, ip, user_agent, trace_id
  FROM calls LEFT JOIN call_kinds USING (upstream_id, credential_id, model,
    endpoint, unit, hit_picos, miss_picos, output_picos, write_picos,
    unit_picos)
  ORDER BY seq;

DROP VIEW recent_calls;
DROP VIEW rolled_calls;
DROP TABLE calls;

CREATE INDEX calls_by_time ON call_rows (at);
CREATE INDEX calls_in_rotation ON call_rows (key_id, flags >> 8, at)
  WHERE flags & 128;

-- A call as it was settled.  Whoever asks for nothing of its kind does not
-- look for that: so LEFT.
CREATE VIEW calls AS
  SELECT seq, id, at, key_id, account_id, upstream_id, credential_id, model,
    endpoint, flags, status, code, basis, latency_ms, ttft_ms, prompt_tokens,
    prompt_cache_hit_tokens, cache_write_tokens, completion_tokens,
    reasoning_tokens, unit, units, hit_picos, miss_picos, output_picos,
    write_picos, unit_picos, held_nanos, cost_nanos, day, month, ip,
    user_agent, trace_id
  FROM call_rows LEFT JOIN call_kinds ON call_kinds.number = call_rows.kind;

CREATE VIEW recent_calls AS SELECT * FROM calls
  WHERE seq >= (SELECT first FROM rolled_up)
    AND (seq >= (SELECT next FROM rolled_up)
         OR key_id > (SELECT key_id FROM rolled_up));
CREATE VIEW rolled_calls AS SELECT * FROM calls
  WHERE +seq < (SELECT next FROM rolled_up)
    AND (+seq < (SELECT first FROM rolled_up)
         OR key_id <= (SELECT key_id FROM rolled_up));
