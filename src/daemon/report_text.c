#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_figures.h"
#include "report_show.h"

/* A sheet for a terminal: 80 columns, bars of blocks. */

#define WIDTH 80
#define GAP 2
#define BAR_MOST 24
#define BAR_LEAST 6
#define COLUMNS_MAX 6
#define NAME_LEAST 12 /* a first column is not cut below that */

/* Where characters are two columns wide (East Asian Width: W, F). */
static const struct {
    uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* One character of UTF-8 that is known to be sound. */
static size_t
read_character(const char *text, uint32_t *c)
{
    unsigned char first = (unsigned char)*text;
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    *c = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (text[i] == '\0')
            return i;
        *c = *c << 6 | ((unsigned char)text[i] & 0x3f);
    }
    return n;
}

static size_t
width_of(uint32_t c)
{
    if (c >= 0x300 && c <= 0x36f)
        return 0;
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    }
    return 1;
}

/* Columns of a text; *len: bytes that fit into most of them. */
static size_t
measure(const char *text, size_t most, size_t *len)
{
    size_t width = 0, fits = 0, n = 0;
    uint32_t c;

    while (text[n] != '\0') {
        n += read_character(text + n, &c);
        width += width_of(c);
        if (width <= most)
            fits = n;
    }
    if (len != NULL)
        *len = fits;
    return width;
}

static void
repeat(FILE *out, const char *text, size_t times)
{
    while (times-- > 0)
        fputs(text, out);
}

/* A text in so many columns; what does not fit ends with "…". */
static void
put_cell(FILE *out, const char *text, size_t columns, bool is_right)
{
    size_t len, width = measure(text, columns, &len);

    if (width > columns) {
        measure(text, columns - 1, &len);
        width = 0;
        for (size_t n = 0; n < len;) {
            uint32_t c;

            n += read_character(text + n, &c);
            width += width_of(c);
        }
        fprintf(out, "%.*s…", (int)len, text);
        repeat(out, " ", columns - width - 1);
        return;
    }
    if (is_right)
        repeat(out, " ", columns - width);
    fputs(text, out);
    if (!is_right)
        repeat(out, " ", columns - width);
}

struct layout {
    size_t count;
    size_t widths[COLUMNS_MAX];
    bool is_right[COLUMNS_MAX];
    size_t bar; /* columns of it; 0: there is none */
};

static const char *
cell(const json_t *row, size_t i)
{
    const char *text = json_string_value(json_array_get(row, i));

    return text != NULL ? text : "";
}

/* The first column gives way, then the last one. */
static void
fit(struct layout *layout, bool has_bars)
{
    size_t all = 0, *least = &layout->widths[0];

    for (size_t i = 0; i < layout->count; i++)
        all += layout->widths[i] + (i > 0 ? GAP : 0);
    if (all > WIDTH && !layout->is_right[0] && *least > NAME_LEAST) {
        size_t over = all - WIDTH;

        if (over > *least - NAME_LEAST)
            over = *least - NAME_LEAST;
        *least -= over;
        all -= over;
    }
    if (all > WIDTH && layout->count > 1) {
        least = &layout->widths[layout->count - 1];
        if (*least > all - WIDTH + 1)
            *least -= all - WIDTH;
    }
    if (has_bars && all + GAP + BAR_LEAST <= WIDTH) {
        layout->bar = WIDTH - all - GAP;
        if (layout->bar > BAR_MOST)
            layout->bar = BAR_MOST;
    }
}

static void
lay_out(struct layout *layout, const json_t *section)
{
    const json_t *columns = json_object_get(section, "columns");
    json_t *one;
    size_t i;

    memset(layout, 0, sizeof(*layout));
    layout->count = json_array_size(columns);
    json_array_foreach((json_t *)columns, i, one)
    {
        layout->is_right[i] = json_is_true(json_object_get(one, "right"));
        layout->widths[i] =
            measure(json_string_value(json_object_get(one, "title")), 0, NULL);
    }
    json_array_foreach(json_object_get(section, "rows"), i, one)
    {
        for (size_t j = 0; j < layout->count; j++) {
            size_t width = measure(cell(one, j), 0, NULL);

            if (width > layout->widths[j])
                layout->widths[j] = width;
        }
    }
    fit(layout, json_object_get(section, "bars") != NULL);
}

static void
put_bar(FILE *out, const struct layout *layout, int64_t part)
{
    static const char *const eighths[] = {"",  "▏", "▎", "▍",
                                          "▌", "▋", "▊", "▉"};
    int64_t units = part * (int64_t)layout->bar * 8 / 1000;

    if (units == 0)
        return;
    repeat(out, " ", GAP);
    repeat(out, "█", (size_t)(units / 8));
    fputs(eighths[units % 8], out);
}

/* Blanks at a line's end are left out: a cell may be the last one. */
static void
put_row(FILE *out, const struct layout *layout, const json_t *row,
        const json_t *bar)
{
    char *line = NULL;
    size_t size;
    FILE *all = open_memstream(&line, &size);

    if (all == NULL)
        return;
    for (size_t i = 0; i < layout->count; i++) {
        if (i > 0)
            repeat(all, " ", GAP);
        put_cell(all, cell(row, i), layout->widths[i], layout->is_right[i]);
    }
    if (bar != NULL && layout->bar > 0)
        put_bar(all, layout, json_integer_value(bar));
    if (fclose(all) == 0) {
        while (size > 0 && line[size - 1] == ' ')
            line[--size] = '\0';
        fprintf(out, "%s\n", line);
    }
    free(line);
}

/* Words of a line, broken before they go beyond the width. */
static void
put_line(FILE *out, const char *text)
{
    size_t len;

    while (measure(text, WIDTH, &len) > WIDTH) {
        size_t end = len;

        while (end > 0 && text[end] != ' ')
            end--;
        if (end == 0)
            end = len;
        fprintf(out, "%.*s\n", (int)end, text);
        text += end;
        while (*text == ' ')
            text++;
    }
    fprintf(out, "%s\n", text);
}

static void
put_lines(FILE *out, const json_t *object)
{
    size_t i;
    json_t *line;

    json_array_foreach(json_object_get(object, "lines"), i, line)
        put_line(out, json_string_value(line));
}

static void
put_heads(FILE *out, const struct layout *layout, const json_t *section)
{
    json_t *titles = json_array(), *one;
    size_t i;

    json_array_foreach(json_object_get(section, "columns"), i, one)
        json_array_append(titles, json_object_get(one, "title"));
    put_row(out, layout, titles, NULL);
    json_decref(titles);
}

/* The heading stands where the first column has no title of its own. */
static void
put_section(FILE *out, const json_t *section)
{
    const char *heading =
        json_string_value(json_object_get(section, "heading"));
    struct layout layout;
    json_t *row;
    size_t i;

    lay_out(&layout, section);
    fprintf(out, "\n%s\n", heading);
    repeat(out, "-", measure(heading, 0, NULL));
    fputc('\n', out);
    put_heads(out, &layout, section);
    json_array_foreach(json_object_get(section, "rows"), i, row) put_row(
        out, &layout, row, json_array_get(json_object_get(section, "bars"), i));
    put_lines(out, section);
}

char *
tg_report_text(const json_t *sheet)
{
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream(&text, &size);
    const char *title = json_string_value(json_object_get(sheet, "title"));
    json_t *section;

    if (out == NULL || title == NULL)
        return NULL;
    fprintf(out, "%s\n", title);
    repeat(out, "=", measure(title, 0, NULL));
    fputc('\n', out);
    put_lines(out, sheet);
    json_array_foreach(json_object_get(sheet, "sections"), i, section)
        put_section(out, section);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
