#include "sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "sink_http.h"

/* A secret that is put on its way. */
struct parcel {
    struct tg_daemon *daemon;
    struct tg_store *store;
    const char *secret_id;
    const struct tg_secret *secret;
    uint32_t *count;
    int64_t now_ms;
};

static int
add_delivery(void *arg, const struct tg_store_key_sink *row)
{
    const struct parcel *parcel = arg;
    uint8_t sealed[TG_SECRET_MAX + TG_SEAL_OVERHEAD];
    char id[TG_ID_TEXT_SIZE];
    int err = parcel->store->sinks->delivery_drop(parcel->store, row->key_id,
                                                  row->sink_id, row->place,
                                                  row->name, parcel->now_ms);
    long n;

    if (err != 0)
        return err;
    if (tg_id_mint(id, "dlv_", tg_random) != 0)
        return TG_ERR_CRYPTO;
    n = tg_seal(&parcel->daemon->master_key, (struct tg_str){id, strlen(id)},
                tg_secret_str(parcel->secret), sealed, sizeof(sealed));
    if (n < 0)
        return (int)n;
    struct tg_store_delivery delivery = {
        .id = id,
        .key_id = row->key_id,
        .secret_id = parcel->secret_id,
        .sink_id = row->sink_id,
        .sink = row->sink,
        .place = row->place,
        .name = row->name,
        .sealed = {(const char *)sealed, (size_t)n},
        .next_at = parcel->now_ms,
        .created_at = parcel->now_ms,
    };

    ++*parcel->count;
    return parcel->store->sinks->delivery_add(parcel->store, &delivery);
}

int
tg_sinks_enqueue(struct tg_daemon *daemon, struct tg_store *store,
                 const char *key_id, const char *secret_id,
                 const struct tg_secret *secret, uint32_t *count)
{
    struct parcel parcel = {daemon, store, secret_id,
                            secret, count, tg_clock_ms()};

    *count = 0;
    return store->sinks->key_each(store, key_id, NULL, add_delivery, &parcel);
}

int
tg_sinks_seal(const struct tg_daemon *daemon, const char *id,
              const json_t *credentials, struct tg_str *out)
{
    char *plain, *sealed;
    size_t len, cap;
    long n = TG_ERR_LIMIT;

    *out = (struct tg_str){NULL, 0};
    if (json_object_size(credentials) == 0)
        return 0;
    plain = json_dumps(credentials, JSON_COMPACT);
    len = plain != NULL ? strlen(plain) : 0;
    cap = len + TG_SEAL_OVERHEAD;
    sealed = malloc(cap);
    if (plain != NULL && sealed != NULL && cap <= TG_SINKS_CREDENTIALS_MAX)
        n = tg_seal(&daemon->master_key, (struct tg_str){id, strlen(id)},
                    (struct tg_str){plain, len}, (uint8_t *)sealed, cap);
    tg_sink_wipe(plain);
    if (n < 0) {
        free(sealed);
        return (int)n;
    }
    *out = (struct tg_str){sealed, (size_t)n};
    return 0;
}

json_t *
tg_sinks_open(const struct tg_daemon *daemon, const struct tg_store_sink *row)
{
    char plain[TG_SINKS_CREDENTIALS_MAX];
    json_t *object = NULL;
    long n;

    if (row->sealed.len == 0)
        return json_object();
    n = tg_seal_open(&daemon->master_key,
                     (struct tg_str){row->id, strlen(row->id)},
                     (const uint8_t *)row->sealed.data, row->sealed.len, plain,
                     sizeof(plain));
    if (n >= 0)
        object = json_loadb(plain, (size_t)n, 0, NULL);
    explicit_bzero(plain, sizeof(plain));
    return object;
}

struct loading {
    const struct tg_daemon *daemon;
    struct tg_sinks_loaded *loaded;
};

static int
load_row(void *arg, const struct tg_store_sink *row)
{
    const struct loading *loading = arg;
    struct tg_sinks_loaded *loaded = loading->loaded;

    loaded->kind = tg_sink_kind(row->kind);
    snprintf(loaded->id, sizeof(loaded->id), "%s", row->id);
    snprintf(loaded->name, sizeof(loaded->name), "%s", row->name);
    loaded->config = json_loads(row->config, 0, NULL);
    loaded->credentials = tg_sinks_open(loading->daemon, row);
    return loaded->kind == NULL || loaded->config == NULL ? TG_ERR_CORRUPT
           : loaded->credentials == NULL                  ? TG_ERR_CRYPTO
                                                          : 0;
}

int
tg_sinks_load(struct tg_daemon *daemon, struct tg_store *store,
              const char *id_or_name, struct tg_sinks_loaded *loaded)
{
    struct loading loading = {daemon, loaded};

    *loaded = (struct tg_sinks_loaded){.kind = NULL};
    return store->sinks->get(store, id_or_name, load_row, &loading);
}

void
tg_sinks_release(struct tg_sinks_loaded *loaded)
{
    json_decref(loaded->config);
    json_decref(loaded->credentials);
    loaded->config = loaded->credentials = NULL;
}
