-- What limits are made of is kept with the places of a key's calls: of each
-- entry its latency_ms and its tokens, prompt and completion, as LEB128
-- numbers; or, where a row would be too long for its page with them, the id
-- of their row in key_loads.  Empty: the block was rolled up before.
ALTER TABLE key_calls ADD COLUMN loads ANY NOT NULL DEFAULT x'';

CREATE TABLE key_loads (
  id INTEGER PRIMARY KEY,
  loads BLOB NOT NULL
) STRICT;
