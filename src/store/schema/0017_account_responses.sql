-- What is done with the keys of an account because of events, where a key's
-- own policy does not say it: an object, as keys.responses.
ALTER TABLE accounts ADD COLUMN responses TEXT NOT NULL DEFAULT '{}';
