#include "catalog.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "pool.h"
#include "route.h"
#include "url.h"

const char tg_catalog_dialects[] = "deepseek openai vllm anthropic";

#define NOBODY UINT16_MAX /* a model's upstream when none serves it */

struct build {
    struct tg_catalog *catalog;
    int64_t now_ms;
    struct tg_model *priced; /* the model whose prices are read */
};

enum tg_dialect
tg_catalog_dialect(const char *name)
{
    static const struct {
        const char *name;
        enum tg_dialect dialect;
    } rows[] = {
        {"deepseek", TG_DIALECT_DEEPSEEK},
        {"openai", TG_DIALECT_OPENAI},
        {"vllm", TG_DIALECT_VLLM},
        {"anthropic", TG_DIALECT_ANTHROPIC},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].dialect;
    }
    return TG_DIALECT_NONE;
}

static void
set_text(char *field, size_t size, const char *text)
{
    tg_field_set(field, size, text, strlen(text));
}

static void
add_address(struct tg_upstream *upstream, const char *text, uint16_t port)
{
    struct tg_address *address = &upstream->addresses[upstream->address_count];

    if (upstream->address_count == TG_UPSTREAM_ADDRESSES)
        return;
    if (inet_pton(AF_INET, text, address->ip) == 1)
        address->family = 4;
    else if (inet_pton(AF_INET6, text, address->ip) == 1)
        address->family = 6;
    else
        return;
    address->port = port;
    upstream->address_count++;
}

static int
add_upstream(void *arg, const struct tg_store_upstream *row)
{
    struct build *build = arg;
    struct tg_upstream *upstream;
    struct tg_error error;
    json_t *list, *item;
    struct tg_url url;
    size_t i;

    if (row->position < 0 || row->position >= TG_CATALOG_UPSTREAMS ||
        tg_url_parse(&url, row->base_url, &error) != 0) {
        tg_log(TG_LOG_ERROR, "the upstream %s cannot be used: %s", row->id,
               row->base_url);
        return 0;
    }
    upstream = &build->catalog->upstreams[row->position];
    set_text(upstream->id, sizeof(upstream->id), row->id);
    set_text(upstream->name, sizeof(upstream->name), row->name);
    set_text(upstream->host, sizeof(upstream->host), url.host);
    set_text(upstream->host_header, sizeof(upstream->host_header),
             url.host_header);
    set_text(upstream->base_path, sizeof(upstream->base_path), url.path);
    upstream->dialect = (uint16_t)tg_catalog_dialect(row->dialect);
    upstream->is_tls = url.is_tls;
    list = json_loads(row->addresses, 0, NULL);
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            add_address(upstream, json_string_value(item), url.port);
    }
    json_decref(list);
    return 0;
}

static uint16_t
upstream_row(const struct tg_catalog *catalog, const char *id)
{
    for (uint16_t i = 0; id != NULL && i < TG_CATALOG_UPSTREAMS; i++) {
        if (strncmp(catalog->upstreams[i].id, id, TG_ID_LEN) == 0)
            return i;
    }
    return NOBODY;
}

/* Active ones, each in the row that it keeps. */
static int
add_credential(void *arg, const struct tg_store_credential *row)
{
    struct build *build = arg;
    struct tg_catalog *catalog = build->catalog;
    uint16_t at = upstream_row(catalog, row->upstream_id);
    struct tg_upstream_credential *credential;
    struct tg_upstream *upstream;

    if (strcmp(row->status, "active") != 0 || at == NOBODY)
        return 0;
    upstream = &catalog->upstreams[at];
    if (row->position < 0 || row->position >= TG_CATALOG_CREDENTIALS ||
        upstream->credential_count == TG_UPSTREAM_CREDENTIALS ||
        row->sealed.len > TG_SEALED_MAX) {
        tg_log(TG_LOG_ERROR, "the credential %s does not fit in the catalog",
               row->id);
        return 0;
    }
    credential = &catalog->credentials[row->position];
    set_text(credential->id, sizeof(credential->id), row->id);
    credential->generation = (uint32_t)row->number;
    credential->upstream = at;
    credential->concurrency = (uint32_t)row->concurrency;
    credential->is_retiring = row->retire_at != 0;
    credential->sealed_bytes = (uint16_t)row->sealed.len;
    memcpy(credential->sealed, row->sealed.data, row->sealed.len);
    upstream->credentials[upstream->credential_count++] =
        (uint16_t)row->position;
    return 0;
}

/* Upstreams that are known, in the list's order. */
static void
add_servers(struct tg_catalog *catalog, struct tg_model *model,
            const char *upstream_ids)
{
    json_t *list = json_loads(upstream_ids, 0, NULL), *item;
    uint16_t row;
    size_t i;

    json_array_foreach(list, i, item)
    {
        row = upstream_row(catalog, json_string_value(item));
        if (row != NOBODY && model->upstream_count < TG_MODEL_UPSTREAMS)
            model->upstreams[model->upstream_count++] = row;
    }
    json_decref(list);
}

static uint32_t
scopes_of(const char *text)
{
    json_t *list = json_loads(text, 0, NULL), *item;
    uint32_t scopes = 0;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            scopes |= tg_scope_of((struct tg_str){json_string_value(item),
                                                  json_string_length(item)});
    }
    json_decref(list);
    return scopes;
}

static int
add_model(void *arg, const struct tg_store_model *row)
{
    struct build *build = arg;
    struct tg_catalog *catalog = build->catalog;
    struct tg_model *model = &catalog->models[catalog->model_count];

    if (catalog->model_count == TG_CATALOG_MODELS) {
        tg_log(TG_LOG_ERROR, "the model %s does not fit in the catalog",
               row->name);
        return 0;
    }
    catalog->model_count++;
    set_text(model->name, sizeof(model->name), row->name);
    model->scopes = scopes_of(row->scopes);
    add_servers(catalog, model, row->upstream_ids);
    model->flags = row->is_development ? TG_MODEL_DEVELOPMENT : 0;
    model->created_at_ms = row->created_at;
    model->max_context_tokens = row->max_context_tokens;
    model->max_output_tokens = row->max_output_tokens;
    model->max_fim_tokens = row->max_fim_tokens;
    model->max_image_tokens = row->max_image_tokens;
    return 0;
}

/*
 * Prices come oldest first.  When there is no room the oldest goes, but the
 * one in force stays: then the newest ones wait for a later publication.
 */
static int
add_price(void *arg, const struct tg_store_price *row)
{
    struct build *build = arg;
    struct tg_model *model = build->priced;
    struct tg_price *prices = model->prices;

    if (model->price_count == TG_MODEL_PRICES) {
        if (prices[1].effective_at_ms > build->now_ms)
            return 0;
        memmove(prices, prices + 1, (TG_MODEL_PRICES - 1) * sizeof(prices[0]));
        model->price_count--;
    }
    prices[model->price_count++] = row->price;
    return 0;
}

static int
add_prices(struct build *build, struct tg_store *store)
{
    struct tg_catalog *catalog = build->catalog;
    int err = 0;

    for (uint32_t i = 0; i < catalog->model_count && err == 0; i++) {
        char name[TG_MODEL_NAME_MAX + 1] = "";

        build->priced = &catalog->models[i];
        memcpy(name, build->priced->name, TG_MODEL_NAME_MAX);
        err = store->ops->price_each(store, name, add_price, build);
    }
    return err;
}

static void
add_holidays(struct tg_catalog *catalog)
{
    size_t n;
    const int32_t *holidays = tg_book_holidays(&n);

    if (n > TG_CATALOG_HOLIDAYS)
        n = TG_CATALOG_HOLIDAYS;
    memcpy(catalog->holidays, holidays, n * sizeof(holidays[0]));
    catalog->holiday_count = (uint32_t)n;
}

static int
build_catalog(struct build *build, struct tg_store *store)
{
    int err;

    add_holidays(build->catalog);
    err = store->ops->upstream_each(store, add_upstream, build);
    if (err == 0)
        err = store->ops->credential_each(store, add_credential, build);
    if (err == 0)
        err = store->ops->model_each(store, add_model, build);
    if (err == 0)
        err = add_prices(build, store);
    return err;
}

/* A credential that is new in its row has no past there. */
static void
empty_pool(struct tg_state *state, const struct tg_catalog *catalog)
{
    for (uint32_t i = 0; i < TG_CATALOG_CREDENTIALS; i++) {
        uint32_t generation = catalog->credentials[i].generation;

        if (catalog->credentials[i].id[0] != '\0' &&
            atomic_load(&state->pool[i].generation) != generation)
            tg_pool_reset(state, i, generation);
    }
}

/*
 * Publishes a catalog, unless it is the one in force, and keeps it.  Returns
 * the one that is to be freed.  The caller holds publish_lock.
 */
static struct tg_catalog *
put_in_force(struct tg_daemon *daemon, struct tg_catalog *catalog, int *err)
{
    struct tg_catalog *old = daemon->catalog;

    *err = 0;
    catalog->settings = daemon->settings;
    if (old != NULL && memcmp(old, catalog, sizeof(*catalog)) == 0)
        return catalog;
    empty_pool(&daemon->state, catalog);
    *err = tg_publish_catalog(daemon->publisher, catalog);
    if (*err != 0)
        return catalog;
    daemon->catalog = catalog;
    return old;
}

int
tg_catalog_publish(struct tg_daemon *daemon, struct tg_store *store)
{
    struct tg_catalog *catalog = calloc(1, sizeof(*catalog));
    struct build build = {.catalog = catalog, .now_ms = tg_clock_ms()};
    int err;

    if (catalog == NULL)
        return TG_ERR_SYSTEM;
    err = build_catalog(&build, store);
    if (err == 0) {
        pthread_mutex_lock(&daemon->publish_lock);
        catalog = put_in_force(daemon, catalog, &err);
        pthread_mutex_unlock(&daemon->publish_lock);
    }
    free(catalog);
    return err;
}

int
tg_catalog_publish_settings(struct tg_daemon *daemon)
{
    struct tg_catalog *catalog = malloc(sizeof(*catalog));
    int err;

    if (catalog == NULL)
        return TG_ERR_SYSTEM;
    pthread_mutex_lock(&daemon->publish_lock);
    memcpy(catalog, daemon->catalog, sizeof(*catalog));
    catalog = put_in_force(daemon, catalog, &err);
    pthread_mutex_unlock(&daemon->publish_lock);
    free(catalog);
    return err;
}
