#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "glyph.h"
#include "nouns.h"
#include "request.h"
#include "table.h"

static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};

const struct tg_option tg_keys_check_options[] = {
    {"scope", "SCOPE", "may it call this", TG_VALUE_TEXT, "scope", scopes},
    {"model", "MODEL", "may it use this model", TG_VALUE_TEXT, "model", NULL},
    {"endpoint", "ROUTE", "e.g. \"POST /v1/chat/completions\"", TG_VALUE_TEXT,
     "endpoint", NULL},
    {"ip", "ADDR", "from this address", TG_VALUE_TEXT, "ip", NULL},
    {"referrer", "URL", "from this page", TG_VALUE_TEXT, "referrer", NULL},
    {"at", "INSTANT", "then: a date, 2026-11-21T08:00:00Z; now", TG_VALUE_TEXT,
     "at", NULL},
    {0},
};

static const struct tg_column columns[] = {
    {"OK", "mark", TG_CELL_TEXT, NULL, 0},
    {"CHECK", "name", TG_CELL_TEXT, NULL, 0},
    {"SAYS", "message", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* A word beside the sign, for who sees neither signs nor colours. */
static const char *
mark_of(const json_t *check)
{
    const json_t *ok = json_object_get(check, "ok");

    if (json_is_true(ok))
        return "✓ yes";
    return json_is_false(ok) ? "✗ no" : "- not asked";
}

static void
print_checks(const struct tg_cli *cli, json_t *checks)
{
    struct tg_table table;
    json_t *check;
    size_t i;

    json_array_foreach(checks, i, check)
        json_object_set_new(check, "mark", json_string(mark_of(check)));
    tg_table_init(&table, cli, columns);
    tg_table_rows(&table, checks);
}

static void
print_safe(const char *before, const char *text, const char *behind)
{
    char *safe = tg_glyph_safe(text);

    printf("%s%s%s", before, safe, behind);
    free(safe);
}

/* "It may not: missing are the scope chat, money." and how to mend that. */
static void
print_verdict(const json_t *answer)
{
    const json_t *checks = json_object_get(answer, "checks"), *item;
    const char *before = "missing: ", *cure;
    size_t i;

    json_array_foreach(json_object_get(answer, "missing"), i, item)
    {
        print_safe(before, json_string_value(item), "");
        before = ", ";
    }
    putchar('\n');
    json_array_foreach(checks, i, item)
    {
        cure = json_string_value(json_object_get(item, "cure"));
        if (cure != NULL)
            print_safe("    ", cure, "\n");
    }
}

static void
print_answer(const struct tg_cli *cli, const json_t *answer)
{
    bool is_allowed = json_is_true(json_object_get(answer, "allowed"));

    if (cli->is_json) {
        tg_table_json(answer);
        return;
    }
    if (cli->is_quiet)
        return;
    print_checks(cli, json_object_get(answer, "checks"));
    print_safe("\n", cli->operand,
               is_allowed ? ": nothing is in the way of such a call\n"
                          : ": such a call is refused; ");
    if (!is_allowed)
        print_verdict(answer);
}

int
tg_keys_check(struct tg_cli *cli)
{
    char *path = tg_request_path("keys", cli->operand, "/check"), *target;
    json_t *answer;
    int rc = tg_request_target(cli, path, &target);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_client_call(cli, "GET", target, NULL, &answer);
    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    print_answer(cli, answer);
    rc = json_is_true(json_object_get(answer, "allowed")) ? TG_EXIT_OK
                                                          : TG_EXIT_FAILED;
    json_decref(answer);
    return rc;
}
