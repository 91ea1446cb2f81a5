-- What is taken away by age, and what is known of it afterwards: docs/store.md,
-- "What goes by age".

-- The cost of an account's calls whose rollups are gone.
ALTER TABLE accounts ADD COLUMN gone_nanos INTEGER NOT NULL DEFAULT 0;

-- It was taken in to its end, and its file is among those that are kept.
ALTER TABLE segments ADD COLUMN is_kept INTEGER NOT NULL DEFAULT 0;

-- Quarter-hours (at / 900000) of which calls are gone, or all of them.
CREATE TABLE thinned (
  quarter INTEGER PRIMARY KEY
) STRICT;

-- Rollups of quarter-hours before this one are gone.  And of the block whose
-- calls go next: the keys up to which their last use was noted, or all.
CREATE TABLE retention (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  first_quarter INTEGER NOT NULL,
  block INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  is_noted INTEGER NOT NULL
) STRICT;

INSERT INTO retention VALUES (1, 0, -1, '', 0);
