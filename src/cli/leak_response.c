#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "leak_usage.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "request.h"
#include "say.h"
#include "secrets_file.h"
#include "table.h"
#include "when.h"

const struct tg_option tg_leak_respond_options[] = {
    {"leaked-at", "WHEN", "calls from then on do not say what the new key may",
     TG_VALUE_WHEN, NULL, NULL},
    {"end-sessions", NULL, "end sessions and tokens of the account's operators",
     TG_VALUE_SWITCH, NULL, NULL},
    {"again", NULL, "though there is a new key in its place already",
     TG_VALUE_SWITCH, NULL, NULL},
    {"secrets", "FILE", "write the new secret there, and do not print it",
     TG_VALUE_TEXT, NULL, NULL},
    {"dry-run", NULL, "show what it would do and change nothing",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column policy_columns[] = {
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"Scopes", "scopes", TG_CELL_LIST, "none", 0},
    {"Models", "models", TG_CELL_LIST, NULL, 0},
    {"From networks", "allowed_ips", TG_CELL_LIST, "any", 0},
    {"Requests/minute", "limits.requests_per_minute", TG_CELL_TEXT, "no limit",
     0},
    {"Requests/day", "limits.requests_per_day", TG_CELL_TEXT, "no limit", 0},
    {"Tokens/minute", "limits.tokens_per_minute", TG_CELL_TEXT, "no limit", 0},
    {"Budget a day", "budget.daily", TG_CELL_TEXT, "none", 0},
    {"Budget a month", "budget.monthly", TG_CELL_TEXT, "none", 0},
    {"Expires", "expires_at", TG_CELL_WHEN, "never", 0},
    {0},
};

static int
body_of(struct tg_cli *cli, json_t **body)
{
    const char *leaked = tg_args_value(cli, "leaked-at");
    char text[TG_WHEN_SIZE];
    int64_t at_ms;

    *body = json_object();
    if (tg_args_has(cli, "end-sessions"))
        json_object_set_new(*body, "end_sessions", json_true());
    if (tg_args_has(cli, "again"))
        json_object_set_new(*body, "again", json_true());
    if (leaked == NULL)
        return TG_EXIT_OK;
    if (!tg_when_parse(leaked, NULL, cli->now_ms, &at_ms))
        return tg_say_usage(cli, "--leaked-at takes an instant, a date, or a "
                                 "time back from now such as 12h");
    tg_instant_text(at_ms, text);
    json_object_set_new(*body, "leaked_at", json_string(text));
    return TG_EXIT_OK;
}

static int
ask(struct tg_cli *cli, bool is_dry, json_t **answer)
{
    char *path = tg_request_path("keys", cli->operand,
                                 is_dry ? "/leak-response?dry_run=true"
                                        : "/leak-response");
    json_t *body;
    int rc = body_of(cli, &body);

    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "POST", path, body, answer);
    json_decref(body);
    free(path);
    return rc;
}

static void
print_plan(const struct tg_cli *cli, const json_t *answer)
{
    const json_t *text;
    size_t i;

    printf("In the place of %s comes a key that may\n\n", cli->operand);
    tg_table_page(cli, policy_columns, json_object_get(answer, "policy"));
    putchar('\n');
    fflush(stdout);
    json_array_foreach(json_object_get(answer, "notes"), i, text)
        tg_say_note(cli, "Note: %s.", json_string_value(text));
}

/* Nothing is done before it is seen. */
static int
show_first(struct tg_cli *cli, bool is_dry)
{
    json_t *answer;
    int rc;

    if (cli->is_yes && !is_dry)
        return TG_EXIT_OK;
    rc = ask(cli, true, &answer);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json && is_dry) {
        tg_table_json(answer);
    } else {
        print_plan(cli, answer);
        if (is_dry)
            tg_leak_usage_print(cli, json_object_get(answer, "usage"));
    }
    json_decref(answer);
    if (is_dry)
        return rc;
    return tg_say_confirm(cli, "Disable %s for good, and make this one?",
                          cli->operand);
}

/* The new secret goes to a file, or is shown this one time. */
static int
hand_over(const struct tg_cli *cli, struct tg_secrets_file *file,
          const json_t *answer)
{
    const json_t *made = json_object_get(answer, "replacement");
    const char *id = tg_noun_text(made, "id");
    int rc;

    if (file == NULL) {
        if (!cli->is_json)
            printf("\n    %s\n\n", tg_noun_text(made, "key"));
        return TG_EXIT_OK;
    }
    rc = tg_secrets_add(file, tg_noun_text(made, "account_id"),
                        tg_noun_text(made, "name"), id,
                        tg_noun_text(made, "key"));
    if (rc == TG_EXIT_OK)
        rc = tg_secrets_sync(file);
    json_object_del((json_t *)made, "key");
    if (rc != TG_EXIT_OK)
        tg_say_failed("%s was made, but its secret is lost: tollgate keys "
                      "rotate %s",
                      id, id);
    return rc;
}

static void
print_done(const struct tg_cli *cli, const struct tg_secrets_file *file,
           const json_t *answer)
{
    const json_t *ended = json_object_get(answer, "ended");
    size_t operators = json_array_size(json_object_get(ended, "operators")),
           tokens = json_array_size(json_object_get(ended, "tokens"));
    json_int_t places =
        json_integer_value(json_object_get(answer, "deliveries"));

    printf("%s is disabled; %s is in its place.\n", cli->operand,
           tg_noun_text(answer, "replacement.id"));
    if (tg_args_has(cli, "end-sessions"))
        printf("Ended: sessions and tokens of %zu operator%s, %zu token%s of "
               "others.\n",
               operators, tg_plural(operators), tokens, tg_plural(tokens));
    tg_leak_usage_print(cli, json_object_get(answer, "usage"));
    if (places > 0)
        printf("The new secret is on its way to %lld place%s: tollgate sinks "
               "deliveries.\n",
               (long long)places, tg_plural(places));
    if (file == NULL)
        tg_say_note(cli, "This is the only time the new key is shown: put it "
                         "where the program reads it.");
    else
        tg_say_note(cli, "The new secret stands in %s.", tg_secrets_path(file));
    tg_say_note(cli,
                "What was done with the old one, again or as CSV: "
                "tollgate leak show %s --csv",
                cli->operand);
}

static int
respond(struct tg_cli *cli, struct tg_secrets_file *file)
{
    json_t *answer;
    int rc = ask(cli, false, &answer), written;

    if (rc != TG_EXIT_OK)
        return rc;
    written = hand_over(cli, file, answer);
    if (cli->is_json)
        tg_table_json(answer);
    else
        print_done(cli, file, answer);
    json_decref(answer);
    if (fflush(stdout) != 0 && file == NULL)
        return tg_say_failed("the new key could not be printed and is lost: "
                             "tollgate leak respond %s --again",
                             cli->operand);
    return written;
}

int
tg_leak_respond(struct tg_cli *cli)
{
    const char *path = tg_args_value(cli, "secrets");
    bool is_dry = tg_args_has(cli, "dry-run");
    struct tg_secrets_file *file = NULL;
    int rc = TG_EXIT_OK;

    if (path != NULL && !is_dry)
        rc = tg_secrets_open(&file, path);
    if (rc == TG_EXIT_OK)
        rc = show_first(cli, is_dry);
    if (rc == TG_EXIT_OK && !is_dry)
        rc = respond(cli, file);
    tg_secrets_close(file);
    return rc;
}
