#include "alert_tally.h"

#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "err.h"
#include "id.h"

#define SLOTS (TG_TALLY_PARTS + 1)
#define ROOM_LEAST 64
#define SLAB_ROWS 256
#define LINE_BYTES 64 /* what a processor fetches at once */

struct part {
    uint32_t requests, errors, tokens; /* they stay at their most */
};

/* What a key has in a window: the sums of its parts. */
struct head {
    int64_t newest; /* part, by number since 1970 */
    struct tg_tally_sums sums;
};

/* A key.  Behind the heads of all windows are their parts, SLOTS of each. */
struct row {
    char key_id[TG_ID_LEN];
    uint32_t round, note;
    struct head heads[];
};

/* Where a row is found: by a part of its id's hash, then by its id. */
struct place {
    uint32_t hash, row; /* its number and 1; 0: free */
};

struct window {
    int64_t part_ms;
    int64_t from_ms, number; /* the part that was asked for last */
};

struct tg_tally {
    size_t window_count, row_bytes;
    uint32_t count, room; /* of places: a power of two */
    struct place *places;
    uint32_t slab_count;
    char **slabs; /* rows, so many in each that none ever moves to grow */
    struct window windows[TG_TALLY_WINDOWS];
};

int
tg_tally_new(struct tg_tally **tally, const int64_t *windows_ms, size_t count)
{
    struct tg_tally *self = calloc(1, sizeof(*self));
    size_t bytes = sizeof(struct row) +
                   count * (sizeof(struct head) + SLOTS * sizeof(struct part));

    if (self != NULL)
        self->places = calloc(ROOM_LEAST, sizeof(self->places[0]));
    if (self == NULL || self->places == NULL) {
        free(self);
        return TG_ERR_SYSTEM;
    }
    self->room = ROOM_LEAST;
    self->row_bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    self->window_count = count;
    for (size_t i = 0; i < count; i++)
        self->windows[i].part_ms = windows_ms[i] / TG_TALLY_PARTS;
    *tally = self;
    return 0;
}

void
tg_tally_free(struct tg_tally *tally)
{
    if (tally == NULL)
        return;
    for (uint32_t i = 0; i < tally->slab_count; i++)
        free(tally->slabs[i]);
    free(tally->slabs);
    free(tally->places);
    free(tally);
}

uint32_t
tg_tally_count(const struct tg_tally *tally)
{
    return tally->count;
}

static struct row *
row_of(const struct tg_tally *tally, uint32_t key)
{
    return (void *)(tally->slabs[key / SLAB_ROWS] +
                    key % SLAB_ROWS * tally->row_bytes);
}

static struct part *
parts_of(const struct tg_tally *tally, struct row *row, size_t window)
{
    return (struct part *)&row->heads[tally->window_count] + window * SLOTS;
}

/* The number of an instant's part; most are of the one that was last. */
static int64_t
number_of(struct window *window, int64_t at_ms)
{
    if (at_ms < window->from_ms || at_ms - window->from_ms >= window->part_ms) {
        window->number = at_ms / window->part_ms;
        window->from_ms = window->number * window->part_ms;
    }
    return window->number;
}

static void
id_of(const char *key_id, char id[TG_ID_LEN])
{
    memset(id, 0, TG_ID_LEN);
    memcpy(id, key_id, strnlen(key_id, TG_ID_LEN));
}

static uint32_t
hash_of(const char id[TG_ID_LEN])
{
    return tg_crc32c(0, id, TG_ID_LEN);
}

/* Its place, or the free one where it would stand. */
static struct place *
find(const struct tg_tally *tally, uint32_t hash, const char id[TG_ID_LEN])
{
    uint32_t at = hash & (tally->room - 1);

    for (; tally->places[at].row != 0; at = (at + 1) & (tally->room - 1)) {
        const struct place *place = &tally->places[at];

        if (place->hash == hash &&
            memcmp(row_of(tally, place->row - 1)->key_id, id, TG_ID_LEN) == 0)
            break;
    }
    return &tally->places[at];
}

/* Puts all rows into places, which are free. */
static void
place_all(struct tg_tally *tally)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        uint32_t hash = hash_of(row_of(tally, i)->key_id);
        uint32_t at = hash & (tally->room - 1);

        while (tally->places[at].row != 0)
            at = (at + 1) & (tally->room - 1);
        tally->places[at] = (struct place){hash, i + 1};
    }
}

static int
resize(struct tg_tally *tally, uint32_t room)
{
    struct place *places = calloc(room, sizeof(places[0]));

    if (places == NULL)
        return TG_ERR_SYSTEM;
    free(tally->places);
    tally->places = places;
    tally->room = room;
    place_all(tally);
    return 0;
}

static int
make_room(struct tg_tally *tally)
{
    char **slabs;

    if (tally->count >= tally->room / 4 * 3 &&
        resize(tally, tally->room * 2) != 0)
        return TG_ERR_SYSTEM;
    if (tally->count < tally->slab_count * SLAB_ROWS)
        return 0;
    slabs = realloc(tally->slabs, (tally->slab_count + 1) * sizeof(slabs[0]));
    if (slabs == NULL)
        return TG_ERR_SYSTEM;
    tally->slabs = slabs;
    slabs[tally->slab_count] =
        aligned_alloc(LINE_BYTES, SLAB_ROWS * tally->row_bytes);
    if (slabs[tally->slab_count] == NULL)
        return TG_ERR_SYSTEM;
    tally->slab_count++;
    return 0;
}

/* The number of a key, which is new or is not. */
static int
number_key(struct tg_tally *tally, const char *key_id, uint32_t *key)
{
    char id[TG_ID_LEN];
    struct place *place;
    struct row *row;
    uint32_t hash;

    id_of(key_id, id);
    hash = hash_of(id);
    place = find(tally, hash, id);
    if (place->row != 0) {
        *key = place->row - 1;
        return 0;
    }
    if (make_room(tally) != 0)
        return TG_ERR_SYSTEM;
    *key = tally->count++;
    *find(tally, hash, id) = (struct place){hash, *key + 1};
    row = row_of(tally, *key);
    memset(row, 0, tally->row_bytes);
    memcpy(row->key_id, id, TG_ID_LEN);
    row->note = TG_TALLY_NONE;
    return 0;
}

/* Takes a part out of the sums; it is empty then. */
static void
take_out(struct tg_tally_sums *sums, const struct part *part)
{
    sums->requests -= part->requests;
    sums->errors -= part->errors;
    sums->tokens -= part->tokens;
}

/* Parts between the newest one and number become empty. */
static void
advance(struct head *head, struct part *parts, int64_t number)
{
    int64_t from = head->newest + 1;

    if (number - head->newest >= SLOTS)
        from = number - SLOTS + 1;
    for (; from <= number; from++) {
        take_out(&head->sums, &parts[from % SLOTS]);
        parts[from % SLOTS] = (struct part){0};
    }
    head->newest = number;
}

/* Returns what it has become more by. */
static uint32_t
raise(uint32_t *to, int64_t more)
{
    uint32_t by = more > UINT32_MAX - *to ? UINT32_MAX - *to : (uint32_t)more;

    *to += by;
    return by;
}

int
tg_tally_add(struct tg_tally *tally, const char *key_id, int64_t at_ms,
             bool is_error, int64_t tokens, uint32_t *key)
{
    struct row *row;

    *key = TG_TALLY_NONE;
    if (at_ms < 0 || key_id[0] == '\0')
        return 0;
    if (number_key(tally, key_id, key) != 0)
        return TG_ERR_SYSTEM;
    row = row_of(tally, *key);
    for (size_t i = 0; i < tally->window_count; i++) {
        int64_t number = number_of(&tally->windows[i], at_ms);
        struct part *parts = parts_of(tally, row, i), *part;
        struct head *head = &row->heads[i];

        if (number > head->newest)
            advance(head, parts, number);
        if (head->newest - number >= SLOTS)
            continue;
        part = &parts[number % SLOTS];
        head->sums.requests += raise(&part->requests, 1);
        head->sums.errors += raise(&part->errors, is_error);
        head->sums.tokens += raise(&part->tokens, tokens > 0 ? tokens : 0);
    }
    return 0;
}

uint32_t
tg_tally_number(const struct tg_tally *tally, const char *key_id)
{
    char id[TG_ID_LEN];
    uint32_t row;

    id_of(key_id, id);
    row = find(tally, hash_of(id), id)->row;
    return row == 0 ? TG_TALLY_NONE : row - 1;
}

const char *
tg_tally_key(const struct tg_tally *tally, uint32_t key)
{
    return row_of(tally, key)->key_id;
}

struct tg_tally_sums
tg_tally_look(struct tg_tally *tally, uint32_t key, size_t window,
              int64_t now_ms)
{
    struct tg_tally_sums sums = {0};
    const struct head *head;
    const struct part *parts;
    struct row *row;
    int64_t oldest, n;

    if (key == TG_TALLY_NONE)
        return sums;
    row = row_of(tally, key);
    head = &row->heads[window];
    oldest = number_of(&tally->windows[window], now_ms) - TG_TALLY_PARTS;
    if (oldest > head->newest)
        return sums;
    sums = head->sums;
    parts = parts_of(tally, row, window);
    n = head->newest - SLOTS + 1;
    for (n = n < 0 ? 0 : n; n < oldest; n++)
        take_out(&sums, &parts[n % SLOTS]);
    return sums;
}

static void
fetch(const void *from, const void *to)
{
    const char *at = from;

    for (; at < (const char *)to; at += LINE_BYTES)
        __builtin_prefetch(at, 1);
}

/* What has its hash is it, nearly always. */
void
tg_tally_expect_add(const struct tg_tally *tally, const char *key_id)
{
    char id[TG_ID_LEN];
    struct part *part;
    struct row *row;
    uint32_t hash, at;

    id_of(key_id, id);
    hash = hash_of(id);
    at = hash & (tally->room - 1);
    while (tally->places[at].row != 0 && tally->places[at].hash != hash)
        at = (at + 1) & (tally->room - 1);
    if (tally->places[at].row == 0)
        return;
    row = row_of(tally, tally->places[at].row - 1);
    fetch(row, &row->heads[tally->window_count]);
    for (size_t i = 0; i < tally->window_count; i++) {
        part = parts_of(tally, row, i) + tally->windows[i].number % SLOTS;
        __builtin_prefetch(part, 1);
        __builtin_prefetch((char *)(part + 1) - 1, 1);
    }
}

void
tg_tally_expect_look(const struct tg_tally *tally, uint32_t key)
{
    struct row *row = row_of(tally, key);

    fetch(row, &row->heads[tally->window_count]);
}

bool
tg_tally_is_first(struct tg_tally *tally, uint32_t key, uint32_t round)
{
    struct row *row;

    if (key == TG_TALLY_NONE)
        return false;
    row = row_of(tally, key);
    if (row->round == round)
        return false;
    row->round = round;
    return true;
}

uint32_t *
tg_tally_note(struct tg_tally *tally, uint32_t key)
{
    return &row_of(tally, key)->note;
}

static bool
is_idle(const struct tg_tally *tally, const struct row *row, int64_t now_ms)
{
    for (size_t i = 0; i < tally->window_count; i++) {
        if (row->heads[i].newest >=
            now_ms / tally->windows[i].part_ms - TG_TALLY_PARTS)
            return false;
    }
    return true;
}

/* The last row goes where one is idle; its place still tells of the old one. */
static bool
take_out_idle(struct tg_tally *tally, int64_t now_ms)
{
    uint32_t before = tally->count;

    for (uint32_t i = 0; i < tally->count;) {
        struct row *row = row_of(tally, i);

        if (!is_idle(tally, row, now_ms))
            i++;
        else if (--tally->count != i)
            memcpy(row, row_of(tally, tally->count), tally->row_bytes);
    }
    return tally->count != before;
}

void
tg_tally_trim(struct tg_tally *tally, int64_t now_ms)
{
    uint32_t room = tally->room;

    if (!take_out_idle(tally, now_ms))
        return;
    while (room > ROOM_LEAST && room / 4 > tally->count)
        room /= 2;
    /* Without memory for fewer, there are as many as before. */
    if (room == tally->room || resize(tally, room) != 0) {
        memset(tally->places, 0, tally->room * sizeof(tally->places[0]));
        place_all(tally);
    }
    while (tally->slab_count * SLAB_ROWS >= tally->count + 2 * SLAB_ROWS)
        free(tally->slabs[--tally->slab_count]);
}
