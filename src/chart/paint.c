#include "paint.h"

#include <math.h>

struct color {
    double red, green, blue;
};

#define RGB(r, g, b)                                                           \
    {                                                                          \
        0x##r / 255.0, 0x##g / 255.0, 0x##b / 255.0                            \
    }

/* Paul Tol's "bright" scheme, which people of any colour vision tell apart. */
static const struct color tones[TG_CHART_TONES] = {
    [TG_CHART_TONE_1] = RGB(44, 77, AA),
    [TG_CHART_TONE_2] = RGB(66, CC, EE),
    [TG_CHART_TONE_3] = RGB(22, 88, 33),
    [TG_CHART_TONE_4] = RGB(CC, BB, 44),
    [TG_CHART_TONE_5] = RGB(AA, 33, 77),
    [TG_CHART_TONE_REST] = RGB(BB, BB, BB),
    [TG_CHART_TONE_ALARM] = RGB(EE, 66, 77),
};

static const struct color inks[] = {
    [TG_INK_STRONG] = RGB(22, 26, 2E),
    [TG_INK_WEAK] = RGB(5F, 66, 70),
};

static const struct color grid = RGB(E6, E8, EB), axis = RGB(9A, A0, A8);

#define BAR_LEAST 3.5 /* pixels; narrower ones become an area */
#define BAR_MOST 5.0  /* em */
#define DOTS_MOST 62  /* points that are shown one by one */

struct canvas {
    const struct tg_layout *layout;
    const struct tg_layout_panel *panel;
    cairo_t *to;
};

static void
set_color(cairo_t *to, const struct color *color)
{
    cairo_set_source_rgb(to, color->red, color->green, color->blue);
}

static double
value_y(const struct tg_layout_panel *panel, double value)
{
    double share = value / (double)tg_chart_scale_top(&panel->scale);

    return panel->plot.y + panel->plot.height * (1 - share);
}

static double
edge_x(const struct canvas *canvas, size_t i)
{
    return tg_layout_x(canvas->panel, canvas->layout->sheet,
                       canvas->layout->sheet->edges_ms[i]);
}

static void
draw_line(cairo_t *to, double x1, double y1, double x2, double y2)
{
    cairo_move_to(to, x1, y1);
    cairo_line_to(to, x2, y2);
    cairo_stroke(to);
}

/* On whole pixels, so that a thin line is one. */
static double
crisp(double at)
{
    return floor(at) + 0.5;
}

static void
draw_axes(const struct canvas *canvas)
{
    const struct tg_layout_panel *panel = canvas->panel;
    const struct tg_rect *plot = &panel->plot;
    double right = plot->x + plot->width, bottom = plot->y + plot->height;
    double width = fmax(1, floor(canvas->layout->em / 14));

    cairo_set_line_width(canvas->to, width);
    set_color(canvas->to, &grid);
    for (unsigned i = 1; i <= panel->scale.count; i++) {
        double y = crisp(bottom - plot->height * i / panel->scale.count);

        if (canvas->layout->sheet->empty == NULL)
            draw_line(canvas->to, plot->x, y, right, y);
    }
    set_color(canvas->to, &axis);
    for (size_t i = 0; i < panel->mark_count; i++)
        draw_line(canvas->to, crisp(panel->marks[i]), bottom,
                  crisp(panel->marks[i]), bottom + canvas->layout->em * 0.3);
}

static void
draw_base(const struct canvas *canvas)
{
    const struct tg_rect *plot = &canvas->panel->plot;
    double y = crisp(plot->y + plot->height);

    set_color(canvas->to, &axis);
    draw_line(canvas->to, plot->x, y, plot->x + plot->width, y);
}

/* What stands below a series in a point; its own value is added. */
static double
below(const struct tg_chart_panel *panel, size_t series, size_t i)
{
    double sum = 0;

    for (size_t k = 0; k < series; k++)
        sum +=
            (double)(panel->series[k].values[i] > 0 ? panel->series[k].values[i]
                                                    : 0);
    return sum;
}

static void
draw_bars(const struct canvas *canvas, size_t series, double width)
{
    const struct tg_chart_panel *panel = canvas->panel->panel;
    double em = canvas->layout->em, gap = fmin(fmax(width * 0.2, 1), em * 0.7);
    double bar = fmin(width - gap, BAR_MOST * em);

    for (size_t i = 0; i < canvas->layout->sheet->point_count; i++) {
        int64_t value = panel->series[series].values[i];
        double from = below(panel, series, i), bottom, top, x;

        if (value <= 0)
            continue;
        x = (edge_x(canvas, i) + edge_x(canvas, i + 1) - bar) / 2;
        bottom = value_y(canvas->panel, from);
        top = value_y(canvas->panel, from + (double)value);
        if (bar > 8) {
            x = floor(x + 0.5);
            cairo_rectangle(canvas->to, x, top, floor(bar + 0.5), bottom - top);
        } else {
            cairo_rectangle(canvas->to, x, top, bar, bottom - top);
        }
    }
    cairo_fill(canvas->to);
}

/* The outline of bars without gaps, up and back along what is below. */
static void
draw_area(const struct canvas *canvas, size_t series)
{
    const struct tg_chart_panel *panel = canvas->panel->panel;
    size_t n = canvas->layout->sheet->point_count;

    for (size_t i = 0; i < n; i++) {
        double y = value_y(canvas->panel, below(panel, series + 1, i));

        cairo_line_to(canvas->to, edge_x(canvas, i), y);
        cairo_line_to(canvas->to, edge_x(canvas, i + 1), y);
    }
    for (size_t i = n; i-- > 0;) {
        double y = value_y(canvas->panel, below(panel, series, i));

        cairo_line_to(canvas->to, edge_x(canvas, i + 1), y);
        cairo_line_to(canvas->to, edge_x(canvas, i), y);
    }
    cairo_close_path(canvas->to);
    cairo_fill(canvas->to);
}

static double
middle_x(const struct canvas *canvas, size_t i)
{
    return (edge_x(canvas, i) + edge_x(canvas, i + 1)) / 2;
}

static bool
is_alone(const int64_t *values, size_t count, size_t i)
{
    return (i == 0 || values[i - 1] < 0) &&
           (i + 1 == count || values[i + 1] < 0);
}

/* A line from point to point, broken where there is nothing. */
static void
draw_share(const struct canvas *canvas, const int64_t *values)
{
    size_t n = canvas->layout->sheet->point_count;
    double em = canvas->layout->em;

    cairo_set_line_width(canvas->to, fmax(1.2, em * 0.14));
    cairo_set_line_join(canvas->to, CAIRO_LINE_JOIN_ROUND);
    cairo_new_path(canvas->to);
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 0)
            cairo_new_sub_path(canvas->to);
        else
            cairo_line_to(canvas->to, middle_x(canvas, i),
                          value_y(canvas->panel, (double)values[i]));
    }
    cairo_stroke(canvas->to);
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 0 || (n > DOTS_MOST && !is_alone(values, n, i)))
            continue;
        cairo_new_sub_path(canvas->to);
        cairo_arc(canvas->to, middle_x(canvas, i),
                  value_y(canvas->panel, (double)values[i]), em * 0.22, 0,
                  2 * M_PI);
    }
    cairo_fill(canvas->to);
}

static void
draw_series(const struct canvas *canvas)
{
    const struct tg_chart_panel *panel = canvas->panel->panel;
    double width =
        canvas->panel->plot.width / (double)canvas->layout->sheet->point_count;

    for (size_t i = 0; i < panel->series_count; i++) {
        set_color(canvas->to, &tones[panel->series[i].tone]);
        if (panel->unit == TG_CHART_PPM)
            draw_share(canvas, panel->series[i].values);
        else if (width < BAR_LEAST)
            draw_area(canvas, i);
        else
            draw_bars(canvas, i, width);
    }
}

static void
draw_nothing(const struct canvas *canvas, struct tg_pen *pen)
{
    const struct tg_rect *plot = &canvas->panel->plot;
    struct tg_pen_text text = {.text = canvas->layout->sheet->empty,
                               .size = canvas->layout->em * 1.1,
                               .width = plot->width};
    struct tg_pen_extent extent = tg_pen_measure(pen, &text);

    set_color(canvas->to, &inks[TG_INK_WEAK]);
    tg_pen_write(pen, canvas->to, &text,
                 plot->x + (plot->width - extent.width) / 2,
                 plot->y + (plot->height - extent.height) / 2);
    set_color(canvas->to, &grid);
    cairo_set_line_width(canvas->to, 1);
    cairo_rectangle(canvas->to, crisp(plot->x), crisp(plot->y),
                    floor(plot->width) - 1, floor(plot->height));
    cairo_stroke(canvas->to);
}

static void
draw_texts(const struct tg_layout *layout, struct tg_pen *pen, cairo_t *to)
{
    for (size_t i = 0; i < layout->text_count; i++) {
        const struct tg_layout_text *text = &layout->texts[i];
        struct tg_pen_text what = {.text = text->text,
                                   .size = text->size,
                                   .is_bold = text->is_bold,
                                   .width = text->box.width + 0.5};

        set_color(to, &inks[text->ink]);
        tg_pen_write(pen, to, &what, text->box.x, text->box.y);
    }
}

static void
draw_swatches(const struct canvas *canvas)
{
    for (size_t i = 0; i < canvas->panel->swatch_count; i++) {
        const struct tg_layout_swatch *swatch = &canvas->panel->swatches[i];

        set_color(canvas->to, &tones[swatch->tone]);
        cairo_rectangle(canvas->to, swatch->box.x, swatch->box.y,
                        swatch->box.width, swatch->box.height);
        cairo_fill(canvas->to);
    }
}

void
tg_paint(const struct tg_layout *layout, struct tg_pen *pen, cairo_t *to)
{
    cairo_set_source_rgb(to, 1, 1, 1);
    cairo_paint(to);
    for (size_t i = 0; i < layout->panel_count; i++) {
        struct canvas canvas = {layout, &layout->panels[i], to};

        draw_axes(&canvas);
        if (layout->sheet->empty != NULL)
            draw_nothing(&canvas, pen);
        else
            draw_series(&canvas);
        draw_base(&canvas);
        draw_swatches(&canvas);
    }
    draw_texts(layout, pen, to);
}
