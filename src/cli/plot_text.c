#include "plot_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "glyph.h"
#include "own.h"
#include "scale.h"
#include "spark.h"

#define COLUMNS_LEAST 40
#define COLUMNS_MOST 200
#define COLUMNS_USUAL 80
#define INDENT 2
#define LABEL_MOST 24
#define BAR_LEAST 8

struct page {
    const struct tg_cli *cli;
    const struct tg_chart_sheet *sheet;
    size_t columns;
    bool is_ascii;
};

/* The locale of the one who reads; the program's own is always UTF-8. */
static bool
is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && *value != '\0')
            return strcasestr(value, "utf-8") != NULL ||
                   strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static size_t
columns_of(const struct tg_cli *cli)
{
    const char *text = getenv("COLUMNS");
    struct winsize size = {0};
    long columns = COLUMNS_USUAL;

    if (cli->is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0)
        columns = size.ws_col;
    else if (text != NULL && atol(text) > 0)
        columns = atol(text);
    columns = columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns;
    return (size_t)(columns < COLUMNS_MOST ? columns : COLUMNS_MOST);
}

/* Takes what our own titles are made of down to ASCII; names stay. */
static void
to_ascii(char *text)
{
    static const struct {
        const char *from;
        char to;
    } signs[] = {{"·", '|'}, {"–", '-'}};
    char *at;

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        while ((at = strstr(text, signs[i].from)) != NULL) {
            size_t len = strlen(signs[i].from);

            *at = signs[i].to;
            memmove(at + 1, at + len, strlen(at + len) + 1);
        }
    }
}

static void
put_line(const struct page *page, const char *text, bool is_bold)
{
    char *safe = tg_glyph_safe(text);

    if (page->is_ascii)
        to_ascii(safe);
    is_bold = is_bold && page->cli->has_color;
    printf("%s%s%s\n", is_bold ? "\033[1m" : "", safe,
           is_bold ? "\033[0m" : "");
    free(safe);
}

/* The values of a panel's points, one on the other; to be freed. */
static int64_t *
stack_of(const struct page *page, const struct tg_chart_panel *panel)
{
    size_t n = page->sheet->point_count;
    int64_t *sums = tg_own(calloc(n, sizeof(*sums)));

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < panel->series_count; k++) {
            int64_t value = panel->series[k].values[i];

            if (value == TG_CHART_NONE)
                sums[i] = value;
            else if (__builtin_add_overflow(sums[i], value, &sums[i]))
                sums[i] = INT64_MAX;
        }
    }
    return sums;
}

static void
put_range(const struct page *page, const struct tg_chart_panel *panel,
          const int64_t *values)
{
    int64_t least = INT64_MAX, most = TG_CHART_NONE;
    char text[TG_CHART_TEXT_SIZE];

    for (size_t i = 0; i < page->sheet->point_count; i++) {
        if (values[i] == TG_CHART_NONE)
            continue;
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    if (most == TG_CHART_NONE)
        return;
    tg_chart_value_text(panel->unit, least, page->sheet->currency, text);
    printf("%*smin %s", INDENT, "", text);
    tg_chart_value_text(panel->unit, most, page->sheet->currency, text);
    printf("   max %s\n", text);
}

static int64_t
sum_of(const struct page *page, const struct tg_chart_series *series)
{
    int64_t sum = 0;

    for (size_t i = 0; i < page->sheet->point_count; i++) {
        if (series->values[i] > 0 &&
            __builtin_add_overflow(sum, series->values[i], &sum))
            return INT64_MAX;
    }
    return sum;
}

/* A name in exactly so many columns. */
static void
put_label(const struct page *page, const char *label, size_t columns)
{
    const char *end = page->is_ascii ? "..." : "…";
    char *safe = tg_glyph_safe(label);
    size_t width = tg_glyph_width(safe), fit;

    if (width > columns) {
        fit = tg_glyph_fit(safe, columns - tg_glyph_width(end));
        safe[fit] = '\0';
        width = tg_glyph_width(safe) + tg_glyph_width(end);
    } else {
        end = "";
    }
    printf("%*s%s%s%*s", INDENT, "", safe, end, (int)(columns - width), "");
    free(safe);
}

struct bars {
    size_t label, value; /* columns */
    int64_t most;
};

static struct bars
measure(const struct page *page, const struct tg_chart_panel *panel)
{
    struct bars bars = {.most = 0};

    for (size_t i = 0; i < panel->series_count; i++) {
        int64_t sum = sum_of(page, &panel->series[i]);
        char *safe = tg_glyph_safe(panel->series[i].label);
        char text[TG_CHART_TEXT_SIZE];
        size_t width = tg_glyph_width(safe);

        tg_chart_value_text(panel->unit, sum, page->sheet->currency, text);
        bars.label = width > bars.label ? width : bars.label;
        bars.value = strlen(text) > bars.value ? strlen(text) : bars.value;
        bars.most = sum > bars.most ? sum : bars.most;
        free(safe);
    }
    if (bars.label > LABEL_MOST)
        bars.label = LABEL_MOST;
    return bars;
}

static void
put_bars(const struct page *page, const struct tg_chart_panel *panel)
{
    struct bars bars = measure(page, panel);
    char bar[COLUMNS_MOST * TG_SPARK_BYTES + 1], text[TG_CHART_TEXT_SIZE];
    size_t taken = INDENT + bars.label + 2 + bars.value + 1, room;

    room =
        page->columns > taken + BAR_LEAST ? page->columns - taken : BAR_LEAST;
    for (size_t i = 0; i < panel->series_count; i++) {
        int64_t sum = sum_of(page, &panel->series[i]);

        put_label(page, panel->series[i].label, bars.label);
        tg_spark_bar(sum, bars.most, room, page->is_ascii, bar);
        tg_chart_value_text(panel->unit, sum, page->sheet->currency, text);
        printf("  %*s %s\n", (int)bars.value, text, bar);
    }
}

static void
put_panel(const struct page *page, const struct tg_chart_panel *panel)
{
    char line[COLUMNS_MOST * TG_SPARK_BYTES + 1], text[TG_CHART_TEXT_SIZE];
    int64_t *values = stack_of(page, panel);
    char *title = NULL;

    tg_chart_value_text(panel->unit, panel->total, page->sheet->currency, text);
    if (asprintf(&title, "%s  %s", panel->title, text) < 0)
        tg_own(NULL);
    putchar('\n');
    put_line(page, title, true);
    free(title);
    tg_spark(values, page->sheet->point_count, page->columns - INDENT,
             page->is_ascii, line);
    printf("%*s%s\n", INDENT, "", line);
    put_range(page, panel, values);
    if (panel->series_count > 1)
        put_bars(page, panel);
    free(values);
}

void
tg_plot_text(const struct tg_cli *cli, const struct tg_chart_sheet *sheet)
{
    struct page page = {cli, sheet, columns_of(cli), !is_utf8()};

    put_line(&page, sheet->title, true);
    put_line(&page, sheet->subtitle, false);
    if (sheet->empty != NULL) {
        putchar('\n');
        put_line(&page, sheet->empty, false);
        return;
    }
    for (size_t i = 0; i < sheet->panel_count; i++)
        put_panel(&page, &sheet->panels[i]);
}
