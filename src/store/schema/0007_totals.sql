-- The rollups of all keys together, by what they are asked for without a key.
CREATE TABLE totals (
  quarter INTEGER NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  prompt_cache_hit_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nanos INTEGER NOT NULL,
  images INTEGER NOT NULL,
  audio_ms INTEGER NOT NULL,
  characters INTEGER NOT NULL,
  PRIMARY KEY (quarter, model)
) STRICT, WITHOUT ROWID;

INSERT INTO totals SELECT quarter, model, sum(requests), sum(errors),
    sum(prompt_tokens), sum(prompt_cache_hit_tokens), sum(cache_write_tokens),
    sum(completion_tokens), sum(reasoning_tokens), sum(cost_nanos),
    sum(images), sum(audio_ms), sum(characters)
  FROM rollups GROUP BY quarter, model;
