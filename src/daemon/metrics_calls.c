#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"
#include "err.h"
#include "metrics.h"
#include "route.h"

/* A series as the store has it, with the labels that it gets. */
struct row {
    char model[TG_MODEL_NAME_MAX + 8], upstream_id[TG_ID_TEXT_SIZE];
    const char *endpoint, *operation, *upstream, *provider;
    int64_t endpoint_number, status_class;
    struct tg_metric_figures figures;
};

struct rows {
    struct row *list;
    size_t count, room;
    const struct tg_metric_upstreams *upstreams;
};

/* What OpenTelemetry calls it; else as the route's family is. */
static const char *
operation_of(const struct tg_route *route)
{
    static const char *const names[] = {
        [TG_FAMILY_TEXT] = "chat",           [TG_FAMILY_VECTORS] = "embeddings",
        [TG_FAMILY_IMAGES] = "image",        [TG_FAMILY_SPEECH] = "speech",
        [TG_FAMILY_LISTENING] = "listening", [TG_FAMILY_OBJECTS] = "objects",
    };

    if (route->endpoint == TG_ENDPOINT_COMPLETIONS ||
        route->endpoint == TG_ENDPOINT_FIM)
        return "text_completion";
    return names[route->family];
}

static void
name_row(struct row *row, const struct tg_metric_upstreams *upstreams)
{
    const struct tg_route *route =
        tg_route_of((enum tg_endpoint)row->endpoint_number);

    row->endpoint = route != NULL ? route->name : TG_METRIC_OTHER;
    row->operation = route != NULL ? operation_of(route) : TG_METRIC_OTHER;
    row->upstream = row->upstream_id[0] != '\0' ? row->upstream_id
                    : route != NULL             ? "none"
                                                : TG_METRIC_OTHER;
    row->provider = "unknown";
    for (int i = 0; i < TG_CATALOG_UPSTREAMS; i++) {
        if (row->upstream_id[0] == '\0' ||
            strcmp(upstreams->rows[i].id, row->upstream_id) != 0)
            continue;
        row->upstream = upstreams->rows[i].name;
        row->provider = upstreams->rows[i].provider;
    }
}

static int
take(void *arg, const struct tg_metric_series *series)
{
    struct rows *rows = arg;
    struct row *row;

    if (rows->count == rows->room) {
        size_t room = rows->room == 0 ? 64 : rows->room * 2;
        struct row *list = realloc(rows->list, room * sizeof(*list));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        rows->list = list;
        rows->room = room;
    }
    row = &rows->list[rows->count++];
    snprintf(row->model, sizeof(row->model), "%s",
             series->model[0] != '\0' ? series->model : "none");
    snprintf(row->upstream_id, sizeof(row->upstream_id), "%s",
             series->upstream_id);
    row->endpoint_number = series->endpoint;
    row->status_class = series->status_class;
    row->figures = *series->figures;
    return 0;
}

static const char *
class_of(const struct row *row)
{
    static const char *const names[] = {"none", "1xx", "2xx", "3xx", "4xx",
                                        "5xx",  "6xx", "7xx", "8xx", "9xx"};

    return row->status_class >= 0 && row->status_class < 10
               ? names[row->status_class]
               : names[0];
}

static bool
is_same(const struct row *a, const struct row *b)
{
    return strcmp(a->model, b->model) == 0 &&
           a->endpoint_number == b->endpoint_number &&
           strcmp(a->upstream_id, b->upstream_id) == 0;
}

/* Rows that differ in class alone stand beside each other. */
static struct row *
merge_classes(const struct rows *rows, size_t *count)
{
    struct row *merged = calloc(rows->count + 1, sizeof(*merged));
    size_t n = 0;

    for (size_t i = 0; merged != NULL && i < rows->count; i++) {
        const struct row *row = &rows->list[i];
        struct row *to;

        if (n == 0 || !is_same(&merged[n - 1], row)) {
            merged[n++] = *row;
            continue;
        }
        to = &merged[n - 1];
        for (int k = 0; k < TG_METRIC_SUMS; k++)
            to->figures.sums[k] += row->figures.sums[k];
        for (int k = 0; k < TG_METRIC_KINDS; k++) {
            for (int b = 0; b <= TG_METRIC_BOUNDS; b++)
                to->figures.buckets[k][b] += row->figures.buckets[k][b];
        }
    }
    *count = n;
    return merged;
}

static void
write_requests(struct tg_exposition *out, const struct rows *rows)
{
    tg_exposition_family(out, TG_FAMILY_REQUESTS);
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->list[i];
        const char *const labels[] = {"endpoint", row->endpoint, "model",
                                      row->model, "status",      class_of(row),
                                      "upstream", row->upstream, NULL};

        tg_exposition_sample(out, TG_FAMILY_REQUESTS, "", labels);
        tg_exposition_number(out, row->figures.sums[TG_METRIC_CALLS], 0);
    }
}

/* A counter of one label more, from some of the sums. */
struct part {
    const char *value;
    enum tg_metric_sum sum;
    int digits;
};

static void
write_parts(struct tg_exposition *out, enum tg_metric_family family,
            const char *label, const struct part *parts, const struct row *rows,
            size_t count)
{
    tg_exposition_family(out, family);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];

        for (const struct part *part = parts; part->value != NULL; part++) {
            int64_t n = row->figures.sums[part->sum];
            const char *const labels[] = {
                "endpoint", row->endpoint, label,         part->value, "model",
                row->model, "upstream",    row->upstream, NULL};

            if (n == 0 && family == TG_FAMILY_UNITS)
                continue;
            tg_exposition_sample(out, family, "", labels);
            tg_exposition_number(out, n, part->digits);
        }
    }
}

static const struct part tokens[] = {
    {"prompt", TG_METRIC_PROMPT, 0},
    {"prompt_cache_hit", TG_METRIC_CACHED, 0},
    {"prompt_cache_write", TG_METRIC_WRITTEN, 0},
    {"completion", TG_METRIC_COMPLETION, 0},
    {"reasoning", TG_METRIC_REASONING, 0},
    {0}};
static const struct part units[] = {{"image", TG_METRIC_IMAGES, 0},
                                    {"audio_second", TG_METRIC_AUDIO_MS, 3},
                                    {"character", TG_METRIC_CHARACTERS, 0},
                                    {0}};
static const struct part costs[] = {{TG_BOOK_CURRENCY, TG_METRIC_COST_NANOS, 9},
                                    {0}};

/* How a histogram is written: of what, and with how many decimals. */
struct shape {
    enum tg_metric_family family;
    enum tg_metric_kind kind;
    enum tg_metric_sum sum;
    int digits;
    const char *token_type;
};

static int64_t
count_of(const struct row *row, const struct shape *shape)
{
    int64_t all = 0;

    for (int i = 0; i <= TG_METRIC_BOUNDS; i++)
        all += row->figures.buckets[shape->kind][i];
    return all;
}

static void
put_bound(char text[32], int64_t bound, int digits)
{
    int64_t scale = 1;
    size_t len;

    for (int i = 0; i < digits; i++)
        scale *= 10;
    if (bound % scale == 0) {
        snprintf(text, 32, "%lld", (long long)(bound / scale));
        return;
    }
    len = (size_t)snprintf(text, 32, "%lld.%0*lld", (long long)(bound / scale),
                           digits, (long long)(bound % scale));
    while (text[len - 1] == '0')
        text[--len] = '\0';
}

/* A line's beginning, up to the bound: each bucket's is the same. */
static void
begin_line(struct tg_exposition *line, const struct shape *shape,
           const char *const *labels)
{
    line->len = 0;
    tg_exposition_sample(line, shape->family, "_bucket", labels);
    if (line->has_failed)
        return;
    line->len -= 2; /* "} " */
    tg_exposition_text(line, TG_STR(",le=\""));
}

static void
write_buckets(struct tg_exposition *out, const struct tg_exposition *line,
              const struct row *row, const struct shape *shape)
{
    const struct tg_metric_bounds *bounds = &tg_metric_bounds[shape->kind];
    int64_t sum = 0;
    char bound[32];

    for (uint32_t i = 0; i <= bounds->count; i++) {
        sum += row->figures.buckets[shape->kind][i];
        if (i < bounds->count)
            put_bound(bound, bounds->at[i], shape->digits);
        else
            snprintf(bound, sizeof(bound), "+Inf");
        tg_exposition_text(out, (struct tg_str){line->data, line->len});
        tg_exposition_text(out, (struct tg_str){bound, strlen(bound)});
        tg_exposition_text(out, TG_STR("\"} "));
        tg_exposition_number(out, sum, 0);
    }
}

static void
write_histogram(struct tg_exposition *out, const struct row *row,
                const struct shape *shape, const char *error_type)
{
    const char *const labels[] = {"endpoint",
                                  row->endpoint,
                                  "error_type",
                                  error_type,
                                  "gen_ai_operation_name",
                                  row->operation,
                                  "gen_ai_provider_name",
                                  row->provider,
                                  "gen_ai_request_model",
                                  row->model,
                                  "gen_ai_token_type",
                                  shape->token_type,
                                  "upstream",
                                  row->upstream,
                                  NULL};
    struct tg_exposition line = {.data = NULL};
    int64_t all = count_of(row, shape);

    if (all == 0)
        return;
    begin_line(&line, shape, labels);
    out->has_failed |= line.has_failed;
    if (!line.has_failed)
        write_buckets(out, &line, row, shape);
    free(line.data);
    tg_exposition_sample(out, shape->family, "_sum", labels);
    tg_exposition_number(out, row->figures.sums[shape->sum], shape->digits);
    tg_exposition_sample(out, shape->family, "_count", labels);
    tg_exposition_number(out, all, 0);
}

static void
write_histograms(struct tg_exposition *out, const struct rows *rows,
                 const struct row *merged, size_t count)
{
    static const struct shape usage[] = {
        {TG_FAMILY_TOKEN_USAGE, TG_METRIC_OF_INPUT, TG_METRIC_PROMPT, 0,
         "input"},
        {TG_FAMILY_TOKEN_USAGE, TG_METRIC_OF_OUTPUT, TG_METRIC_COMPLETION, 0,
         "output"}};
    static const struct shape duration = {TG_FAMILY_DURATION,
                                          TG_METRIC_OF_LATENCY,
                                          TG_METRIC_LATENCY_MS, 3, NULL};
    static const struct shape times[] = {
        {TG_FAMILY_FIRST_TOKEN, TG_METRIC_OF_TTFT, TG_METRIC_TTFT_MS, 3, NULL},
        {TG_FAMILY_OUTPUT_TOKEN, TG_METRIC_OF_PACE, TG_METRIC_PACE_US, 6,
         NULL}};

    tg_exposition_family(out, TG_FAMILY_TOKEN_USAGE);
    for (size_t i = 0; i < count; i++) {
        write_histogram(out, &merged[i], &usage[0], NULL);
        write_histogram(out, &merged[i], &usage[1], NULL);
    }
    tg_exposition_family(out, TG_FAMILY_DURATION);
    for (size_t i = 0; i < rows->count; i++)
        write_histogram(
            out, &rows->list[i], &duration,
            rows->list[i].status_class == 2 ? NULL : class_of(&rows->list[i]));
    for (size_t t = 0; t < 2; t++) {
        tg_exposition_family(out, times[t].family);
        for (size_t i = 0; i < count; i++)
            write_histogram(out, &merged[i], &times[t], NULL);
    }
}

/* Counts of a name, in the order in which the store has them. */
struct counts {
    struct tg_exposition *out;
    const char *name;
    enum tg_metric_family family;
    const char *label;
};

static int
take_count(void *arg, const struct tg_metric_count *row)
{
    struct counts *counts = arg;
    const char *const labels[] = {counts->label, row->label, NULL};

    if (strcmp(row->name, counts->name) != 0)
        return 0;
    tg_exposition_sample(counts->out, counts->family, "", labels);
    tg_exposition_number(counts->out, row->count, 0);
    return 0;
}

static int
write_counts(struct tg_exposition *out, struct tg_store *store)
{
    struct counts all[] = {
        {out, "failed", TG_FAMILY_FAILED, "code"},
        {out, "denials", TG_FAMILY_DENIALS, "code"},
        {out, "events", TG_FAMILY_EVENTS, "type"},
        {out, "alerts_opened", TG_FAMILY_ALERTS_OPENED, "severity"},
    };
    int err = 0;

    for (size_t i = 0; err == 0 && i < sizeof(all) / sizeof(all[0]); i++) {
        tg_exposition_family(out, all[i].family);
        err = store->metrics->count_each(store, take_count, &all[i]);
    }
    return err;
}

static int
write_all(struct tg_exposition *out, const struct rows *rows,
          struct tg_store *store)
{
    size_t count;
    struct row *merged = merge_classes(rows, &count);
    int err;

    if (merged == NULL)
        return tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    write_requests(out, rows);
    write_parts(out, TG_FAMILY_TOKENS, "kind", tokens, merged, count);
    write_parts(out, TG_FAMILY_COST, "currency", costs, merged, count);
    write_parts(out, TG_FAMILY_UNITS, "unit", units, merged, count);
    err = write_counts(out, store);
    write_histograms(out, rows, merged, count);
    tg_exposition_plain(out, TG_FAMILY_SERIES, (int64_t)rows->count, 0);
    free(merged);
    return err;
}

int
tg_metrics_write_calls(struct tg_exposition *out, struct tg_daemon *daemon,
                       struct tg_store *store)
{
    struct tg_metric_upstreams upstreams;
    struct rows rows = {.upstreams = &upstreams};
    int err = store->metrics->series_each(store, take, &rows);

    tg_metrics_upstreams(daemon, &upstreams);
    for (size_t i = 0; i < rows.count; i++)
        name_row(&rows.list[i], &upstreams);
    if (err == 0)
        err = write_all(out, &rows, store);
    free(rows.list);
    return err;
}
