#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "nouns.h"
#include "own.h"
#include "policy.h"
#include "policy_prices.h"
#include "say.h"

#define ROWS_MAX 5000 /* that the API takes at once */

/* A row as POST /prices takes it: null says that it is for ever. */
static json_t *
row_of(const struct tg_wish *wish)
{
    json_t *flat = tg_wish_read(wish), *row = json_object(), *value;
    const char *name;

    json_object_foreach(flat, name, value)
    {
        if (!json_is_null(value) || strcmp(name, "effective_at") == 0)
            tg_policy_put(row, name, json_incref(value));
    }
    json_decref(flat);
    return row;
}

/* The model of a row that the same files make, for a run that is dry. */
static void
add_model(struct tg_policy *policy, json_t *models, const char *name)
{
    const struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_MODEL, name);
    json_t *flat, *model, *value;
    const char *member;

    if (wish == NULL || wish->is_met)
        return;
    flat = tg_wish_read(wish);
    model = json_object();
    json_object_foreach(flat, member, value)
    {
        if (strcmp(member, "upstreams") != 0 && !json_is_null(value))
            json_object_set(model, member, value);
    }
    json_array_append_new(models, model);
    json_decref(flat);
}

/* The API speaks of "data[3].prompt"; a file has its own places. */
static void
say_refused(const json_t *error, struct tg_wish *const *wishes, size_t count)
{
    const char *param = tg_noun_text(error, "param");
    const char *message = tg_noun_text(error, "message");
    bool has_row = strncmp(param, "data[", 5) == 0;
    size_t i = has_row ? strtoul(param + 5, NULL, 10) : 0;

    if (strncmp(message, "data[", 5) == 0 && strstr(message, "].") != NULL)
        message = strstr(message, "].") + 2;
    if (has_row && strstr(param, "].") != NULL)
        param = strstr(param, "].") + 2;
    if (i < count)
        tg_policy_fault(wishes[i]->file,
                        tg_policy_place(wishes[i]->node, param), "%s", message);
}

int
tg_policy_send_prices(struct tg_policy *policy, struct tg_wish *const *wishes,
                      size_t count, bool is_dry, json_t **answer)
{
    json_t *rows = json_array(), *models = json_array();
    struct tg_exchange exchange = {
        .method = "POST",
        .target = is_dry ? "/prices?dry_run=true" : "/prices",
    };
    json_t *body = json_pack("{s:o}", "data", rows), *row;
    size_t i;
    int rc;

    for (i = 0; i < count; i++) {
        row = row_of(wishes[i]);
        if (is_dry)
            add_model(policy, models, tg_noun_text(row, "model"));
        json_array_append_new(rows, row);
    }
    if (json_array_size(models) > 0)
        json_object_set(body, "models", models);
    exchange.body = body;
    rc = tg_client_exchange(policy->cli, &exchange);
    *answer = exchange.answer;
    if (exchange.error != NULL)
        say_refused(exchange.error, wishes, count);
    json_decref(exchange.error);
    json_decref(models);
    json_decref(body);
    return rc;
}

/* The price book as it is. */
struct book {
    json_t *rows;
};

static int
keep_row(void *arg, const json_t *row)
{
    struct book *book = arg;

    json_array_append(book->rows, (json_t *)row);
    return TG_EXIT_OK;
}

static const json_t *
row_at(const struct book *book, const char *model, const char *at)
{
    const json_t *row, *found = NULL;
    size_t i;

    json_array_foreach(book->rows, i, row)
    {
        if (strcmp(tg_noun_text(row, "model"), model) == 0 &&
            strcmp(tg_noun_text(row, "effective_at"), at) == 0)
            found = row;
    }
    return found;
}

static bool
is_empty(const json_t *value)
{
    return json_is_null(value) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* Both members of a price that are objects become dotted ones. */
static void
add_changes(json_t *changes, const char *prefix, const json_t *before,
            const json_t *after)
{
    static const char left_out[] =
        " object model change effective_at currency source ";
    const char *name;
    json_t *value, *old;
    char dotted[96];

    json_object_foreach((json_t *)after, name, value)
    {
        snprintf(dotted, sizeof(dotted), " %s ", name);
        if (*prefix == '\0' && strstr(left_out, dotted) != NULL)
            continue;
        old = json_object_get(before, name);
        snprintf(dotted, sizeof(dotted), "%s%s", prefix, name);
        if (json_is_object(value) && strcmp(name, "peak") == 0)
            add_changes(changes, "peak.", old, value);
        else if (before == NULL ? !is_empty(value) : !json_equal(old, value))
            json_object_set_new(changes, dotted,
                                json_pack("[O?,O]", old, value));
    }
}

static void
take_answer(struct tg_policy *policy, struct tg_wish *wish, const json_t *row,
            const struct book *book)
{
    const json_t *before;
    struct tg_policy_step *step;

    wish->is_met = true;
    if (strcmp(tg_noun_text(row, "change"), "unchanged") == 0) {
        policy->counts[TG_POLICY_LEAVE]++;
        return;
    }
    before = row_at(book, tg_noun_text(row, "model"),
                    tg_noun_text(row, "effective_at"));
    step = tg_policy_add_step(
        policy, before != NULL ? TG_POLICY_CHANGE : TG_POLICY_CREATE,
        TG_POLICY_PRICE, wish, wish->name);
    step->changes = json_object();
    add_changes(step->changes, "", before, row);
}

int
tg_policy_plan_prices(struct tg_policy *policy)
{
    struct tg_wish **wishes =
        tg_own(calloc(policy->wish_count, sizeof(*wishes)));
    struct book book = {.rows = json_array()};
    size_t count = 0, i, n, at;
    json_t *answer;
    int rc;

    for (i = 0; i < policy->wish_count; i++) {
        if (policy->wishes[i].kind == TG_POLICY_PRICE)
            wishes[count++] = &policy->wishes[i];
    }
    rc = tg_policy_each(policy, "/prices", false, keep_row, &book);
    for (at = 0; at < count && rc == TG_EXIT_OK; at += n) {
        n = count - at < ROWS_MAX ? count - at : ROWS_MAX;
        rc = tg_policy_send_prices(policy, wishes + at, n, true, &answer);
        for (i = 0; i < n && rc == TG_EXIT_OK; i++)
            take_answer(policy, wishes[at + i],
                        json_array_get(json_object_get(answer, "data"), i),
                        &book);
        json_decref(answer);
    }
    json_decref(book.rows);
    free(wishes);
    return policy->faults > 0 ? tg_policy_settle_faults(policy) : rc;
}
