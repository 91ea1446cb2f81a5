#include "spend.h"

#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "err.h"
#include "money.h"
#include "spend_part.h"

/* Of instants and zones, in which periods they are. */
#define PERIODS 4096

/* Entries that are looked at one by one. */
#define NEAR 16

/* A key that is staged, and what it has spent. */
struct entry {
    char id[TG_ID_LEN];
    uint32_t slot;
    struct tg_key_spend spend;
};

struct period {
    const char *zone; /* where it stands */
    int64_t at;       /* 0: nothing is here */
    int32_t day, month;
};

/* A part of the time, read through a connection of its own. */
struct part {
    struct tg_store *store;
    int64_t since, until;
    struct entry *entries; /* in the order of their ids */
    size_t count;
    size_t last; /* found last: packs come in the same order */
    struct period *periods;
    int err; /* of a thread of its own */
};

static int
order_of(const struct part *part, size_t at, const char *id)
{
    return memcmp(part->entries[at].id, id, TG_ID_LEN);
}

/* The first entry that is not before an id, near the last one or anywhere. */
static size_t
place_of(const struct part *part, const char *id)
{
    size_t low = part->last, high = part->count;

    if (low >= high || order_of(part, low, id) > 0)
        low = 0;
    for (int i = 0; i < NEAR && low < high; i++, low++) {
        if (order_of(part, low, id) >= 0)
            return low;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (order_of(part, middle, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *
find(struct part *part, const char *id)
{
    part->last = place_of(part, id);
    return part->last < part->count && order_of(part, part->last, id) == 0
               ? &part->entries[part->last]
               : NULL;
}

/* Most keys are in few zones, and a day has few quarter-hours. */
static const struct period *
period_of(struct part *part, struct tg_str zone, int64_t at)
{
    size_t row =
        ((uintptr_t)zone.data / 16 * 97 + (uint64_t)at / 900000) % PERIODS;
    struct period *period = &part->periods[row];

    if (period->at != at || period->zone != zone.data)
        *period = (struct period){zone.data, at, tg_calendar_day(zone, at),
                                  tg_calendar_month(zone, at)};
    return period;
}

/* A key that is open knows what it has spent, and a deleted one has no slot. */
static int
add(void *arg, const struct tg_store_spend *row)
{
    struct part *part = arg;
    struct tg_store_spend spend = *row;
    struct entry *entry;

    if (strlen(row->key_id) != TG_ID_LEN)
        return 0;
    entry = find(part, row->key_id);
    if (entry == NULL)
        return 0;
    if (spend.day == 0 && spend.month == 0) {
        const struct period *period =
            period_of(part, entry->spend.zone, row->at);

        spend.day = period->day;
        spend.month = period->month;
    }
    return tg_spend_add(&entry->spend, &spend);
}

static int
by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return memcmp(x->id, y->id, TG_ID_LEN);
}

/* Those that are staged: no key gets or leaves a slot meanwhile. */
static size_t
list(struct tg_daemon *daemon, struct entry *entries, uint32_t slots,
     int64_t now_ms)
{
    struct tg_key_policy policy;
    size_t count = 0;

    for (uint32_t slot = 0; slot < slots; slot++) {
        struct entry *entry = &entries[count];

        pthread_mutex_lock(&daemon->publish_lock);
        if (tg_publisher_staged(daemon->publisher, slot, &policy) == 0) {
            memcpy(entry->id, policy.id, TG_ID_LEN);
            entry->slot = slot;
            tg_spend_begin(&entry->spend, daemon, &policy, now_ms);
            count++;
        }
        pthread_mutex_unlock(&daemon->publish_lock);
    }
    qsort(entries, count, sizeof(entries[0]), by_id);
    return count;
}

static int
read_part(struct part *part)
{
    struct tg_store *store = part->store;
    int err;

    part->periods = calloc(PERIODS, sizeof(part->periods[0]));
    if (part->periods == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    err = store->ops->spend_each(store, part->since, part->until, add, part);
    free(part->periods);
    return err;
}

static void *
read_apart(void *arg)
{
    struct part *part = arg;

    part->err = read_part(part);
    return NULL;
}

/* Adds what the later part has found to the earlier one. */
static int
join(struct part *to, const struct part *from)
{
    int err = 0;

    for (size_t i = 0; i < to->count && err == 0; i++) {
        struct tg_key_spend *sum = &to->entries[i].spend;
        const struct tg_key_spend *more = &from->entries[i].spend;

        err = tg_money_add(sum->day_nanos, more->day_nanos, &sum->day_nanos);
        if (err == 0)
            err = tg_money_add(sum->month_nanos, more->month_nanos,
                               &sum->month_nanos);
        if (more->last_at > sum->last_at)
            sum->last_at = more->last_at;
    }
    return err;
}

/* Halves of the time, one by each connection. */
static int
read_halves(struct part *all, struct tg_store *other, int64_t middle)
{
    size_t bytes = all->count * sizeof(all->entries[0]);
    struct part later = *all;
    pthread_t thread;
    int err;

    later.store = other;
    later.entries = malloc(bytes + 1);
    if (later.entries == NULL)
        return tg_error_set(&all->store->error, TG_ERR_SYSTEM, "out of memory");
    memcpy(later.entries, all->entries, bytes);
    all->until = later.since = middle;
    if (pthread_create(&thread, NULL, read_apart, &later) == 0) {
        err = read_part(all);
        pthread_join(thread, NULL);
    } else {
        err = read_part(all);
        later.err = read_part(&later);
    }
    if (err == 0 && later.err != 0) {
        all->store->error = other->error;
        err = later.err;
    }
    if (err == 0)
        err = join(all, &later);
    free(later.entries);
    return err;
}

static int
open_all(struct tg_daemon *daemon, const struct part *part)
{
    int err = 0;

    for (size_t i = 0; i < part->count && err == 0; i++) {
        pthread_mutex_lock(&daemon->publish_lock);
        err = tg_spend_open(daemon, part->entries[i].slot,
                            &part->entries[i].spend);
        pthread_mutex_unlock(&daemon->publish_lock);
    }
    return err;
}

int
tg_spend_load(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct part part = {
        .store = store, .since = now_ms - TG_SPEND_MS, .until = INT64_MAX};
    uint32_t slots = atomic_load(&daemon->state.header->key_high_water);
    int err;

    if (slots == 0)
        return 0;
    part.entries = malloc(slots * sizeof(part.entries[0]));
    if (part.entries == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    part.count = list(daemon, part.entries, slots, now_ms);
    err = daemon->reports != NULL
              ? read_halves(&part, daemon->reports, now_ms - TG_SPEND_MS / 2)
              : read_part(&part);
    if (err == 0)
        err = open_all(daemon, &part);
    free(part.entries);
    return err;
}
