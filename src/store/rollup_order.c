#include "sqlite_rollup.h"

#include <stdlib.h>

#define BYTES 256
#define CELL_BYTES ((TG_WORDS - TG_ORDER_QUARTER) * sizeof(uint32_t))

/* Sorts by a byte of a word, and keeps the order of what is equal. */
static void
sort_by(const struct tg_place *from, struct tg_place *to, uint32_t count,
        int word, int shift)
{
    uint32_t starts[BYTES] = {0}, sum = 0;

    for (uint32_t i = 0; i < count; i++)
        starts[from[i].words[word] >> shift & (BYTES - 1)]++;
    for (uint32_t i = 0; i < BYTES; i++) {
        uint32_t here = starts[i];

        starts[i] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++)
        to[starts[from[i].words[word] >> shift & (BYTES - 1)]++] = from[i];
}

/* The bits of a word in which places differ; 0 where they are in its order. */
static uint32_t
differing(const struct tg_place *places, uint32_t count, int word)
{
    bool is_sorted = true;
    uint32_t bits = 0;

    for (uint32_t i = 1; i < count; i++) {
        bits |= places[i].words[word] ^ places[0].words[word];
        is_sorted &= places[i].words[word] >= places[i - 1].words[word];
    }
    return is_sorted ? 0 : bits;
}

void
tg_places_sort(struct tg_place *places, struct tg_place *spare, uint32_t count)
{
    struct tg_place *from = places, *to = spare, *swap;

    for (int word = 0; word < TG_WORDS; word++) {
        uint32_t bits = differing(from, count, word);

        for (int shift = 0; shift < 32; shift += 8) {
            if ((bits >> shift & (BYTES - 1)) == 0)
                continue;
            sort_by(from, to, count, word, shift);
            swap = from;
            from = to;
            to = swap;
        }
    }
    if (from != places)
        memcpy(places, from, count * sizeof(places[0]));
}

/* A holder, by its key's id. */
struct ranked {
    const struct tg_block_holder *holder;
    uint32_t number;
};

static int
by_holder(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = strcmp(x->holder->key_id, y->holder->key_id);

    return order != 0 ? order
                      : strcmp(x->holder->account_id, y->holder->account_id);
}

static int
rank_holders(struct tg_rollup *rollup)
{
    const struct tg_names *holders = &rollup->block.holders;
    struct ranked *list = malloc((holders->count + 1) * sizeof(*list));

    if (list == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < holders->count; i++)
        list[i] = (struct ranked){tg_names_at(holders, i), i};
    qsort(list, holders->count, sizeof(*list), by_holder);
    for (uint32_t i = 0; i < holders->count; i++)
        rollup->ranks[list[i].number] = i;
    free(list);
    return 0;
}

/* Days are few, and calls come in their order but for some. */
static int
place_calls(struct tg_rollup *rollup)
{
    struct tg_names days = {.size = sizeof(int64_t),
                            .key_size = sizeof(int64_t)};
    int64_t last = INT64_MIN;
    uint32_t number = 0;
    int err = 0;

    for (uint32_t i = 0; i < rollup->block.count && err == 0; i++) {
        const struct tg_block_call *call = &rollup->block.calls[i];
        int64_t quarter = call->at > 0 ? call->at / TG_QUARTER_MS : 0;
        int64_t day = quarter / TG_PACK_QUARTERS;

        if (day != last)
            err = tg_names_find(&days, &day, &number);
        last = day;
        rollup->order[i] = (struct tg_place){
            .words = {[TG_ORDER_CALL] = i,
                      [TG_ORDER_QUARTER] =
                          (uint32_t)(quarter % TG_PACK_QUARTERS),
                      [TG_ORDER_KIND] = call->kind,
                      [TG_ORDER_DAY] = number,
                      [TG_ORDER_OWNER] = rollup->ranks[call->holder]}};
    }
    rollup->days = (int64_t *)days.list;
    days.list = NULL;
    tg_names_release(&days);
    return err;
}

static int
sort(struct tg_rollup *rollup)
{
    size_t count = rollup->block.count;
    int err = TG_ERR_SYSTEM;

    rollup->order = malloc((count + 1) * sizeof(rollup->order[0]));
    rollup->spare = malloc((2 * count + 1) * sizeof(rollup->spare[0]));
    rollup->ranks =
        malloc((rollup->block.holders.count + 1) * sizeof(rollup->ranks[0]));
    if (rollup->order != NULL && rollup->spare != NULL && rollup->ranks != NULL)
        err = rank_holders(rollup);
    if (err == 0)
        err = place_calls(rollup);
    return err;
}

int
tg_rollup_new(struct tg_sqlite *db, int64_t first, int64_t end,
              struct tg_block *block, struct tg_rollup **rollup)
{
    struct tg_rollup *self = calloc(1, sizeof(*self));
    int err = TG_ERR_SYSTEM;

    if (self == NULL) {
        tg_block_release(block);
    } else {
        self->first = first;
        self->end = end;
        self->block = *block;
        tg_block_init(block);
        err = sort(self);
    }
    if (err != 0) {
        tg_rollup_free(self);
        return tg_error_set(&db->store.error, err, "out of memory");
    }
    tg_places_sort(self->order, self->spare, self->block.count);
    *rollup = self;
    return 0;
}

void
tg_rollup_free(struct tg_rollup *rollup)
{
    if (rollup == NULL)
        return;
    tg_block_release(&rollup->block);
    tg_pack_maker_free(rollup->maker);
    free(rollup->order);
    free(rollup->spare);
    free(rollup->ranks);
    free(rollup->days);
    free(rollup);
}

uint32_t
tg_rollup_cells(const struct tg_rollup *rollup, uint32_t from, uint32_t to)
{
    uint32_t count = from < to;

    for (uint32_t i = from + 1; i < to; i++)
        count += memcmp(&rollup->order[i].words[TG_ORDER_QUARTER],
                        &rollup->order[i - 1].words[TG_ORDER_QUARTER],
                        CELL_BYTES) != 0;
    return count;
}
