#include "sqlite_block_uses.h"

#include <stdlib.h>

#include "sqlite_rollup.h"
#include "sqlite_secrets.h"

/* The key's calls of the block, the newest last. */
struct places {
    struct tg_call_place *list;
    size_t count;
};

static int
by_place(const void *a, const void *b)
{
    const struct tg_call_place *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* As a source of tg_secret_uses_find. */
static int
next(void *arg, const struct tg_call_place *before, struct tg_call_place *place)
{
    struct places *places = arg;

    while (places->count > 0 &&
           by_place(&places->list[places->count - 1], before) >= 0)
        places->count--;
    if (places->count == 0)
        return 0;
    *place = places->list[--places->count];
    return 1;
}

/* An entry has two bytes at least. */
static int
read_places(struct tg_sqlite *db, int64_t block, struct tg_str entries,
            struct places *places)
{
    const uint8_t *at = (const uint8_t *)entries.data;
    const uint8_t *end = at + entries.len;
    struct tg_key_entry entry = {.seq = tg_block_first(block)};

    places->list = malloc((entries.len / 2 + 1) * sizeof(places->list[0]));
    if (places->list == NULL)
        return tg_error_set(&db->store.error, TG_ERR_SYSTEM, "out of memory");
    while (at < end) {
        if (tg_key_entry_read(&at, end, &entry) != 0)
            return tg_error_set(&db->store.error, TG_ERR_CORRUPT,
                                "the store: block %lld of a key is damaged",
                                (long long)block);
        places->list[places->count++] =
            (struct tg_call_place){.at = entry.at, .seq = entry.seq};
    }
    if (places->count > 0)
        qsort(places->list, places->count, sizeof(places->list[0]), by_place);
    return 0;
}

int
tg_block_uses_note(struct tg_sqlite *db, int64_t block, const char *key_id,
                   struct tg_str entries)
{
    struct places places = {0};
    struct tg_use_source source = {next, &places};
    struct tg_secret_uses uses;
    int err = tg_secret_uses_load(db, key_id, &uses);

    if (err == 0)
        err = read_places(db, block, entries, &places);
    if (err == 0)
        err = tg_secret_uses_find(db, &uses, &source);
    if (err == 0)
        err = tg_secret_uses_note(db, &uses);
    free(places.list);
    tg_secret_uses_release(&uses);
    return err;
}
