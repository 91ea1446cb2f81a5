#include "advice_cost.h"

#include <stdlib.h>
#include <string.h>

#include "advice_calls.h"
#include "err.h"
#include "key.h"

/* Calls are not taken in quite in the order of their instants. */
#define SLACK 65536

/* To read one call of a key costs as much as to read so many in a row. */
#define ROW_TIMES 8

/* Calls of a key that are read that way, at most, and at once. */
#define KEY_CALLS_MAX 131072
#define KEY_SLICE 8192

#define SLOTS (2 * TG_ADVICE_GROUPS)

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a mask of the hash");
_Static_assert(TG_ADVICE_GROUPS < UINT16_MAX, "a number of the index");

/* What a visitor of the store hands on. */
struct walk {
    struct tg_advice_cost *cost;
    int64_t seq, last; /* calls behind seq, up to last */
};

static int
copy_catalog(struct tg_advice_cost *cost)
{
    struct tg_daemon *daemon = cost->daemon;

    cost->catalog = malloc(sizeof(*cost->catalog));
    cost->groups = calloc(TG_ADVICE_GROUPS, sizeof(*cost->groups));
    if (cost->catalog == NULL || cost->groups == NULL)
        return TG_ERR_SYSTEM;
    pthread_mutex_lock(&daemon->publish_lock);
    if (daemon->catalog != NULL)
        memcpy(cost->catalog, daemon->catalog, sizeof(*cost->catalog));
    else
        memset(cost->catalog, 0, sizeof(*cost->catalog));
    pthread_mutex_unlock(&daemon->publish_lock);
    return 0;
}

/* FNV-1a. */
static uint32_t
hash_of(const struct tg_call *call)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof(call->key_id); i++)
        hash = (hash ^ (unsigned char)call->key_id[i]) * 16777619u;
    for (size_t i = 0; i < sizeof(call->model) && call->model[i] != '\0'; i++)
        hash = (hash ^ (unsigned char)call->model[i]) * 16777619u;
    return hash;
}

static bool
is_of(const struct tg_saving_group *group, const struct tg_call *call)
{
    return strncmp(group->key_id, call->key_id, TG_ID_LEN) == 0 &&
           strncmp(group->model, call->model, TG_MODEL_NAME_MAX) == 0;
}

static int
take_kind(void *arg, const struct tg_store_key *row)
{
    *(enum tg_key_kind *)arg =
        tg_key_kind_of((struct tg_str){row->kind, strlen(row->kind)});
    return 0;
}

/* The daemon's copy of the catalog has no index. */
static int
row_of(const struct tg_catalog *catalog, const char *model)
{
    for (uint32_t i = 0; i < catalog->model_count; i++) {
        if (strncmp(catalog->models[i].name, model, TG_MODEL_NAME_MAX) == 0)
            return (int)i;
    }
    return -1;
}

/* A key that is gone is priced as one of no kind is. */
static void
begin(struct tg_advice_cost *cost, struct tg_saving_group *group,
      const struct tg_call *call)
{
    struct tg_store *store = cost->daemon->reports;
    const struct tg_catalog *catalog = cost->catalog;
    enum tg_key_kind kind = TG_KIND_NONE;

    memcpy(group->key_id, call->key_id, TG_ID_LEN);
    memcpy(group->account_id, call->account_id, TG_ID_LEN);
    memcpy(group->model, call->model, TG_MODEL_NAME_MAX);
    group->row = row_of(catalog, group->model);
    (void)store->ops->key_get(store, group->key_id, take_kind, &kind);
    group->factor_ppm = catalog->settings.price_factor_ppm[kind];
    tg_saving_choose(group, catalog, cost->until, kind == TG_KIND_DEVELOPMENT);
}

/* NULL: there is no room for another one. */
static struct tg_saving_group *
group_of(struct tg_advice_cost *cost, const struct tg_call *call)
{
    struct tg_saving_group *group;
    uint16_t *slot;
    uint32_t at = hash_of(call);

    for (;; at++) {
        slot = &cost->index[at & (SLOTS - 1)];
        if (*slot == 0)
            break;
        if (is_of(&cost->groups[*slot - 1], call))
            return &cost->groups[*slot - 1];
    }
    if (cost->group_count == TG_ADVICE_GROUPS)
        return NULL;
    group = &cost->groups[cost->group_count++];
    *slot = (uint16_t)cost->group_count;
    begin(cost, group, call);
    return group;
}

static void
add(int64_t *sum, int64_t nanos)
{
    if (__builtin_add_overflow(*sum, nanos, sum))
        *sum = INT64_MAX;
}

static void
take(struct tg_advice_cost *cost, const struct tg_call *call)
{
    struct tg_saving_group *group = group_of(cost, call);

    cost->calls++;
    add(&cost->cost_nanos, call->cost_nanos);
    if (cost->first_at == 0 || call->at_ms < cost->first_at)
        cost->first_at = call->at_ms;
    if (call->at_ms > cost->last_at)
        cost->last_at = call->at_ms;
    if (group != NULL) {
        tg_saving_take(group, cost->catalog, call);
    } else {
        cost->left_out++;
        add(&cost->left_out_nanos, call->cost_nanos);
    }
}

static int
take_scanned(void *arg, int64_t seq, const struct tg_call *call)
{
    struct walk *walk = arg;
    const struct tg_advice_cost *cost = walk->cost;

    walk->seq = seq;
    if (call->at_ms >= cost->since && call->at_ms < cost->until &&
        (cost->account_id == NULL ||
         strncmp(cost->account_id, call->account_id, TG_ID_LEN) == 0) &&
        (cost->key_id == NULL ||
         strncmp(cost->key_id, call->key_id, TG_ID_LEN) == 0))
        take(walk->cost, call);
    return 0;
}

/* Which calls the time has, and how many of them are of the key. */
static int
look(struct walk *walk, int64_t *of_key)
{
    const struct tg_advice_cost *cost = walk->cost;
    struct tg_daemon *daemon = cost->daemon;
    struct tg_store *store = daemon->reports;
    struct tg_usage_question question = {
        .key_id = cost->key_id, .since = cost->since, .until = cost->until};
    struct tg_store_usage total = {0};
    int64_t first;
    int err;

    pthread_mutex_lock(&daemon->reports_lock);
    err = store->ops->call_before(store, cost->since, &walk->seq);
    if (err == 0)
        err = store->ops->call_span(store, &first, &walk->last);
    if (err == 0 && cost->key_id != NULL)
        err = store->ops->usage(store, &question, &total, NULL, NULL);
    pthread_mutex_unlock(&daemon->reports_lock);
    walk->seq = walk->seq > SLACK ? walk->seq - SLACK : 0;
    *of_key = total.sums.requests;
    return err;
}

static int
read_rows(struct walk *walk)
{
    struct tg_daemon *daemon = walk->cost->daemon;
    struct tg_store *store = daemon->reports;
    int err = 0;

    walk->cost->is_cut = walk->last - walk->seq > TG_ADVICE_CALLS_MAX;
    if (walk->cost->is_cut)
        walk->seq = walk->last - TG_ADVICE_CALLS_MAX;
    while (err == 0 && walk->seq < walk->last) {
        int64_t before = walk->seq;

        pthread_mutex_lock(&daemon->reports_lock);
        err = store->ops->call_scan(store, walk->seq, TG_ADVICE_SLICE,
                                    take_scanned, walk);
        pthread_mutex_unlock(&daemon->reports_lock);
        if (walk->seq == before)
            break;
        tg_advice_let_others();
    }
    return err;
}

/* A call of a key that is looked up: not the one behind one that is gone. */
static int
take_one(void *arg, int64_t seq, const struct tg_call *call)
{
    struct walk *walk = arg;

    return seq == walk->last ? take_scanned(walk, seq, call) : 0;
}

/* Finds which, as places stand together with what limits are made of. */
static int
find_key_calls(struct tg_advice_cost *cost, struct tg_store_load **loads,
               size_t *count)
{
    struct tg_daemon *daemon = cost->daemon;
    struct tg_store *store = daemon->reports;
    struct tg_store_filter filter = {
        .key_id = cost->key_id, .since = cost->since, .until = cost->until};
    int err;

    pthread_mutex_lock(&daemon->reports_lock);
    err = store->ops->key_loads(store, &filter, loads, count);
    pthread_mutex_unlock(&daemon->reports_lock);
    return err;
}

/* Newest first. */
static int
read_key(struct tg_advice_cost *cost)
{
    struct tg_daemon *daemon = cost->daemon;
    struct tg_store *store = daemon->reports;
    struct walk walk = {.cost = cost};
    struct tg_store_load *loads = NULL;
    size_t count = 0;
    int err = find_key_calls(cost, &loads, &count);

    cost->is_cut = err == 0 && count > KEY_CALLS_MAX;
    if (cost->is_cut)
        count = KEY_CALLS_MAX;
    for (size_t i = 0; i < count && err == 0;) {
        size_t end = count - i < KEY_SLICE ? count : i + KEY_SLICE;

        pthread_mutex_lock(&daemon->reports_lock);
        for (; i < end && err == 0; i++) {
            walk.last = loads[i].seq;
            err =
                store->ops->call_scan(store, walk.last - 1, 1, take_one, &walk);
        }
        pthread_mutex_unlock(&daemon->reports_lock);
        tg_advice_let_others();
    }
    free(loads);
    return err;
}

/* A key's calls are looked up one by one, unless there are too many. */
static int
read_calls(struct tg_advice_cost *cost)
{
    struct walk walk = {.cost = cost};
    int64_t of_key, rows;
    int err = look(&walk, &of_key);

    if (err != 0)
        return err;
    rows = walk.last - walk.seq;
    if (cost->key_id != NULL &&
        (of_key < rows / ROW_TIMES || rows > TG_ADVICE_CALLS_MAX))
        return read_key(cost);
    return read_rows(&walk);
}

int
tg_advice_cost_read(struct tg_advice_cost *cost)
{
    int err = copy_catalog(cost);

    if (err == 0)
        err = read_calls(cost);
    for (size_t i = 0; i < cost->group_count; i++) {
        tg_saving_end(&cost->groups[i]);
        cost->left_out += cost->groups[i].left_out;
        add(&cost->left_out_nanos, cost->groups[i].left_out_nanos);
    }
    return err;
}

const struct tg_saving_group *
tg_advice_cost_best(const struct tg_advice_cost *cost, const char *model)
{
    const struct tg_saving_group *best = NULL;

    for (size_t i = 0; i < cost->group_count; i++) {
        const struct tg_saving_group *group = &cost->groups[i];

        if (strcmp(group->model, model) == 0 &&
            tg_saving_has_rate(&group->prompts) &&
            (best == NULL ||
             tg_saving_is_better(&group->prompts, &best->prompts)))
            best = group;
    }
    return best;
}

void
tg_advice_cost_close(struct tg_advice_cost *cost)
{
    free(cost->catalog);
    free(cost->groups);
}
