/*
 * paint.h: a sheet, drawn as it was laid out.
 */
#ifndef TG_CHART_PAINT_H
#define TG_CHART_PAINT_H

#include "layout.h"

/* Draws all of it; a unit of to is a pixel of the layout. */
void tg_paint(const struct tg_layout *layout, struct tg_pen *pen, cairo_t *to);

#endif
