#include "spend.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "spend_part.h"

struct entry {
    char key_id[TG_ID_TEXT_SIZE];
    struct tg_store_spend spend; /* its key_id is not set */
};

struct tg_recent_spend {
    struct entry *list; /* sorted by key */
    size_t count, room;
};

static int
take(void *arg, const struct tg_store_spend *row)
{
    struct tg_recent_spend *recent = arg;
    struct entry *entry;

    if (recent->count == recent->room) {
        size_t room = recent->room != 0 ? recent->room * 2 : 1024;
        void *list = realloc(recent->list, room * sizeof(recent->list[0]));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        recent->list = list;
        recent->room = room;
    }
    entry = &recent->list[recent->count++];
    memset(entry->key_id, 0, sizeof(entry->key_id));
    strncpy(entry->key_id, row->key_id, sizeof(entry->key_id) - 1);
    entry->spend = *row;
    entry->spend.key_id = NULL;
    return 0;
}

static int
compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return memcmp(x->key_id, y->key_id, sizeof(x->key_id));
}

int
tg_spend_recent(struct tg_recent_spend **out, struct tg_store *store,
                int64_t now_ms)
{
    struct tg_recent_spend *recent = calloc(1, sizeof(*recent));
    int err;

    if (recent == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    err = store->ops->spend_recent(store, now_ms - TG_SPEND_MS, take, recent);
    if (err != 0) {
        tg_spend_recent_free(recent);
        return err;
    }
    if (recent->count > 0)
        qsort(recent->list, recent->count, sizeof(recent->list[0]), compare);
    *out = recent;
    return 0;
}

void
tg_spend_recent_free(struct tg_recent_spend *recent)
{
    if (recent == NULL)
        return;
    free(recent->list);
    free(recent);
}

/* Where the entries of a key begin, or would. */
static size_t
first_of(const struct tg_recent_spend *recent, const char *key_id)
{
    size_t low = 0, high = recent->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(recent->list[middle].key_id, key_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
add(void *arg, const struct tg_store_spend *row)
{
    return tg_spend_add(arg, row);
}

static int
sum_up(struct tg_store *store, const struct tg_recent_spend *recent,
       const char *key_id, int64_t now_ms, struct tg_key_spend *spend)
{
    int err =
        store->ops->spend_of(store, key_id, now_ms - TG_SPEND_MS, add, spend);

    for (size_t i = first_of(recent, key_id);
         err == 0 && i < recent->count &&
         strcmp(recent->list[i].key_id, key_id) == 0;
         i++)
        err = tg_spend_add(spend, &recent->list[i].spend);
    return err;
}

int
tg_spend_load_key(struct tg_daemon *daemon, struct tg_store *store,
                  const struct tg_recent_spend *recent, uint32_t slot,
                  int64_t now_ms)
{
    char key_id[TG_ID_TEXT_SIZE] = "";
    struct tg_key_policy policy;
    struct tg_key_spend spend;
    int err;

    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_publisher_staged(daemon->publisher, slot, &policy);
    if (err == 0)
        tg_spend_begin(&spend, daemon, &policy, now_ms);
    pthread_mutex_unlock(&daemon->publish_lock);
    if (err != 0)
        return 0;
    memcpy(key_id, policy.id, TG_ID_LEN);
    err = sum_up(store, recent, key_id, now_ms, &spend);
    if (err != 0)
        return err;
    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_spend_open(daemon, slot, &spend);
    pthread_mutex_unlock(&daemon->publish_lock);
    return err;
}
