-- Where programs read their secrets, and the way of new secrets there.

CREATE TABLE sinks (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  config TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

-- Which sinks have a key's secret, and where in them.
CREATE TABLE key_sinks (
  key_id TEXT NOT NULL REFERENCES keys (id),
  sink_id TEXT NOT NULL REFERENCES sinks (id),
  place TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (key_id, sink_id, place, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX key_sinks_by_sink ON key_sinks (sink_id);

-- One secret on its way to one place.  sealed is empty once it has ended.
CREATE TABLE deliveries (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  key_id TEXT NOT NULL,
  secret_id TEXT NOT NULL,
  sink_id TEXT NOT NULL,
  sink TEXT NOT NULL,
  place TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  sealed BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  is_told INTEGER NOT NULL,
  error TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_by_key ON deliveries (key_id, number);
CREATE INDEX deliveries_by_secret ON deliveries (secret_id);
