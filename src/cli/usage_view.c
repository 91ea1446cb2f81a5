#include "usage_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "decimal.h"
#include "glyph.h"
#include "nouns.h"
#include "table.h"
#include "when.h"

#define NANO_PLACES 9
#define NAME_LEAST 10 /* of a name beside its id, where there is no room */
#define USUAL_COLUMNS 80
#define GAP 2

/* What the rows of each way to ask are named by. */
static const struct group {
    const char *by;
    struct tg_column id, name; /* name: no title when it has none */
    bool is_time, is_instant;
    bool is_long; /* and leaves room for little else */
} groups[] = {
    {.by = "15m",
     .id = {"QUARTER_HOUR", "quarter_hour", TG_CELL_TEXT, NULL, 0},
     .is_time = true,
     .is_instant = true,
     .is_long = true},
    {.by = "hour",
     .id = {"HOUR", "hour", TG_CELL_TEXT, NULL, 0},
     .is_time = true,
     .is_instant = true,
     .is_long = true},
    {.by = "day", .id = {"DAY", "day", TG_CELL_TEXT, NULL, 0}, .is_time = true},
    {.by = "week",
     .id = {"WEEK_FROM", "week", TG_CELL_TEXT, NULL, 0},
     .is_time = true},
    {.by = "month",
     .id = {"MONTH", "month", TG_CELL_TEXT, NULL, 0},
     .is_time = true},
    {.by = "key",
     .id = {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
     .name = {"NAME", "key_name", TG_CELL_TEXT, NULL, 24},
     .is_long = true},
    {.by = "account",
     .id = {"ACCOUNT", "account_id", TG_CELL_TEXT, NULL, 0},
     .name = {"NAME", "account_name", TG_CELL_TEXT, NULL, 24},
     .is_long = true},
    {.by = "model", .id = {"MODEL", "model", TG_CELL_TEXT, "(none)", 32}},
    {.by = "scope", .id = {"SCOPE", "scope", TG_CELL_TEXT, "(none)", 0}},
    {.by = "endpoint",
     .id = {"ENDPOINT", "endpoint", TG_CELL_TEXT, "(none)", 0},
     .is_long = true},
    {.by = "upstream",
     .id = {"UPSTREAM", "upstream_id", TG_CELL_TEXT, "(none)", 0},
     .name = {"NAME", "upstream_name", TG_CELL_TEXT, NULL, 24},
     .is_long = true},
    {.by = "status", .id = {"STATUS", "status", TG_CELL_TEXT, NULL, 0}},
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* What is not needed for most is shown where it is not 0. */
enum { ALWAYS, USUAL, WIDE, IF_ANY };

static const struct figure {
    struct tg_column column;
    int when;
} figures[] = {
    {{"REQUESTS", "requests", TG_CELL_COUNT, NULL, 0}, ALWAYS},
    {{"ERRORS", "errors", TG_CELL_COUNT, NULL, 0}, ALWAYS},
    {{"ERR_RATE", "error_rate", TG_CELL_SHARE, NULL, 0}, USUAL},
    {{"SUCCESS", "success_rate", TG_CELL_SHARE, NULL, 0}, WIDE},
    {{"PROMPT", "prompt_tokens", TG_CELL_COUNT, NULL, 0}, WIDE},
    {{"CACHE_HIT", "prompt_cache_hit_tokens", TG_CELL_COUNT, NULL, 0}, WIDE},
    {{"CACHE_MISS", "prompt_cache_miss_tokens", TG_CELL_COUNT, NULL, 0}, WIDE},
    {{"HIT_RATE", "cache_hit_rate", TG_CELL_SHARE, NULL, 0}, WIDE},
    {{"COMPLETION", "completion_tokens", TG_CELL_COUNT, NULL, 0}, WIDE},
    {{"REASONING", "reasoning_tokens", TG_CELL_COUNT, NULL, 0}, WIDE},
    {{"TOKENS", "total_tokens", TG_CELL_COUNT, NULL, 0}, ALWAYS},
    {{"IMAGES", "images", TG_CELL_COUNT, NULL, 0}, IF_ANY},
    {{"AUDIO_S", "audio_seconds", TG_CELL_AMOUNT, NULL, 0}, IF_ANY},
    {{"CHARACTERS", "characters", TG_CELL_COUNT, NULL, 0}, IF_ANY},
    {{"P50", "latency_ms.p50", TG_CELL_MS, NULL, 0}, WIDE},
    {{"P95", "latency_ms.p95", TG_CELL_MS, NULL, 0}, USUAL},
    {{"P99", "latency_ms.p99", TG_CELL_MS, NULL, 0}, WIDE},
    {{"TTFT_P50", "ttft_ms.p50", TG_CELL_MS, NULL, 0}, WIDE},
    {{"TTFT_P95", "ttft_ms.p95", TG_CELL_MS, NULL, 0}, WIDE},
    {{"TTFT_P99", "ttft_ms.p99", TG_CELL_MS, NULL, 0}, WIDE},
    {{"PER_REQUEST", "cost_per_request", TG_CELL_COST, NULL, 0}, WIDE},
    {{"PER_1000_TOKENS", "cost_per_1000_tokens", TG_CELL_COST, NULL, 0}, WIDE},
    {{"COST", "cost", TG_CELL_COST, NULL, 0}, ALWAYS},
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

static const struct group *
group_named(const char *by, size_t len)
{
    for (size_t i = 0; i < GROUPS; i++) {
        if (strlen(groups[i].by) == len && memcmp(groups[i].by, by, len) == 0)
            return &groups[i];
    }
    return NULL;
}

/* Of two, what is of time stands first, and names stand for ids. */
static void
put_names(struct tg_usage_view *view, const struct group *const found[2],
          bool is_wide)
{
    bool has_both = found[0] != NULL && found[1] != NULL;

    for (int i = 0; i < 2; i++) {
        const struct group *group = found[i];
        bool has_name = group != NULL && group->name.title != NULL;
        bool has_id = group != NULL && (is_wide || !has_both || !has_name);

        if (has_id)
            view->columns[view->names++] = group->id;
        if (has_name) {
            view->columns[view->names] = group->name;
            if (!has_id)
                view->columns[view->names].title = group->id.title;
            else if (!is_wide)
                view->columns[view->names].width_max = NAME_LEAST;
            view->names++;
        }
        if (group != NULL && group->is_long && !is_wide)
            view->width = TG_USAGE_NARROW;
    }
}

void
tg_usage_view_init(struct tg_usage_view *view, const char *by, bool is_wide)
{
    const struct group *found[2] = {NULL, NULL}, *group;
    size_t n, len;

    *view = (struct tg_usage_view){.width = is_wide ? TG_USAGE_WIDE
                                                    : TG_USAGE_USUAL};
    for (;; by += len + 1) {
        len = strcspn(by, ",");
        group = group_named(by, len);
        if (group != NULL)
            found[group->is_time ? 0 : 1] = group;
        if (by[len] == '\0')
            break;
    }
    if (found[0] != NULL && found[1] != NULL && !is_wide)
        view->width = TG_USAGE_NARROW;
    view->is_by_time = found[0] != NULL;
    if (found[0] != NULL && found[0]->is_instant)
        view->instant = found[0]->id.member;
    put_names(view, found, is_wide);
    n = view->names;
    for (size_t i = 0; i < FIGURES; i++) {
        if (figures[i].when <= (int)view->width || figures[i].when == IF_ANY)
            view->columns[n++] = figures[i].column;
    }
}

bool
tg_usage_view_has_latency(const struct tg_usage_view *view)
{
    return view->width != TG_USAGE_NARROW;
}

static bool
is_zero(const json_t *total, const char *member)
{
    const json_t *value = json_object_get(total, member);

    if (json_is_string(value))
        return tg_decimal_is_zero(json_string_value(value));
    return json_integer_value(value) == 0;
}

/* Takes out what is 0 in all rows, unless everything is wanted. */
static void
drop_zeros(struct tg_usage_view *view, const json_t *total)
{
    struct tg_column *from = view->columns, *to = view->columns;

    for (; from->title != NULL; from++) {
        bool is_if_any = false;

        for (size_t i = 0; i < FIGURES; i++) {
            if (figures[i].when == IF_ANY &&
                strcmp(figures[i].column.member, from->member) == 0)
                is_if_any = true;
        }
        if (!is_if_any || view->width == TG_USAGE_WIDE ||
            !is_zero(total, from->member))
            *to++ = *from;
    }
    *to = *from;
}

static void
name_currency(struct tg_usage_view *view, const char *currency)
{
    struct tg_column *column = view->columns;

    if (*currency == '\0')
        return;
    while (column[1].title != NULL)
        column++;
    snprintf(view->cost, sizeof(view->cost), "COST_%s", currency);
    column->title = view->cost;
}

static void
put_instant(const json_t *usage, const char *member)
{
    char text[TG_WHEN_SIZE];
    int64_t at_ms;

    if (tg_instant_parse(tg_noun_text(usage, member), &at_ms)) {
        tg_instant_local(at_ms, tg_noun_text(usage, "timezone"), text);
        fputs(text, stdout);
    } else {
        fputs(*member == 'f' ? "the beginning" : "now", stdout);
    }
}

static void
put_head(const json_t *usage)
{
    char *zone = tg_glyph_safe(tg_noun_text(usage, "timezone"));
    char *currency = tg_glyph_safe(tg_noun_text(usage, "currency"));

    fputs("From ", stdout);
    put_instant(usage, "from");
    fputs(" to ", stdout);
    put_instant(usage, "to");
    printf(", %s; cost in %s\n\n", zone, currency);
    free(zone);
    free(currency);
}

/* Instants as they are on the clocks of the zone. */
static void
localize(json_t *rows, const char *member, const char *zone)
{
    char text[TG_WHEN_SIZE];
    int64_t at_ms;
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (!tg_instant_parse(tg_noun_text(row, member), &at_ms))
            continue;
        tg_instant_local(at_ms, zone, text);
        json_object_set_new(row, member, json_string(text));
    }
}

struct priced {
    json_t *row;
    int64_t nanos;
    size_t place;
};

static int
by_cost(const void *a, const void *b)
{
    const struct priced *x = a, *y = b;

    if (x->nanos != y->nanos)
        return x->nanos > y->nanos ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* What costs most stands first. */
static json_t *
sorted(const json_t *rows)
{
    size_t count = json_array_size(rows);
    struct priced *list = calloc(count + 1, sizeof(*list));
    json_t *result = json_array(), *row;
    size_t i;

    if (list == NULL)
        return result;
    json_array_foreach(rows, i, row)
    {
        list[i] = (struct priced){row, 0, i};
        tg_decimal_scaled(tg_noun_text(row, "cost"), NANO_PLACES,
                          &list[i].nanos);
    }
    qsort(list, count, sizeof(*list), by_cost);
    for (i = 0; i < count; i++)
        json_array_append(result, list[i].row);
    free(list);
    return result;
}

static size_t
terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return USUAL_COLUMNS;
}

static size_t
cell_width(const struct tg_cli *cli, const struct tg_column *column,
           const json_t *row)
{
    char *text = tg_cell_text(cli, column, row);
    size_t width = tg_glyph_width(text);

    free(text);
    return width;
}

/* A name beside its id has the room that the others leave.  Ids are all of a
 * length, and no figure is longer than that of the total, the last row. */
static void
fit_name(const struct tg_cli *cli, struct tg_usage_view *view,
         const json_t *rows)
{
    const json_t *last = json_array_get(rows, json_array_size(rows) - 1);
    const json_t *first = json_array_get(rows, 0);
    size_t used = 0, columns = terminal_columns();
    struct tg_column *column, *name = NULL;

    for (column = view->columns; column->title != NULL; column++) {
        size_t width = tg_glyph_width(column->title);
        size_t one = cell_width(cli, column, first);
        size_t other = cell_width(cli, column, last);

        if (column->width_max == NAME_LEAST) {
            name = column;
            continue;
        }
        width = one > width ? one : width;
        used += (other > width ? other : width) + GAP;
    }
    if (name != NULL && used + NAME_LEAST < columns)
        name->width_max = columns - used;
}

static void
put_rows(struct tg_cli *cli, struct tg_usage_view *view, const json_t *usage)
{
    json_t *total = json_deep_copy(json_object_get(usage, "total"));
    json_t *given = json_object_get(usage, "rows");
    json_t *rows = view->is_by_time ? json_incref(given) : sorted(given);
    struct tg_table table;
    size_t i;

    if (view->instant != NULL)
        localize(rows, view->instant, tg_noun_text(usage, "timezone"));
    if (json_is_object(total)) {
        for (i = 0; i < view->names; i++)
            json_object_set_new(total, view->columns[i].member,
                                json_string(i == 0 ? "total" : " "));
        json_array_append(rows, total);
    }
    if (cli->is_terminal)
        fit_name(cli, view, rows);
    tg_table_init(&table, cli, view->columns);
    tg_table_rows(&table, rows);
    json_decref(rows);
    json_decref(total);
}

void
tg_usage_view_table(struct tg_cli *cli, struct tg_usage_view *view,
                    json_t *usage)
{
    const json_t *total = json_object_get(usage, "total");

    put_head(usage);
    drop_zeros(view, total);
    name_currency(view, tg_noun_text(usage, "currency"));
    if (view->names == 0)
        tg_table_page(cli, view->columns, total);
    else
        put_rows(cli, view, usage);
    if (!cli->is_quiet)
        puts("\nRefused requests are no calls, and not in it: tollgate "
             "denials list");
}
