#include "advice_calls.h"

#include <time.h>

#include "err.h"

/* A page of them. */
struct slice {
    int (*visit)(void *, const struct tg_store_call *);
    void *arg;
    uint32_t count;
    struct tg_call_id last;
};

static int
take(void *arg, const struct tg_store_call *call)
{
    struct slice *slice = arg;

    slice->count++;
    slice->last = call->id;
    return slice->visit(slice->arg, call);
}

/* An unlocked mutex would be taken again at once. */
void
tg_advice_let_others(void)
{
    static const struct timespec moment = {.tv_nsec = 50000};

    nanosleep(&moment, NULL);
}

int
tg_advice_key_calls(struct tg_advice_walk *walk)
{
    struct slice slice = {.visit = walk->visit, .arg = walk->arg};
    struct tg_daemon *daemon = walk->daemon;
    struct tg_store *store = daemon->reports;
    uint32_t read = 0, limit;
    int err;

    do {
        const struct tg_call_id after = slice.last;

        limit =
            walk->most - read < walk->slice ? walk->most - read : walk->slice;
        slice.count = 0;
        pthread_mutex_lock(&daemon->reports_lock);
        err = store->ops->call_each(
            store, walk->filter, read > 0 ? &after : NULL, limit, take, &slice);
        pthread_mutex_unlock(&daemon->reports_lock);
        read += slice.count;
        tg_advice_let_others();
    } while (err == 0 && slice.count == limit && read < walk->most);
    walk->is_cut = err == 0 && read == walk->most;
    /* The call after which it was to go on has become too old meanwhile. */
    return err == TG_ERR_NOT_FOUND && read > 0 ? 0 : err;
}

static int
take_first(void *arg, int64_t seq, const struct tg_call *call)
{
    (void)seq;
    *(int64_t *)arg = call->at_ms;
    return 0;
}

int
tg_advice_kept_since(struct tg_store *store, int64_t *at)
{
    int64_t first, last;
    int err = store->ops->call_span(store, &first, &last);

    *at = 0;
    /* They are numbered from 1, as they are taken in. */
    return err != 0 || first <= 1
               ? err
               : store->ops->call_scan(store, first - 1, 1, take_first, at);
}
