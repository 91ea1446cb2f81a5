/*
 * table.h: rows of objects as a table, one object as a page, rows as CSV.
 *
 * Columns end with one whose title is NULL.  All go to standard output.
 */
#ifndef TG_TABLE_H
#define TG_TABLE_H

#include "cell.h"

#define TG_TABLE_COLUMNS 24

/* A table that is printed page by page; widths only grow. */
struct tg_table {
    const struct tg_cli *cli;
    const struct tg_column *columns;
    size_t count;
    size_t widths[TG_TABLE_COLUMNS];
    bool has_head;
};

/* At most TG_TABLE_COLUMNS columns, which stay the caller's. */
void tg_table_init(struct tg_table *table, const struct tg_cli *cli,
                   const struct tg_column *columns);

/* Prints an array of objects, the head before the first; holds it in
 * memory once more meanwhile. */
void tg_table_rows(struct tg_table *table, const json_t *rows);

/* Prints one object, a line a member, its title in front. */
void tg_table_page(const struct tg_cli *cli, const struct tg_column *columns,
                   const json_t *object);

/* Prints the line of titles, or one line an object, quoted as in RFC 4180. */
void tg_table_csv_head(const struct tg_column *columns);
void tg_table_csv_rows(const struct tg_cli *cli,
                       const struct tg_column *columns, const json_t *rows);

/* Prints the API's object as JSON, safe for a terminal. */
void tg_table_json(const json_t *object);

#endif
