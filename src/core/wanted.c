#include "wanted.h"

#include <string.h>

/* Rows in which a digest may stand. */
#define PLACES 8

enum stage { FREE = 0, TAKEN, WANTED, ABSENT };

static enum stage
stage_of(uint64_t word)
{
    return (enum stage)(word & 3);
}

static uint64_t
word_of(uint64_t turn, enum stage stage)
{
    return turn << 2 | (uint64_t)stage;
}

static uint64_t
load(const struct tg_wanted_row *row)
{
    return atomic_load_explicit(&row->word, memory_order_acquire);
}

bool
tg_wanted_is_filling(const struct tg_state *state)
{
    return atomic_load_explicit(&state->header->is_filling,
                                memory_order_acquire) != 0;
}

/* Whether the row had this word all the while its digest was copied. */
static bool
copy_digest(const struct tg_wanted_row *row, uint64_t word,
            struct tg_digest *digest)
{
    uint64_t copy[TG_WANTED_WORDS];

    for (int i = 0; i < TG_WANTED_WORDS; i++)
        copy[i] = atomic_load_explicit(&row->digest[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    memcpy(digest->bytes, copy, sizeof(digest->bytes));
    return atomic_load_explicit(&row->word, memory_order_relaxed) == word;
}

static bool
is_of(const struct tg_wanted_row *row, uint64_t word,
      const struct tg_digest *digest)
{
    struct tg_digest found;

    return copy_digest(row, word, &found) &&
           memcmp(found.bytes, digest->bytes, sizeof(found.bytes)) == 0;
}

/* Another may take it first: then the next look finds another row. */
static void
take(struct tg_wanted_row *row, uint64_t word, const struct tg_digest *digest)
{
    uint64_t turn = (word >> 2) + 1, copy[TG_WANTED_WORDS];

    if (!atomic_compare_exchange_strong(&row->word, &word,
                                        word_of(turn, TAKEN)))
        return;
    atomic_thread_fence(memory_order_release);
    memcpy(copy, digest->bytes, sizeof(copy));
    for (int i = 0; i < TG_WANTED_WORDS; i++)
        atomic_store_explicit(&row->digest[i], copy[i], memory_order_relaxed);
    atomic_store_explicit(&row->word, word_of(turn, WANTED),
                          memory_order_release);
}

/* An answer that somebody may still read goes only where nothing is free. */
static bool
is_better_room(const struct tg_wanted_row *room, uint64_t room_word,
               enum stage stage)
{
    if (stage == FREE)
        return room == NULL || stage_of(room_word) == ABSENT;
    return stage == ABSENT && room == NULL;
}

bool
tg_wanted_ask(const struct tg_state *state, const struct tg_digest *digest)
{
    struct tg_wanted_row *room = NULL;
    uint64_t hash, room_word = 0;

    memcpy(&hash, digest->bytes, sizeof(hash));
    for (uint64_t i = 0; i < PLACES; i++) {
        struct tg_wanted_row *row = &state->wanted[(hash + i) % TG_WANTED_ROWS];
        uint64_t word = load(row);
        enum stage stage = stage_of(word);

        if ((stage == WANTED || stage == ABSENT) && is_of(row, word, digest))
            return stage == WANTED;
        if (is_better_room(room, room_word, stage)) {
            room = row;
            room_word = word;
        }
    }
    if (room != NULL)
        take(room, room_word, digest);
    return true;
}

int64_t
tg_wanted_look_ms(int64_t waited_ms)
{
    int64_t ms = 1 + waited_ms / 8;

    return ms < 20 ? ms : 20;
}

bool
tg_wanted_next(const struct tg_state *state, uint32_t *row,
               struct tg_digest *digest)
{
    for (; *row < TG_WANTED_ROWS; ++*row) {
        uint64_t word = load(&state->wanted[*row]);

        if (stage_of(word) == WANTED &&
            copy_digest(&state->wanted[*row], word, digest))
            return true;
    }
    return false;
}

void
tg_wanted_answer(const struct tg_state *state, uint32_t row, bool is_absent)
{
    struct tg_wanted_row *place = &state->wanted[row];
    uint64_t turn = load(place) >> 2;

    atomic_store_explicit(&place->word,
                          word_of(turn, is_absent ? ABSENT : FREE),
                          memory_order_release);
}
