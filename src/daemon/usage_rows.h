/*
 * usage_rows.h: the rows of an answer about usage, kept until the store's
 * connection is others' again: what is made of them may be large.
 */
#ifndef TG_USAGE_ROWS_H
#define TG_USAGE_ROWS_H

#include "names.h"
#include "usage_query.h"

/* Of more there is no answer. */
#define TG_USAGE_ROWS_MAX 50000

#define TG_USAGE_GROUP_SIZE 72

struct tg_usage_row_group {
    char id[TG_USAGE_GROUP_SIZE]; /* and zeros; "" of what has none */
    char *name;                   /* its other name; NULL: none */
};

/* The group of its figures is not set: it is that of this number. */
struct tg_usage_row {
    uint32_t group;
    struct tg_store_usage figures;
};

/* All 0: empty. */
struct tg_usage_rows {
    struct tg_usage_row *list;
    size_t count, room;
    struct tg_store_usage total;
    struct tg_names groups; /* struct tg_usage_row_group */
};

/*
 * Asks the query's question, which becomes what the answer is of, and keeps
 * the rows by span, then by group, with the groups' names.  Everything is of
 * one moment.  Returns false with the reply made, also when there are too many
 * rows.  The caller holds the lock of store's connection, and frees the rows
 * in any case.
 */
bool tg_usage_rows_ask(struct tg_usage_rows *rows, struct tg_usage_query *query,
                       struct tg_store *store, struct tg_reply *reply);

/*
 * Adds rows of nothing, when the query asks for them: then each group that
 * the answer has, and without groups time alone, has a row for each span
 * between from and to.  Returns false with the reply made when these are too
 * many.  No lock is needed.
 */
bool tg_usage_rows_fill(struct tg_usage_rows *rows,
                        const struct tg_usage_query *query,
                        struct tg_reply *reply);

static inline const struct tg_usage_row_group *
tg_usage_rows_group(const struct tg_usage_rows *rows,
                    const struct tg_usage_row *row)
{
    return tg_names_at(&rows->groups, row->group);
}

void tg_usage_rows_free(struct tg_usage_rows *rows);

#endif
