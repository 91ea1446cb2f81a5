#include "usage_spans.h"

#include "civil.h"
#include "usage_sums.h"

#define QUARTER_MS INT64_C(900000)

void
tg_usage_spans_end(struct tg_usage_spans *spans)
{
    char at[TG_SPAN_TEXT_SIZE] = "";

    if (!spans->has_open)
        return;
    if (spans->span_ms == TG_HOUR_MS)
        tg_civil_format(spans->open_at, at);
    else
        tg_civil_format_date((int32_t)spans->open_at, at);
    spans->visit(spans->arg, at, &spans->open);
    spans->has_open = false;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int
tg_usage_spans_take(void *arg, const struct tg_store_usage *row)
{
    struct tg_usage_spans *spans = arg;
    int64_t at_ms = row->quarter * QUARTER_MS;
    int64_t offset_ms = tg_zone_offset_s(spans->zone, at_ms) * INT64_C(1000);
    int64_t at = floor_div(at_ms + offset_ms, spans->span_ms);

    if (spans->span_ms == TG_HOUR_MS)
        at = at * TG_HOUR_MS - offset_ms;
    if (!spans->has_open || at != spans->open_at) {
        tg_usage_spans_end(spans);
        spans->has_open = true;
        spans->open_at = at;
        spans->open = (struct tg_store_usage){0};
    }
    tg_usage_sums_add(&spans->open, row);
    return 0;
}
