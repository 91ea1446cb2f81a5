-- Who sees the events of one account alone does not look through all.
CREATE INDEX events_by_account ON events (account_id, number)
  WHERE account_id <> '';
