-- Quarter-hours by thirds of their day, so that days of other zones need few of
-- them: docs/store.md, "From calls to packs".

-- What packs whose cells are more than 256 bytes have of each third of their
-- day, if they have any; sums of the middle one are never asked for.
CREATE TABLE pack_thirds_0 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_thirds_1 (
  id INTEGER PRIMARY KEY,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_thirds_2 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

-- Rows that no pack names are those of packs that went by age.
DELETE FROM pack_cells WHERE id NOT IN
  (SELECT cells FROM packs WHERE typeof(cells) = 'integer');

INSERT INTO pack_thirds_0
  SELECT id, tg_pack_sums(third), third FROM
    (SELECT id, tg_pack_third(cells, 0) AS third FROM pack_cells)
  WHERE length(third) > 0 ORDER BY id;
INSERT INTO pack_thirds_1
  SELECT id, third FROM
    (SELECT id, tg_pack_third(cells, 1) AS third FROM pack_cells)
  WHERE length(third) > 0 ORDER BY id;
INSERT INTO pack_thirds_2
  SELECT id, tg_pack_sums(third), third FROM
    (SELECT id, tg_pack_third(cells, 2) AS third FROM pack_cells)
  WHERE length(third) > 0 ORDER BY id;

DROP TABLE pack_cells;
