#include "spend.h"

#include <stdlib.h>

#include "err.h"
#include "spend_part.h"

struct spend {
    struct tg_daemon *daemon;
    struct tg_key_spend *keys; /* by slot */
};

/* A key that is open knows what it has spent, and a deleted one has no slot. */
static int
add(void *arg, const struct tg_store_spend *row)
{
    struct spend *spend = arg;
    uint32_t slot;

    if (tg_publisher_key_slot(spend->daemon->publisher, row->key_id, &slot) !=
            0 ||
        !spend->keys[slot].is_known)
        return 0;
    return tg_spend_add(&spend->keys[slot], row);
}

/* Those that are staged: no key gets or leaves a slot meanwhile. */
static void
begin(struct spend *spend, uint32_t slots, int64_t now_ms)
{
    struct tg_key_policy policy;

    for (uint32_t slot = 0; slot < slots; slot++) {
        pthread_mutex_lock(&spend->daemon->publish_lock);
        if (tg_publisher_staged(spend->daemon->publisher, slot, &policy) == 0)
            tg_spend_begin(&spend->keys[slot], spend->daemon, &policy, now_ms);
        pthread_mutex_unlock(&spend->daemon->publish_lock);
    }
}

static int
open_all(struct spend *spend, uint32_t slots)
{
    int err = 0;

    for (uint32_t slot = 0; slot < slots && err == 0; slot++) {
        if (!spend->keys[slot].is_known)
            continue;
        pthread_mutex_lock(&spend->daemon->publish_lock);
        err = tg_spend_open(spend->daemon, slot, &spend->keys[slot]);
        pthread_mutex_unlock(&spend->daemon->publish_lock);
    }
    return err;
}

int
tg_spend_load(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct spend spend = {.daemon = daemon};
    uint32_t slots = atomic_load(&daemon->state.header->key_high_water);
    int err;

    if (slots == 0)
        return 0;
    spend.keys = calloc(slots, sizeof(spend.keys[0]));
    if (spend.keys == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    begin(&spend, slots, now_ms);
    err = store->ops->spend_each(store, now_ms - TG_SPEND_MS, add, &spend);
    if (err == 0)
        err = open_all(&spend, slots);
    free(spend.keys);
    return err;
}
