#include "key_plan.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "table.h"

#define PROGRESS_MS 1000

static volatile sig_atomic_t is_stopped;
static struct sigaction before[2];
static struct timespec said_at;
static bool has_said;

/* One member of a key, before and behind. */
static const struct tg_column columns[] = {
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"WHAT", "what", TG_CELL_TEXT, NULL, 0},
    {"NOW", "before", TG_CELL_TEXT, NULL, 60},
    {"THEN", "after", TG_CELL_TEXT, NULL, 60},
    {0},
};

static void
on_signal(int signo)
{
    (void)signo;
    is_stopped = 1;
}

void
tg_stop_watch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    is_stopped = 0;
    sigaction(SIGINT, &action, &before[0]);
    sigaction(SIGTERM, &action, &before[1]);
}

bool
tg_stop_asked(void)
{
    return is_stopped != 0;
}

void
tg_stop_unwatch(void)
{
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    if (has_said)
        fputs("\r\033[K", stderr);
    has_said = false;
    said_at = (struct timespec){0};
}

void
tg_progress(const struct tg_cli *cli, const char *what, size_t done, size_t of)
{
    struct timespec now;
    int64_t ms;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (said_at.tv_sec == 0)
        said_at = now;
    ms = (now.tv_sec - said_at.tv_sec) * 1000 +
         (now.tv_nsec - said_at.tv_nsec) / 1000000;
    if (cli->is_quiet || isatty(STDERR_FILENO) != 1 || ms < PROGRESS_MS)
        return;
    said_at = now;
    has_said = true;
    if (of > 0)
        fprintf(stderr, "\r%s %zu of %zu", what, done, of);
    else
        fprintf(stderr, "\r%s %zu", what, done);
}

/* What a member that has no value means. */
static const char *
nothing(const char *member)
{
    static const struct {
        const char *member, *word;
    } rows[] = {
        {"models", "any"},
        {"allowed_ips", "any"},
        {"expires_at", "never"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].member, member) == 0)
            return rows[i].word;
    }
    return "none";
}

/* A value as one line; the caller frees it. */
static char *
shown(const char *member, const json_t *value)
{
    const json_t *item;
    char *text = NULL, *more;
    size_t i;

    if (value == NULL || json_is_null(value) ||
        (json_is_array(value) && json_array_size(value) == 0))
        return tg_own(strdup(nothing(member)));
    if (json_is_string(value))
        return tg_own(strdup(json_string_value(value)));
    if (!json_is_array(value))
        return tg_own(json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT));
    json_array_foreach(value, i, item)
    {
        if (asprintf(&more, "%s%s%s", text != NULL ? text : "",
                     text != NULL ? ", " : "", json_string_value(item)) < 0)
            tg_own(NULL);
        free(text);
        text = more;
    }
    return text;
}

static void
add_row(json_t *step, const char *what, const json_t *now, const json_t *then)
{
    char *left = shown(what, now), *right = shown(what, then);

    json_array_append_new(
        json_object_get(step, "rows"),
        tg_own(json_pack("{s:O,s:O,s:s,s:s,s:s}", "key_id",
                         json_object_get(step, "key_id"), "name",
                         json_object_get(step, "name"), "what", what, "before",
                         left, "after", right)));
    free(left);
    free(right);
}

/* Takes out of patch what the key has already, and notes the rest. */
static void
compare(json_t *step, const json_t *key, json_t *patch)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(patch, next, name, value)
    {
        const json_t *now = json_object_get(key, name);

        if (json_is_object(value)) {
            compare(step, now, value);
            if (json_object_size(value) == 0)
                json_object_del(patch, name);
        } else if (json_equal(now, value)) {
            json_object_del(patch, name);
        } else {
            add_row(step, name, now, value);
        }
    }
}

static int
read_key(struct tg_key_plan *plan, const char *key_id,
         struct tg_exchange *exchange)
{
    char *target = tg_request_path("keys", key_id, "");
    int rc;

    *exchange = (struct tg_exchange){.method = "GET", .target = target};
    rc = tg_client_exchange(plan->cli, exchange);
    if (exchange->error != NULL)
        rc = tg_say_failed("%s: %s", key_id,
                           tg_noun_text(exchange->error, "message"));
    json_decref(exchange->error);
    free(target);
    return rc;
}

int
tg_key_plan_add(struct tg_key_plan *plan, const char *key_id, json_t *patch,
                bool pauses)
{
    struct tg_exchange exchange;
    json_t *step, *key, *paused;
    int rc = read_key(plan, key_id, &exchange);

    if (rc != TG_EXIT_OK) {
        json_decref(patch);
        return rc;
    }
    key = exchange.answer;
    step =
        tg_own(json_pack("{s:s,s:s,s:s,s:b,s:o,s:[]}", "key_id", key_id, "name",
                         tg_noun_text(key, "name"), "etag", exchange.etag,
                         "pauses", pauses, "patch", patch, "rows"));
    compare(step, key, patch);
    paused = tg_own(json_string("inactive"));
    if (pauses)
        add_row(step, "status", json_object_get(key, "status"), paused);
    if (plan->steps == NULL)
        plan->steps = tg_own(json_array());
    if (json_array_size(json_object_get(step, "rows")) > 0)
        json_array_append(plan->steps, step);
    json_decref(paused);
    json_decref(step);
    json_decref(key);
    return TG_EXIT_OK;
}

static void
show(const struct tg_key_plan *plan)
{
    struct tg_table table;
    json_t *step;
    size_t i;

    tg_table_init(&table, plan->cli, columns);
    json_array_foreach(plan->steps, i, step)
        tg_table_rows(&table, json_object_get(step, "rows"));
    fflush(stdout);
}

static int
ask(struct tg_key_plan *plan, json_t *step, const char *method,
    const char *tail, const json_t *body)
{
    const char *id = tg_noun_text(step, "key_id");
    char *target = tg_request_path("keys", id, tail);
    struct tg_exchange exchange = {.method = method,
                                   .target = target,
                                   .body = body,
                                   .if_match = tg_noun_text(step, "etag")};
    int rc = tg_client_exchange(plan->cli, &exchange);

    if (rc == TG_EXIT_OK && exchange.etag[0] != '\0')
        json_object_set_new(step, "etag", json_string(exchange.etag));
    if (exchange.error != NULL && exchange.status == 412)
        rc = tg_say_failed("%s was changed by somebody else since the plan "
                           "was made, and stays as that one left it",
                           id);
    else if (exchange.error != NULL)
        rc = tg_say_failed("%s: %s", id,
                           tg_noun_text(exchange.error, "message"));
    json_decref(exchange.answer);
    json_decref(exchange.error);
    free(target);
    return rc;
}

/* A refusal of one key does not end it; nobody to ask does. */
static int
take(struct tg_key_plan *plan, json_t *step)
{
    const json_t *patch = json_object_get(step, "patch");
    int rc = TG_EXIT_OK;

    if (json_object_size(patch) > 0)
        rc = ask(plan, step, "PATCH", "", patch);
    if (rc == TG_EXIT_OK && json_is_true(json_object_get(step, "pauses")))
        rc = ask(plan, step, "POST", "/pause", NULL);
    json_object_set_new(step, "is_done", json_boolean(rc == TG_EXIT_OK));
    if (rc == TG_EXIT_OK && !plan->cli->is_json && !plan->cli->is_quiet)
        printf("%s is changed.\n", tg_noun_text(step, "key_id"));
    return rc == TG_EXIT_FAILED ? TG_EXIT_OK : rc;
}

static int
finish(struct tg_key_plan *plan, size_t done, size_t count)
{
    json_t *list, *step;
    size_t i;

    if (plan->cli->is_json) {
        json_array_foreach(plan->steps, i, step)
        {
            json_object_del(step, "etag");
            json_object_del(step, "rows");
            if (json_object_get(step, "is_done") == NULL)
                json_object_set_new(step, "is_done", json_false());
        }
        list = tg_own(json_pack("{s:s,s:O,s:b,s:n}", "object", "list", "data",
                                plan->steps, "has_more", 0, "next"));
        tg_table_json(list);
        json_decref(list);
    }
    if (done == count)
        return TG_EXIT_OK;
    return tg_say_failed("%zu of %zu key%s %s changed", done, count,
                         tg_plural(count), tg_plural_are(count));
}

static int
run_all(struct tg_key_plan *plan)
{
    size_t count = json_array_size(plan->steps), done = 0, i;
    bool was_stopped = false;
    int rc = TG_EXIT_OK;

    tg_stop_watch();
    for (i = 0; i < count && rc == TG_EXIT_OK && !was_stopped; i++) {
        json_t *step = json_array_get(plan->steps, i);

        rc = take(plan, step);
        done += json_is_true(json_object_get(step, "is_done"));
        tg_progress(plan->cli, "keys", i + 1, count);
        was_stopped = tg_stop_asked();
    }
    tg_stop_unwatch();
    if (was_stopped && i < count)
        tg_say_note(plan->cli, "Interrupted: the rest stays as it was.");
    return rc == TG_EXIT_OK ? finish(plan, done, count) : rc;
}

int
tg_key_plan_run(struct tg_key_plan *plan)
{
    size_t count = plan->steps != NULL ? json_array_size(plan->steps) : 0;
    int rc;

    if (count == 0) {
        if (plan->cli->is_json) {
            plan->steps = plan->steps != NULL ? plan->steps : json_array();
            return finish(plan, 0, 0);
        }
        tg_say_note(plan->cli, "There is nothing to change.");
        return TG_EXIT_OK;
    }
    if (!plan->cli->is_json) {
        printf("What would change:\n");
        show(plan);
    }
    rc = tg_say_confirm(plan->cli, "Change %s%zu key%s?",
                        count > 1 ? "these " : "", count, tg_plural(count));
    return rc == TG_EXIT_OK ? run_all(plan) : rc;
}

void
tg_key_plan_release(struct tg_key_plan *plan)
{
    json_decref(plan->steps);
}
