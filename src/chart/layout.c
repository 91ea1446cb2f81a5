#include "layout_part.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A sheet of 1600 by 1200 has text of 14 pixels. */
#define USUAL_SIDE 1386.0
#define USUAL_EM 14.0
#define LEAST_EM 8.5
#define MOST_EM 42.0
#define MARGIN 1.4  /* em, left and right */
#define LETTERS 2.0 /* em: what is narrower says nothing */

struct tg_pen_extent
tg_room_measure(struct tg_room *room, const char *text, double em)
{
    struct tg_pen_text what = {.text = text, .size = em * room->layout->em};

    return tg_pen_measure(room->pen, &what);
}

struct tg_layout_text *
tg_room_put(struct tg_room *room, const struct tg_pen_text *what, double x,
            double y)
{
    struct tg_layout *layout = room->layout;
    struct tg_layout_text *text = &layout->texts[layout->text_count];
    struct tg_pen_extent extent;

    assert(layout->text_count < TG_LAYOUT_TEXTS);
    if (what->width <= 0)
        return NULL;
    extent = tg_pen_measure(room->pen, what);
    if (extent.width > what->width + 1 ||
        (extent.is_cut && what->width < LETTERS * layout->em))
        return NULL;
    *text = (struct tg_layout_text){
        .text = strdup(what->text),
        .size = what->size,
        .is_bold = what->is_bold,
        .box = {x, y, extent.width, extent.height},
    };
    if (text->text == NULL)
        return NULL;
    layout->unknown += extent.unknown;
    layout->text_count++;
    return text;
}

/* The title and what is under it; returns where the panels begin. */
static double
put_title(struct tg_room *room)
{
    struct tg_layout *layout = room->layout;
    double margin = MARGIN * layout->em, y = layout->em;
    struct tg_pen_text what = {.text = layout->sheet->title,
                               .size = TG_TITLE_SIZE * layout->em,
                               .is_bold = true,
                               .width = layout->width - 2 * margin};
    struct tg_layout_text *text = tg_room_put(room, &what, margin, y);

    if (text != NULL)
        y += text->box.height;
    what.text = layout->sheet->subtitle;
    what.size = layout->em;
    what.is_bold = false;
    text = tg_room_put(room, &what, margin, y);
    if (text != NULL) {
        text->ink = TG_INK_WEAK;
        y += text->box.height;
    }
    return y + layout->em;
}

/*
 * The total stands at the right, or below where a line is too short for both;
 * a number is never shortened.  Returns where the head ends.
 */
static double
put_head(struct tg_room *room, const struct tg_layout_panel *panel)
{
    const struct tg_chart_sheet *sheet = room->layout->sheet;
    const struct tg_rect *frame = &panel->frame;
    char total[TG_CHART_TEXT_SIZE];
    double em = room->layout->em, y = frame->y, title, sum;
    struct tg_pen_text what = {.text = panel->panel->title,
                               .size = TG_HEAD_SIZE * em,
                               .is_bold = true,
                               .width = frame->width};
    struct tg_layout_text *text = tg_room_put(room, &what, frame->x, y);

    title = text != NULL ? text->box.width + em : 0;
    y += text != NULL ? text->box.height : 0;
    if (sheet->empty != NULL || panel->panel->total == TG_CHART_NONE)
        return y;
    tg_chart_value_text(panel->panel->unit, panel->panel->total,
                        sheet->currency, total);
    sum = tg_room_measure(room, total, TG_HEAD_SIZE).width;
    what.text = total;
    what.is_bold = false;
    if (title + sum <= frame->width) {
        tg_room_put(room, &what, frame->x + frame->width - sum, frame->y);
    } else if (sum <= frame->width) {
        text = tg_room_put(room, &what, frame->x, y);
        y += text != NULL ? text->box.height : 0;
    }
    return y;
}

int64_t
tg_layout_most(const struct tg_chart_sheet *sheet,
               const struct tg_chart_panel *panel)
{
    int64_t most = 0;

    for (size_t i = 0; i < sheet->point_count; i++) {
        int64_t stack = 0;

        for (size_t k = 0; k < panel->series_count; k++) {
            int64_t value = panel->series[k].values[i];

            if (value > 0 && __builtin_add_overflow(stack, value, &stack))
                return INT64_MAX;
        }
        most = stack > most ? stack : most;
    }
    return most;
}

double
tg_layout_x(const struct tg_layout_panel *panel,
            const struct tg_chart_sheet *sheet, int64_t at_ms)
{
    int64_t begin = sheet->edges_ms[0];
    int64_t end = sheet->edges_ms[sheet->point_count];

    return panel->plot.x +
           panel->plot.width * (double)(at_ms - begin) / (double)(end - begin);
}

/* Plots of a row begin at one height, and those of a column at one place. */
static double
row_top(const struct tg_layout *layout, const struct tg_layout_panel *panel)
{
    double top = 0;

    for (size_t i = 0; i < layout->panel_count; i++) {
        if (layout->panels[i].frame.y == panel->frame.y)
            top = fmax(top, layout->panels[i].top);
    }
    return top;
}

static double
column_axis(const struct tg_layout *layout, const struct tg_layout_panel *panel)
{
    double axis = 0;

    for (size_t i = 0; i < layout->panel_count; i++) {
        if (layout->panels[i].frame.x == panel->frame.x)
            axis = fmax(axis, layout->panels[i].axis);
    }
    return axis;
}

static void
lay_panels(struct tg_room *room)
{
    struct tg_layout *layout = room->layout;
    double line = tg_room_measure(room, "0", TG_LABEL_SIZE).height;
    struct tg_layout_panel *panel, *end;

    end = layout->panels + layout->panel_count;
    for (panel = layout->panels; panel < end; panel++) {
        panel->top = put_head(room, panel);
        panel->top += tg_room_legend(room, panel, panel->top);
    }
    for (panel = layout->panels; panel < end; panel++) {
        const struct tg_rect *frame = &panel->frame;
        double y = row_top(layout, panel) + line * 0.8;
        double bottom = frame->y + frame->height - 1.7 * line;

        panel->plot = (struct tg_rect){frame->x, y, frame->width,
                                       fmax(bottom - y, layout->em / 2)};
        tg_room_scale(room, panel);
    }
    for (panel = layout->panels; panel < end; panel++) {
        tg_room_values(room, panel, column_axis(layout, panel));
        tg_room_times(room, panel);
    }
}

static void
lay_grid(struct tg_room *room, double top)
{
    struct tg_layout *layout = room->layout;
    const struct tg_chart_sheet *sheet = layout->sheet;
    double em = layout->em, gap = 2.2 * em, margin = MARGIN * em;
    size_t n = sheet->panel_count, columns = n < 2 ? 1 : 2, rows;
    struct tg_rect frame;

    if (layout->width > 2.6 * layout->height)
        columns = n;
    else if (layout->width < 0.55 * layout->height)
        columns = 1;
    rows = (n + columns - 1) / columns;
    frame.width = (layout->width - 2 * margin - gap * (double)(columns - 1)) /
                  (double)columns;
    frame.height =
        (layout->height - top - 0.5 * em - em * 1.2 * (double)(rows - 1)) /
        (double)rows;
    for (size_t i = 0; i < n; i++) {
        struct tg_layout_panel *panel = &layout->panels[i];

        frame.x = margin + (frame.width + gap) * (double)(i % columns);
        frame.y = top + (frame.height + em * 1.2) * (double)(i / columns);
        panel->panel = &sheet->panels[i];
        panel->frame = frame;
    }
    layout->panel_count = n;
    lay_panels(room);
}

void
tg_layout_init(struct tg_layout *layout, const struct tg_chart_sheet *sheet,
               const struct tg_chart_form *form, struct tg_pen *pen)
{
    struct tg_room room = {layout, pen};

    memset(layout, 0, sizeof(*layout));
    layout->sheet = sheet;
    layout->width = form->width;
    layout->height = form->height;
    layout->em = USUAL_EM * sqrt(layout->width * layout->height) / USUAL_SIDE;
    layout->em = fmin(fmax(layout->em, LEAST_EM), MOST_EM);
    /* A sheet that is low has less room for lines than its area says. */
    layout->em = fmax(fmin(layout->em, layout->height / 34), LEAST_EM);
    lay_grid(&room, put_title(&room));
}

void
tg_layout_release(struct tg_layout *layout)
{
    for (size_t i = 0; i < layout->text_count; i++)
        free(layout->texts[i].text);
    layout->text_count = 0;
}
