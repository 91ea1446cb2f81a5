/*
 * Goal: a sheet of any data at any size has its texts apart and inside; its
 * axes have round numbers and round times of its zone; what is drawn is what
 * was given, and names have shapes.
 */
#include <math.h>
#include <stdlib.h>

#include "civil.h"
#include "layout.h"
#include "picture.h"
#include "spark.h"
#include "tap.h"
#include "times.h"

#define HOUR_MS INT64_C(3600000)

static struct {
    int64_t edges[TG_CHART_POINTS + 1];
    int64_t values[TG_CHART_SERIES][TG_CHART_POINTS];
    int64_t shares[TG_CHART_POINTS];
} data;

static const struct tg_chart_offset utc = {0, 0};

static const char *const names[TG_CHART_SERIES] = {
    "deepseek-chat",
    "通义千问-很长很长很长很长的模型名称-2026-11-27",
    "a",
    "claude-3-5-haiku-20241022",
    "жук",
    "other"};

static void
fill_panel(struct tg_chart_panel *panel, const char *title,
           enum tg_chart_unit unit, size_t series)
{
    panel->title = title;
    panel->unit = unit;
    panel->series_count = series;
    for (size_t i = 0; i < series; i++)
        panel->series[i] = (struct tg_chart_series){
            names[i], (enum tg_chart_tone)i, data.values[i]};
}

/* Points of step_ms each; values up to most that differ from point to point. */
static struct tg_chart_sheet
make_sheet(size_t points, int64_t step_ms, int64_t most, size_t series)
{
    struct tg_chart_sheet sheet = {
        .title = "支付网关 · key_0123456789abcdef · model deepseek-chat",
        .subtitle = "2026-10-28 00:00 – 2026-11-27 · per day · UTC · USD",
        .currency = "USD",
        .timezone = "UTC",
        .point_count = points,
        .edges_ms = data.edges,
        .is_of_days = step_ms >= TG_MS_PER_DAY,
        .offset_count = 1,
        .offsets = &utc,
        .panel_count = 4,
    };

    for (size_t i = 0; i <= points; i++)
        data.edges[i] = 1761609600000 + (int64_t)i * step_ms;
    for (size_t i = 0; i < points; i++) {
        for (size_t k = 0; k < TG_CHART_SERIES; k++)
            data.values[k][i] = most / (int64_t)(1 + (i * 7 + k * 3) % 11);
        data.shares[i] = i % 5 == 0 ? TG_CHART_NONE : (int64_t)(i % 3) * 5000;
    }
    fill_panel(&sheet.panels[0], "Requests", TG_CHART_COUNT, series);
    fill_panel(&sheet.panels[1], "Tokens", TG_CHART_COUNT, 4);
    fill_panel(&sheet.panels[2], "Cost", TG_CHART_NANOS, series);
    fill_panel(&sheet.panels[3], "Error rate", TG_CHART_PPM, 1);
    for (size_t i = 0; i < 3; i++)
        sheet.panels[i].total = most;
    sheet.panels[3].series[0].values = data.shares;
    sheet.panels[3].total = 4321;
    return sheet;
}

static bool
overlap(const struct tg_rect *a, const struct tg_rect *b)
{
    const double slack = 0.01; /* pixels */

    return a->x + a->width > b->x + slack && b->x + b->width > a->x + slack &&
           a->y + a->height > b->y + slack && b->y + b->height > a->y + slack;
}

static int
count_overlaps(const struct tg_layout *layout)
{
    int n = 0;

    for (size_t i = 0; i < layout->text_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!overlap(&layout->texts[i].box, &layout->texts[k].box))
                continue;
            printf("# \"%s\" and \"%s\"\n", layout->texts[i].text,
                   layout->texts[k].text);
            n++;
        }
    }
    return n;
}

static int
count_outside(const struct tg_layout *layout)
{
    int n = 0;

    for (size_t i = 0; i < layout->text_count; i++) {
        const struct tg_rect *box = &layout->texts[i].box;

        if (box->x >= 0 && box->y >= 0 &&
            box->x + box->width <= layout->width &&
            box->y + box->height <= layout->height)
            continue;
        printf("# \"%s\" at %.1f %.1f\n", layout->texts[i].text, box->x,
               box->y);
        n++;
    }
    return n;
}

/* Whether each panel has a time, two values or the empty text, and room. */
static bool
says_enough(const struct tg_layout *layout)
{
    bool is = true;

    for (size_t i = 0; i < layout->panel_count; i++) {
        const struct tg_layout_panel *panel = &layout->panels[i];

        is = is && panel->mark_count >= 1 && panel->plot.height > 20 &&
             panel->plot.width > 60;
    }
    return is;
}

static const int sizes[][2] = {{400, 300},   {400, 3000}, {4000, 300},
                               {640, 480},   {800, 600},  {1600, 1200},
                               {1920, 1080}, {600, 1200}, {4000, 3000}};

static const struct {
    const char *name;
    size_t points;
    int64_t step_ms, most;
    size_t series;
    const char *empty;
} shapes[] = {
    {"a day by quarter-hours", 96, HOUR_MS / 4, 12, 1, NULL},
    {"a day by hours", 24, HOUR_MS, 1234567, 6, NULL},
    {"one point", 1, TG_MS_PER_DAY, 1, 1, NULL},
    {"one quarter-hour", 1, HOUR_MS / 4, 1, 1, NULL},
    {"two points", 2, TG_MS_PER_DAY, 999, 6, NULL},
    {"zeros", 30, TG_MS_PER_DAY, 0, 6, NULL},
    {"no calls", 30, TG_MS_PER_DAY, 0, 1, "no calls"},
    {"a month by days", 30, TG_MS_PER_DAY, 4321, 6, NULL},
    {"a year by weeks", 52, 7 * TG_MS_PER_DAY, 12345678901, 2, NULL},
    {"five years by days", 1826, TG_MS_PER_DAY, 1000000000000000, 6, NULL},
    {"all points", TG_CHART_POINTS, HOUR_MS, INT64_MAX / 8, 6, NULL},
};

static void
test_layouts(struct tg_pen *pen)
{
    static struct tg_layout layout;

    for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
        struct tg_chart_sheet sheet =
            make_sheet(shapes[k].points, shapes[k].step_ms, shapes[k].most,
                       shapes[k].series);

        sheet.empty = shapes[k].empty;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct tg_chart_form form = {TG_CHART_PNG, sizes[i][0], sizes[i][1],
                                         1};

            tg_layout_init(&layout, &sheet, &form, pen);
            ok(count_overlaps(&layout) == 0 && count_outside(&layout) == 0 &&
                   says_enough(&layout) && layout.unknown == 0,
               "%s, %d x %d: texts are apart and inside", shapes[k].name,
               form.width, form.height);
            tg_layout_release(&layout);
        }
    }
}

static const struct {
    enum tg_chart_unit unit;
    int64_t most;
    unsigned steps;
    const char *second, *last; /* ticks */
    unsigned count;
} scales[] = {
    {TG_CHART_COUNT, 0, 5, "1", "1", 1},
    {TG_CHART_COUNT, 1, 5, "1", "1", 1},
    {TG_CHART_COUNT, 3, 5, "1", "3", 3},
    {TG_CHART_COUNT, 10, 5, "2", "10", 5},
    {TG_CHART_COUNT, 11, 5, "5", "15", 3},
    {TG_CHART_COUNT, 999, 5, "200", "1,000", 5},
    {TG_CHART_COUNT, 9999, 5, "2k", "10k", 5},
    {TG_CHART_COUNT, 4900, 5, "1,000", "5,000", 5},
    {TG_CHART_COUNT, 1200000, 6, "0.2M", "1.2M", 6},
    {TG_CHART_COUNT, 150000, 3, "50k", "150k", 3},
    {TG_CHART_COUNT, 1000000000000000, 5, "200T", "1,000T", 5},
    {TG_CHART_COUNT, INT64_MAX, 1, "10,000,000T", "10,000,000T", 1},
    {TG_CHART_NANOS, 0, 5, "0.002", "0.010", 5},
    {TG_CHART_NANOS, 1, 5, "0.000000001", "0.000000001", 1},
    {TG_CHART_NANOS, 123456, 5, "0.00005", "0.00015", 3},
    {TG_CHART_NANOS, 2400000000, 5, "0.50", "2.50", 5},
    {TG_CHART_NANOS, 12000000000, 6, "2", "12", 6},
    {TG_CHART_NANOS, 2000000000000000, 4, "0.5M", "2.0M", 4},
    {TG_CHART_PPM, 0, 5, "0.2%", "1.0%", 5},
    {TG_CHART_PPM, 12500, 5, "0.5%", "1.5%", 3},
    {TG_CHART_PPM, 960000, 5, "20%", "100%", 5},
    {TG_CHART_PPM, 1000000, 1, "100%", "100%", 1},
};

static void
test_scales(void)
{
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        struct tg_chart_scale scale =
            tg_chart_scale_of(scales[i].unit, scales[i].most, scales[i].steps);
        char text[TG_CHART_TEXT_SIZE];

        tg_chart_tick_text(&scale, 1, text);
        is_str(text, scales[i].second, "up to %lld: its first step",
               (long long)scales[i].most);
        tg_chart_tick_text(&scale, scale.count, text);
        is_str(text, scales[i].last, "and its last");
        is_int(scale.count, scales[i].count, "and how many");
    }
}

static void
test_values(void)
{
    static const struct {
        enum tg_chart_unit unit;
        int64_t value;
        const char *text;
    } rows[] = {
        {TG_CHART_COUNT, 0, "0"},
        {TG_CHART_COUNT, INT64_MAX, "9,223,372,036,854,775,807"},
        {TG_CHART_NANOS, 1, "0.000000001 USD"},
        {TG_CHART_NANOS, 1234567891000000, "1,234,567.891 USD"},
        {TG_CHART_NANOS, INT64_MAX, "9,223,372,036.854775807 USD"},
        {TG_CHART_NANOS, -1500000000000, "-1,500.00 USD"},
        {TG_CHART_PPM, 12549, "1.25%"},
        {TG_CHART_PPM, 1000000, "100.00%"},
        {TG_CHART_PPM, TG_CHART_NONE, "-"},
    };
    char text[TG_CHART_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_chart_value_text(rows[i].unit, rows[i].value, "USD", text);
        is_str(text, rows[i].text, "a value in full: %s", rows[i].text);
    }
}

static int64_t
instant(const char *text)
{
    int64_t at_ms = 0;

    tg_civil_parse((struct tg_str){text, strlen(text)}, &at_ms);
    return at_ms;
}

/* Berlin puts clocks back on 2026-10-25 at 01:00Z. */
static const struct tg_chart_offset berlin[] = {{0, 7200},
                                                {1792890000000, 3600}};

static const struct {
    const char *name, *from, *to;
    bool is_of_days;
    const char *first, *second; /* of the finest level that is not empty */
    size_t count;
} ticks[] = {
    {"an hour", "2026-10-24T10:00:00Z", "2026-10-24T11:00:00Z", false, "12:00",
     "12:15", 4},
    {"a day of 25 hours, hour by hour", "2026-10-24T22:00:00Z",
     "2026-10-25T23:00:00Z", false, "Oct 25", "00:15", 100},
    {"days around it", "2026-10-23T22:00:00Z", "2026-10-27T23:00:00Z", true,
     "Oct 24", "Oct 25", 4},
};

static void
test_times(void)
{
    struct tg_chart_time times[TG_CHART_TIMES];
    int64_t edges[2];
    struct tg_chart_sheet sheet = {.point_count = 1,
                                   .edges_ms = edges,
                                   .offset_count = 2,
                                   .offsets = berlin};

    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        size_t level = 0, count = 0;

        edges[0] = instant(ticks[i].from);
        edges[1] = instant(ticks[i].to);
        sheet.is_of_days = ticks[i].is_of_days;
        while (count == 0 && level < tg_chart_levels)
            count = tg_chart_times(&sheet, level++, times);
        is_int(count, ticks[i].count, "%s: as many ticks", ticks[i].name);
        is_str(times[0].text, ticks[i].first, "the first of them");
        is_str(times[1].text, ticks[i].second, "and the second");
    }
    is_int(times[2].at_ms - times[1].at_ms, 25 * HOUR_MS,
           "the day on which clocks are put back has 25 hours");
    edges[0] = instant("2021-12-31T22:00:00Z");
    edges[1] = instant("2026-12-31T23:00:00Z");
    is_int(tg_chart_times(&sheet, 15, times), 5, "five years have five");
    is_str(times[4].text, "2026", "named by their number");
    is_int(tg_chart_times(&sheet, 7, times), 0, "and too many days");
}

static bool
is_same(const struct tg_chart_picture *a, const struct tg_chart_picture *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static void
test_picture(void)
{
    struct tg_chart_sheet sheet = make_sheet(30, TG_MS_PER_DAY, 12345678901, 6);
    struct tg_chart_form form = {TG_CHART_PNG, 640, 480, 2};
    struct tg_chart_picture one, two;
    struct tg_chart_copy copy;
    char why[256] = "";

    is_int(tg_picture_draw(&sheet, &form, &one, why, sizeof(why)), 0,
           "a sheet is drawn %s", why);
    ok(memcmp(one.bytes, "\x89PNG\r\n\x1a\n", 8) == 0 &&
           memcmp(one.bytes + 16, "\0\0\5\0\0\0\3\300", 8) == 0,
       "as a PNG of 1280 by 960");
    is_int(one.unknown, 0, "its Chinese and Russian names have shapes");
    is_int(tg_chart_read(&copy, tg_chart_json(&sheet)), 0, "as JSON and back");
    tg_picture_draw(&copy.sheet, &form, &two, why, sizeof(why));
    ok(is_same(&one, &two), "it gives the same picture, byte by byte");
    tg_chart_release(&copy);
    free(two.bytes);
    sheet.panels[1].series[3].label = "another";
    tg_picture_draw(&sheet, &form, &two, why, sizeof(why));
    ok(!is_same(&one, &two), "and another name gives another one");
    free(one.bytes);
    free(two.bytes);
    sheet.title = "\xf3\xb0\x80\x81 private";
    tg_picture_draw(&sheet, &form, &two, why, sizeof(why));
    is_int(two.unknown, 1, "a character without a shape is counted");
    free(two.bytes);
    form.width = 4001;
    is_int(tg_picture_draw(&sheet, &form, &two, why, sizeof(why)), -4,
           "what is too large is refused");
}

static void
test_sparks(void)
{
    static const int64_t values[] = {0, 1, 50, 100, -1, 100};
    static const int64_t one[] = {1};
    char out[64 * TG_SPARK_BYTES + 1];

    is_int(tg_spark(values, 6, 10, false, out), 6, "a column a value");
    is_str(out, "▁▂▅█ █", "0 is lowest, what is more is higher");
    is_int(tg_spark(values, 6, 3, true, out), 3, "or one for two of them");
    is_str(out, ".##", "in ASCII, and by the higher one");
    tg_spark(one, 1, 10, false, out);
    is_str(out, "█", "the largest is full");
    tg_spark(NULL, 0, 10, false, out);
    is_str(out, "", "nothing is nothing");
    is_int(tg_spark_bar(50, 100, 5, false, out), 3, "half of five columns");
    is_str(out, "██▌", "is two and a half");
    tg_spark_bar(1, INT64_MAX, 10, false, out);
    is_str(out, "▏", "what is not nothing shows");
    tg_spark_bar(INT64_MAX, INT64_MAX, 4, true, out);
    is_str(out, "####", "all of it is full");
}

int
main(void)
{
    struct tg_pen pen;

    ok(tg_pen_open(&pen), "there are fonts");
    test_layouts(&pen);
    tg_pen_close(&pen);
    test_scales();
    test_values();
    test_times();
    test_picture();
    test_sparks();
    return done();
}
