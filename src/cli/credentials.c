#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"

/* What people know of it, which its upstream may not say. */
#define LIFE                                                                   \
    {"expires",     "WHEN",       "when its provider ends it: a date, or 90d", \
     TG_VALUE_TEXT, "expires_at", NULL},                                       \
    {                                                                          \
        "balance-alert", "AMOUNT", "tell when its account has less",           \
            TG_VALUE_AMOUNT, "balance_alert", NULL                             \
    }

const struct tg_option tg_credentials_add_options[] = {
    {"upstream", "NAME", "whose secret it is", TG_VALUE_TEXT, "upstream", NULL},
    {"file", "FILE", "where the secret stands; - or none: standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {"concurrency", "N", "calls at once that its account takes; any",
     TG_VALUE_COUNT, "concurrency", NULL},
    LIFE,
    {"replace", NULL, "end the other credentials of the upstream",
     TG_VALUE_SWITCH, "replace", NULL},
    {0},
};

const struct tg_option tg_credentials_rotate_options[] = {
    {"file", "FILE", "where the new secret stands; - or none: standard input",
     TG_VALUE_TEXT, NULL, NULL},
    LIFE,
    {"overlap", "MINUTES", "the old one stays for where the new fails; 10",
     TG_VALUE_COUNT, "overlap_minutes", NULL},
    {"at-once", NULL, "the old one is used no more", TG_VALUE_NONE,
     "overlap_minutes", NULL},
    {"no-test", NULL, "do not ask the upstream first", TG_VALUE_SWITCH, NULL,
     NULL},
    {0},
};

const struct tg_option tg_credentials_update_options[] = {
    {"concurrency", "N", "calls at once that its account takes", TG_VALUE_COUNT,
     "concurrency", NULL},
    {"no-concurrency", NULL, "any number of calls at once", TG_VALUE_NONE,
     "concurrency", NULL},
    LIFE,
    {"no-expires", NULL, "it does not expire", TG_VALUE_NONE, "expires_at",
     NULL},
    {"no-balance-alert", NULL, "do not tell", TG_VALUE_NONE, "balance_alert",
     NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"UPSTREAM", "upstream", TG_CELL_TEXT, NULL, 32},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"HEALTH", "health.state", TG_CELL_STATUS, NULL, 0},
    {"UNTIL", "health.until", TG_CELL_WHEN, NULL, 0},
    {"LAST_STATUS", "health.last_status", TG_CELL_COUNT, NULL, 0},
    {"FAILURES", "health.failures", TG_CELL_COUNT, NULL, 0},
    {"AT_ONCE", "health.calls_at_once", TG_CELL_COUNT, NULL, 0},
    {"LIMIT", "concurrency", TG_CELL_COUNT, NULL, 0},
    {"LEARNED", "health.concurrency", TG_CELL_COUNT, NULL, 0},
    {"BALANCE", "balance_text", TG_CELL_TEXT, NULL, 0},
    {"EXPIRES", "expires_at", TG_CELL_WHEN, NULL, 0},
    {"RETIRES", "retires_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_ERROR", "error_text", TG_CELL_TEXT, NULL, 48},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Upstream", "upstream", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Last four", "last4", TG_CELL_TEXT, NULL, 0},
    {"Calls at once, at most", "concurrency", TG_CELL_COUNT, "any number", 0},
    {"Health", "health.state", TG_CELL_STATUS, NULL, 0},
    {"Calls at once, now", "health.calls_at_once", TG_CELL_COUNT, NULL, 0},
    {"Balance", "balance_text", TG_CELL_TEXT, "not known", 0},
    {"Tell below", "balance_alert", TG_CELL_AMOUNT, "never", 0},
    {"Expires", "expires_at", TG_CELL_WHEN, "never", 0},
    {"Replaces", "replaces", TG_CELL_TEXT, "none", 0},
    {"Retires", "retires_at", TG_CELL_WHEN, "does not", 0},
    {"Checked", "check.at", TG_CELL_WHEN, "never", 0},
    {"Check", "check.message", TG_CELL_TEXT, NULL, 0},
    {"Last error", "error_text", TG_CELL_TEXT, "none", 0},
    {"Last error at", "last_error.at", TG_CELL_WHEN, "never", 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

/* "110.00 CNY, 3.20 USD". */
static void
add_balance(json_t *credential)
{
    const json_t *list = tg_cell_find(credential, "check.balances"), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = tg_noun_text(credential, "balance_text");
        char *longer = NULL;

        if (asprintf(&longer, "%s%s%s %s", text, *text != '\0' ? ", " : "",
                     tg_noun_text(item, "total"),
                     tg_noun_text(item, "currency")) < 0)
            tg_own(NULL);
        json_object_set_new(credential, "balance_text", json_string(longer));
        free(longer);
    }
}

/* What people read in one cell. */
static void
shape_one(json_t *credential)
{
    const json_t *error = json_object_get(credential, "last_error");
    const json_t *status = json_object_get(error, "http_status");
    char *text = NULL;

    add_balance(credential);
    if (!json_is_object(error))
        return;
    if (!json_is_integer(status))
        text = tg_own(strdup(tg_noun_text(error, "message")));
    else if (asprintf(&text, "%lld: %s", (long long)json_integer_value(status),
                      tg_noun_text(error, "message")) < 0)
        tg_own(NULL);
    json_object_set_new(credential, "error_text", json_string(text));
    free(text);
}

static void
shape(json_t *rows)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) shape_one(row);
}

/* A credential, with --json as the API has it. */
static void
print(const struct tg_cli *cli, json_t *credential)
{
    if (cli->is_json) {
        tg_table_json(credential);
        return;
    }
    shape_one(credential);
    tg_table_page(cli, page_columns, credential);
}

/* Sends a secret, asked for here, with the options to a path. */
static int
send_secret(struct tg_cli *cli, const char *path)
{
    struct tg_asked secret;
    json_t *body, *credential = NULL;
    int rc = tg_ask_secret(cli, tg_args_value(cli, "file"), &secret);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "secret", json_string(secret.data));
    if (tg_args_has(cli, "no-test"))
        json_object_set_new(body, "test", json_false());
    explicit_bzero(&secret, sizeof(secret));
    rc = tg_client_call(cli, "POST", path, body, &credential);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, credential);
    json_decref(credential);
    return rc;
}

int
tg_credentials_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"upstream", NULL};
    int rc = tg_noun_require(cli, needed);

    return rc == TG_EXIT_OK ? send_secret(cli, "/credentials") : rc;
}

int
tg_credentials_rotate(struct tg_cli *cli)
{
    char *path = tg_request_path("credentials", cli->operand, "/rotate");
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK)
        rc = send_secret(cli, path);
    free(path);
    return rc;
}

int
tg_credentials_update(struct tg_cli *cli)
{
    static const struct tg_act act = {
        "PATCH", "credentials", "", "is changed, from the next call on", NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --concurrency "
                               "100");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_credentials_disable(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "credentials", "/disable",
                                      "is disabled: no call uses it", NULL};
    int rc = tg_say_confirm(cli,
                            "Disable %s for good? Calls go on with the others "
                            "of its pool, if there are any.",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_credentials_reopen(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "credentials", "/reopen",
                                      "is used again", NULL};

    return tg_noun_act(cli, &act, NULL);
}

int
tg_credentials_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/credentials", list_columns,
        "There are no credentials. Add one: tollgate credentials add "
        "--upstream NAME --file FILE",
        false, 0};

    return tg_list_run_shaped(cli, &list, shape);
}

/* Asks for one, or has it asked, and prints it. */
static int
show(struct tg_cli *cli, const char *method, const char *behind)
{
    char *path = tg_request_path("credentials", cli->operand, behind);
    json_t *credential;
    int rc = tg_client_call(cli, method, path, NULL, &credential);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    print(cli, credential);
    json_decref(credential);
    return TG_EXIT_OK;
}

int
tg_credentials_show(struct tg_cli *cli)
{
    return show(cli, "GET", "");
}

int
tg_credentials_check(struct tg_cli *cli)
{
    return show(cli, "POST", "/check");
}
