#include "layout_part.h"

#include <math.h>
#include <string.h>

#include "times.h"

#define STEPS 6        /* more of them say nothing more */
#define STEP_LINES 2.4 /* lines of text between two ticks, at least */
#define NAME_MOST 16.0 /* em of a name that needs not be shortened */
#define APART 0.9      /* em between two labels */

/* Series have names where there are several. */
static bool
has_legend(const struct tg_layout_panel *panel)
{
    return panel->panel->series_count > 1;
}

/*
 * Equal cells, as wide as the longest name, if two rows are enough then; else
 * in two rows, and names are shortened.  Returns how many stand in a row.
 */
static size_t
divide(struct tg_room *room, const struct tg_layout_panel *panel, double *cell)
{
    double widest = 0, em = room->layout->em, width = panel->frame.width;
    size_t n = panel->panel->series_count, columns;

    for (size_t i = 0; i < n; i++)
        widest =
            fmax(widest, tg_room_measure(room, panel->panel->series[i].label,
                                         TG_LABEL_SIZE)
                             .width);
    *cell = fmin(widest, NAME_MOST * em) + 2.6 * em;
    columns = (size_t)(width / *cell);
    if (columns * 2 < n) {
        columns = (n + 1) / 2;
        *cell = width / (double)columns;
    }
    return columns < n ? columns : n;
}

/* Bytes of so many characters of UTF-8. */
static size_t
bytes_of(const char *text, size_t characters)
{
    const char *at = text;

    for (; characters > 0 && *at != '\0'; characters--)
        at = g_utf8_next_char(at);
    return (size_t)(at - text);
}

/*
 * A name that fits: without its middle, for ends are what tells names of
 * models apart.  The caller frees it.
 */
static char *
shorten(struct tg_room *room, const char *name, double width)
{
    size_t count = (size_t)g_utf8_strlen(name, -1), keep = count;
    char *text = g_strdup(name);

    while (keep > 2 &&
           tg_room_measure(room, text, TG_LABEL_SIZE).width > width) {
        keep--;
        g_free(text);
        text = g_strdup_printf("%.*s…%s", (int)bytes_of(name, (keep + 1) / 2),
                               name, name + bytes_of(name, count - keep / 2));
    }
    return text;
}

static void
put_name(struct tg_room *room, struct tg_layout_panel *panel,
         const struct tg_chart_series *series, const struct tg_rect *cell)
{
    double em = room->layout->em, side = em * 0.7;
    double width = cell->width - 1.7 * em;
    char *name = shorten(room, series->label, width);

    if (tg_room_put(room, TG_LABEL(room, name, width), cell->x + 1.1 * em,
                    cell->y) != NULL)
        panel->swatches[panel->swatch_count++] = (struct tg_layout_swatch){
            {cell->x, cell->y + (cell->height - side) / 2, side, side},
            series->tone};
    g_free(name);
}

double
tg_room_legend(struct tg_room *room, struct tg_layout_panel *panel, double y)
{
    double limit = panel->frame.height * 0.4;
    size_t n = panel->panel->series_count, columns, rows;
    struct tg_rect cell = {.height = 0};

    if (!has_legend(panel) || room->layout->sheet->empty != NULL)
        return 0;
    columns = divide(room, panel, &cell.width);
    cell.height = tg_room_measure(room, "国g", TG_LABEL_SIZE).height;
    rows = (n + columns - 1) / columns;
    columns = (n + rows - 1) / rows;
    if ((double)rows * cell.height > limit)
        return 0;
    for (size_t i = 0; i < n; i++) {
        cell.x = panel->frame.x + (double)(i % columns) * cell.width;
        cell.y = y + (double)(i / columns) * cell.height;
        put_name(room, panel, &panel->panel->series[i], &cell);
    }
    return (double)rows * cell.height;
}

static double
widest_tick(struct tg_room *room, const struct tg_chart_scale *scale)
{
    char text[TG_CHART_TEXT_SIZE];
    double widest = 0;

    for (unsigned i = 0; i <= scale->count; i++) {
        tg_chart_tick_text(scale, i, text);
        widest = fmax(widest, tg_room_measure(room, text, TG_LABEL_SIZE).width);
    }
    return widest;
}

void
tg_room_scale(struct tg_room *room, struct tg_layout_panel *panel)
{
    double line = tg_room_measure(room, "0", TG_LABEL_SIZE).height;
    double steps = panel->plot.height / (STEP_LINES * line);

    panel->scale = tg_chart_scale_of(
        panel->panel->unit, tg_layout_most(room->layout->sheet, panel->panel),
        (unsigned)fmin(fmax(steps, 1), STEPS));
    if (room->layout->sheet->empty == NULL)
        panel->axis =
            fmin(widest_tick(room, &panel->scale), panel->frame.width / 3);
}

void
tg_room_values(struct tg_room *room, struct tg_layout_panel *panel,
               double width)
{
    double line = tg_room_measure(room, "0", TG_LABEL_SIZE).height;
    double shift = width + TG_GAP * room->layout->em;
    char text[TG_CHART_TEXT_SIZE];
    struct tg_layout_text *label;

    if (room->layout->sheet->empty != NULL)
        return;
    panel->plot.x += shift;
    panel->plot.width -= shift;
    for (unsigned i = 0; i <= panel->scale.count; i++) {
        double y = panel->plot.y +
                   panel->plot.height * (1 - (double)i / panel->scale.count);

        tg_chart_tick_text(&panel->scale, i, text);
        label = tg_room_put(room, TG_LABEL(room, text, width + 1),
                            panel->frame.x, y - line / 2);
        if (label == NULL)
            continue;
        label->box.x = panel->frame.x + width - label->box.width;
        label->ink = TG_INK_WEAK;
    }
}

/* A day is named below its middle, an instant below itself. */
static double
place_of(const struct tg_layout_panel *panel,
         const struct tg_chart_sheet *sheet, int64_t at_ms)
{
    size_t low = 0, high = sheet->point_count;

    if (!sheet->is_of_days)
        return tg_layout_x(panel, sheet, at_ms);
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (sheet->edges_ms[middle] <= at_ms)
            low = middle;
        else
            high = middle;
    }
    return (tg_layout_x(panel, sheet, sheet->edges_ms[low]) +
            tg_layout_x(panel, sheet, sheet->edges_ms[low + 1])) /
           2;
}

struct label {
    double mark, x, width;
};

/* Labels of each k-th time; false where two of them come too close. */
static bool
place(struct tg_room *room, const struct tg_layout_panel *panel,
      const struct tg_chart_time *times, size_t count, size_t k,
      struct label *labels)
{
    const struct tg_rect *frame = &panel->frame;
    double end = -1, apart = APART * room->layout->em;

    for (size_t i = 0; i < count; i += k) {
        struct label *label = &labels[i];

        label->mark = place_of(panel, room->layout->sheet, times[i].at_ms);
        label->width =
            tg_room_measure(room, times[i].text, TG_LABEL_SIZE).width;
        label->x = fmax(label->mark - label->width / 2, frame->x);
        label->x = fmin(label->x, frame->x + frame->width - label->width - 0.5);
        if (label->x < frame->x || (end >= 0 && label->x < end + apart))
            return false;
        end = label->x + label->width;
    }
    return true;
}

static void
put_times(struct tg_room *room, struct tg_layout_panel *panel,
          const struct tg_chart_time *times, size_t count, size_t k,
          const struct label *labels)
{
    double line = tg_room_measure(room, "0", TG_LABEL_SIZE).height;
    double y = panel->plot.y + panel->plot.height + 0.62 * line;

    for (size_t i = 0; i < count; i += k) {
        struct tg_layout_text *text = tg_room_put(
            room, TG_LABEL(room, times[i].text, labels[i].width + 1),
            labels[i].x, y);

        if (text == NULL)
            continue;
        text->box.width = labels[i].width;
        text->ink = TG_INK_WEAK;
        panel->marks[panel->mark_count++] = labels[i].mark;
    }
}

/* The finest level whose labels have room; if it says less than two, the
 * finest that there is, thinned out. */
void
tg_room_times(struct tg_room *room, struct tg_layout_panel *panel)
{
    const struct tg_chart_sheet *sheet = room->layout->sheet;
    struct tg_chart_time times[TG_CHART_TIMES], finest[TG_CHART_TIMES];
    struct label labels[TG_CHART_TIMES];
    size_t finest_count = 0, count, k = 1;

    for (size_t level = 0; level < tg_chart_levels; level++) {
        count = tg_chart_times(sheet, level, times);
        if (count >= 2 && place(room, panel, times, count, 1, labels)) {
            put_times(room, panel, times, count, 1, labels);
            return;
        }
        if (count > 0 && finest_count == 0) {
            memcpy(finest, times, sizeof(finest));
            finest_count = count;
        }
    }
    if (finest_count == 0) {
        finest_count = 1;
        finest[0].at_ms = sheet->edges_ms[0];
        tg_chart_time_text(sheet, finest[0].at_ms, finest[0].text);
    }
    while (k < finest_count &&
           !place(room, panel, finest, finest_count, k, labels))
        k++;
    if (place(room, panel, finest, finest_count, k, labels))
        put_times(room, panel, finest, finest_count, k, labels);
}
