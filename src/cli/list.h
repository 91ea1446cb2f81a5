/*
 * list.h: lists of the admin API, which come in pages.
 */
#ifndef TG_LIST_H
#define TG_LIST_H

#include "cell.h"

struct tg_list {
    const char *path; /* behind /admin/v1 */
    const struct tg_column *columns;
    const char *empty; /* the sentence for no rows */
    bool has_pages;    /* the route takes limit and after */
    size_t limit;      /* rows when --limit is not given; 0: all */
};

/*
 * Asks for a list with the command's options as its query, follows its pages
 * up to --limit, and prints it as a table, with --csv as CSV, with --json as
 * one list object.  Returns an exit code.
 */
int tg_list_run(struct tg_cli *cli, const struct tg_list *list);

/* The same; shape makes of a page's rows, in place, those of the table. */
int tg_list_run_shaped(struct tg_cli *cli, const struct tg_list *list,
                       void (*shape)(json_t *rows));

#endif
