-- Alerts: rules, what they have found, whom it is told, and the telling.
-- docs/store.md, "Alerts".

CREATE TABLE alert_rules (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  is_on INTEGER NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  scope TEXT NOT NULL,
  params TEXT NOT NULL,
  channels TEXT NOT NULL,
  tells_recovery INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- sealed: the address and the secret, under the master key, bound to the id.
CREATE TABLE channels (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  is_on INTEGER NOT NULL,
  shown TEXT NOT NULL,
  sealed BLOB NOT NULL,
  min_severity TEXT NOT NULL
    CHECK (min_severity IN ('info', 'warning', 'critical')),
  quiet_hours TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- once names what an episode is about: of one name there is one open episode;
-- of a budget's, whose name has the period, one at all.
CREATE TABLE episodes (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  rule_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  once TEXT NOT NULL,
  is_single INTEGER NOT NULL,
  key_id TEXT NOT NULL DEFAULT '',
  account_id TEXT NOT NULL DEFAULT '',
  upstream_id TEXT NOT NULL DEFAULT '',
  credential_id TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL,
  evidence TEXT NOT NULL,
  threshold INTEGER NOT NULL,
  value INTEGER NOT NULL,
  count INTEGER NOT NULL DEFAULT 1,
  opened_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL DEFAULT 0,
  closed_by TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX episodes_open ON episodes (once) WHERE closed_at = 0;
CREATE UNIQUE INDEX episodes_single ON episodes (once) WHERE is_single = 1;
CREATE INDEX episodes_by_end ON episodes (closed_at) WHERE closed_at <> 0;

-- The outbox: what is to be told to a channel, in order.
CREATE TABLE notices (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  channel_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  episode_id TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('opened', 'recovered', 'summary')),
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

CREATE INDEX notices_waiting ON notices (channel_id, number)
  WHERE status IN ('pending', 'held');
CREATE INDEX notices_by_end ON notices (ended_at) WHERE ended_at <> 0;

-- What happened before there were rules is not told.
INSERT INTO meta (name, value)
  SELECT 'alerts_events_told', coalesce(max(number), 0) FROM events;
