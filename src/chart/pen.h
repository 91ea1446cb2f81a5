/*
 * pen.h: text as Pango lays it out, and colours.
 */
#ifndef TG_CHART_PEN_H
#define TG_CHART_PEN_H

#include <pango/pangocairo.h>
#include <stdbool.h>
#include <stddef.h>

struct tg_pen {
    PangoFontMap *fonts;
    PangoLayout *layout;
};

/* Returns false where there is no font at all; it is closed in any case. */
bool tg_pen_open(struct tg_pen *pen);

void tg_pen_close(struct tg_pen *pen);

struct tg_pen_text {
    const char *text;
    double size; /* of its em */
    bool is_bold;
    double width; /* what does not fit ends in an ellipsis; 0: all of it */
};

struct tg_pen_extent {
    double width, height;
    bool is_cut;    /* it has an ellipsis */
    size_t unknown; /* characters that no font has */
};

struct tg_pen_extent tg_pen_measure(struct tg_pen *pen,
                                    const struct tg_pen_text *text);

/* Draws it in the colour that is set, x and y being its upper left corner. */
void tg_pen_write(struct tg_pen *pen, cairo_t *to,
                  const struct tg_pen_text *text, double x, double y);

#endif
