#include "habits.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "id.h"

#define PLACES (2 * TG_HABITS_MAX) /* a power of two, twice the most */
#define IDLE_KEEPS 2               /* not used for so many: it goes */
#define BATCH 1024
#define BATCH_LEAST 32 /* while somebody waits */

struct row {
    char key_id[TG_ID_TEXT_SIZE];
    bool is_dirty;
    uint32_t used; /* the last keep before its last use */
    struct tg_habit habit;
};

struct tg_habits {
    struct row *places[PLACES];
    struct row *last;
    size_t count;
    uint32_t keeps;
};

struct tg_habits *
tg_habits_new(void)
{
    return calloc(1, sizeof(struct tg_habits));
}

void
tg_habits_free(struct tg_habits *habits)
{
    for (size_t i = 0; habits != NULL && i < PLACES; i++)
        free(habits->places[i]);
    free(habits);
}

static struct row **
place_of(struct tg_habits *habits, const char *key_id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    size_t at;

    for (const char *p = key_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    at = (size_t)(hash ^ hash >> 32) % PLACES;
    while (habits->places[at] != NULL &&
           strcmp(habits->places[at]->key_id, key_id) != 0)
        at = (at + 1) % PLACES;
    return &habits->places[at];
}

/* One that cannot be read is learnt anew. */
static int
take_stored(void *arg, struct tg_str bytes)
{
    tg_habit_unpack(arg, bytes.data, bytes.len);
    return 0;
}

static int
add(struct tg_habits *habits, struct tg_store *store, const char *key_id,
    struct row **place)
{
    struct row *row;
    int err;

    if (habits->count == TG_HABITS_MAX)
        return TG_ERR_FULL;
    row = calloc(1, sizeof(*row));
    if (row == NULL)
        return TG_ERR_SYSTEM;
    memcpy(row->key_id, key_id, strnlen(key_id, TG_ID_LEN));
    err = store->ops->habit_get(store, row->key_id, take_stored, &row->habit);
    if (err != 0 && err != TG_ERR_NOT_FOUND) {
        free(row);
        return err;
    }
    *place = row;
    habits->count++;
    return 0;
}

int
tg_habits_of(struct tg_habits *habits, struct tg_store *store,
             const char *key_id, struct tg_habit **habit)
{
    struct row **place;
    int err = 0;

    /* Calls of one key often come together. */
    if (habits->last == NULL || strcmp(habits->last->key_id, key_id) != 0) {
        place = place_of(habits, key_id);
        if (*place == NULL)
            err = add(habits, store, key_id, place);
        if (err != 0)
            return err;
        habits->last = *place;
    }
    habits->last->is_dirty = true;
    habits->last->used = habits->keeps;
    *habit = &habits->last->habit;
    return 0;
}

static int
compare(const void *a, const void *b)
{
    return strcmp((*(struct row *const *)a)->key_id,
                  (*(struct row *const *)b)->key_id);
}

/* In the order of the store's pages, so that each is written once. */
static size_t
gather_dirty(const struct tg_habits *habits, struct row **rows)
{
    size_t count = 0;

    for (size_t i = 0; i < PLACES; i++) {
        if (habits->places[i] != NULL && habits->places[i]->is_dirty)
            rows[count++] = habits->places[i];
    }
    qsort(rows, count, sizeof(rows[0]), compare);
    return count;
}

/* Some rows, fewer when somebody waits for the store; *done of them. */
static int
keep_some(struct tg_daemon *daemon, struct tg_store *store, struct row **rows,
          size_t count, size_t *done)
{
    uint8_t bytes[TG_HABIT_BYTES_MAX];
    size_t n = 0;
    int err = tg_daemon_begin(daemon, store);

    if (err != 0)
        return err;
    while (err == 0 && n < count && n < BATCH &&
           (n < BATCH_LEAST || atomic_load(&daemon->writers_waiting) == 0)) {
        struct tg_str packed = {(const char *)bytes,
                                tg_habit_pack(&rows[n]->habit, bytes)};

        err = store->ops->habit_put(store, rows[n++]->key_id, packed);
    }
    err = tg_daemon_end(daemon, store, err);
    if (err == 0)
        *done = n;
    return err;
}

/* Puts back those that stay: a hole would end the search for one behind it. */
static void
forget_idle(struct tg_habits *habits, struct row **all)
{
    bool is_full = habits->count == TG_HABITS_MAX;
    size_t count = 0;

    habits->keeps++;
    habits->last = NULL;
    for (size_t i = 0; i < PLACES; i++) {
        struct row *row = habits->places[i];

        habits->places[i] = NULL;
        if (row == NULL)
            continue;
        row->is_dirty = false;
        if (is_full || habits->keeps - row->used > IDLE_KEEPS)
            free(row);
        else
            all[count++] = row;
    }
    for (size_t i = 0; i < count; i++)
        *place_of(habits, all[i]->key_id) = all[i];
    habits->count = count;
}

int
tg_habits_keep(struct tg_habits *habits, struct tg_daemon *daemon,
               struct tg_store *store)
{
    struct row **rows = calloc(TG_HABITS_MAX, sizeof(struct row *));
    size_t count, at = 0, done;
    int err = 0;

    if (rows == NULL)
        return TG_ERR_SYSTEM;
    count = gather_dirty(habits, rows);
    while (err == 0 && at < count) {
        err = keep_some(daemon, store, rows + at, count - at, &done);
        if (err == 0)
            at += done;
    }
    if (err == 0)
        forget_idle(habits, rows);
    free(rows);
    return err;
}
