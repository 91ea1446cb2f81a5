#include "alert_baseline.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "id.h"

#define QUARTER_MS INT64_C(900000)
#define SPAN_MS (INT64_C(7) * 86400 * 1000)
#define KEPT_MS (INT64_C(3600) * 1000)
#define ROOM 16384 /* a power of two; when it is full, all begins anew */
#define WANTED_MAX 256

struct entry {
    char key_id[TG_ID_TEXT_SIZE]; /* "": free */
    int64_t asked_at;
    struct tg_baseline baseline;
};

struct wanted {
    char key_id[TG_ID_TEXT_SIZE];
    int64_t created_at, since, requests;
};

struct tg_baselines {
    struct entry entries[ROOM];
    uint32_t count;
    struct wanted wanted[WANTED_MAX];
    size_t wanted_count;
};

int
tg_baselines_new(struct tg_baselines **baselines)
{
    *baselines = calloc(1, sizeof(**baselines));
    return *baselines == NULL ? TG_ERR_SYSTEM : 0;
}

void
tg_baselines_free(struct tg_baselines *baselines)
{
    free(baselines);
}

static struct entry *
find(struct tg_baselines *baselines, const char *key_id)
{
    uint32_t h = 2166136261u, at;

    for (const char *p = key_id; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    for (at = h % ROOM; baselines->entries[at].key_id[0] != '\0' &&
                        strcmp(baselines->entries[at].key_id, key_id) != 0;)
        at = (at + 1) % ROOM;
    return &baselines->entries[at];
}

static void
want(struct tg_baselines *baselines, const char *key_id, int64_t created_at)
{
    struct wanted *row = &baselines->wanted[baselines->wanted_count];

    for (size_t i = 0; i < baselines->wanted_count; i++) {
        if (strcmp(baselines->wanted[i].key_id, key_id) == 0)
            return;
    }
    if (baselines->wanted_count == WANTED_MAX)
        return;
    *row = (struct wanted){.created_at = created_at};
    strncpy(row->key_id, key_id, TG_ID_LEN);
    baselines->wanted_count++;
}

bool
tg_baselines_find(struct tg_baselines *baselines, const char *key_id,
                  int64_t created_at, int64_t now_ms,
                  struct tg_baseline *baseline)
{
    const struct entry *entry = find(baselines, key_id);
    int64_t age = now_ms - entry->asked_at;

    if (entry->key_id[0] == '\0' || age < 0 || age > KEPT_MS) {
        want(baselines, key_id, created_at);
        return false;
    }
    *baseline = entry->baseline;
    return true;
}

static int
count_recent(void *arg, const char *key_id)
{
    struct tg_baselines *baselines = arg;

    for (size_t i = 0; i < baselines->wanted_count; i++) {
        if (strcmp(baselines->wanted[i].key_id, key_id) == 0) {
            baselines->wanted[i].requests++;
            return 0;
        }
    }
    return 0;
}

static void
keep(struct tg_baselines *baselines, const struct wanted *row, int64_t until,
     int64_t now_ms)
{
    struct entry *entry;

    if (baselines->count > ROOM / 4 * 3) {
        memset(baselines->entries, 0, sizeof(baselines->entries));
        baselines->count = 0;
    }
    entry = find(baselines, row->key_id);
    baselines->count += entry->key_id[0] == '\0';
    memcpy(entry->key_id, row->key_id, sizeof(entry->key_id));
    entry->asked_at = now_ms;
    entry->baseline.requests = row->requests;
    entry->baseline.span_ms = until > row->since ? until - row->since : 0;
}

int
tg_baselines_fill(struct tg_baselines *baselines, struct tg_store *store,
                  int64_t now_ms, int64_t leave_ms,
                  void (*visit)(void *, const char *key_id), void *arg)
{
    int64_t end = (now_ms - leave_ms) / QUARTER_MS;
    int64_t first = end - SPAN_MS / QUARTER_MS;
    int err = 0;

    if (baselines->wanted_count == 0)
        return 0;
    for (size_t i = 0; i < baselines->wanted_count && err == 0; i++) {
        struct wanted *row = &baselines->wanted[i];

        row->since = first * QUARTER_MS;
        if (row->since < row->created_at)
            row->since = row->created_at;
        err = store->ops->key_requests(store, row->key_id, first, end,
                                       &row->requests);
    }
    if (err == 0)
        err =
            store->ops->recent_each(store, first * QUARTER_MS, end * QUARTER_MS,
                                    count_recent, baselines);
    for (size_t i = 0; i < baselines->wanted_count && err == 0; i++) {
        keep(baselines, &baselines->wanted[i], end * QUARTER_MS, now_ms);
        visit(arg, baselines->wanted[i].key_id);
    }
    baselines->wanted_count = 0;
    return err;
}
