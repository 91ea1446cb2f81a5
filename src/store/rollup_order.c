#include "sqlite_rollup.h"

#include <endian.h>
#include <stdlib.h>

#define BYTES 256
#define AHEAD 16 /* calls that are fetched before they are moved */
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

#define ID_BYTES 8 /* of an id, by which holders are sorted first */

/* How many bytes the ids of all keys begin with. */
static size_t
count_common(const struct tg_names *holders)
{
    size_t common = TG_ID_TEXT_SIZE - ID_BYTES;

    for (uint32_t i = 1; i < holders->count; i++) {
        const struct tg_block_holder *first = tg_names_at(holders, 0);
        const struct tg_block_holder *holder = tg_names_at(holders, i);

        while (common > 0 && memcmp(holder->key_id, first->key_id, common) != 0)
            common--;
    }
    return common;
}

/* Four bytes, of which the first counts most. */
static uint32_t
word_at(const char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return be32toh(word);
}

static int
by_holder(const void *a, const void *b, void *holders)
{
    const struct tg_place *x = a, *y = b;
    const struct tg_block_holder *left = tg_names_at(holders, x->words[0]);
    const struct tg_block_holder *right = tg_names_at(holders, y->words[0]);
    int order = strcmp(left->key_id, right->key_id);

    return order != 0 ? order : strcmp(left->account_id, right->account_id);
}

/* Places that are sorted by some bytes of ids, by all of them. */
static void
sort_ids(struct tg_place *places, struct tg_names *holders)
{
    uint32_t end;

    for (uint32_t i = 0; i < holders->count; i = end) {
        end = i + 1;
        while (end < holders->count &&
               memcmp(&places[end].words[1], &places[i].words[1],
                      sizeof(places[i]) - sizeof(places[i].words[0])) == 0)
            end++;
        if (end - i > 1)
            qsort_r(&places[i], end - i, sizeof(places[0]), by_holder, holders);
    }
}

/* By their keys' ids, which are text: by a number that begins with what
 * differs in them, as that is sorted without comparing. */
static int
rank_holders(struct tg_rollup *rollup)
{
    struct tg_names *holders = &rollup->block.holders;
    struct tg_place *places =
        malloc((2 * (size_t)holders->count + 1) * sizeof(*places));
    size_t common = count_common(holders);

    if (places == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < holders->count; i++) {
        const struct tg_block_holder *holder = tg_names_at(holders, i);
        const char *id = holder->key_id + common;

        places[i] =
            (struct tg_place){.words = {i, [TG_WORDS - 2] = word_at(id + 4),
                                        [TG_WORDS - 1] = word_at(id)}};
    }
    tg_places_sort(places, places + holders->count, holders->count);
    sort_ids(places, holders);
    for (uint32_t i = 0; i < holders->count; i++)
        rollup->ranks[places[i].words[0]] = i;
    free(places);
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

/*
 * Calls stand in the order in which they are gone through, several times.
 * Without memory for that they stay where they are.
 */
static void
put_in_order(struct tg_rollup *rollup)
{
    uint32_t count = rollup->block.count;
    struct tg_block_call *from = rollup->block.calls, *to;

    to = malloc(((size_t)count + 1) * sizeof(*to));
    if (to == NULL)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *place = &rollup->order[i].words[TG_ORDER_CALL];

        if (i + AHEAD < count) {
            const struct tg_block_call *next =
                &from[rollup->order[i + AHEAD].words[TG_ORDER_CALL]];

            __builtin_prefetch(next);
            __builtin_prefetch(&next->is_error);
        }
        to[i] = from[*place];
        *place = i;
    }
    free(from);
    rollup->block.calls = to;
    rollup->block.room = count + 1;
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
    put_in_order(self);
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
    free(rollup->rows);
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
