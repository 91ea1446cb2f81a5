-- Reports that are sent by a schedule.  docs/store.md, "Reports".
--
-- A report is due at_minutes after midnight of next_day, which is the first
-- day behind its period, by the clocks of the time zone.
CREATE TABLE report_schedules (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  is_on INTEGER NOT NULL,
  period TEXT NOT NULL CHECK (period IN ('daily', 'weekly', 'monthly')),
  at_minutes INTEGER NOT NULL CHECK (at_minutes BETWEEN 0 AND 1439),
  timezone TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  account_id TEXT NOT NULL DEFAULT '',
  key_id TEXT NOT NULL DEFAULT '',
  format TEXT NOT NULL,
  lang TEXT NOT NULL,
  next_day INTEGER NOT NULL,
  last_at INTEGER NOT NULL DEFAULT 0,
  last_period TEXT NOT NULL DEFAULT '',
  last_notice_id TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- The outbox takes reports, too.
CREATE TABLE notices_and_reports (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  channel_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  episode_id TEXT NOT NULL,
  what TEXT NOT NULL
    CHECK (what IN ('opened', 'recovered', 'summary', 'report')),
  severity TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('pending', 'held', 'delivered', 'summarised', 'given_up')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL DEFAULT 0,
  last_status INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO notices_and_reports SELECT * FROM notices;
DROP TABLE notices;
ALTER TABLE notices_and_reports RENAME TO notices;

CREATE INDEX notices_waiting ON notices (channel_id, number)
  WHERE status IN ('pending', 'held');
CREATE INDEX notices_by_end ON notices (ended_at) WHERE ended_at <> 0;
