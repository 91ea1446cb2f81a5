/*
 * cell.h: one member of an object as people, or a spreadsheet, read it.
 */
#ifndef TG_CELL_H
#define TG_CELL_H

#include <jansson.h>

#include "cli.h"

enum tg_cell {
    TG_CELL_TEXT = 0, /* as it is; words from users, so never trusted */
    TG_CELL_STATUS,   /* coloured on a terminal */
    TG_CELL_COUNT,    /* to the right */
    TG_CELL_AMOUNT,   /* a decimal string, to the right */
    TG_CELL_COST,     /* the same, to the nano-unit */
    TG_CELL_MS,       /* with its unit */
    TG_CELL_SHARE,    /* of 1, as "12.34 %" */
    TG_CELL_WHEN,     /* "3 min ago" on a terminal, else RFC 3339 */
    TG_CELL_YES,      /* yes or no */
    TG_CELL_LIST,     /* with commas between */
};

struct tg_column {
    const char *title;
    const char *member; /* dots for depth */
    enum tg_cell kind;
    const char *absent; /* for null; NULL: "-" */
    size_t width_max;   /* on a terminal; 0: any */
};

/* The member of an object by its dotted path; NULL when it has none. */
const json_t *tg_cell_find(const json_t *object, const char *member);

/* The cell of a table for people, safe for a terminal; the caller frees it. */
char *tg_cell_text(const struct tg_cli *cli, const struct tg_column *column,
                   const json_t *object);

/*
 * The cell for a CSV file: nothing shortened, null is empty, and a text that
 * a spreadsheet would take for a formula has ' in front.  The caller
 * frees it.
 */
char *tg_cell_raw(const struct tg_column *column, const json_t *object);

bool tg_cell_is_right(enum tg_cell kind);

#endif
