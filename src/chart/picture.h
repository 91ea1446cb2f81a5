/*
 * picture.h: a sheet as a file of pixels or of shapes, made in this process.
 */
#ifndef TG_CHART_PICTURE_H
#define TG_CHART_PICTURE_H

#include "chart.h"

/* As tg_chart_draw, by one thread of a process at a time. */
int tg_picture_draw(const struct tg_chart_sheet *sheet,
                    const struct tg_chart_form *form,
                    struct tg_chart_picture *picture, char *why, size_t size);

#endif
