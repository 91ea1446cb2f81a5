-- A key can have two secrets while one replaces the other, and rotate by a
-- schedule: docs/rotation.md.

ALTER TABLE keys ADD COLUMN rotate_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN grace_days INTEGER NOT NULL DEFAULT 7;
ALTER TABLE keys ADD COLUMN rotated_at INTEGER NOT NULL DEFAULT 0;
UPDATE keys SET rotated_at = created_at;

-- ordinal counts a key's secrets; calls tell it in flags >> 8.  grace_ms is how
-- long the one before stays valid; until this one is delivered (is_awaited)
-- that one has no end.
ALTER TABLE secrets ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 1;
ALTER TABLE secrets ADD COLUMN grace_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE secrets ADD COLUMN is_awaited INTEGER NOT NULL DEFAULT 0;

-- Calls that came while their key had two secrets, by which one.  Only these:
-- an index of all calls by key costs more than taking them in.
CREATE INDEX calls_in_rotation ON calls (key_id, flags >> 8, at)
  WHERE flags & 128;

-- What is to be done about a key, and when.
CREATE TABLE errands (
  key_id TEXT NOT NULL REFERENCES keys (id),
  what TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (key_id, what)
) STRICT, WITHOUT ROWID;

CREATE INDEX errands_by_time ON errands (at);

-- Reminders of the keys that there are; those that are past are not made up.
INSERT INTO errands
  SELECT id, what, expires_at - days * 86400000 FROM keys, (
      SELECT 'expiry-14' AS what, 14 AS days UNION ALL SELECT 'expiry-7', 7
      UNION ALL SELECT 'expiry-1', 1 UNION ALL SELECT 'expiry', 0)
    WHERE status IN ('active', 'inactive') AND expires_at > 0
      AND expires_at - days * 86400000 > unixepoch() * 1000;
