-- Several upstreams serve a model, the first choice first; several credentials
-- of an upstream are its pool.  A credential keeps its place, its row in the
-- catalog, while it is active.

CREATE TABLE model_upstreams (
  model TEXT NOT NULL REFERENCES models (name),
  position INTEGER NOT NULL,
  upstream_id TEXT NOT NULL REFERENCES upstreams (id),
  PRIMARY KEY (model, position),
  UNIQUE (model, upstream_id)
) STRICT, WITHOUT ROWID;

INSERT INTO model_upstreams (model, position, upstream_id)
  SELECT name, 0, upstream_id FROM models WHERE upstream_id IS NOT NULL;

ALTER TABLE models DROP COLUMN upstream_id;

ALTER TABLE credentials ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN concurrency INTEGER NOT NULL DEFAULT 0;

UPDATE credentials SET position =
  (SELECT count(*) FROM credentials AS earlier
    WHERE earlier.status = 'active' AND earlier.number < credentials.number)
  WHERE status = 'active';

CREATE UNIQUE INDEX credentials_by_position ON credentials (position)
  WHERE status = 'active';

-- What happened that somebody should know of.  once is NULL, or a name under
-- which it is told once, however often that is tried.
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  key_id TEXT NOT NULL DEFAULT '',
  account_id TEXT NOT NULL DEFAULT '',
  upstream_id TEXT NOT NULL DEFAULT '',
  credential_id TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL,
  evidence TEXT NOT NULL DEFAULT '{}',
  once TEXT UNIQUE
) STRICT;

CREATE INDEX events_by_time ON events (at);
