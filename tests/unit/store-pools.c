/* Pools, models' upstreams and events in the store, and what an older store
 * has of them. */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "migrate.h"
#include "store.h"
#include "tap.h"

static char folder[] = "/tmp/tollgate-store-XXXXXX";
static char path[128];
static char seen[512]; /* what visitors saw, behind blanks */

static struct tg_store *
open_store(void)
{
    struct tg_error error = {""};
    struct tg_store *store = NULL;

    if (tg_store_open_sqlite(&store, path, &error) != 0) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    return store;
}

static int
note_credential(void *arg, const struct tg_store_credential *row)
{
    (void)arg;
    sprintf(seen + strlen(seen), "%s:%s:%lld:%lld ", row->id, row->status,
            (long long)row->position, (long long)row->concurrency);
    return 0;
}

static const char *
credentials(struct tg_store *store)
{
    seen[0] = '\0';
    store->ops->credential_each(store, note_credential, NULL);
    return seen;
}

static int
note_model(void *arg, const struct tg_store_model *row)
{
    (void)arg;
    sprintf(seen + strlen(seen), "%s:%s ", row->name, row->upstream_ids);
    return 0;
}

static const char *
models(struct tg_store *store)
{
    seen[0] = '\0';
    store->ops->model_each(store, note_model, NULL);
    return seen;
}

static int
note_event(void *arg, const struct tg_store_event *row)
{
    (void)arg;
    sprintf(seen + strlen(seen), "%s:%s:%s ", row->id, row->type, row->message);
    return 0;
}

static int
events(struct tg_store *store, const struct tg_store_event_filter *filter)
{
    seen[0] = '\0';
    return store->ops->event_each(store, filter, note_event, NULL);
}

static void
run(sqlite3 *db, const char *sql)
{
    char *error = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        printf("Bail out! %s: %s\n", sql, error);
        exit(1);
    }
}

/* A store as version 2 left it. */
static void
test_migration(void)
{
    struct tg_store *store;
    char pragmas[96];
    sqlite3 *db;

    unlink(path);
    sqlite3_open(path, &db);
    run(db, tg_migrations[0]);
    run(db, tg_migrations[1]);
    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA application_id = %d; PRAGMA user_version = 2",
             TG_STORE_APPLICATION_ID);
    run(db, pragmas);
    run(db, "INSERT INTO upstreams (id, name, position, dialect, base_url, "
            "created_at) VALUES ('up_a', 'a', 0, 'openai', 'http://a', 1), "
            "('up_b', 'b', 1, 'vllm', 'http://b', 1);"
            "INSERT INTO credentials (id, upstream_id, sealed, last4, status, "
            "created_at) VALUES ('c1', 'up_a', x'00', '', 'replaced', 1), "
            "('c2', 'up_a', x'00', '', 'active', 1), "
            "('c3', 'up_b', x'00', '', 'active', 1);"
            "INSERT INTO models (name, scopes, upstream_id, created_at) VALUES "
            "('m', '[]', 'up_b', 1), ('n', '[]', NULL, 1);");
    sqlite3_close(db);
    store = open_store();
    is_str(models(store), "m:[\"up_b\"] n:[] ",
           "a model keeps the upstream it had");
    is_str(credentials(store), "c1:replaced:0:0 c2:active:0:0 c3:active:1:0 ",
           "active credentials have places of their own");
    store->ops->close(store);
    unlink(path);
}

static void
add_upstreams(struct tg_store *store)
{
    static const char *const ids[] = {"up_a", "up_b", "up_c"};

    for (int i = 0; i < 3; i++) {
        struct tg_store_upstream row = {ids[i],     ids[i] + 3, i, "openai",
                                        "http://x", "[]",       1};

        store->ops->upstream_add(store, &row);
    }
}

static int
add(struct tg_store *store, const char *id, int64_t position)
{
    struct tg_store_credential row = {.id = id,
                                      .upstream_id = "up_a",
                                      .sealed = {"s", 1},
                                      .last4 = "",
                                      .position = position,
                                      .concurrency = 5};

    return store->ops->credential_add(store, &row);
}

static void
test_credentials(void)
{
    struct tg_store *store = open_store();

    add_upstreams(store);
    is_int(add(store, "c1", 0), 0, "a credential");
    is_int(add(store, "c2", 1), 0, "another joins it");
    is_int(add(store, "c3", 1), TG_ERR_DUPLICATE,
           "no two active ones have one place");
    is_int(store->ops->credential_end(store, "c1", "disabled", 9), 0, "ended");
    is_int(store->ops->credential_end(store, "c1", "replaced", 9),
           TG_ERR_NOT_FOUND, "once");
    is_int(add(store, "c4", 0), 0, "its place is free");
    is_int(
        store->ops->credential_set(
            store, &(struct tg_store_credential){.id = "c2", .concurrency = 7}),
        0, "changed");
    is_int(
        store->ops->credential_set(
            store, &(struct tg_store_credential){.id = "c9", .concurrency = 7}),
        TG_ERR_NOT_FOUND, "no such credential");
    is_str(credentials(store), "c1:disabled:0:5 c2:active:1:7 c4:active:0:5 ",
           "all of it is kept");
    store->ops->close(store);
    unlink(path);
}

static void
test_models(void)
{
    struct tg_store *store = open_store();
    struct tg_store_model row = {.name = "m", .scopes = "[]"};

    add_upstreams(store);
    store->ops->model_put(store, &row);
    is_str(models(store), "m:[] ", "nobody serves a new model");
    is_int(store->ops->model_serve(store, "m", "[\"up_c\",\"up_a\"]"), 0,
           "two do");
    store->ops->model_put(store, &row);
    is_str(models(store), "m:[\"up_c\",\"up_a\"] ",
           "in their order, whatever else changes");
    is_int(store->ops->model_serve(store, "m", "[\"up_b\"]"), 0, "one does");
    is_str(models(store), "m:[\"up_b\"] ", "and no other");
    store->ops->begin(store);
    is_int(store->ops->model_serve(store, "m", "[\"up_a\",\"up_x\"]"),
           TG_ERR_NOT_FOUND, "an upstream that is not there");
    store->ops->rollback(store);
    is_str(models(store), "m:[\"up_b\"] ", "changes nothing");
    is_int(store->ops->model_serve(store, "x", "[\"up_a\"]"), TG_ERR_NOT_FOUND,
           "nor does a model that is not");
    store->ops->close(store);
    unlink(path);
}

static bool
tell(struct tg_store *store, const char *id, int64_t at, const char *type,
     const char *once)
{
    struct tg_store_event row = {id,     at,   type,   "warning", "",  "",
                                 "up_a", "c1", "text", "{}",      once};
    bool is_new = false;

    ok(store->ops->event_add(store, &row, &is_new) == 0, "told: %s", id);
    return is_new;
}

static void
test_events(void)
{
    struct tg_store *store = open_store();
    struct tg_store_event_filter all = {.type = NULL};
    struct tg_store_event_filter later = {.since = 20};
    struct tg_store_event_filter one = {.type = "out", .limit = 1};
    struct tg_store_event_filter behind = {.after = "e3"};
    struct tg_store_event_filter nowhere = {.after = "e9"};

    ok(tell(store, "e1", 10, "out", "out 1"), "an event");
    ok(!tell(store, "e2", 11, "out", "out 1"), "once under one name");
    ok(tell(store, "e3", 20, "in", NULL), "without a name");
    ok(tell(store, "e4", 30, "out", NULL), "any number of times");
    events(store, &all);
    is_str(seen, "e4:out:text e3:in:text e1:out:text ", "newest first");
    events(store, &later);
    is_str(seen, "e4:out:text e3:in:text ", "since an instant");
    events(store, &one);
    is_str(seen, "e4:out:text ", "of a type, so many");
    events(store, &behind);
    is_str(seen, "e1:out:text ", "behind another one");
    is_int(events(store, &nowhere), TG_ERR_NOT_FOUND, "which must be there");
    store->ops->close(store);
    unlink(path);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/store.db", folder);
    test_migration();
    test_credentials();
    test_models();
    test_events();
    rmdir(folder);
    return done();
}
