#include "price_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define DAYS 7

#define BOOK                                                                   \
    {"MODEL", "model", TG_CELL_TEXT, "", 40},                                  \
        {"FROM", "effective_at", TG_CELL_WHEN, "always", 0},                   \
        {"BAND", "band", TG_CELL_TEXT, NULL, 0},                               \
        {"PROMPT/M", "prompt", TG_CELL_AMOUNT, NULL, 0},                       \
        {"CACHE_HIT/M", "prompt_cache_hit", TG_CELL_AMOUNT, NULL, 0},          \
        {"CACHE_WRITE/M", "prompt_cache_write", TG_CELL_AMOUNT, NULL, 0},      \
        {"COMPLETION/M", "completion", TG_CELL_AMOUNT, NULL, 0},               \
        {"UNIT", "unit", TG_CELL_TEXT, NULL, 0},                               \
        {"PRICE/UNIT", "unit_price", TG_CELL_AMOUNT, NULL, 0},                 \
    {                                                                          \
        "SIZES", "sizes", TG_CELL_LIST, NULL, 40                               \
    }

const struct tg_column tg_price_columns[] = {
    BOOK,
    {"CURRENCY", "currency", TG_CELL_TEXT, NULL, 0},
    {"HOURS_UTC", "hours", TG_CELL_TEXT, NULL, 60},
    {0},
};

const struct tg_column tg_price_plan_columns[] = {
    {"CHANGE", "change", TG_CELL_TEXT, "", 0},
    BOOK,
    {"HOURS_UTC", "hours", TG_CELL_TEXT, NULL, 60},
    {0},
};

/* What stands behind each day: "01:00-04:00,06:00-10:00". */
struct week {
    char *spans[DAYS]; /* NULL: none */
};

static int
day_of(const char *text)
{
    static const char names[] = "montuewedthufrisatsun";

    for (int i = 0; i < DAYS; i++) {
        if (strncmp(text, names + 3 * i, 3) == 0)
            return i;
    }
    return -1;
}

static void
add_span(struct week *week, const char *text)
{
    int day = strlen(text) > 4 ? day_of(text) : -1;
    char *longer = NULL;

    if (day < 0)
        return;
    if (asprintf(&longer, "%s%s%s",
                 week->spans[day] != NULL ? week->spans[day] : "",
                 week->spans[day] != NULL ? "," : "", text + 4) < 0)
        tg_own(NULL);
    free(week->spans[day]);
    week->spans[day] = longer;
}

/* How many days from this one on have the same spans. */
static int
alike(const struct week *week, int day)
{
    int n = 1;

    while (day + n < DAYS && week->spans[day + n] != NULL &&
           strcmp(week->spans[day + n], week->spans[day]) == 0)
        n++;
    return n;
}

static void
put_days(FILE *out, const struct week *week)
{
    static const char names[] = "montuewedthufrisatsun";
    const char *before = "";
    int n;

    for (int day = 0; day < DAYS; day += n) {
        n = 1;
        if (week->spans[day] == NULL)
            continue;
        n = alike(week, day);
        fprintf(out, "%s%.3s", before, names + 3 * day);
        if (n > 1)
            fprintf(out, "-%.3s", names + 3 * (day + n - 1));
        fprintf(out, " %s", week->spans[day]);
        before = "; ";
    }
}

/* "mon-fri 01:00-04:00,06:00-10:00, not on holidays" */
static json_t *
hours_of(const json_t *peak)
{
    const json_t *list = json_object_get(peak, "hours"), *item;
    struct week week = {{NULL}};
    char *text = NULL;
    json_t *value;
    size_t size, i;
    FILE *out = tg_own(open_memstream(&text, &size));

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            add_span(&week, json_string_value(item));
    }
    put_days(out, &week);
    if (json_is_true(json_object_get(peak, "not_on_holidays")))
        fputs(", not on holidays", out);
    if (fclose(out) != 0)
        tg_own(NULL);
    value = json_string(text);
    free(text);
    for (i = 0; i < DAYS; i++)
        free(week.spans[i]);
    return value;
}

/* The row of the peak, under the one that it is of. */
static json_t *
peak_row(const json_t *row, const json_t *peak)
{
    json_t *object = tg_own(json_copy((json_t *)peak));

    json_object_set_new(object, "band", json_string("peak"));
    json_object_set_new(object, "hours", hours_of(peak));
    json_object_set(object, "model", json_object_get(row, "model"));
    json_object_set(object, "effective_at",
                    json_object_get(row, "effective_at"));
    json_object_set(object, "unit", json_object_get(row, "unit"));
    json_object_set(object, "currency", json_object_get(row, "currency"));
    json_object_set(object, "change", json_object_get(row, "change"));
    return object;
}

void
tg_price_rows_shape(json_t *rows)
{
    const json_t *peak;
    json_t *row;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        row = json_array_get(rows, i);
        peak = json_object_get(row, "peak");
        json_object_set_new(
            row, "band",
            json_string(json_is_object(peak) ? "off-peak" : "all hours"));
        if (json_is_object(peak))
            json_array_insert_new(rows, ++i, peak_row(row, peak));
    }
}
