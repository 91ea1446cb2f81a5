/*
 * layout_part.h: what the files that lay a sheet out have in common.
 */
#ifndef TG_CHART_LAYOUT_PART_H
#define TG_CHART_LAYOUT_PART_H

#include "layout.h"

/* In em. */
#define TG_TITLE_SIZE 1.5
#define TG_HEAD_SIZE 1.1
#define TG_LABEL_SIZE 0.88
#define TG_GAP 0.5

#define TG_LABEL(room, words, room_for)                                        \
    &(struct tg_pen_text)                                                      \
    {                                                                          \
        .text = (words), .size = TG_LABEL_SIZE * (room)->layout->em,           \
        .width = (room_for)                                                    \
    }

struct tg_room {
    struct tg_layout *layout;
    struct tg_pen *pen;
};

/*
 * Adds a text whose width is what there is for it, with its upper left corner
 * there.  Returns it; NULL where there is no room for a few letters.
 */
struct tg_layout_text *tg_room_put(struct tg_room *room,
                                   const struct tg_pen_text *what, double x,
                                   double y);

struct tg_pen_extent tg_room_measure(struct tg_room *room, const char *text,
                                     double em);

/* The names of a panel's series at y: returns how high they are. */
double tg_room_legend(struct tg_room *room, struct tg_layout_panel *panel,
                      double y);

/* The scale of values, and how wide they are, once plot's height is known. */
void tg_room_scale(struct tg_room *room, struct tg_layout_panel *panel);

/* The axes: values in so many pixels left of plot, and times below it. */
void tg_room_values(struct tg_room *room, struct tg_layout_panel *panel,
                    double width);
void tg_room_times(struct tg_room *room, struct tg_layout_panel *panel);

#endif
