#include "denial.h"

#include <assert.h>
#include <string.h>

#include "where.h"

#define NETWORK_BYTES 8 /* of an IPv6 address */
#define MS_PER_S 1000

/* A cause as rows have it. */
struct name {
    char key_id[TG_ID_LEN];
    uint8_t ip[16];
    uint16_t code;
    uint8_t scope;
};

static const char no_key[TG_ID_LEN];

static int64_t
second_of(int64_t now_ms)
{
    return now_ms / MS_PER_S;
}

void
tg_denial_init(struct tg_denial_table *table, uint64_t seed)
{
    table->seed = seed;
    table->retry_at_ms = 0;
    tg_denial_clear(table);
}

void
tg_denial_clear(struct tg_denial_table *table)
{
    table->second = 0;
    table->count = table->strangers = table->holders = 0;
    memset(table->rest, 0, sizeof(table->rest));
    memset(table->places, 0, sizeof(table->places));
}

bool
tg_denial_is_due(const struct tg_denial_table *table, int64_t now_ms)
{
    return table->count != 0 && table->second != second_of(now_ms);
}

static void
name_of(const struct tg_denial_cause *cause, struct name *name)
{
    memset(name, 0, sizeof(*name));
    if (cause->key_id != NULL)
        memcpy(name->key_id, cause->key_id, TG_ID_LEN);
    name->code = (uint16_t)cause->code;
    if (tg_where_is_v4(cause->ip)) {
        name->scope = TG_DENIAL_ADDRESS;
        memcpy(name->ip, cause->ip, sizeof(name->ip));
    } else {
        name->scope = TG_DENIAL_NETWORK;
        memcpy(name->ip, cause->ip, NETWORK_BYTES);
    }
}

/* Multiplied and folded, eight bytes at a time. */
static uint64_t
mix(uint64_t hash, const void *bytes, size_t len)
{
    uint64_t word;

    for (size_t i = 0; i < len; i += sizeof(word)) {
        memcpy(&word, (const char *)bytes + i, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static uint64_t
hash_of(const struct tg_denial_table *table, const struct name *name)
{
    uint64_t hash = table->seed ^ name->code;

    hash = mix(hash, name->ip, sizeof(name->ip));
    return mix(hash, name->key_id, sizeof(name->key_id));
}

_Static_assert(TG_ID_LEN % 8 == 0, "whole words");
_Static_assert((TG_DENIAL_PLACES & (TG_DENIAL_PLACES - 1)) == 0,
               "a mask of the hash");

static bool
is_of(const struct tg_denial *row, const struct name *name)
{
    return row->code == name->code && row->scope == name->scope &&
           memcmp(row->ip, name->ip, sizeof(row->ip)) == 0 &&
           memcmp(row->key_id, name->key_id, TG_ID_LEN) == 0;
}

/* The place of a cause, or the free one that it would have. */
static size_t
find(const struct tg_denial_table *table, const struct name *name,
     uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash >> 48);
    size_t at = hash & (TG_DENIAL_PLACES - 1);

    for (; table->places[at] != 0; at = (at + 1) & (TG_DENIAL_PLACES - 1)) {
        if (table->tags[at] == tag &&
            is_of(&table->rows[table->places[at] - 1], name))
            break;
    }
    return at;
}

static struct tg_denial *
add(struct tg_denial_table *table, const struct name *name, int64_t now_ms)
{
    struct tg_denial *row = &table->rows[table->count];

    assert(table->count < TG_DENIAL_ROWS);
    if (table->count++ == 0)
        table->second = second_of(now_ms);
    memset(row, 0, sizeof(*row));
    row->at_ms = now_ms;
    row->code = name->code;
    row->scope = name->scope;
    memcpy(row->ip, name->ip, sizeof(row->ip));
    memcpy(row->key_id, name->key_id, TG_ID_LEN);
    return row;
}

static void
count(struct tg_denial *row, int64_t now_ms)
{
    row->count++;
    row->last_ms = now_ms;
}

/* The row of what finds no room: *is_new when there was none. */
static struct tg_denial *
rest_of(struct tg_denial_table *table, uint16_t code, int64_t now_ms,
        bool *is_new)
{
    struct name name = {.code = code, .scope = TG_DENIAL_REST};

    *is_new = table->rest[code] == 0;
    if (*is_new) {
        add(table, &name, now_ms);
        table->rest[code] = (uint16_t)table->count;
    }
    return &table->rows[table->rest[code] - 1];
}

/* Takes one of the rows that those with a key, or those without, have. */
static bool
take_room(struct tg_denial_table *table, const struct name *name)
{
    bool is_stranger = memcmp(name->key_id, no_key, TG_ID_LEN) == 0;
    uint32_t *used = is_stranger ? &table->strangers : &table->holders;

    if (*used == (is_stranger ? TG_DENIAL_STRANGERS : TG_DENIAL_HOLDERS))
        return false;
    (*used)++;
    return true;
}

struct tg_denial *
tg_denial_note(struct tg_denial_table *table,
               const struct tg_denial_cause *cause, int64_t now_ms)
{
    struct tg_denial *row;
    struct name name;
    uint64_t hash;
    size_t at;
    bool is_new = false;

    assert(cause->code > TG_CODE_NONE && cause->code < TG_CODE_COUNT);
    name_of(cause, &name);
    hash = hash_of(table, &name);
    at = find(table, &name, hash);
    if (table->places[at] != 0) {
        row = &table->rows[table->places[at] - 1];
    } else if (take_room(table, &name)) {
        row = add(table, &name, now_ms);
        table->places[at] = (uint16_t)table->count;
        table->tags[at] = (uint16_t)(hash >> 48);
        is_new = true;
    } else {
        row = rest_of(table, name.code, now_ms, &is_new);
    }
    count(row, now_ms);
    return is_new ? row : NULL;
}

int64_t
tg_denial_total(const struct tg_denial_table *table)
{
    int64_t total = 0;

    for (uint32_t i = 0; i < table->count; i++)
        total += table->rows[i].count;
    return total;
}

/* Adds a row to the one that is kept for its code. */
static void
merge(struct tg_denial *sum, const struct tg_denial *row)
{
    if (sum->count == 0) {
        *sum = *row;
        sum->scope = TG_DENIAL_REST;
        memset(sum->ip, 0, sizeof(sum->ip));
        memset(sum->key_id, 0, sizeof(sum->key_id));
        memset(sum->account_id, 0, sizeof(sum->account_id));
        return;
    }
    sum->count += row->count;
    if (row->last_ms > sum->last_ms)
        sum->last_ms = row->last_ms;
}

void
tg_denial_fold(struct tg_denial_table *table, int64_t now_ms)
{
    struct tg_denial sums[TG_CODE_COUNT];

    memset(sums, 0, sizeof(sums));
    for (uint32_t i = 0; i < table->count; i++)
        merge(&sums[table->rows[i].code], &table->rows[i]);
    tg_denial_clear(table);
    for (uint16_t code = 0; code < TG_CODE_COUNT; code++) {
        if (sums[code].count == 0)
            continue;
        table->rows[table->count++] = sums[code];
        table->rest[code] = (uint16_t)table->count;
    }
    table->second = second_of(now_ms);
}
