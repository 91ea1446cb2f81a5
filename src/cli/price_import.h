/*
 * price_import.h: parts of `prices import`: reading a file, and saying what
 * becomes of it.
 */
#ifndef TG_PRICE_IMPORT_H
#define TG_PRICE_IMPORT_H

#include "cli.h"
#include "price_map.h"

/* What a file came to. */
struct tg_import {
    struct tg_cli *cli;
    struct tg_map_options options;
    char source[128];
    json_t *known;   /* names of the models there are */
    json_t *rows;    /* for the API */
    json_t *models;  /* that are new */
    json_t *skipped; /* {"model","reason"} */
    bool has_prefix; /* of a provider, in the name of a new model */
};

/*
 * Reads the file that the operand names into rows, models and skipped.
 * Returns an exit code after saying why it could not.
 */
int tg_import_read(struct tg_import *import);

/* How many rows of the API's answer have this change. */
size_t tg_import_count(const json_t *plan, const char *change);

/* What will be new and changed, as a table; what was skipped, and why. */
void tg_import_print_plan(const struct tg_import *import, const json_t *plan);
void tg_import_note_skipped(const struct tg_import *import);

/* All of it as JSON, or as one line of sums. */
void tg_import_print_json(const struct tg_import *import, const json_t *plan,
                          bool is_dry);
void tg_import_print_sums(const struct tg_import *import, const json_t *plan,
                          bool is_dry);

#endif
