-- What is not counted in tokens: images, audio, characters, calls; and prompt
-- tokens that are written to a provider's cache.  sizes is the bytes of
-- struct tg_size_price, price.h, one behind the other.

ALTER TABLE calls ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN unit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN units INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN write_picos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN unit_picos INTEGER NOT NULL DEFAULT 0;

ALTER TABLE prices ADD COLUMN write_picos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN peak_write_picos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN unit INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN unit_picos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN peak_unit_picos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prices ADD COLUMN sizes BLOB NOT NULL DEFAULT x''
  CHECK (length(sizes) % 32 = 0);

UPDATE prices SET write_picos = miss_picos, peak_write_picos = peak_miss_picos;

ALTER TABLE models ADD COLUMN max_image_tokens INTEGER NOT NULL DEFAULT 0;
