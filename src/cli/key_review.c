#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "key_plan.h"
#include "nouns.h"
#include "own.h"
#include "plural.h"
#include "say.h"
#include "table.h"

static const char *const severities[] = {"warning", "info", NULL};

const struct tg_option tg_keys_review_options[] = {
    {"account", "ACCOUNT", "only keys of this account: id or name",
     TG_VALUE_TEXT, NULL, NULL},
    {"unused", "DAYS", "used is what was used within so many days; 90d",
     TG_VALUE_DAYS, NULL, NULL},
    {"rotated", "DAYS", "a secret is old after so many days; 90d",
     TG_VALUE_DAYS, NULL, NULL},
    {"severity", "SEVERITY", "only findings of at least this: warning, info",
     TG_VALUE_TEXT, NULL, severities},
    {"networks", NULL, "propose the networks that calls came from",
     TG_VALUE_SWITCH, NULL, NULL},
    {"expires", "WHEN", "with --apply, the end of keys that have none",
     TG_VALUE_TEXT, NULL, NULL},
    {"pause-unused", NULL, "with --apply, pause keys that nobody uses",
     TG_VALUE_SWITCH, NULL, NULL},
    {"apply", NULL, "show what would be narrowed, ask, and do it",
     TG_VALUE_SWITCH, NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {0},
};

static const struct tg_column columns[] = {
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "key_name", TG_CELL_TEXT, NULL, 24},
    {"SEVERITY", "severity", TG_CELL_STATUS, NULL, 0},
    {"FINDING", "code", TG_CELL_TEXT, NULL, 0},
    {"WHAT", "message", TG_CELL_TEXT, NULL, 72},
    {0},
};

static const struct tg_column csv_columns[] = {
    {"key_id", "key_id", TG_CELL_TEXT, NULL, 0},
    {"key_name", "key_name", TG_CELL_TEXT, NULL, 0},
    {"account_id", "account_id", TG_CELL_TEXT, NULL, 0},
    {"owner", "owner", TG_CELL_TEXT, NULL, 0},
    {"last_used_at", "last_used_at", TG_CELL_WHEN, NULL, 0},
    {"requests", "requests", TG_CELL_COUNT, NULL, 0},
    {"severity", "severity", TG_CELL_TEXT, NULL, 0},
    {"finding", "code", TG_CELL_TEXT, NULL, 0},
    {"message", "message", TG_CELL_TEXT, NULL, 0},
    {"command", "command", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* A review on its way through the pages. */
struct reviewing {
    struct tg_cli *cli;
    struct tg_key_plan plan;
    struct tg_table table;
    json_t *all; /* with --json */
    size_t keys, found_keys, findings;
    bool is_csv, applies;
};

static json_t *
finding_of(const json_t *review, const char *code)
{
    const json_t *list = json_object_get(review, "findings");
    json_t *finding;
    size_t i;

    json_array_foreach((json_t *)list, i, finding)
    {
        if (strcmp(tg_noun_text(finding, "code"), code) == 0)
            return finding;
    }
    return NULL;
}

/* The findings as rows, each with what it says of its key. */
static json_t *
rows_of(const struct tg_cli *cli, const json_t *review)
{
    const char *least = tg_args_value(cli, "severity");
    bool warnings = least != NULL && strcmp(least, "warning") == 0;
    json_t *rows = tg_own(json_array()), *finding;
    size_t i, j;

    json_array_foreach(json_object_get(review, "findings"), i, finding)
    {
        if (warnings &&
            strcmp(tg_noun_text(finding, "severity"), "warning") != 0)
            continue;
        for (j = 0; csv_columns[j].title != NULL; j++) {
            const char *member = csv_columns[j].member;

            if (json_object_get(finding, member) == NULL)
                json_object_set(finding, member,
                                json_object_get(review, member));
        }
        json_array_append(rows, finding);
    }
    return rows;
}

static void
print(struct reviewing *all, const json_t *rows)
{
    const json_t *finding;
    size_t i;

    if (all->is_csv) {
        tg_table_csv_rows(all->cli, csv_columns, rows);
        return;
    }
    if (json_array_size(rows) > 0)
        tg_table_rows(&all->table, rows);
    /* Of one key, also what to do about it. */
    if (all->cli->operand == NULL || all->applies)
        return;
    fflush(stdout);
    json_array_foreach((json_t *)rows, i, finding)
        tg_say_note(all->cli, "%s: %s", tg_noun_text(finding, "code"),
                    tg_noun_text(finding, "command"));
}

/* Who pauses a key has no need to narrow it as well. */
static int
plan(struct reviewing *all, const json_t *review)
{
    const char *expires = tg_args_value(all->cli, "expires");
    json_t *patch = json_deep_copy(json_object_get(review, "proposal"));
    bool is_unused = finding_of(review, "unused") != NULL ||
                     finding_of(review, "never_used") != NULL;
    bool pauses = is_unused && tg_args_has(all->cli, "pause-unused");

    if (pauses)
        json_object_clear(patch);
    if (!pauses && expires != NULL && finding_of(review, "no_expiry") != NULL)
        json_object_set_new(patch, "expires_at", json_string(expires));
    if (!pauses && json_object_size(patch) == 0) {
        json_decref(patch);
        return TG_EXIT_OK;
    }
    return tg_key_plan_add(&all->plan, tg_noun_text(review, "key_id"), patch,
                           pauses);
}

static int
take(struct reviewing *all, json_t *review)
{
    json_t *rows = rows_of(all->cli, review);
    int rc = TG_EXIT_OK;

    all->keys++;
    all->found_keys += json_array_size(rows) > 0;
    all->findings += json_array_size(rows);
    if (all->applies)
        rc = plan(all, review);
    else if (all->cli->is_json)
        json_array_append(all->all, review);
    else
        print(all, rows);
    json_decref(rows);
    return rc;
}

static void
add_argument(char **target, const char *name, const char *value)
{
    char *escaped = tg_client_escape(value), *longer;

    if (asprintf(&longer, "%s%c%s=%s", *target,
                 strchr(*target, '?') != NULL ? '&' : '?', name, escaped) < 0)
        tg_own(NULL);
    free(escaped);
    free(*target);
    *target = longer;
}

static char *
target_of(const struct tg_cli *cli, const char *after)
{
    const char *account = tg_args_value(cli, "account");
    const char *unused = tg_args_value(cli, "unused");
    const char *rotated = tg_args_value(cli, "rotated");
    char *target = tg_own(strdup("/keys/review?limit=1000")), days[24];

    if (cli->operand != NULL)
        add_argument(&target, "key", cli->operand);
    if (account != NULL)
        add_argument(&target, "account", account);
    snprintf(days, sizeof(days), "%lld",
             unused != NULL ? strtoll(unused, NULL, 10) : 90);
    add_argument(&target, "unused_days", days);
    snprintf(days, sizeof(days), "%lld",
             rotated != NULL ? strtoll(rotated, NULL, 10) : 90);
    add_argument(&target, "rotated_days", days);
    if (tg_args_has(cli, "networks"))
        add_argument(&target, "networks", "true");
    if (*after != '\0')
        add_argument(&target, "after", after);
    return target;
}

static int
take_page(struct reviewing *all, const char *after, char **next)
{
    char *target = target_of(all->cli, after);
    json_t *page, *review;
    size_t i;
    int rc = tg_client_call(all->cli, "GET", target, NULL, &page);

    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    json_array_foreach(json_object_get(page, "data"), i, review)
    {
        rc = take(all, review);
        if (rc != TG_EXIT_OK || tg_stop_asked())
            break;
        tg_progress(all->cli, "keys", all->keys, 0);
    }
    *next = tg_own(strdup(tg_noun_text(page, "next")));
    json_decref(page);
    return rc;
}

static int
take_all(struct reviewing *all)
{
    char *after = tg_own(strdup("")), *next;
    int rc;

    tg_stop_watch();
    do {
        next = NULL;
        rc = take_page(all, after, &next);
        free(after);
        after = next;
    } while (rc == TG_EXIT_OK && *after != '\0' && !tg_stop_asked());
    free(after);
    if (rc == TG_EXIT_OK && tg_stop_asked())
        rc = tg_say_failed("interrupted after %zu key%s; nothing was changed",
                           all->keys, tg_plural(all->keys));
    tg_stop_unwatch();
    return rc;
}

static void
print_end(const struct reviewing *all)
{
    json_t *list;

    if (all->cli->is_json) {
        list = tg_own(json_pack("{s:s,s:O,s:b,s:n}", "object", "list", "data",
                                all->all, "has_more", 0, "next"));
        tg_table_json(list);
        json_decref(list);
    } else if (!all->is_csv) {
        fflush(stdout);
        tg_say_note(all->cli,
                    "Keys in force that were looked at: %zu. Findings: %zu, "
                    "about %zu of them.%s",
                    all->keys, all->findings, all->found_keys,
                    all->findings > 0 && all->cli->operand == NULL
                        ? " What to do about one: tollgate keys review ID."
                        : "");
    }
}

static bool
has_only_with_apply(const struct tg_cli *cli)
{
    return !tg_args_has(cli, "apply") &&
           (tg_args_has(cli, "expires") || tg_args_has(cli, "pause-unused"));
}

int
tg_keys_review(struct tg_cli *cli)
{
    struct reviewing all = {
        .cli = cli,
        .plan = {.cli = cli},
        .is_csv = tg_args_has(cli, "csv"),
        .applies = tg_args_has(cli, "apply"),
    };
    int rc;

    if (has_only_with_apply(cli))
        return tg_say_usage(cli, "--expires and --pause-unused stand beside "
                                 "--apply");
    if (all.applies && all.is_csv)
        return tg_say_usage(cli, "--apply shows a plan, which is no CSV");
    all.all = tg_own(json_array());
    tg_table_init(&all.table, cli, columns);
    if (all.is_csv && !cli->is_json)
        tg_table_csv_head(csv_columns);
    rc = take_all(&all);
    if (rc == TG_EXIT_OK && !all.applies)
        print_end(&all);
    if (rc == TG_EXIT_OK && all.applies)
        rc = tg_key_plan_run(&all.plan);
    tg_key_plan_release(&all.plan);
    json_decref(all.all);
    return rc;
}
