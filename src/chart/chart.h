/*
 * chart.h: a sheet of charts over time, described in whole numbers, and the
 * picture that is made of it.
 *
 * A sheet is drawn by a program of its own, tollgate-draw, which gets it as
 * JSON: libraries that lay out the names of strangers never run in a process
 * that holds keys, and cost nothing where nobody draws.
 */
#ifndef TG_CHART_H
#define TG_CHART_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value counts. */
enum tg_chart_unit {
    TG_CHART_COUNT = 0, /* things */
    TG_CHART_NANOS,     /* nano-units of the sheet's currency */
    TG_CHART_PPM,       /* a share, in millionths: shown in percent */
};

/* A value that is not there, as a share of nothing; others are from 0. */
#define TG_CHART_NONE INT64_MIN

/* The colour of a series, by what it means; the rest is one of each. */
enum tg_chart_tone {
    TG_CHART_TONE_1 = 0,
    TG_CHART_TONE_2,
    TG_CHART_TONE_3,
    TG_CHART_TONE_4,
    TG_CHART_TONE_5,
    TG_CHART_TONE_REST,  /* all that is not one of the others */
    TG_CHART_TONE_ALARM, /* what should be nothing */
    TG_CHART_TONES,      /* how many */
};

struct tg_chart_series {
    const char *label;
    enum tg_chart_tone tone;
    const int64_t *values; /* one a point of the sheet */
};

#define TG_CHART_SERIES 6

/* The values of its series stand on each other; shares are a line. */
struct tg_chart_panel {
    const char *title; /* "Requests" */
    enum tg_chart_unit unit;
    int64_t total;       /* of all points; TG_CHART_NONE: there is none */
    size_t series_count; /* at most TG_CHART_SERIES */
    struct tg_chart_series series[TG_CHART_SERIES];
};

/* From an instant on, clocks are so far east of UTC. */
struct tg_chart_offset {
    int64_t from_ms; /* Unix time; of the first one it does not matter */
    int32_t offset_s;
};

#define TG_CHART_PANELS 4
#define TG_CHART_POINTS 5000
#define TG_CHART_OFFSETS 256

/* All that it points to is the caller's, and stays where it is. */
struct tg_chart_sheet {
    const char *title;    /* what it is of */
    const char *subtitle; /* from when to when, where, in what money */
    const char *empty;    /* instead of charts: "no calls"; NULL: draw them */
    const char *currency; /* "USD" */
    const char *timezone; /* its name */
    size_t point_count;   /* 1 to TG_CHART_POINTS */
    /* Point i is of edges_ms[i] to edges_ms[i + 1]; point_count + 1 of them,
       Unix time, ascending. */
    const int64_t *edges_ms;
    bool is_of_days; /* or longer: each is named by its day, not its begin */
    size_t offset_count; /* 1 to TG_CHART_OFFSETS, ascending */
    const struct tg_chart_offset *offsets;
    size_t panel_count; /* 1 to TG_CHART_PANELS */
    struct tg_chart_panel panels[TG_CHART_PANELS];
};

/*
 * The sheet as JSON: the caller's, NULL without memory.  Values are as exact
 * as they are given: counts and millionths are whole numbers, money is a
 * decimal string, and what is not there is null.
 */
json_t *tg_chart_json(const struct tg_chart_sheet *sheet);

/* A sheet that was JSON, and what it points to. */
struct tg_chart_copy {
    struct tg_chart_sheet sheet;
    json_t *json;
    int64_t *numbers;
    struct tg_chart_offset offsets[TG_CHART_OFFSETS];
};

/*
 * Reads it back; json's reference is taken over.  Returns 0; TG_ERR_FORMAT when
 * it is none that tg_chart_json wrote, TG_ERR_SYSTEM without memory; the copy
 * is released in any case.
 */
int tg_chart_read(struct tg_chart_copy *copy, json_t *json);

void tg_chart_release(struct tg_chart_copy *copy);

enum tg_chart_format { TG_CHART_PNG = 0, TG_CHART_SVG };

#define TG_CHART_WIDTH_MIN 400
#define TG_CHART_WIDTH_MAX 4000
#define TG_CHART_HEIGHT_MIN 300
#define TG_CHART_HEIGHT_MAX 3000
#define TG_CHART_SCALE_MAX 4
#define TG_CHART_PIXELS_MAX (4000L * 3000L)

/*
 * How it is drawn.  Sizes are those of the layout; a PNG has scale times as
 * many pixels each way, TG_CHART_PIXELS_MAX at most.  An SVG has no scale, and
 * its text is shapes, so that it looks the same on machines without our fonts.
 */
struct tg_chart_form {
    enum tg_chart_format format;
    int width, height, scale;
};

struct tg_chart_picture {
    char *bytes; /* malloc's, the caller's */
    size_t len;
    size_t unknown; /* characters for which no font has a shape */
};

#define TG_CHART_AT_ONCE 2

/* Whether it can be drawn: within the bounds above. */
bool tg_chart_form_is_good(const struct tg_chart_form *form);

/*
 * Draws it; the same sheet and form give the same bytes where fonts are the
 * same.  May be called by any thread; TG_CHART_AT_ONCE are under way at a time,
 * and others wait.  Returns 0, or a negative enum tg_err with a sentence in
 * why[size]. Takes a tenth of a second, and a second for the largest.
 */
int tg_chart_draw(const struct tg_chart_sheet *sheet,
                  const struct tg_chart_form *form,
                  struct tg_chart_picture *picture, char *why, size_t size);

#endif
