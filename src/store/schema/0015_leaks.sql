-- Keys that were found where they should not be, and what was done: source is
-- who said so (github, operator, response), place is where it was, as that one
-- names it.  What is reported again adds no row.
CREATE TABLE leaks (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  key_id TEXT NOT NULL REFERENCES keys (id),
  secret_id TEXT NOT NULL,
  source TEXT NOT NULL,
  place TEXT NOT NULL,
  url TEXT NOT NULL,
  was_in_force INTEGER NOT NULL,
  is_shut INTEGER NOT NULL,
  replaced_by TEXT NOT NULL DEFAULT '',
  UNIQUE (key_id, secret_id, source, place, url)
) STRICT;
