-- Quarter-hours by sixths of their day instead of thirds, with sums up to the
-- middle of a sixth or from it on, so that days of other zones need one row of
-- few of them: docs/store.md, "From calls to packs".

-- What packs whose cells are more than 256 bytes have of each sixth of their
-- day, if they have any.  The first, around midnight, has no sums.
CREATE TABLE pack_sixths_0 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_sixths_1 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_sixths_2 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_sixths_3 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_sixths_4 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

CREATE TABLE pack_sixths_5 (
  id INTEGER PRIMARY KEY,
  sums BLOB NOT NULL,
  cells BLOB NOT NULL
) STRICT;

-- All of each day, of packs that are there.
CREATE TABLE pack_days (
  id INTEGER PRIMARY KEY,
  cells BLOB NOT NULL
) STRICT;

INSERT INTO pack_days
  SELECT packs.cells, tg_pack_join(t0.cells, t1.cells, t2.cells) FROM packs
    LEFT JOIN pack_thirds_0 t0 ON t0.id = packs.cells
    LEFT JOIN pack_thirds_1 t1 ON t1.id = packs.cells
    LEFT JOIN pack_thirds_2 t2 ON t2.id = packs.cells
  WHERE typeof(packs.cells) = 'integer';

DROP TABLE pack_thirds_0;
DROP TABLE pack_thirds_1;
DROP TABLE pack_thirds_2;

INSERT INTO pack_sixths_0
  SELECT * FROM
    (SELECT id, x'' AS sums, tg_pack_cut(cells, 88, 8) AS cut FROM pack_days)
  WHERE length(cut) > 0 ORDER BY id;
INSERT INTO pack_sixths_1
  SELECT * FROM
    (SELECT id, tg_pack_sums(cells, 0, 16) AS sums,
       tg_pack_cut(cells, 8, 24) AS cut FROM pack_days)
  WHERE length(sums) + length(cut) > 0 ORDER BY id;
INSERT INTO pack_sixths_2
  SELECT * FROM
    (SELECT id, tg_pack_sums(cells, 0, 32) AS sums,
       tg_pack_cut(cells, 24, 40) AS cut FROM pack_days)
  WHERE length(sums) + length(cut) > 0 ORDER BY id;
INSERT INTO pack_sixths_3
  SELECT * FROM
    (SELECT id, tg_pack_sums(cells, 0, 48) AS sums,
       tg_pack_cut(cells, 40, 56) AS cut FROM pack_days)
  WHERE length(sums) + length(cut) > 0 ORDER BY id;
INSERT INTO pack_sixths_4
  SELECT * FROM
    (SELECT id, tg_pack_sums(cells, 64, 96) AS sums,
       tg_pack_cut(cells, 56, 72) AS cut FROM pack_days)
  WHERE length(sums) + length(cut) > 0 ORDER BY id;
INSERT INTO pack_sixths_5
  SELECT * FROM
    (SELECT id, tg_pack_sums(cells, 80, 96) AS sums,
       tg_pack_cut(cells, 72, 88) AS cut FROM pack_days)
  WHERE length(sums) + length(cut) > 0 ORDER BY id;

DROP TABLE pack_days;
