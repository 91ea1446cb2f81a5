-- What the watch over calls and refusals reads and remembers, and what the
-- daemon did with a key because of it: docs/store.md, docs/events.md.

-- Refusals as the journal has them, struct tg_denial, until they are read.
CREATE TABLE denial_feed (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  row BLOB NOT NULL CHECK (length(row) = 240)
) STRICT;

-- Up to which call all is in the two tables below.
CREATE TABLE watched (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL
) STRICT;

INSERT INTO watched SELECT 1, coalesce(max(seq), 0) FROM calls;

-- struct tg_watch_row, watch.h.
CREATE TABLE watches (
  detector TEXT NOT NULL,
  subject TEXT NOT NULL,
  row BLOB NOT NULL,
  PRIMARY KEY (detector, subject)
) STRICT, WITHOUT ROWID;

-- How a key is used: tg_habit_pack.
CREATE TABLE habits (
  key_id TEXT PRIMARY KEY,
  habit BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What its policy says of which event, an object; and what was done: '',
-- throttle or pause, because of which event, when, until when (0: a person
-- ends it).
ALTER TABLE keys ADD COLUMN responses TEXT NOT NULL DEFAULT '{}';
ALTER TABLE keys ADD COLUMN response TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN response_event TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN response_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN response_until INTEGER NOT NULL DEFAULT 0;

CREATE INDEX keys_by_response ON keys (response_until)
  WHERE response_until <> 0;
CREATE INDEX events_by_key ON events (key_id, number) WHERE key_id <> '';
