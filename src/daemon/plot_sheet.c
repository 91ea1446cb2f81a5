#include <stdlib.h>

#include "book.h"
#include "err.h"
#include "plot_part.h"
#include "usage_sums.h"

enum { PROMPT, CACHED, COMPLETION, REASONING, TOKEN_KINDS };

static const char *const token_names[] = {
    [PROMPT] = "prompt",
    [CACHED] = "prompt, cached",
    [COMPLETION] = "completion",
    [REASONING] = "reasoning",
};

/* Where each series has its values, one a point. */
struct columns {
    int64_t *requests[TG_CHART_SERIES], *costs[TG_CHART_SERIES];
    int64_t *tokens[TOKEN_KINDS], *shares;
    size_t series; /* of requests and costs */
};

#define COLUMNS (2 * TG_CHART_SERIES + TOKEN_KINDS + 1)

static int64_t
span_at(const struct tg_usage_query *query, int64_t quarter)
{
    return query->spans.span->of(&query->zone, quarter);
}

/*
 * Where spans begin and end: the first and the last are whole, though only a
 * part of them may be asked for.  Returns how many there are; edges may be
 * NULL.
 */
static size_t
find_edges(const struct tg_usage_query *query, int64_t *edges, int64_t *spans)
{
    const struct tg_usage_question *question = &query->question;
    int64_t quarter = question->since / TG_QUARTER_MS, span, last;
    size_t count = 0;

    last = span_at(query, quarter);
    while (span_at(query, quarter - 1) == last)
        quarter--;
    do {
        last = span_at(query, quarter);
        if (edges != NULL) {
            edges[count] = quarter * TG_QUARTER_MS;
            spans[count] = last;
        }
        count++;
        do {
            span = span_at(query, ++quarter);
        } while (span == last);
    } while (quarter * TG_QUARTER_MS < question->until &&
             count <= TG_CHART_POINTS);
    if (edges != NULL)
        edges[count] = quarter * TG_QUARTER_MS;
    return count;
}

static int64_t
share_of(const struct tg_sums *sums)
{
    if (sums->requests == 0)
        return TG_CHART_NONE;
    return (int64_t)(((__int128)sums->errors * 1000000 + sums->requests / 2) /
                     sums->requests);
}

/* What stands in both kinds is in one of them only: parts add up. */
static int64_t
part_of(int64_t part, int64_t whole)
{
    return part < whole ? part : whole;
}

static void
put_point(const struct columns *columns, const struct tg_plot_point *point,
          size_t i)
{
    const struct tg_sums *sums = &point->sums;
    int64_t cached =
        part_of(sums->prompt_cache_hit_tokens, sums->prompt_tokens);
    int64_t reasoning =
        part_of(sums->reasoning_tokens, sums->completion_tokens);

    for (size_t k = 0; k < columns->series; k++) {
        columns->requests[k][i] = point->requests[k];
        columns->costs[k][i] = point->cost_nanos[k];
    }
    columns->tokens[PROMPT][i] = sums->prompt_tokens - cached;
    columns->tokens[CACHED][i] = cached;
    columns->tokens[COMPLETION][i] = sums->completion_tokens - reasoning;
    columns->tokens[REASONING][i] = reasoning;
    columns->shares[i] = share_of(sums);
}

static void
put_points(const struct tg_plot *plot, const struct columns *columns,
           const int64_t *spans, size_t count)
{
    static const struct tg_plot_point none;
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_there =
            at < plot->point_count && plot->points[at].span == spans[i];

        put_point(columns, is_there ? &plot->points[at] : &none, i);
        at += is_there;
    }
}

/* The zone's changes from the first edge to the last. */
static void
put_offsets(struct tg_plot *plot, const struct tg_zone *zone)
{
    const struct tg_chart_sheet *sheet = &plot->sheet;
    int64_t begin = sheet->edges_ms[0],
            end = sheet->edges_ms[sheet->point_count];
    size_t n = 0;

    plot->offsets[n++] =
        (struct tg_chart_offset){begin, tg_zone_offset_s(zone, begin)};
    for (size_t i = 0; i < zone->count && n < TG_CHART_OFFSETS; i++) {
        int64_t at_ms = zone->starts_s[i] * 1000;

        if (at_ms > begin && at_ms < end)
            plot->offsets[n++] =
                (struct tg_chart_offset){at_ms, zone->offsets_s[i + 1]};
    }
    plot->sheet.offsets = plot->offsets;
    plot->sheet.offset_count = n;
}

static struct tg_chart_panel *
add_panel(struct tg_chart_sheet *sheet, const char *title,
          enum tg_chart_unit unit, int64_t total)
{
    struct tg_chart_panel *panel = &sheet->panels[sheet->panel_count++];

    *panel =
        (struct tg_chart_panel){.title = title, .unit = unit, .total = total};
    return panel;
}

static void
add_series(struct tg_chart_panel *panel, const char *label,
           enum tg_chart_tone tone, const int64_t *values)
{
    panel->series[panel->series_count++] =
        (struct tg_chart_series){label, tone, values};
}

static void
add_groups(struct tg_chart_panel *panel, const struct tg_plot *plot,
           int64_t *const *values, size_t count)
{
    if (plot->group_count == 0)
        add_series(panel, panel->title, TG_CHART_TONE_1, values[0]);
    for (size_t i = 0; i < count && plot->group_count > 0; i++)
        add_series(panel, plot->groups[i].label, (enum tg_chart_tone)i,
                   values[i]);
}

static void
add_panels(struct tg_plot *plot, const struct columns *columns)
{
    struct tg_chart_sheet *sheet = &plot->sheet;
    const struct tg_sums *total = &plot->total;
    struct tg_chart_panel *panel;

    panel = add_panel(sheet, "Requests", TG_CHART_COUNT, total->requests);
    add_groups(panel, plot, columns->requests, columns->series);
    panel = add_panel(sheet, "Tokens", TG_CHART_COUNT,
                      total->prompt_tokens + total->completion_tokens);
    for (size_t i = 0; i < TOKEN_KINDS; i++)
        add_series(panel, token_names[i], (enum tg_chart_tone)i,
                   columns->tokens[i]);
    panel = add_panel(sheet, "Cost", TG_CHART_NANOS, total->cost_nanos);
    add_groups(panel, plot, columns->costs, columns->series);
    panel = add_panel(sheet, "Error rate", TG_CHART_PPM, share_of(total));
    add_series(panel, panel->title, TG_CHART_TONE_ALARM, columns->shares);
}

static void
divide(struct tg_plot *plot, struct columns *columns, size_t count)
{
    int64_t *at = plot->numbers + 2 * (count + 1);
    size_t named = tg_plot_named(plot);

    columns->series = named + (plot->group_count > named);
    columns->series = columns->series > 0 ? columns->series : 1;
    for (size_t i = 0; i < TG_CHART_SERIES; i++, at += 2 * count) {
        columns->requests[i] = at;
        columns->costs[i] = at + count;
    }
    for (size_t i = 0; i < TOKEN_KINDS; i++, at += count)
        columns->tokens[i] = at;
    columns->shares = at;
}

int
tg_plot_make(struct tg_plot *plot, const struct tg_usage_query *query)
{
    size_t count = find_edges(query, NULL, NULL);
    struct columns columns;
    int64_t *spans;

    if (count > TG_CHART_POINTS)
        return TG_ERR_LIMIT;
    plot->numbers = calloc((count + 1) * (COLUMNS + 2), sizeof(int64_t));
    if (plot->numbers == NULL)
        return TG_ERR_SYSTEM;
    spans = plot->numbers + count + 1;
    find_edges(query, plot->numbers, spans);
    divide(plot, &columns, count);
    put_points(plot, &columns, spans, count);
    tg_plot_subtitle(plot, query);
    plot->sheet = (struct tg_chart_sheet){
        .title = plot->title,
        .subtitle = plot->subtitle,
        .empty = plot->total.requests == 0 ? "no calls" : NULL,
        .currency = TG_BOOK_CURRENCY,
        .timezone = query->timezone,
        .point_count = count,
        .edges_ms = plot->numbers,
        .is_of_days = plot->numbers[1] - plot->numbers[0] > 4 * 3600000,
    };
    put_offsets(plot, &query->zone);
    add_panels(plot, &columns);
    return 0;
}
