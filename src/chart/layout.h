/*
 * layout.h: where everything on a sheet stands.
 */
#ifndef TG_CHART_LAYOUT_H
#define TG_CHART_LAYOUT_H

#include "chart.h"
#include "pen.h"
#include "scale.h"

struct tg_rect {
    double x, y, width, height;
};

enum tg_ink { TG_INK_STRONG = 0, TG_INK_WEAK };

/* A text, and the room that it takes. */
struct tg_layout_text {
    char *text;
    double size;
    bool is_bold;
    enum tg_ink ink;
    struct tg_rect box;
};

#define TG_LAYOUT_TEXTS 512
#define TG_LAYOUT_MARKS 128

struct tg_layout_swatch {
    struct tg_rect box;
    enum tg_chart_tone tone;
};

struct tg_layout_panel {
    const struct tg_chart_panel *panel;
    struct tg_rect frame; /* all of it */
    struct tg_rect plot;  /* within the axes */
    double top;           /* where its head and legend end */
    double axis;          /* width of the widest of its values */
    struct tg_chart_scale scale;
    size_t mark_count; /* of the axis of time, at x */
    double marks[TG_LAYOUT_MARKS];
    size_t swatch_count;
    struct tg_layout_swatch swatches[TG_CHART_SERIES];
};

struct tg_layout {
    const struct tg_chart_sheet *sheet;
    double width, height;
    double em; /* the size of usual text, which follows that of the sheet */
    size_t text_count;
    struct tg_layout_text texts[TG_LAYOUT_TEXTS];
    size_t panel_count;
    struct tg_layout_panel panels[TG_CHART_PANELS];
    size_t unknown; /* characters that no font has */
};

/*
 * Lays a sheet out.  No two texts overlap, and all are within the sheet: what
 * has no room is shortened, thinned out or left out.  sheet outlives it.
 */
void tg_layout_init(struct tg_layout *layout,
                    const struct tg_chart_sheet *sheet,
                    const struct tg_chart_form *form, struct tg_pen *pen);

void tg_layout_release(struct tg_layout *layout);

/* Where an instant is on a panel's axis of time. */
double tg_layout_x(const struct tg_layout_panel *panel,
                   const struct tg_chart_sheet *sheet, int64_t at_ms);

/* The largest that stands in a panel: a stack, or a share; 0: nothing. */
int64_t tg_layout_most(const struct tg_chart_sheet *sheet,
                       const struct tg_chart_panel *panel);

#endif
