#include "leak_tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * TG_TALLY_ROWS)

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a mask of the hash");

/* FNV-1a of what is kept of the text. */
static uint32_t
hash_of(const char *text, size_t len)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* The slot that has the text, or the free one where it would be. */
static uint16_t *
slot_of(struct tg_tally *tally, const char *text)
{
    size_t len = strnlen(text, TG_TALLY_TEXT - 1);
    uint32_t at = hash_of(text, len);

    for (;; at++) {
        uint16_t *slot = &tally->index[at & (SLOTS - 1)];

        if (*slot == 0 ||
            (strncmp(tally->rows[*slot - 1].text, text, len) == 0 &&
             tally->rows[*slot - 1].text[len] == '\0'))
            return slot;
    }
}

struct tg_tally_row *
tg_tally_find(struct tg_tally *tally, const char *text)
{
    uint16_t *slot = slot_of(tally, text);

    return *slot != 0 ? &tally->rows[*slot - 1] : NULL;
}

struct tg_tally_row *
tg_tally_row(struct tg_tally *tally, const char *text)
{
    uint16_t *slot = slot_of(tally, text);
    struct tg_tally_row *row;

    if (*slot != 0)
        return &tally->rows[*slot - 1];
    if (tally->count == TG_TALLY_ROWS)
        return &tally->rest;
    row = &tally->rows[tally->count++];
    snprintf(row->text, sizeof(row->text), "%s", text);
    *slot = (uint16_t)tally->count;
    return row;
}

static int
by_calls(const void *a, const void *b)
{
    const struct tg_tally_row *left = a, *right = b;

    if (left->calls != right->calls)
        return left->calls > right->calls ? -1 : 1;
    return strcmp(left->text, right->text);
}

void
tg_tally_sort(struct tg_tally *tally)
{
    qsort(tally->rows, tally->count, sizeof(tally->rows[0]), by_calls);
    memset(tally->index, 0, sizeof(tally->index));
}
