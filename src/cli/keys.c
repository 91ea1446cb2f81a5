#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "key_rotation.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "to_files.h"
#include "when.h"

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"KIND", "kind", TG_CELL_TEXT, NULL, 0},
    {"EXPIRES", "expires_at", TG_CELL_WHEN, "never", 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"ACCOUNT", "account_id", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Description", "description", TG_CELL_TEXT, NULL, 0},
    {"Owner", "owner", TG_CELL_TEXT, NULL, 0},
    {"Labels", "labels", TG_CELL_LIST, NULL, 0},
    {"Account", "account_id", TG_CELL_TEXT, NULL, 0},
    {"Kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {"Last used", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"Expires", "expires_at", TG_CELL_WHEN, "never", 0},
    {"Scopes", "scopes", TG_CELL_LIST, "none", 0},
    {"Models", "models_text", TG_CELL_TEXT, NULL, 0},
    {"Endpoints", "endpoints", TG_CELL_LIST, "as its scopes say", 0},
    {"Limits", "limits_text", TG_CELL_TEXT, "none", 0},
    {"Budget", "budget_text", TG_CELL_TEXT, "none", 0},
    {"From networks", "allowed_ips", TG_CELL_LIST, "any", 0},
    {"From pages", "allowed_referrers", TG_CELL_LIST, "any", 0},
    {"Days begin in", "budget.timezone", TG_CELL_TEXT, "UTC", 0},
    {"Hours", "hours", TG_CELL_TEXT, "always", 0},
    {"Rotation", "rotation_text", TG_CELL_TEXT, "by hand", 0},
    {"On events", "responses_text", TG_CELL_TEXT, "as tollgate.conf says", 0},
    {"Response", "response_text", TG_CELL_TEXT, "none", 0},
    {0},
};

static const struct tg_column secret_columns[] = {
    {"SECRET", "id", TG_CELL_TEXT, NULL, 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {"VALID_UNTIL", "valid_until", TG_CELL_WHEN, "no end of its own", 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"FROM", "last_used_ip", TG_CELL_TEXT, NULL, 0},
    {"BY", "last_used_agent", TG_CELL_TEXT, NULL, 48},
    {0},
};

/* What of a policy reads better as words. */
static const struct phrase {
    const char *text, *member, *before;
    const char *what, *behind; /* what there may be several of; NULL: nothing */
} phrases[] = {
    {"limits_text", "limits.requests_per_second", "", " request", "/second"},
    {"limits_text", "limits.requests_per_minute", "", " request", "/minute"},
    {"limits_text", "limits.requests_per_day", "", " request", "/day"},
    {"limits_text", "limits.tokens_per_minute", "", " token", "/minute"},
    {"limits_text", "limits.concurrency", "", NULL, " at once"},
    {"limits_text", "limits.max_queue_ms", "waits up to ", NULL, " ms"},
    {"budget_text", "budget.daily", "", NULL, " a day"},
    {"budget_text", "budget.monthly", "", NULL, " a month"},
    {"rotation_text", "rotation.interval_days", "every ", " day", ""},
    {"rotation_text", "rotation.next_at", "next at ", NULL, ""},
};

/* Appends a phrase to a text of the key, unless its member says nothing. */
static void
add_phrase(json_t *key, const struct phrase *phrase)
{
    const json_t *value = tg_cell_find(key, phrase->member);
    const char *text = tg_noun_text(key, phrase->text);
    json_int_t n = json_integer_value(value);
    char number[24], *longer = NULL;

    snprintf(number, sizeof(number), "%lld", (long long)n);
    if (!json_is_string(value) && n == 0)
        return;
    if (asprintf(&longer, "%s%s%s%s%s%s%s", text, *text != '\0' ? ", " : "",
                 phrase->before,
                 json_is_string(value) ? json_string_value(value) : number,
                 phrase->what != NULL ? phrase->what : "",
                 phrase->what != NULL ? tg_plural(n) : "", phrase->behind) < 0)
        tg_own(NULL);
    json_object_set_new(key, phrase->text, json_string(longer));
    free(longer);
}

/* "suspicious_pattern=pause, …": what its policy says of events. */
static void
add_responses(json_t *key)
{
    const char *type;
    json_t *action;

    json_object_foreach(json_object_get(key, "responses"), type, action)
    {
        const char *text = tg_noun_text(key, "responses_text");
        char *longer = NULL;

        if (!json_is_string(action))
            continue;
        if (asprintf(&longer, "%s%s%s=%s", text, *text != '\0' ? ", " : "",
                     type, json_string_value(action)) < 0)
            tg_own(NULL);
        json_object_set_new(key, "responses_text", json_string(longer));
        free(longer);
    }
}

/* What the gate itself did with the key, because of which event. */
static void
add_response(json_t *key)
{
    const json_t *response = json_object_get(key, "response");
    const char *until = tg_noun_text(response, "until");
    bool is_pause = strcmp(tg_noun_text(response, "action"), "pause") == 0;
    char *text = NULL;

    if (!json_is_object(response))
        return;
    if (asprintf(&text, "%s since %s%s%s because of %s; keys resume ends it",
                 is_pause ? "paused" : "throttled",
                 tg_noun_text(response, "at"), *until != '\0' ? " until " : "",
                 until, tg_noun_text(response, "event_id")) < 0)
        tg_own(NULL);
    json_object_set_new(key, "response_text", json_string(text));
    free(text);
}

static void
print_page(const struct tg_cli *cli, const json_t *key)
{
    bool is_restricted = strcmp(tg_noun_text(key, "kind"), "restricted") == 0;
    json_t *shown = tg_own(json_copy((json_t *)key));
    const json_t *models = json_object_get(key, "models");
    size_t i;

    for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        add_phrase(shown, &phrases[i]);
    add_responses(shown);
    add_response(shown);
    if (json_array_size(models) > 0)
        json_object_set(shown, "models_text", (json_t *)models);
    else
        json_object_set_new(
            shown, "models_text",
            json_string(is_restricted ? "none" : "all that its kind may use"));
    tg_table_page(cli, page_columns, shown);
    json_decref(shown);
}

/* What is in files is not shown, too. */
static int
print_delivered(const struct tg_cli *cli, const json_t *key)
{
    json_t *shown = tg_own(json_copy((json_t *)key));

    json_object_del(shown, "key");
    if (cli->is_json)
        tg_table_json(shown);
    else if (cli->is_quiet)
        printf("%s\n", tg_noun_text(key, "id"));
    else
        print_page(cli, shown);
    json_decref(shown);
    return TG_EXIT_OK;
}

/* The key itself is the one thing that cannot be asked for again. */
static int
print_secret(const struct tg_cli *cli, const json_t *key, const char *lost)
{
    const char *secret = tg_noun_text(key, "key");

    if (*secret == '\0')
        return tg_say_failed("the answer holds no key: is this tollgate older "
                             "or newer than its daemon?");
    if (cli->is_json) {
        tg_table_json(key);
    } else if (cli->is_quiet) {
        printf("%s\n", secret);
    } else {
        print_page(cli, key);
        printf("\n    %s\n\n", secret);
    }
    if (fflush(stdout) != 0)
        return tg_say_failed("the new secret of %s could not be printed and is "
                             "lost: tollgate keys %s %s --yes",
                             tg_noun_text(key, "id"), lost,
                             tg_noun_text(key, "id"));
    if (!cli->is_json)
        tg_say_note(cli, "This is the only time the key is shown: put it "
                         "where the program reads it.");
    return TG_EXIT_OK;
}

int
tg_keys_print_secret(const struct tg_cli *cli, const json_t *key,
                     const char *lost)
{
    int rc;

    if (!tg_to_files_wanted(cli) || *tg_noun_text(key, "key") == '\0')
        return print_secret(cli, key, lost);
    rc = tg_to_files_write(cli, key);
    if (rc == TG_EXIT_OK)
        return print_delivered(cli, key);
    (void)print_secret(cli, key, lost);
    return rc;
}

/* prod_search_20261126: of its two words, and of today in UTC. */
static int
add_styled_name(const struct tg_cli *cli, json_t *body)
{
    const char *environment = tg_args_value(cli, "environment");
    const char *purpose = tg_args_value(cli, "purpose");
    char today[TG_WHEN_SIZE], *name;

    if (!tg_args_has(cli, "name-style")) {
        if (environment == NULL && purpose == NULL)
            return TG_EXIT_OK;
        return tg_say_usage(cli, "--environment and --purpose go with "
                                 "--name-style");
    }
    json_object_set_new(body, "name_style",
                        json_string("environment_purpose_date"));
    if (tg_args_has(cli, "name") && environment == NULL && purpose == NULL)
        return TG_EXIT_OK;
    if (tg_args_has(cli, "name") || environment == NULL || purpose == NULL)
        return tg_say_usage(cli, "--name-style needs --environment and "
                                 "--purpose, or a --name of that style");
    tg_instant_text(cli->now_ms, today);
    if (asprintf(&name, "%s_%s_%.4s%.2s%.2s", environment, purpose, today,
                 today + 5, today + 8) < 0)
        tg_own(NULL);
    json_object_set_new(body, "name", json_string(name));
    free(name);
    return TG_EXIT_OK;
}

int
tg_keys_create(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", NULL};
    json_t *body = tg_request_body(cli), *key = NULL;
    int rc = add_styled_name(cli, body);

    if (rc == TG_EXIT_OK && json_object_get(body, "name") == NULL)
        rc = tg_noun_require(cli, needed);
    if (rc == TG_EXIT_OK)
        rc = tg_to_files_check(cli);
    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "POST", "/keys", body, &key);
    json_decref(body);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_keys_print_secret(cli, key, "disable");
    json_decref(key);
    return rc;
}

int
tg_keys_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/keys", list_columns,
        "There are no such keys. Make one: tollgate keys create --name NAME",
        true, 0};

    return tg_list_run(cli, &list);
}

void
tg_keys_print(const struct tg_cli *cli, const json_t *key)
{
    struct tg_table secrets;

    print_page(cli, key);
    putchar('\n');
    tg_table_init(&secrets, cli, secret_columns);
    tg_table_rows(&secrets, json_object_get(key, "secrets"));
    tg_keys_say_old(cli, key);
}

int
tg_keys_show(struct tg_cli *cli)
{
    char *path = tg_request_path("keys", cli->operand, "");
    json_t *key;
    int rc = tg_client_call(cli, "GET", path, NULL, &key);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(key);
    else
        tg_keys_print(cli, key);
    json_decref(key);
    return TG_EXIT_OK;
}

int
tg_keys_update(struct tg_cli *cli)
{
    static const struct tg_act act = {
        "PATCH", "keys", "", "is changed, from its next call on", NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --rpm 60");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_keys_pause(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "keys", "/pause",
                                      "is paused: its calls are refused until "
                                      "it is resumed",
                                      NULL};

    return tg_noun_act(cli, &act, NULL);
}

int
tg_keys_resume(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "keys", "/resume",
                                      "is resumed; its status is", "status"};

    return tg_noun_act(cli, &act, NULL);
}

/* Asks a question that has the key's ID and its name. */
static int
confirm(struct tg_cli *cli, const char *verb, const char *consequence)
{
    char *path;
    json_t *key;
    int rc;

    if (cli->is_yes)
        return TG_EXIT_OK;
    path = tg_request_path("keys", cli->operand, "");
    rc = tg_client_call(cli, "GET", path, NULL, &key);
    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_say_confirm(cli, "%s %s (%s) for good? %s", verb, cli->operand,
                        tg_noun_text(key, "name"), consequence);
    json_decref(key);
    return rc;
}

int
tg_keys_disable(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "keys", "/disable", "is disabled",
                                      NULL};
    int rc = confirm(cli, "Disable",
                     "Its calls are refused from now on, and it cannot be "
                     "resumed.");

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_keys_delete(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "keys", "", "is deleted", NULL};
    int rc = confirm(cli, "Delete",
                     "Its calls are refused from now on; what it did stays in "
                     "the call log.");

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}
