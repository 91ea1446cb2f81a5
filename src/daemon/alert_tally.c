#include "alert_tally.h"

#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "err.h"
#include "id.h"

#define SLOTS (TG_TALLY_PARTS + 1)
#define ROOM_LEAST 64
#define LINE_BYTES 64 /* what a processor fetches at once */

struct part {
    uint32_t requests, errors, tokens; /* they stay at their most */
};

struct entry {
    char key_id[TG_ID_LEN]; /* zeros: free */
    int64_t newest;         /* part, by number since 1970 */
    uint32_t round;
    struct part parts[SLOTS]; /* by number % SLOTS */
};

struct tg_tally {
    int64_t window_ms, part_ms;
    uint32_t count, room; /* room is a power of two */
    struct entry *entries;
};

int
tg_tally_new(struct tg_tally **tally, int64_t window_ms)
{
    struct tg_tally *self = calloc(1, sizeof(*self));

    if (self != NULL)
        self->entries = calloc(ROOM_LEAST, sizeof(self->entries[0]));
    if (self == NULL || self->entries == NULL) {
        free(self);
        return TG_ERR_SYSTEM;
    }
    self->window_ms = window_ms;
    self->part_ms = window_ms / TG_TALLY_PARTS;
    self->room = ROOM_LEAST;
    *tally = self;
    return 0;
}

void
tg_tally_free(struct tg_tally *tally)
{
    if (tally != NULL)
        free(tally->entries);
    free(tally);
}

int64_t
tg_tally_window_ms(const struct tg_tally *tally)
{
    return tally->window_ms;
}

uint32_t
tg_tally_count(const struct tg_tally *tally)
{
    return tally->count;
}

static uint32_t
home_of(uint32_t room, const char id[TG_ID_LEN])
{
    return tg_crc32c(0, id, TG_ID_LEN) & (room - 1);
}

/* Its entry, or the free one where it would stand. */
static struct entry *
find(struct entry *entries, uint32_t room, const char id[TG_ID_LEN])
{
    uint32_t at = home_of(room, id);

    while (entries[at].key_id[0] != '\0' &&
           memcmp(entries[at].key_id, id, TG_ID_LEN) != 0)
        at = (at + 1) & (room - 1);
    return &entries[at];
}

static struct entry *
find_key(const struct tg_tally *tally, const char *key_id)
{
    char id[TG_ID_LEN] = {0};

    memcpy(id, key_id, strnlen(key_id, TG_ID_LEN));
    return find(tally->entries, tally->room, id);
}

/* Entries of a key with calls in parts from oldest on go to a new table. */
static int
rebuild(struct tg_tally *tally, uint32_t room, int64_t oldest)
{
    struct entry *entries = calloc(room, sizeof(entries[0]));
    uint32_t count = 0;

    if (entries == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < tally->room; i++) {
        struct entry *entry = &tally->entries[i];

        if (entry->key_id[0] == '\0' || entry->newest < oldest)
            continue;
        *find(entries, room, entry->key_id) = *entry;
        count++;
    }
    free(tally->entries);
    tally->entries = entries;
    tally->room = room;
    tally->count = count;
    return 0;
}

static uint32_t
sum(uint32_t to, int64_t more)
{
    return more > UINT32_MAX - to ? UINT32_MAX : to + (uint32_t)more;
}

/* Parts between the newest one and number become empty. */
static void
advance(struct entry *entry, int64_t number)
{
    int64_t from = entry->newest + 1;

    if (number - entry->newest >= SLOTS)
        from = number - SLOTS + 1;
    for (; from <= number; from++)
        entry->parts[from % SLOTS] = (struct part){0};
    entry->newest = number;
}

int
tg_tally_add(struct tg_tally *tally, const char *key_id, int64_t at_ms,
             bool is_error, int64_t tokens)
{
    int64_t number = at_ms / tally->part_ms;
    struct entry *entry;
    struct part *part;

    if (at_ms < 0 || key_id[0] == '\0')
        return 0;
    if (tally->count >= tally->room / 4 * 3 &&
        rebuild(tally, tally->room * 2, 0) != 0)
        return TG_ERR_SYSTEM;
    entry = find_key(tally, key_id);
    if (entry->key_id[0] == '\0') {
        memcpy(entry->key_id, key_id, strnlen(key_id, TG_ID_LEN));
        entry->newest = number;
        tally->count++;
    }
    if (number > entry->newest)
        advance(entry, number);
    if (entry->newest - number >= SLOTS)
        return 0;
    part = &entry->parts[number % SLOTS];
    part->requests = sum(part->requests, 1);
    part->errors = sum(part->errors, is_error);
    part->tokens = sum(part->tokens, tokens > 0 ? tokens : 0);
    return 0;
}

struct tg_tally_sums
tg_tally_look(const struct tg_tally *tally, const char *key_id, int64_t now_ms)
{
    const struct entry *entry = find_key(tally, key_id);
    int64_t oldest = now_ms / tally->part_ms - TG_TALLY_PARTS;
    struct tg_tally_sums sums = {0};

    if (entry->key_id[0] == '\0')
        return sums;
    if (oldest <= entry->newest - SLOTS)
        oldest = entry->newest - SLOTS + 1;
    for (int64_t n = oldest < 0 ? 0 : oldest; n <= entry->newest; n++) {
        sums.requests += entry->parts[n % SLOTS].requests;
        sums.errors += entry->parts[n % SLOTS].errors;
        sums.tokens += entry->parts[n % SLOTS].tokens;
    }
    return sums;
}

void
tg_tally_expect(const struct tg_tally *tally, const char *key_id)
{
    char id[TG_ID_LEN] = {0};
    const char *entry;

    memcpy(id, key_id, strnlen(key_id, TG_ID_LEN));
    entry = (const char *)&tally->entries[home_of(tally->room, id)];
    for (size_t i = 0; i < sizeof(struct entry); i += LINE_BYTES)
        __builtin_prefetch(entry + i);
}

bool
tg_tally_is_first(struct tg_tally *tally, const char *key_id, uint32_t round)
{
    struct entry *entry = find_key(tally, key_id);

    if (entry->key_id[0] == '\0' || entry->round == round)
        return false;
    entry->round = round;
    return true;
}

void
tg_tally_trim(struct tg_tally *tally, int64_t now_ms)
{
    uint32_t room = tally->room;

    while (room > ROOM_LEAST && room / 4 > tally->count)
        room /= 2;
    /* Without memory for it, it stays as it is. */
    (void)rebuild(tally, room, now_ms / tally->part_ms - TG_TALLY_PARTS);
}
