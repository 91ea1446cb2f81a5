#include "sqlite_account_walk.h"

#include <stdlib.h>

#define KEYS_MAX 64

/* Of each key, the newest call that was not given yet. */
struct head {
    char key_id[TG_ID_TEXT_SIZE];
    struct tg_key_walk *walk;
    struct tg_call_place place;
    bool is_over;
};

struct tg_account_walk {
    struct head heads[KEYS_MAX];
    size_t count;
};

/* Sets count to KEYS_MAX + 1 when there are more. */
static int
find_keys(struct tg_account_walk *walk, struct tg_sqlite *db,
          const char *account_id)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt,
                           "SELECT id FROM keys WHERE account_id = ? LIMIT ?",
                           "ti", account_id, (int64_t)KEYS_MAX + 1);

    if (err != 0)
        return err;
    while ((err = tg_sql_next(db, stmt)) > 0) {
        if (walk->count < KEYS_MAX)
            sqlite3_snprintf(TG_ID_TEXT_SIZE, walk->heads[walk->count].key_id,
                             "%s", tg_sql_text(stmt, 0));
        walk->count++;
    }
    return tg_sql_end(stmt, err);
}

static int
go_on(struct head *head, const struct tg_call_place *before)
{
    struct tg_call_place place;
    int err = tg_key_walk_next(head->walk, before, &place);

    head->is_over = err <= 0;
    if (err > 0)
        head->place = place;
    return err < 0 ? err : 0;
}

int
tg_account_walk_begin(struct tg_account_walk **out, struct tg_sqlite *db,
                      const struct tg_store_filter *filter,
                      const struct tg_call_place *before)
{
    struct tg_account_walk *walk = calloc(1, sizeof(*walk));
    int err;

    *out = NULL;
    if (walk == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    err = find_keys(walk, db, filter->account_id);
    if (err != 0 || walk->count == 0 || walk->count > KEYS_MAX) {
        free(walk);
        return err;
    }
    for (size_t i = 0; i < walk->count && err == 0; i++) {
        struct head *head = &walk->heads[i];
        const struct tg_store_filter of_key = {.key_id = head->key_id,
                                               .since = filter->since};

        err = tg_key_walk_begin(&head->walk, db, &of_key);
        if (err == 0)
            err = go_on(head, before);
    }
    if (err == 0)
        *out = walk;
    else
        tg_account_walk_end(walk);
    return err;
}

static bool
is_newer(const struct head *a, const struct head *b)
{
    if (a->place.at != b->place.at)
        return a->place.at > b->place.at;
    return a->place.seq > b->place.seq;
}

int
tg_account_walk_next(struct tg_account_walk *walk, struct tg_call_place *place)
{
    struct head *newest = NULL;
    int err;

    for (size_t i = 0; i < walk->count; i++) {
        struct head *head = &walk->heads[i];

        if (!head->is_over && (newest == NULL || is_newer(head, newest)))
            newest = head;
    }
    if (newest == NULL)
        return 0;
    *place = newest->place;
    err = go_on(newest, place);
    return err != 0 ? err : 1;
}

void
tg_account_walk_end(struct tg_account_walk *walk)
{
    if (walk == NULL)
        return;
    for (size_t i = 0; i < walk->count; i++)
        tg_key_walk_end(walk->heads[i].walk);
    free(walk);
}
