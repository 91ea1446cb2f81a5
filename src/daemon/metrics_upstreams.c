#include <string.h>

#include "err.h"
#include "metrics.h"
#include "pool.h"

void
tg_metrics_upstreams(struct tg_daemon *daemon,
                     struct tg_metric_upstreams *upstreams)
{
    static const char *const providers[] = {[TG_DIALECT_NONE] = "unknown",
                                            [TG_DIALECT_DEEPSEEK] = "deepseek",
                                            [TG_DIALECT_OPENAI] = "openai",
                                            [TG_DIALECT_VLLM] = "vllm",
                                            [TG_DIALECT_ANTHROPIC] =
                                                "anthropic"};

    memset(upstreams, 0, sizeof(*upstreams));
    pthread_mutex_lock(&daemon->publish_lock);
    for (int i = 0; daemon->catalog != NULL && i < TG_CATALOG_UPSTREAMS; i++) {
        const struct tg_upstream *from = &daemon->catalog->upstreams[i];

        memcpy(upstreams->rows[i].id, from->id, TG_ID_LEN);
        memcpy(upstreams->rows[i].name, from->name, sizeof(from->name));
        upstreams->rows[i].provider =
            providers[from->dialect <= TG_DIALECT_ANTHROPIC ? from->dialect
                                                            : 0];
    }
    pthread_mutex_unlock(&daemon->publish_lock);
}

static const char *const standings[] = {
    [TG_POOL_REJECTED] = "rejected", [TG_POOL_WAITING] = "waiting",
    [TG_POOL_RESTING] = "resting",   [TG_POOL_DUE] = "due",
    [TG_POOL_OPEN] = "open",
};

#define STANDINGS (sizeof(standings) / sizeof(standings[0]))

/* How the credentials of an upstream fare, by its row in the catalog. */
struct fare {
    bool is_there;
    int64_t standing[STANDINGS], calls;
    bool is_checked, is_fine, is_low;
    int64_t checked_at, expires_at;
};

struct fares {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    struct tg_metric_upstreams upstreams;
    struct fare rows[TG_CATALOG_UPSTREAMS];
    struct fare *row; /* of the check that is read */
};

static int
take_check(void *arg, const struct tg_store_check *check)
{
    struct fare *fare = ((struct fares *)arg)->row;

    fare->is_low |= check->low_since != 0;
    if (fare->is_checked && check->at <= fare->checked_at)
        return 0;
    fare->is_checked = true;
    fare->checked_at = check->at;
    fare->is_fine = strcmp(check->result, "ok") == 0;
    return 0;
}

static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct fares *fares = arg;
    struct tg_pool_view view;
    struct fare *fare = NULL;
    uint32_t at = (uint32_t)row->position;
    int err;

    if (strcmp(row->status, "active") != 0 || row->position < 0 ||
        row->position >= TG_CATALOG_CREDENTIALS)
        return 0;
    for (int i = 0; i < TG_CATALOG_UPSTREAMS; i++) {
        if (strcmp(fares->upstreams.rows[i].id, row->upstream_id) == 0)
            fare = &fares->rows[i];
    }
    if (fare == NULL)
        return 0;
    view = tg_pool_look(&fares->daemon->state, at, (uint32_t)row->number,
                        fares->now_ms);
    /* One that is tried once more is out until it works. */
    fare->standing[view.turns % 2 == 1 ? TG_POOL_REJECTED : view.standing]++;
    fare->calls += tg_pool_calls(&fares->daemon->state, at);
    if (row->expires_at != 0 &&
        (fare->expires_at == 0 || row->expires_at < fare->expires_at))
        fare->expires_at = row->expires_at;
    fares->row = fare;
    err =
        fares->store->ops->check_get(fares->store, row->id, take_check, fares);
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

/* A gauge of each upstream; value says whether it has one. */
static void
write_each(struct tg_exposition *out, const struct fares *fares,
           enum tg_metric_family family,
           bool (*value)(const struct fare *, int64_t *n), int digits)
{
    int64_t n;

    tg_exposition_family(out, family);
    for (int i = 0; i < TG_CATALOG_UPSTREAMS; i++) {
        const char *const labels[] = {"upstream", fares->upstreams.rows[i].name,
                                      NULL};

        if (fares->upstreams.rows[i].id[0] == '\0' ||
            !value(&fares->rows[i], &n))
            continue;
        tg_exposition_sample(out, family, "", labels);
        tg_exposition_number(out, n, digits);
    }
}

static bool
calls_of(const struct fare *fare, int64_t *n)
{
    *n = fare->calls;
    return true;
}

static bool
success_of(const struct fare *fare, int64_t *n)
{
    *n = fare->is_fine;
    return fare->is_checked;
}

static bool
checked_at_of(const struct fare *fare, int64_t *n)
{
    *n = fare->checked_at;
    return fare->is_checked;
}

static bool
expires_at_of(const struct fare *fare, int64_t *n)
{
    *n = fare->expires_at;
    return fare->expires_at != 0;
}

static bool
is_low(const struct fare *fare, int64_t *n)
{
    *n = fare->is_low;
    return fare->is_checked;
}

static void
write_credentials(struct tg_exposition *out, const struct fares *fares)
{
    tg_exposition_family(out, TG_FAMILY_CREDENTIALS);
    for (int i = 0; i < TG_CATALOG_UPSTREAMS; i++) {
        if (fares->upstreams.rows[i].id[0] == '\0')
            continue;
        for (size_t s = 0; s < STANDINGS; s++) {
            const char *const labels[] = {"state", standings[s], "upstream",
                                          fares->upstreams.rows[i].name, NULL};

            tg_exposition_sample(out, TG_FAMILY_CREDENTIALS, "", labels);
            tg_exposition_number(out, fares->rows[i].standing[s], 0);
        }
    }
}

int
tg_metrics_write_upstreams(struct tg_exposition *out, struct tg_daemon *daemon,
                           struct tg_store *store, int64_t now_ms)
{
    struct fares fares = {.daemon = daemon, .store = store, .now_ms = now_ms};
    int err;

    tg_metrics_upstreams(daemon, &fares.upstreams);
    err = store->ops->credential_each(store, take_credential, &fares);
    if (err != 0)
        return err;
    write_each(out, &fares, TG_FAMILY_IN_FLIGHT, calls_of, 0);
    write_credentials(out, &fares);
    write_each(out, &fares, TG_FAMILY_CHECK_SUCCESS, success_of, 0);
    write_each(out, &fares, TG_FAMILY_CHECKED_AT, checked_at_of, 3);
    write_each(out, &fares, TG_FAMILY_EXPIRES_AT, expires_at_of, 3);
    write_each(out, &fares, TG_FAMILY_BALANCE_LOW, is_low, 0);
    return 0;
}
