#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crc32c.h"
#include "err.h"

/* A blob that is in use, or a hole (uses 0). */
struct piece {
    uint32_t at;    /* in units */
    uint32_t units; /* its room */
    uint32_t uses;
    uint32_t next; /* of the same bucket, + 1 */
    uint32_t hash; /* of the content: most others are told apart by it */
};

#define UNIT 16
#define FIRST_UNIT 1 /* 0 says: no blob */

/* Pieces hang in buckets: used ones by content, holes by size. */
struct tg_arena {
    struct tg_state *state;
    struct piece *pieces;
    size_t count, capacity;
    uint32_t *by_content; /* heads, piece + 1 */
    size_t buckets;
    uint32_t *at_to_piece; /* direct map from unit to piece + 1 */
    size_t at_capacity;
    uint32_t holes[64]; /* by size in units; the last one holds the larger */
    uint32_t top;       /* first unit never used */
    uint32_t secured;   /* units whose memory is there */
    uint64_t written;   /* bytes in front of the first hole of the file */
};

static uint32_t
units_of(size_t bytes)
{
    return (uint32_t)((bytes + sizeof(struct tg_blob) + UNIT - 1) / UNIT);
}

static struct tg_blob *
blob_at(const struct tg_arena *arena, uint32_t at)
{
    return (void *)(arena->state->blobs + (size_t)at * UNIT);
}

static uint32_t
hash_of(struct tg_str bytes)
{
    return tg_crc32c(0, bytes.data, bytes.len);
}

static uint32_t *
bucket_of(const struct tg_arena *arena, uint32_t hash)
{
    return &arena->by_content[hash & (arena->buckets - 1)];
}

static struct tg_str
content(const struct tg_arena *arena, const struct piece *piece)
{
    const struct tg_blob *blob = blob_at(arena, piece->at);

    return (struct tg_str){blob->data, blob->len};
}

static uint32_t *
hole_list(struct tg_arena *arena, uint32_t units)
{
    size_t last = sizeof(arena->holes) / sizeof(arena->holes[0]) - 1;

    return &arena->holes[units < last ? units : last];
}

/*
 * Blobs stand close to each other, so that none is behind the first page that
 * was never written.  Where a file system does not tell, one may be anywhere.
 */
static uint64_t
written_of(const struct tg_state *state)
{
    off_t base = (off_t)state->header->blobs_offset;
    off_t end = lseek(state->fd, base, SEEK_HOLE);

    return end < base ? state->header->blobs_bytes : (uint64_t)(end - base);
}

struct tg_arena *
tg_arena_new(struct tg_state *state)
{
    struct tg_arena *arena = calloc(1, sizeof(*arena));

    if (arena == NULL)
        return NULL;
    arena->state = state;
    arena->top = FIRST_UNIT;
    arena->written = written_of(state);
    arena->buckets = 1 << 16;
    arena->by_content = calloc(arena->buckets, sizeof(uint32_t));
    if (arena->by_content == NULL) {
        free(arena);
        return NULL;
    }
    return arena;
}

void
tg_arena_free(struct tg_arena *arena)
{
    if (arena == NULL)
        return;
    free(arena->pieces);
    free(arena->by_content);
    free(arena->at_to_piece);
    free(arena);
}

/* Room for the number of the piece at a unit. */
static int
reach(struct tg_arena *arena, uint32_t at)
{
    size_t want = arena->at_capacity ? arena->at_capacity : 1024;
    uint32_t *bigger;

    while (want <= at)
        want *= 2;
    if (want == arena->at_capacity)
        return 0;
    bigger = realloc(arena->at_to_piece, want * sizeof(*bigger));
    if (bigger == NULL)
        return TG_ERR_FULL;
    memset(bigger + arena->at_capacity, 0,
           (want - arena->at_capacity) * sizeof(*bigger));
    arena->at_to_piece = bigger;
    arena->at_capacity = want;
    return 0;
}

static struct piece *
new_piece(struct tg_arena *arena, uint32_t at, uint32_t units)
{
    uint32_t index;

    if (reach(arena, at) != 0)
        return NULL;
    if (arena->count == arena->capacity) {
        size_t want = arena->capacity ? arena->capacity * 2 : 256;
        struct piece *bigger = realloc(arena->pieces, want * sizeof(*bigger));

        if (bigger == NULL)
            return NULL;
        arena->pieces = bigger;
        arena->capacity = want;
    }
    index = (uint32_t)arena->count++;
    arena->pieces[index] = (struct piece){.at = at, .units = units};
    arena->at_to_piece[at] = index + 1;
    return &arena->pieces[index];
}

static struct piece *
piece_at(const struct tg_arena *arena, uint32_t at)
{
    if (at >= arena->at_capacity || arena->at_to_piece[at] == 0)
        return NULL;
    return &arena->pieces[arena->at_to_piece[at] - 1];
}

/* Hangs the used pieces into so many buckets. */
static void
spread_over(struct tg_arena *arena, size_t buckets)
{
    uint32_t *wider = calloc(buckets, sizeof(uint32_t));
    size_t old = arena->buckets;

    if (wider == NULL)
        return; /* slower, and right all the same */
    arena->buckets = buckets;
    for (size_t i = 0; i < old; i++) {
        uint32_t next;

        for (uint32_t n = arena->by_content[i]; n != 0; n = next) {
            struct piece *piece = &arena->pieces[n - 1];
            uint32_t *head = &wider[piece->hash & (arena->buckets - 1)];

            next = piece->next;
            piece->next = *head;
            *head = n;
        }
    }
    free(arena->by_content);
    arena->by_content = wider;
}

static void
spread(struct tg_arena *arena)
{
    if (arena->count > arena->buckets)
        spread_over(arena, arena->buckets * 4);
}

void
tg_arena_reserve(struct tg_arena *arena, size_t count)
{
    size_t buckets = arena->buckets;

    while (buckets < count)
        buckets *= 2;
    if (buckets > arena->buckets)
        spread_over(arena, buckets);
}

static void
link_piece(struct tg_arena *arena, uint32_t *head, struct piece *piece)
{
    piece->next = *head;
    *head = (uint32_t)(piece - arena->pieces) + 1;
}

static void
unlink_piece(struct tg_arena *arena, uint32_t *head, const struct piece *piece)
{
    uint32_t want = (uint32_t)(piece - arena->pieces) + 1;

    while (*head != want)
        head = &arena->pieces[*head - 1].next;
    *head = piece->next;
}

int
tg_arena_adopt(struct tg_arena *arena, uint32_t blob)
{
    struct piece *piece;
    struct tg_str bytes;

    if (blob == 0)
        return 0;
    piece = piece_at(arena, blob);
    if (piece != NULL) {
        piece->uses++;
        return 0;
    }
    bytes = tg_state_blob(arena->state, blob);
    if (bytes.data == NULL || (uint64_t)blob * UNIT >= arena->written)
        return TG_ERR_CORRUPT;
    piece = new_piece(arena, blob, units_of(bytes.len));
    if (piece == NULL)
        return TG_ERR_FULL;
    piece->uses = 1;
    piece->hash = hash_of(bytes);
    link_piece(arena, bucket_of(arena, piece->hash), piece);
    spread(arena);
    if (blob + piece->units > arena->top)
        arena->top = blob + piece->units;
    return 0;
}

/* Where the next piece begins, from at on; the top when none does. */
static uint32_t
next_piece(const struct tg_arena *arena, uint32_t at)
{
    while (at < arena->top && piece_at(arena, at) == NULL)
        at++;
    return at;
}

int
tg_arena_settle(struct tg_arena *arena)
{
    uint32_t at = FIRST_UNIT, next;

    while (at < arena->top) {
        struct piece *piece = piece_at(arena, at);

        next = next_piece(arena, piece == NULL ? at : at + 1);
        if (piece != NULL) {
            if (at + piece->units > next)
                return TG_ERR_CORRUPT;
            at += piece->units;
            continue;
        }
        piece = new_piece(arena, at, next - at);
        if (piece == NULL)
            return TG_ERR_FULL;
        link_piece(arena, hole_list(arena, piece->units), piece);
        at = next;
    }
    return 0;
}

/* A hole of at least units, taken off its list; NULL when there is none. */
static struct piece *
take_hole(struct tg_arena *arena, uint32_t units)
{
    size_t last = sizeof(arena->holes) / sizeof(arena->holes[0]) - 1;

    for (size_t size = units < last ? units : last; size <= last; size++) {
        for (uint32_t i = arena->holes[size]; i != 0;
             i = arena->pieces[i - 1].next) {
            struct piece *piece = &arena->pieces[i - 1];

            if (piece->units < units)
                continue;
            unlink_piece(arena, &arena->holes[size], piece);
            return piece;
        }
    }
    return NULL;
}

/* Makes sure that the memory is there: a full tmpfs is an error, no signal. */
static int
secure(struct tg_arena *arena, uint32_t end)
{
    off_t base = (off_t)arena->state->header->blobs_offset;
    uint32_t want = (end + 4095) & ~4095u;

    if (end <= arena->secured)
        return 0;
    if (fallocate(arena->state->fd, 0, base + (off_t)arena->secured * UNIT,
                  (off_t)(want - arena->secured) * UNIT) != 0)
        return TG_ERR_FULL;
    arena->secured = want;
    return 0;
}

static struct piece *
take_top(struct tg_arena *arena, uint32_t units)
{
    struct piece *piece;

    if ((uint64_t)(arena->top + units) * UNIT >
            arena->state->header->blobs_bytes ||
        secure(arena, arena->top + units) != 0)
        return NULL;
    piece = new_piece(arena, arena->top, units);
    if (piece != NULL)
        arena->top += units;
    return piece;
}

/* Leaves what is not needed of a hole as a smaller hole. */
static struct piece *
split(struct tg_arena *arena, struct piece *piece, uint32_t units)
{
    size_t index = (size_t)(piece - arena->pieces);
    struct piece *rest;

    if (piece->units > units) {
        rest = new_piece(arena, piece->at + units, piece->units - units);
        piece = &arena->pieces[index]; /* new_piece may move them all */
        if (rest == NULL)
            return piece;
        piece->units = units;
        link_piece(arena, hole_list(arena, rest->units), rest);
    }
    return piece;
}

int
tg_arena_put(struct tg_arena *arena, struct tg_str bytes, uint32_t *blob)
{
    uint32_t hash = hash_of(bytes), *head = bucket_of(arena, hash);
    uint32_t units = units_of(bytes.len);
    struct piece *piece;
    struct tg_blob *b;

    if (bytes.len > TG_BLOB_MAX)
        return TG_ERR_RANGE;
    for (uint32_t i = *head; i != 0; i = arena->pieces[i - 1].next) {
        piece = &arena->pieces[i - 1];
        if (piece->hash == hash && tg_str_eq(content(arena, piece), bytes)) {
            piece->uses++;
            *blob = piece->at;
            return 0;
        }
    }
    piece = take_hole(arena, units);
    piece = piece != NULL ? split(arena, piece, units) : take_top(arena, units);
    if (piece == NULL)
        return TG_ERR_FULL;
    b = blob_at(arena, piece->at);
    b->len = (uint32_t)bytes.len;
    if (bytes.len != 0)
        memcpy(b->data, bytes.data, bytes.len);
    piece->uses = 1;
    piece->hash = hash;
    link_piece(arena, head, piece);
    *blob = piece->at;
    spread(arena);
    return 0;
}

void
tg_arena_drop(struct tg_arena *arena, uint32_t blob)
{
    struct piece *piece = blob == 0 ? NULL : piece_at(arena, blob);

    if (piece == NULL || piece->uses == 0 || --piece->uses > 0)
        return;
    unlink_piece(arena, bucket_of(arena, piece->hash), piece);
    link_piece(arena, hole_list(arena, piece->units), piece);
}
