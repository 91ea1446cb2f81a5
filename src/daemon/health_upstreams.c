#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "health.h"
#include "pool.h"

#define DAY_MS INT64_C(86400000)
#define SOON_MS (14 * DAY_MS)
#define NAME_SIZE 32

/* A credential in use, as the store and the state file have it. */
struct used {
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE], last4[8];
    int64_t expires_at;
    struct tg_pool_view view;
    bool is_checked;
    char result[16], message[320];
    int64_t checked_at, low_since;
};

struct look {
    struct tg_health *health;
    struct tg_daemon *daemon;
    struct tg_store *store;
    const struct tg_health_upstreams *which;
    struct used *used; /* room for all rows of the catalog */
    size_t count, upstreams;
};

static int
take_check(void *arg, const struct tg_store_check *row)
{
    struct used *used = arg;

    used->is_checked = true;
    used->checked_at = row->at;
    used->low_since = row->low_since;
    snprintf(used->result, sizeof(used->result), "%s", row->result);
    snprintf(used->message, sizeof(used->message), "%s", row->message);
    return 0;
}

static int
take_credential(void *arg, const struct tg_store_credential *row)
{
    struct look *look = arg;
    struct used *used = &look->used[look->count];

    if (strcmp(row->status, "active") != 0 || row->position < 0 ||
        row->position >= TG_CATALOG_CREDENTIALS ||
        look->count == TG_CATALOG_CREDENTIALS)
        return 0;
    *used = (struct used){.expires_at = row->expires_at};
    snprintf(used->id, sizeof(used->id), "%s", row->id);
    snprintf(used->upstream_id, sizeof(used->upstream_id), "%s",
             row->upstream_id);
    snprintf(used->last4, sizeof(used->last4), "%s", row->last4);
    used->view = tg_pool_look(&look->daemon->state, (uint32_t)row->position,
                              (uint32_t)row->number, look->health->now_ms);
    look->count++;
    return 0;
}

static bool
is_out(const struct used *used)
{
    return used->view.turns % 2 == 1 || used->view.standing == TG_POOL_WAITING;
}

/* How the credentials of one upstream stand together. */
struct pool {
    size_t count, open, out;
    const struct used *refused; /* one of those that are out */
    const struct used *checked; /* the one that was asked last */
};

static struct pool
pool_of(const struct look *look, const char *upstream_id)
{
    struct pool pool = {0};

    for (size_t i = 0; i < look->count; i++) {
        const struct used *used = &look->used[i];

        if (strcmp(used->upstream_id, upstream_id) != 0)
            continue;
        pool.count++;
        pool.out += is_out(used);
        pool.open += !is_out(used);
        if (is_out(used))
            pool.refused = used;
        if (used->is_checked && (pool.checked == NULL ||
                                 used->checked_at > pool.checked->checked_at))
            pool.checked = used;
    }
    return pool;
}

/* "; asked 12 min ago: the credential is valid". */
static void
say_check(const struct look *look, const struct used *checked, char *text,
          size_t size)
{
    char ago[TG_HEALTH_TEXT_SIZE];

    if (checked == NULL)
        snprintf(text, size, "; it was not asked yet");
    else
        snprintf(
            text, size, "; asked %s ago: %s",
            tg_health_span(look->health->now_ms - checked->checked_at, ago),
            checked->message);
}

static void
say_refused(const struct used *refused, char *text, size_t size)
{
    char status[32] = "no answer";

    *text = '\0';
    if (refused == NULL)
        return;
    if (refused->view.status != 0)
        snprintf(status, sizeof(status), "status %u", refused->view.status);
    snprintf(text, size, " (%s%s%s: %s)", refused->id,
             refused->last4[0] != '\0' ? " …" : "", refused->last4, status);
}

static int
say_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct look *look = arg;
    struct pool pool = pool_of(look, row->id);
    char name[NAME_SIZE + 16], asked[400], refused[128], cure[128];
    enum tg_health_status status = TG_HEALTHY;
    json_t *check;

    if (look->which->is_of_some &&
        (row->position < 0 || row->position >= TG_CATALOG_UPSTREAMS ||
         !look->which->has[row->position]))
        return 0;
    look->upstreams++;
    snprintf(name, sizeof(name), "upstream %s", row->name);
    snprintf(cure, sizeof(cure), "tollgate upstreams test %s", row->name);
    say_check(look, pool.checked, asked, sizeof(asked));
    say_refused(pool.refused, refused, sizeof(refused));
    if (pool.count == 0) {
        snprintf(cure, sizeof(cure), "tollgate credentials add --upstream %s",
                 row->name);
        tg_health_say(look->health, name, TG_UNHEALTHY, cure,
                      "it has no credential, so no call goes there");
        return 0;
    }
    if (pool.open == 0)
        status = TG_UNHEALTHY;
    else if (pool.out > 0 ||
             (pool.checked != NULL && strcmp(pool.checked->result, "ok") != 0))
        status = TG_WARNING;
    check = tg_health_say(
        look->health, name, status, cure, "%zu of %zu credential%s used%s%s%s",
        pool.open, pool.count, pool.count == 1 ? " is" : "s are",
        pool.out > 0 ? ", the upstream refuses the other" : "", refused, asked);
    json_object_set_new(check, "open", json_integer((json_int_t)pool.open));
    json_object_set_new(check, "credentials",
                        json_integer((json_int_t)pool.count));
    return 0;
}

static void
say_expiry(struct look *look, const struct used *used)
{
    int64_t left_ms = used->expires_at - look->health->now_ms;
    char name[64], span[TG_HEALTH_TEXT_SIZE], cure[128];

    if (used->expires_at == 0 || left_ms > SOON_MS)
        return;
    snprintf(name, sizeof(name), "credential %s", used->id);
    snprintf(cure, sizeof(cure), "tollgate credentials rotate %s", used->id);
    tg_health_say(look->health, name,
                  left_ms <= DAY_MS ? TG_UNHEALTHY : TG_WARNING, cure,
                  left_ms <= 0 ? "it expired %s ago, its provider says"
                               : "it expires in %s, its provider says",
                  tg_health_span(left_ms, span));
}

static void
say_balance(struct look *look, const struct used *used)
{
    char name[64], span[TG_HEALTH_TEXT_SIZE];

    if (used->low_since == 0)
        return;
    snprintf(name, sizeof(name), "credential %s", used->id);
    tg_health_say(look->health, name, TG_WARNING,
                  "top up the account at the provider",
                  "the balance of its account has been low for %s: %s",
                  tg_health_span(look->health->now_ms - used->low_since, span),
                  used->message);
}

/* Whether its upstream is one of those that are asked about. */
static bool
is_meant(const struct look *look, const struct used *used)
{
    const struct tg_catalog *catalog;
    bool is = !look->which->is_of_some;

    pthread_mutex_lock(&look->daemon->publish_lock);
    catalog = look->daemon->catalog;
    for (int i = 0; catalog != NULL && !is && i < TG_CATALOG_UPSTREAMS; i++)
        is = look->which->has[i] && strncmp(catalog->upstreams[i].id,
                                            used->upstream_id, TG_ID_LEN) == 0;
    pthread_mutex_unlock(&look->daemon->publish_lock);
    return is;
}

static int
look_all(struct look *look)
{
    struct tg_store *store = look->store;
    int err = store->ops->credential_each(store, take_credential, look);

    for (size_t i = 0; err == 0 && i < look->count; i++)
        (void)store->ops->check_get(store, look->used[i].id, take_check,
                                    &look->used[i]);
    if (err == 0)
        err = store->ops->upstream_each(store, say_upstream, look);
    for (size_t i = 0; err == 0 && i < look->count; i++) {
        if (!is_meant(look, &look->used[i]))
            continue;
        say_expiry(look, &look->used[i]);
        say_balance(look, &look->used[i]);
    }
    return err;
}

int
tg_health_upstreams(struct tg_health *health, struct tg_daemon *daemon,
                    struct tg_store *store,
                    const struct tg_health_upstreams *which)
{
    struct look look = {
        .health = health, .daemon = daemon, .store = store, .which = which};
    int err;

    look.used = calloc(TG_CATALOG_CREDENTIALS, sizeof(*look.used));
    if (look.used == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    err = look_all(&look);
    free(look.used);
    if (err == 0 && look.upstreams == 0)
        tg_health_say(health, "upstreams", TG_UNHEALTHY,
                      which->is_of_some
                          ? "tollgate models list"
                          : "tollgate upstreams add --name NAME --base-url URL",
                      which->is_of_some
                          ? "no upstream serves a model that it may use"
                          : "there is no upstream, so no call is answered");
    return err;
}
