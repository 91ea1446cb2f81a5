-- Sums of a day in few bytes, in place of a row for each quarter-hour:
-- docs/store.md, "From calls to packs".

-- What the numbers in packs stand for, from 1 on without gaps.
CREATE TABLE pack_kinds (
  number INTEGER PRIMARY KEY,
  model TEXT NOT NULL,
  endpoint INTEGER NOT NULL,
  upstream_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  UNIQUE (model, endpoint, upstream_id, status)
) STRICT;

CREATE TABLE pack_accounts (
  number INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL UNIQUE
) STRICT;

-- cells is a pack, or, where that is of more than 256 bytes, the id of its row
-- in pack_cells: whoever wants sums does not read them.
CREATE TABLE packs (
  day INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  account INTEGER NOT NULL,
  sums BLOB NOT NULL,
  cells ANY NOT NULL,
  PRIMARY KEY (day, key_id, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_cells (
  id INTEGER PRIMARY KEY,
  cells BLOB NOT NULL
) STRICT;

INSERT INTO pack_kinds (model, endpoint, upstream_id, status)
  SELECT DISTINCT model, endpoint, upstream_id, status FROM rollups;
INSERT INTO pack_accounts (account_id)
  SELECT DISTINCT account_id FROM rollups;

CREATE TABLE made (
  number INTEGER PRIMARY KEY,
  day INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  account INTEGER NOT NULL,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

-- tg_pack and tg_packs are the store's: src/store/sqlite_pack_functions.c.
INSERT INTO made (day, key_id, account, sums, cells)
  SELECT quarter / 96, key_id, pack_accounts.number,
    tg_pack(pack_kinds.number, 0, requests, errors, prompt_tokens,
      prompt_cache_hit_tokens, cache_write_tokens, completion_tokens,
      reasoning_tokens, cost_nanos, images, audio_ms, characters, latency,
      ttft),
    tg_pack(pack_kinds.number, quarter % 96, requests, errors, prompt_tokens,
      prompt_cache_hit_tokens, cache_write_tokens, completion_tokens,
      reasoning_tokens, cost_nanos, images, audio_ms, characters, latency,
      ttft)
  FROM rollups
    JOIN pack_kinds USING (model, endpoint, upstream_id, status)
    JOIN pack_accounts USING (account_id)
  GROUP BY quarter / 96, key_id, pack_accounts.number;
INSERT INTO made (day, key_id, account, sums, cells)
  SELECT day, '*', account, tg_packs(sums), tg_packs(cells)
  FROM made GROUP BY day, account;
INSERT INTO made (day, key_id, account, sums, cells)
  SELECT day, '*', 0, tg_packs(sums), tg_packs(cells)
  FROM made WHERE key_id = '*' GROUP BY day;

INSERT INTO pack_cells
  SELECT number, cells FROM made WHERE length(cells) > 256 ORDER BY number;
INSERT INTO packs
  SELECT day, key_id, account, sums,
    iif(length(cells) > 256, number, cells) FROM made;

DROP TABLE made;
DROP TABLE rollups;
DROP TABLE totals;
