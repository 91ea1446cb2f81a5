#include "report_picture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "err.h"
#include "log.h"
#include "money.h"
#include "report_period.h"
#include "zone.h"

#define HOUR_MS INT64_C(3600000)
#define PAGE_WIDTH 760
#define PAGE_HEIGHT 600

/* Values, one a point each. */
enum { REQUESTS = 0, PROMPT, CACHED, COMPLETION, COST, SHARES, VALUES };

struct drawing {
    const json_t *report;
    bool is_chinese;
    struct tg_zone zone;
    struct tg_chart_sheet sheet;
    struct tg_chart_offset offsets[TG_CHART_OFFSETS];
    size_t count;
    int64_t *numbers; /* edges, then the values of each kind; owned */
};

static const char *
say(const struct drawing *drawing, const char *english, const char *chinese)
{
    return drawing->is_chinese ? chinese : english;
}

static const char *
text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

static int64_t
count_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static int64_t
instant_of(const json_t *object, const char *member)
{
    const char *text = text_of(object, member);
    int64_t at = 0;

    tg_civil_parse((struct tg_str){text, strlen(text)}, &at);
    return at;
}

static int64_t
nanos_of(const json_t *object, const char *member)
{
    const char *text = text_of(object, member);
    int64_t nanos = 0;

    tg_money_parse((struct tg_str){text, strlen(text)}, &nanos);
    return nanos;
}

static int64_t
share_of(const json_t *row)
{
    int64_t requests = count_of(row, "requests");

    if (requests == 0)
        return TG_CHART_NONE;
    return (
        int64_t)(((__int128)count_of(row, "errors") * 1000000 + requests / 2) /
                 requests);
}

static int64_t *
values_of(const struct drawing *drawing, int kind)
{
    return drawing->numbers + (drawing->count + 1) +
           (size_t)kind * drawing->count;
}

/* Where a row's hour or day ends, whether or not it is over. */
static int64_t
end_of(const struct drawing *drawing, const json_t *row)
{
    const char *day = text_of(row, "day");
    int32_t number;

    if (tg_civil_parse_date((struct tg_str){day, strlen(day)}, &number) == 0)
        return tg_report_day_at(&drawing->zone, number + 1);
    return instant_of(row, "from") + HOUR_MS;
}

static void
put_rows(struct drawing *drawing)
{
    size_t i;
    json_t *row;

    json_array_foreach(json_object_get(drawing->report, "series"), i, row)
    {
        int64_t cached = count_of(row, "prompt_cache_hit_tokens");
        int64_t prompt = count_of(row, "prompt_tokens");

        cached = cached < prompt ? cached : prompt;
        drawing->numbers[i] = instant_of(row, "from");
        drawing->numbers[i + 1] = end_of(drawing, row);
        values_of(drawing, REQUESTS)[i] = count_of(row, "requests");
        values_of(drawing, PROMPT)[i] = prompt - cached;
        values_of(drawing, CACHED)[i] = cached;
        values_of(drawing, COMPLETION)[i] = count_of(row, "completion_tokens");
        values_of(drawing, COST)[i] = nanos_of(row, "cost");
        values_of(drawing, SHARES)[i] = share_of(row);
    }
}

static void
put_offsets(struct drawing *drawing)
{
    int64_t begin = drawing->numbers[0];
    int64_t end = drawing->numbers[drawing->count];
    size_t n = 0;

    drawing->offsets[n++] = (struct tg_chart_offset){
        begin, tg_zone_offset_s(&drawing->zone, begin)};
    for (size_t i = 0; i < drawing->zone.count && n < TG_CHART_OFFSETS; i++) {
        int64_t at_ms = drawing->zone.starts_s[i] * 1000;

        if (at_ms > begin && at_ms < end)
            drawing->offsets[n++] =
                (struct tg_chart_offset){at_ms, drawing->zone.offsets_s[i + 1]};
    }
    drawing->sheet.offsets = drawing->offsets;
    drawing->sheet.offset_count = n;
}

static struct tg_chart_panel *
add_panel(struct drawing *drawing, const char *title, enum tg_chart_unit unit,
          int64_t total)
{
    struct tg_chart_panel *panel =
        &drawing->sheet.panels[drawing->sheet.panel_count++];

    *panel =
        (struct tg_chart_panel){.title = title, .unit = unit, .total = total};
    return panel;
}

static void
add_series(const struct drawing *drawing, struct tg_chart_panel *panel,
           const char *label, enum tg_chart_tone tone, int kind)
{
    panel->series[panel->series_count++] =
        (struct tg_chart_series){label, tone, values_of(drawing, kind)};
}

static void
add_panels(struct drawing *drawing)
{
    const json_t *total = json_object_get(drawing->report, "total");
    struct tg_chart_panel *panel;

    panel = add_panel(drawing, say(drawing, "Requests", "请求数"),
                      TG_CHART_COUNT, count_of(total, "requests"));
    add_series(drawing, panel, panel->title, TG_CHART_TONE_1, REQUESTS);
    panel = add_panel(drawing, say(drawing, "Tokens", "Token"), TG_CHART_COUNT,
                      count_of(total, "total_tokens"));
    add_series(drawing, panel, say(drawing, "prompt", "输入"), TG_CHART_TONE_1,
               PROMPT);
    add_series(drawing, panel, say(drawing, "prompt, cached", "输入（缓存）"),
               TG_CHART_TONE_2, CACHED);
    add_series(drawing, panel, say(drawing, "completion", "输出"),
               TG_CHART_TONE_3, COMPLETION);
    panel = add_panel(drawing, say(drawing, "Cost", "费用"), TG_CHART_NANOS,
                      nanos_of(total, "cost"));
    add_series(drawing, panel, panel->title, TG_CHART_TONE_1, COST);
    panel = add_panel(drawing, say(drawing, "Error rate", "错误率"),
                      TG_CHART_PPM, share_of(total));
    add_series(drawing, panel, panel->title, TG_CHART_TONE_ALARM, SHARES);
}

static int
fill(struct drawing *drawing, const json_t *sheet)
{
    const json_t *rows = json_object_get(drawing->report, "series");

    drawing->count = json_array_size(rows);
    if (drawing->count == 0)
        return TG_ERR_NOT_FOUND;
    drawing->numbers =
        calloc((drawing->count + 1) * (VALUES + 1), sizeof(int64_t));
    if (drawing->numbers == NULL)
        return TG_ERR_SYSTEM;
    put_rows(drawing);
    put_offsets(drawing);
    add_panels(drawing);
    drawing->sheet.title = text_of(sheet, "title");
    drawing->sheet.subtitle =
        json_string_value(json_array_get(json_object_get(sheet, "lines"), 0));
    if (count_of(json_object_get(drawing->report, "total"), "requests") == 0)
        drawing->sheet.empty =
            say(drawing, "There were no calls.", "没有任何调用。");
    drawing->sheet.currency = text_of(drawing->report, "currency");
    drawing->sheet.timezone = text_of(drawing->report, "timezone");
    drawing->sheet.point_count = drawing->count;
    drawing->sheet.edges_ms = drawing->numbers;
    drawing->sheet.is_of_days =
        json_object_get(json_array_get(rows, 0), "day") != NULL;
    return 0;
}

int
tg_report_picture(const json_t *report, const json_t *sheet, bool is_chinese,
                  const struct tg_chart_form *form,
                  struct tg_chart_picture *picture, char *why, size_t size)
{
    struct drawing drawing = {.report = report, .is_chinese = is_chinese};
    int err = tg_zone_open(&drawing.zone, text_of(report, "timezone"));

    snprintf(why, size, "there is no memory, or no such time zone");
    if (err == 0)
        err = fill(&drawing, sheet);
    if (err == 0)
        err = tg_chart_draw(&drawing.sheet, form, picture, why, size);
    free(drawing.numbers);
    tg_zone_close(&drawing.zone);
    return err;
}

int
tg_report_page_picture(const json_t *report, const json_t *sheet,
                       bool is_chinese, struct tg_chart_picture *picture)
{
    static const struct tg_chart_form form = {TG_CHART_PNG, PAGE_WIDTH,
                                              PAGE_HEIGHT, 2};
    char why[256];
    int err;

    if (count_of(json_object_get(report, "total"), "requests") == 0)
        return TG_ERR_NOT_FOUND;
    err = tg_report_picture(report, sheet, is_chinese, &form, picture, why,
                            sizeof(why));
    if (err != 0)
        tg_log(TG_LOG_WARNING, "a report has no picture: %s", why);
    return err;
}

char *
tg_report_data_uri(const struct tg_chart_picture *picture)
{
    static const char head[] = "data:image/png;base64,";
    size_t size =
        sodium_base64_encoded_len(picture->len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(sizeof(head) + size);

    if (text == NULL)
        return NULL;
    memcpy(text, head, sizeof(head));
    sodium_bin2base64(text + sizeof(head) - 1, size,
                      (const unsigned char *)picture->bytes, picture->len,
                      sodium_base64_VARIANT_ORIGINAL);
    return text;
}
