-- Refused requests, as docs/journal.md has them, added up by quarter-hours
-- (at / 900 000), key, code and address; key_id and ip are '' for without a
-- key, or both for any.  request_id to user_agent are of the last sample.
CREATE TABLE denials (
  number INTEGER PRIMARY KEY,
  quarter INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  code INTEGER NOT NULL,
  ip TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  sample_at INTEGER NOT NULL,
  request_id BLOB NOT NULL CHECK (length(request_id) = 16),
  endpoint INTEGER NOT NULL,
  model TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  UNIQUE (quarter, key_id, code, ip)
) STRICT;

CREATE INDEX denials_by_time ON denials (quarter, number);
CREATE INDEX denials_by_key ON denials (key_id, quarter, number)
  WHERE key_id <> '';
CREATE INDEX denials_by_account ON denials (account_id, quarter, number)
  WHERE account_id <> '';

-- Up to which record of each segment its denials were taken in, so that they
-- are once when the segment comes again.  writer_id as in segments.
CREATE TABLE denial_marks (
  writer_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (writer_id, number)
) STRICT, WITHOUT ROWID;
