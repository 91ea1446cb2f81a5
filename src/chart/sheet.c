#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "civil.h"
#include "err.h"
#include "money.h"

static const char *const units[] = {
    [TG_CHART_COUNT] = "count",
    [TG_CHART_NANOS] = "money",
    [TG_CHART_PPM] = "ppm",
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static json_t *
value_json(enum tg_chart_unit unit, int64_t value)
{
    char text[TG_MONEY_TEXT_SIZE];

    if (value == TG_CHART_NONE)
        return json_null();
    if (unit != TG_CHART_NANOS)
        return json_integer(value);
    tg_money_format(value, text);
    return json_string(text);
}

static json_t *
instant_json(int64_t at_ms)
{
    char text[TG_CIVIL_TEXT_SIZE] = "";

    tg_civil_format(at_ms, text);
    return json_string(text);
}

static json_t *
series_json(const struct tg_chart_series *series, enum tg_chart_unit unit,
            size_t count)
{
    json_t *values = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(values, value_json(unit, series->values[i]));
    return json_pack("{s:s,s:i,s:o}", "label", series->label, "tone",
                     (int)series->tone, "values", values);
}

static json_t *
panel_json(const struct tg_chart_panel *panel, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < panel->series_count; i++)
        json_array_append_new(
            list, series_json(&panel->series[i], panel->unit, count));
    return json_pack("{s:s,s:s,s:o,s:o}", "title", panel->title, "unit",
                     units[panel->unit], "total",
                     value_json(panel->unit, panel->total), "series", list);
}

json_t *
tg_chart_json(const struct tg_chart_sheet *sheet)
{
    json_t *edges = json_array(), *offsets = json_array();
    json_t *panels = json_array();

    for (size_t i = 0; i <= sheet->point_count; i++)
        json_array_append_new(edges, instant_json(sheet->edges_ms[i]));
    for (size_t i = 0; i < sheet->offset_count; i++)
        json_array_append_new(offsets,
                              json_pack("{s:o,s:i}", "from",
                                        instant_json(sheet->offsets[i].from_ms),
                                        "seconds", sheet->offsets[i].offset_s));
    for (size_t i = 0; i < sheet->panel_count; i++)
        json_array_append_new(
            panels, panel_json(&sheet->panels[i], sheet->point_count));
    return json_pack("{s:s,s:s,s:s?,s:s,s:s,s:b,s:o,s:o,s:o}", "title",
                     sheet->title, "subtitle", sheet->subtitle, "empty",
                     sheet->empty, "currency", sheet->currency, "timezone",
                     sheet->timezone, "is_of_days", sheet->is_of_days, "edges",
                     edges, "offsets", offsets, "panels", panels);
}

static bool
read_text(const json_t *object, const char *member, const char **text)
{
    *text = json_string_value(json_object_get(object, member));
    return *text != NULL;
}

static bool
read_instant(const json_t *json, int64_t *at_ms)
{
    struct tg_str text = {json_string_value(json), json_string_length(json)};

    return text.data != NULL && tg_civil_parse(text, at_ms) == 0;
}

static bool
read_value(const json_t *json, enum tg_chart_unit unit, int64_t *value)
{
    struct tg_str text = {json_string_value(json), json_string_length(json)};

    *value = TG_CHART_NONE;
    if (json_is_null(json))
        return true;
    if (unit == TG_CHART_NANOS)
        return text.data != NULL && tg_money_parse_signed(text, value) == 0;
    *value = json_integer_value(json);
    return json_is_integer(json);
}

static bool
read_series(struct tg_chart_series *series, const json_t *json,
            enum tg_chart_unit unit, int64_t *values, size_t count)
{
    const json_t *list = json_object_get(json, "values");
    json_int_t tone = json_integer_value(json_object_get(json, "tone"));

    if (!read_text(json, "label", &series->label) || tone < 0 ||
        tone >= TG_CHART_TONES || json_array_size(list) != count)
        return false;
    series->tone = (enum tg_chart_tone)tone;
    series->values = values;
    for (size_t i = 0; i < count; i++) {
        if (!read_value(json_array_get(list, i), unit, &values[i]))
            return false;
    }
    return true;
}

static bool
read_unit(const json_t *json, enum tg_chart_unit *unit)
{
    const char *name;

    if (!read_text(json, "unit", &name))
        return false;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(units[i], name) == 0) {
            *unit = (enum tg_chart_unit)i;
            return true;
        }
    }
    return false;
}

static bool
read_panel(struct tg_chart_panel *panel, const json_t *json, int64_t **numbers,
           size_t count)
{
    const json_t *list = json_object_get(json, "series");

    panel->series_count = json_array_size(list);
    if (!read_text(json, "title", &panel->title) ||
        !read_unit(json, &panel->unit) ||
        !read_value(json_object_get(json, "total"), panel->unit,
                    &panel->total) ||
        panel->series_count > TG_CHART_SERIES)
        return false;
    for (size_t i = 0; i < panel->series_count; i++, *numbers += count) {
        if (!read_series(&panel->series[i], json_array_get(list, i),
                         panel->unit, *numbers, count))
            return false;
    }
    return true;
}

static bool
read_edges(struct tg_chart_sheet *sheet, const json_t *list, int64_t *edges)
{
    sheet->edges_ms = edges;
    for (size_t i = 0; i <= sheet->point_count; i++) {
        if (!read_instant(json_array_get(list, i), &edges[i]) ||
            (i > 0 && edges[i] <= edges[i - 1]))
            return false;
    }
    return true;
}

static bool
read_offsets(struct tg_chart_copy *copy, const json_t *list)
{
    size_t count = json_array_size(list);

    copy->sheet.offsets = copy->offsets;
    copy->sheet.offset_count = count;
    for (size_t i = 0; i < count && count <= TG_CHART_OFFSETS; i++) {
        const json_t *json = json_array_get(list, i);
        json_int_t offset =
            json_integer_value(json_object_get(json, "seconds"));

        if (!read_instant(json_object_get(json, "from"),
                          &copy->offsets[i].from_ms) ||
            offset < -172800 || offset > 172800)
            return false;
        copy->offsets[i].offset_s = (int32_t)offset;
    }
    return count > 0 && count <= TG_CHART_OFFSETS;
}

static bool
read_texts(struct tg_chart_sheet *sheet, const json_t *json)
{
    read_text(json, "empty", &sheet->empty);
    sheet->is_of_days = json_is_true(json_object_get(json, "is_of_days"));
    return read_text(json, "title", &sheet->title) &&
           read_text(json, "subtitle", &sheet->subtitle) &&
           read_text(json, "currency", &sheet->currency) &&
           read_text(json, "timezone", &sheet->timezone);
}

static bool
read_panels(struct tg_chart_sheet *sheet, const json_t *list, int64_t *numbers)
{
    for (size_t i = 0; i < sheet->panel_count; i++) {
        if (!read_panel(&sheet->panels[i], json_array_get(list, i), &numbers,
                        sheet->point_count))
            return false;
    }
    return true;
}

int
tg_chart_read(struct tg_chart_copy *copy, json_t *json)
{
    const json_t *edges = json_object_get(json, "edges");
    const json_t *panels = json_object_get(json, "panels");
    struct tg_chart_sheet *sheet = &copy->sheet;
    size_t count = json_array_size(edges), parts = json_array_size(panels);

    *copy = (struct tg_chart_copy){.json = json};
    if (count < 2 || count > TG_CHART_POINTS + 1 || parts < 1 ||
        parts > TG_CHART_PANELS)
        return TG_ERR_FORMAT;
    copy->numbers =
        calloc(count * (1 + parts * TG_CHART_SERIES), sizeof(int64_t));
    if (copy->numbers == NULL)
        return TG_ERR_SYSTEM;
    sheet->point_count = count - 1;
    sheet->panel_count = parts;
    return read_texts(sheet, json) && read_edges(sheet, edges, copy->numbers) &&
                   read_offsets(copy, json_object_get(json, "offsets")) &&
                   read_panels(sheet, panels, copy->numbers + count)
               ? 0
               : TG_ERR_FORMAT;
}

void
tg_chart_release(struct tg_chart_copy *copy)
{
    json_decref(copy->json);
    free(copy->numbers);
    *copy = (struct tg_chart_copy){0};
}
