-- What calls, refusals, events and alerts add up to, ever: docs/metrics.md.

-- figures: src/store/sqlite_metrics.c.  A row is written in the transaction of
-- the calls that it has, and never taken away.
CREATE TABLE metric_sums (
  model TEXT NOT NULL,
  endpoint INTEGER NOT NULL,
  upstream_id TEXT NOT NULL,
  class INTEGER NOT NULL,
  figures BLOB NOT NULL,
  PRIMARY KEY (model, endpoint, upstream_id, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_counts (
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (name, label)
) STRICT, WITHOUT ROWID;

INSERT INTO metric_counts
  SELECT 'events', type, count(*) FROM events GROUP BY type;
INSERT INTO metric_counts
  SELECT 'alerts_opened', severity, count(*) FROM episodes GROUP BY severity;
INSERT INTO metric_counts
  SELECT 'alerts_closed', severity, count(*) FROM episodes
  WHERE closed_at <> 0 GROUP BY severity;

CREATE TRIGGER events_counted AFTER INSERT ON events
BEGIN
  INSERT INTO metric_counts VALUES ('events', NEW.type, 1)
    ON CONFLICT (name, label) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER episodes_counted AFTER INSERT ON episodes
BEGIN
  INSERT INTO metric_counts VALUES ('alerts_opened', NEW.severity, 1)
    ON CONFLICT (name, label) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER episodes_closed AFTER UPDATE OF closed_at ON episodes
WHEN OLD.closed_at = 0 AND NEW.closed_at <> 0
BEGIN
  INSERT INTO metric_counts VALUES ('alerts_closed', NEW.severity, 1)
    ON CONFLICT (name, label) DO UPDATE SET count = count + 1;
END;
