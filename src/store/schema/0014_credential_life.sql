-- The life of a provider's secret: docs/store.md, docs/credentials.md.

-- expires_at is the provider's word; balance_alert_nanos is in the currency of
-- the balance; one that replaces another names it, and that one is used only
-- where no other will do, and ends at retire_at.
ALTER TABLE credentials ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN balance_alert_nanos INTEGER NOT NULL
  DEFAULT 0;
ALTER TABLE credentials ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN retire_at INTEGER NOT NULL DEFAULT 0;

-- What its upstream said when it was last asked.  balances is a JSON list;
-- failures are in a row; refused_since and low_since are the begin of what was
-- told, 0 when all is well; the last error stays when it is over.
CREATE TABLE credential_checks (
  credential_id TEXT PRIMARY KEY REFERENCES credentials (id),
  at INTEGER NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('ok', 'rejected', 'failed')),
  http_status INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  message TEXT NOT NULL,
  balances TEXT NOT NULL,
  failures INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  refused_since INTEGER NOT NULL,
  low_since INTEGER NOT NULL,
  error_at INTEGER NOT NULL,
  error_status INTEGER NOT NULL,
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;
