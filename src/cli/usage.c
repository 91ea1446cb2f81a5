#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "glyph.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "usage_ask.h"
#include "usage_view.h"
#include "when.h"

static const char *const groups[] = {
    "day",     "hour",  "15m",   "week",     "month",    "total",  "key",
    "account", "model", "scope", "endpoint", "upstream", "status", NULL};

static const char *const periods[] = {"today", "yesterday",  "week",
                                      "month", "last-month", NULL};

static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};

const struct tg_option tg_usage_options[] = {
    {"key", "ID", "only calls of this key", TG_VALUE_TEXT, "key", NULL},
    {"account", "ACCOUNT", "only calls of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"model", "MODEL", "only calls of this model", TG_VALUE_TEXT, "model",
     NULL},
    {"scope", "SCOPE", "only calls of this scope's endpoints", TG_VALUE_TEXT,
     "scope", scopes},
    {"upstream", "UPSTREAM", "only calls that went there: id or name",
     TG_VALUE_TEXT, "upstream", NULL},
    {"status", "STATUS", "only calls answered with this HTTP status",
     TG_VALUE_COUNT, "status", NULL},
    {"since", "WHEN", "from here: 15m, 168h, 7d, a date, an instant; 30d",
     TG_VALUE_WHEN, "since", NULL},
    {"until", "WHEN", "up to here, not included; now", TG_VALUE_WHEN, "until",
     NULL},
    {"period", "PERIOD",
     "in place of both: today, yesterday, week, month, last-month",
     TG_VALUE_TEXT, NULL, periods},
    {"by", "GROUP",
     "a row for each: 15m, hour, day, week, month; total, key, account, "
     "model, scope, endpoint, upstream, status; or both: day,model",
     TG_VALUE_WORDS, NULL, groups},
    {"timezone", "ZONE", "where days begin; UTC", TG_VALUE_TEXT, "timezone",
     NULL},
    {"fill", NULL, "rows for days (hours, …) without calls, too",
     TG_VALUE_SWITCH, "fill", NULL},
    {"wide", NULL, "all columns, also wider than a screen", TG_VALUE_SWITCH,
     NULL, NULL},
    {"csv", NULL, "print CSV, safe to open in a spreadsheet", TG_VALUE_SWITCH,
     NULL, NULL},
    {"plot", "FILE", "draw it: FILE.png, FILE.svg, or - for a terminal",
     TG_VALUE_TEXT, NULL, NULL},
    {"size", "WxH", "of the picture, in pixels; 1600x1200", TG_VALUE_TEXT, NULL,
     NULL},
    {0},
};

/* Of all calls there were none, or of those that were asked for. */
static void
print_empty(const struct tg_cli *cli, const json_t *usage)
{
    static const char *const filters[] = {"key",   "account",  "model",
                                          "scope", "upstream", "status"};
    char *from = tg_glyph_safe(tg_noun_text(usage, "from"));
    char *to = tg_glyph_safe(tg_noun_text(usage, "to"));
    bool is_part = false;

    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        is_part = is_part || tg_args_has(cli, filters[i]);
    printf("There were no %scalls from %s to %s. %s\n", is_part ? "such " : "",
           *from != '\0' ? from : "the beginning", *to != '\0' ? to : "now",
           is_part ? "What was refused is no call: tollgate denials list"
                   : "Make one with a key of: tollgate keys create --name "
                     "NAME");
    free(from);
    free(to);
}

static bool
is_of_nothing(const json_t *usage)
{
    const json_t *total = json_object_get(usage, "total");

    return json_array_size(json_object_get(usage, "rows")) == 0 ||
           json_integer_value(json_object_get(total, "requests")) == 0;
}

static void
print_usage(struct tg_cli *cli, struct tg_usage_view *view, json_t *usage)
{
    if (cli->is_json) {
        tg_table_json(usage);
    } else if (tg_args_has(cli, "csv")) {
        tg_table_csv_head(view->columns);
        tg_table_csv_rows(cli, view->columns, json_object_get(usage, "rows"));
    } else if (is_of_nothing(usage) && !tg_args_has(cli, "fill")) {
        print_empty(cli, usage);
    } else {
        tg_usage_view_table(cli, view, usage);
    }
}

static int
put_period(struct tg_cli *cli, FILE *out)
{
    const char *period = tg_args_value(cli, "period");
    char since[TG_DATE_SIZE], until[TG_DATE_SIZE];

    if (period == NULL)
        return TG_EXIT_OK;
    if (tg_args_has(cli, "since") || tg_args_has(cli, "until"))
        return tg_say_usage(cli, "--period stands in place of --since and "
                                 "--until");
    tg_period_dates(period, tg_args_value(cli, "timezone"), cli->now_ms, since,
                    until);
    fprintf(out, "&since=%s", since);
    if (*until != '\0')
        fprintf(out, "&until=%s", until);
    return TG_EXIT_OK;
}

int
tg_usage_target(struct tg_cli *cli, const char *path, const char *more,
                char **target)
{
    char *text = NULL, *options;
    int rc = tg_request_target(cli, path, &options);
    size_t size;
    FILE *out;

    if (rc != TG_EXIT_OK)
        return rc;
    out = tg_own(open_memstream(&text, &size));
    fprintf(out, "%s%s%s", options, strchr(options, '?') ? "&" : "?", more);
    free(options);
    rc = put_period(cli, out);
    if (fclose(out) != 0)
        tg_own(NULL);
    if (rc != TG_EXIT_OK)
        free(text);
    else
        *target = text;
    return rc;
}

/* What a table needs. */
static int
find_target(struct tg_cli *cli, const char *by, bool has_latency, char **target)
{
    char *more = NULL;
    int rc;

    if (asprintf(&more, "by=%s%s", by, has_latency ? "" : "&latency=false") < 0)
        tg_own(NULL);
    rc = tg_usage_target(cli, "/usage", more, target);
    free(more);
    return rc;
}

int
tg_usage_show(struct tg_cli *cli)
{
    const char *by = tg_args_value(cli, "by");
    bool is_whole = cli->is_json || tg_args_has(cli, "csv");
    struct tg_usage_view view;
    char *target;
    json_t *usage;
    int rc;

    if (tg_args_has(cli, "plot") || tg_args_has(cli, "size"))
        return tg_usage_plot(cli);
    by = by != NULL ? by : "day";
    tg_usage_view_init(&view, by, is_whole || tg_args_has(cli, "wide"));
    rc = find_target(cli, by, tg_usage_view_has_latency(&view), &target);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_client_call(cli, "GET", target, NULL, &usage);
    free(target);
    if (rc != TG_EXIT_OK)
        return rc;
    print_usage(cli, &view, usage);
    json_decref(usage);
    return TG_EXIT_OK;
}
