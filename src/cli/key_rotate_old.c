#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "key_rotation.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "rotate_file.h"
#include "say.h"
#include "table.h"
#include "when.h"

#define DAY_MS INT64_C(86400000)
#define PROGRESS_MS 1000

static volatile sig_atomic_t is_interrupted;

/* Keys that are to be rotated, and how far it is. */
struct bulk {
    struct tg_cli *cli;
    json_t *plan;     /* keys, the oldest last */
    size_t under_way; /* old ones that have two secrets already */
    size_t done, refused;
    struct tg_rotate_file file;
    bool has_file;   /* else the keys' sinks get the secrets */
    int64_t told_ms; /* progress */
};

static const struct tg_column columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"SECRET_MADE", "made_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"ACCOUNT", "account_id", TG_CELL_TEXT, NULL, 0},
    {0},
};

static void
on_signal(int signo)
{
    (void)signo;
    is_interrupted = 1;
}

static int64_t
forward_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The newest secret that is in force; NULL: none is. */
static const json_t *
newest_of(const json_t *key)
{
    json_t *secrets = json_object_get(key, "secrets"), *secret;
    size_t i;

    json_array_foreach(secrets, i, secret)
    {
        if (!json_is_string(json_object_get(secret, "valid_until")))
            return secret;
    }
    return NULL;
}

static void
consider(struct bulk *bulk, json_t *key, int64_t before_ms)
{
    const json_t *newest = newest_of(key);
    int64_t made_at;

    if (newest == NULL ||
        !tg_instant_parse(tg_noun_text(newest, "created_at"), &made_at) ||
        made_at >= before_ms)
        return;
    if (strcmp(tg_noun_text(key, "rotation.state"), "none") != 0) {
        bulk->under_way++;
        return;
    }
    json_object_set(key, "made_at", json_object_get(newest, "created_at"));
    json_array_append(bulk->plan, key);
}

static char *
page_target(const struct tg_cli *cli, const char *after)
{
    const char *account = tg_args_value(cli, "account");
    char *escaped = account != NULL ? tg_client_escape(account) : NULL;
    char *target = NULL;

    if (asprintf(&target, "/keys?status=active&limit=1000%s%s%s%s",
                 account != NULL ? "&account=" : "",
                 account != NULL ? escaped : "", after != NULL ? "&after=" : "",
                 after != NULL ? after : "") < 0)
        tg_own(NULL);
    free(escaped);
    return target;
}

static int
make_plan(struct bulk *bulk)
{
    int64_t days = strtoll(tg_args_value(bulk->cli, "older-than"), NULL, 10);
    int64_t before_ms = bulk->cli->now_ms - days * DAY_MS;
    char *after = NULL, *target;
    json_t *page, *key;
    bool has_more = true;
    size_t i;
    int rc = TG_EXIT_OK;

    while (rc == TG_EXIT_OK && has_more) {
        target = page_target(bulk->cli, after);
        rc = tg_client_call(bulk->cli, "GET", target, NULL, &page);
        free(target);
        free(after);
        after = NULL;
        if (rc != TG_EXIT_OK)
            break;
        json_array_foreach(json_object_get(page, "data"), i, key)
            consider(bulk, key, before_ms);
        has_more = json_is_true(json_object_get(page, "has_more"));
        if (has_more)
            after = tg_own(strdup(tg_noun_text(page, "next")));
        json_decref(page);
    }
    free(after);
    return rc;
}

static void
show_plan(const struct bulk *bulk)
{
    struct tg_table table;

    if (bulk->cli->is_json) {
        json_t *list =
            tg_own(json_pack("{s:s,s:O,s:b,s:n}", "object", "list", "data",
                             bulk->plan, "has_more", 0, "next"));

        tg_table_json(list);
        json_decref(list);
        return;
    }
    tg_table_init(&table, bulk->cli, columns);
    if (json_array_size(bulk->plan) > 0)
        tg_table_rows(&table, bulk->plan);
}

static int
step(struct bulk *bulk, const char *id, const char *tail, json_t **key)
{
    char *path = tg_request_path("keys", id, tail);
    json_t *body = NULL;
    int rc;

    if (strcmp(tail, "/rotate") == 0)
        body = tg_request_body(bulk->cli);
    rc = tg_client_call(bulk->cli, *tail == '\0' ? "GET" : "POST", path, body,
                        key);
    json_decref(body);
    free(path);
    return rc;
}

/*
 * A rotation was asked for whose answer nobody wrote down: was it made, its
 * secret is lost.  Then the new one is taken back or, where the old one is
 * dead already, *is_again is set: the key needs another.
 */
static int
find_lost(struct bulk *bulk, const char *id, const char *old_secret,
          bool *is_again)
{
    const char *newest;
    json_t *key, *after = NULL;
    int rc = step(bulk, id, "", &key);

    *is_again = false;
    if (rc != TG_EXIT_OK)
        return rc;
    newest = tg_noun_text(newest_of(key), "id");
    if (strcmp(newest, old_secret) != 0 &&
        strcmp(newest, bulk->file.last_secret) != 0) {
        tg_say_note(bulk->cli,
                    "The new secret of %s was made and its answer lost; the "
                    "key gets another.",
                    id);
        if (strcmp(tg_noun_text(key, "rotation.old_secret"), old_secret) == 0)
            rc = step(bulk, id, "/rotation/undo", &after);
        *is_again = rc == TG_EXIT_OK;
    }
    json_decref(after);
    json_decref(key);
    return rc;
}

static int
rotate(struct bulk *bulk, const char *id, const char *old_secret)
{
    json_t *key = NULL;
    int rc = TG_EXIT_OK;

    if (bulk->has_file)
        rc = tg_rotate_file_begin(&bulk->file, id, old_secret);
    if (rc == TG_EXIT_OK)
        rc = step(bulk, id, "/rotate", &key);
    if (rc != TG_EXIT_OK)
        return rc;
    if (bulk->has_file)
        rc = tg_rotate_file_add(&bulk->file, key);
    if (rc == TG_EXIT_OK)
        bulk->done++;
    json_decref(key);
    return rc;
}

/* What the run before left, which is not in this one's plan. */
static int
go_on(struct bulk *bulk)
{
    bool is_again;
    json_t *key;
    int rc;

    if (!bulk->has_file || bulk->file.begun_key[0] == '\0')
        return TG_EXIT_OK;
    rc = find_lost(bulk, bulk->file.begun_key, bulk->file.begun_secret,
                   &is_again);
    if (rc != TG_EXIT_OK || !is_again)
        return rc;
    rc = step(bulk, bulk->file.begun_key, "", &key);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = rotate(bulk, bulk->file.begun_key, tg_noun_text(newest_of(key), "id"));
    json_decref(key);
    return rc;
}

static void
show_progress(struct bulk *bulk, size_t i)
{
    int64_t now_ms = forward_ms();

    if (now_ms - bulk->told_ms < PROGRESS_MS)
        return;
    bulk->told_ms = now_ms;
    tg_say_note(bulk->cli, "%zu of %zu key%s", i, json_array_size(bulk->plan),
                tg_plural(json_array_size(bulk->plan)));
}

/* One of the plan; a refusal of one key does not end it. */
static int
take(struct bulk *bulk, const json_t *key)
{
    const char *id = tg_noun_text(key, "id");
    const char *secret = tg_noun_text(newest_of(key), "id");
    bool is_again = false;
    size_t done = bulk->done;
    int rc = rotate(bulk, id, secret);

    if (rc != TG_EXIT_FAILED || bulk->done > done)
        return rc;
    if (!bulk->has_file) {
        bulk->refused++;
        return TG_EXIT_OK;
    }
    rc = find_lost(bulk, id, secret, &is_again);
    if (rc == TG_EXIT_OK)
        bulk->refused++;
    return rc == TG_EXIT_OK && is_again ? TG_EXIT_FAILED : rc;
}

static int
rotate_all(struct bulk *bulk)
{
    struct sigaction action = {.sa_handler = on_signal}, old[2];
    size_t count = json_array_size(bulk->plan), i;
    int rc = go_on(bulk);

    sigaction(SIGINT, &action, &old[0]);
    sigaction(SIGTERM, &action, &old[1]);
    bulk->told_ms = forward_ms();
    for (i = 0; i < count && rc == TG_EXIT_OK && !is_interrupted; i++) {
        rc = take(bulk, json_array_get(bulk->plan, i));
        show_progress(bulk, i + 1);
    }
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    if (rc == TG_EXIT_OK && is_interrupted && i < count)
        rc = tg_say_failed("interrupted: the same command goes on where it "
                           "stopped");
    return rc;
}

static void
say_end(const struct bulk *bulk)
{
    size_t count = json_array_size(bulk->plan);

    tg_say_note(bulk->cli, "%zu of %zu key%s %s another secret, %s%s.",
                bulk->done, count, tg_plural(count), tg_plural_have(count),
                bulk->has_file ? "in " : "on its way to their sinks",
                bulk->has_file ? bulk->file.path : "");
    if (bulk->refused > 0)
        tg_say_note(bulk->cli, "%zu %s refused, as said above.", bulk->refused,
                    bulk->refused == 1 ? "was" : "were");
}

static int
run(struct bulk *bulk, const char *path)
{
    size_t count = json_array_size(bulk->plan);
    int rc = TG_EXIT_OK;

    bulk->has_file = path != NULL;
    if (bulk->has_file)
        rc = tg_rotate_file_open(&bulk->file, path, count);
    if (rc == TG_EXIT_OK && count > 0)
        rc = tg_say_confirm(bulk->cli, "Give %zu key%s another secret, in %s?",
                            count, tg_plural(count),
                            bulk->has_file ? path : "their sinks");
    if (rc == TG_EXIT_OK) {
        rc = rotate_all(bulk);
        say_end(bulk);
    }
    if (bulk->has_file)
        tg_rotate_file_close(&bulk->file, rc == TG_EXIT_OK);
    return rc == TG_EXIT_OK && bulk->refused > 0 ? TG_EXIT_FAILED : rc;
}

int
tg_keys_rotate_old(struct tg_cli *cli)
{
    const char *path = tg_args_value(cli, "output");
    bool is_dry = tg_args_has(cli, "dry-run");
    struct bulk bulk = {.cli = cli, .plan = json_array()};
    int rc;

    if (path == NULL && !is_dry && !tg_args_has(cli, "deliver"))
        rc = tg_say_usage(cli, "say where the new secrets go: --output FILE, "
                               "or --deliver to the keys' sinks; or "
                               "--dry-run");
    else
        rc = make_plan(&bulk);
    if (rc == TG_EXIT_OK && is_dry)
        show_plan(&bulk);
    if (rc == TG_EXIT_OK && json_array_size(bulk.plan) == 0)
        tg_say_note(cli, "No active key has a secret that is older.");
    if (rc == TG_EXIT_OK && bulk.under_way > 0)
        tg_say_note(cli,
                    "%zu more are as old, and have a second secret already: "
                    "they are left as they are.",
                    bulk.under_way);
    if (rc == TG_EXIT_OK && !is_dry)
        rc = run(&bulk, path);
    json_decref(bulk.plan);
    return rc;
}
