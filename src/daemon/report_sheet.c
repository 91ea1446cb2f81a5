#include <stdio.h>
#include <string.h>

#include "alert_shape.h"
#include "civil.h"
#include "report_figures.h"
#include "report_sheet_part.h"

/* What a report says, but for the calls: report_sheet_calls.c. */

const char *
tg_sheet_say(const struct tg_sheet *sheet, const char *english,
             const char *chinese)
{
    return sheet->is_chinese ? chinese : english;
}

const json_t *
tg_sheet_find(const json_t *object, const char *path)
{
    char word[48];

    while (*path != '\0') {
        size_t n = strcspn(path, ".");

        snprintf(word, sizeof(word), "%.*s", (int)n, path);
        object = json_object_get(object, word);
        path += n + (path[n] == '.');
    }
    return object;
}

const char *
tg_sheet_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(tg_sheet_find(object, path));

    return text != NULL ? text : "";
}

int64_t
tg_sheet_count(const json_t *object, const char *path)
{
    return json_integer_value(tg_sheet_find(object, path));
}

/* What people have named, on one line and as it is seen. */
static json_t *
plain(const char *text)
{
    char line[TG_SHEET_TEXT_SIZE];

    tg_shape_plain(line, sizeof(line), text);
    return json_string(line);
}

json_t *
tg_sheet_section(struct tg_sheet *sheet, const char *heading,
                 const char *columns)
{
    json_t *section = json_pack("{s:s,s:[],s:[],s:[]}", "heading", heading,
                                "columns", "rows", "lines");
    json_t *list = json_object_get(section, "columns");

    while (*columns != '\0') {
        size_t n = strcspn(columns, "|");
        bool is_right = *columns == '>';

        json_array_append_new(list, json_pack("{s:s%,s:b}", "title",
                                              columns + is_right, n - is_right,
                                              "right", is_right));
        columns += n + (columns[n] == '|');
    }
    json_array_append_new(sheet->sections, section);
    return section;
}

void
tg_sheet_row(json_t *section, const char *a, const char *b, const char *c,
             const char *d, const char *e)
{
    const char *const cells[] = {a, b, c, d, e};
    json_t *row = json_array();

    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (cells[i] != NULL)
            json_array_append_new(row, plain(cells[i]));
    }
    json_array_append_new(json_object_get(section, "rows"), row);
}

void
tg_sheet_line(json_t *object, const char *text)
{
    json_array_append_new(json_object_get(object, "lines"), plain(text));
}

void
tg_sheet_bar(json_t *section, int64_t part, int64_t whole)
{
    json_t *bars = json_object_get(section, "bars");

    if (bars == NULL) {
        bars = json_array();
        json_object_set_new(section, "bars", bars);
    }
    json_array_append_new(
        bars,
        json_integer(
            whole > 0 ? (int64_t)((__int128)part * TG_SHEET_BAR / whole) : 0));
}

static void
add_notes(struct tg_sheet *sheet, const char *member, const char *name,
          const char *heading, const char *columns)
{
    const json_t *rows =
        tg_sheet_find(tg_sheet_find(sheet->report, member), "rows");
    char count[TG_FIGURE_SIZE], open[TG_FIGURE_SIZE];
    json_t *section, *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    section = tg_sheet_section(sheet, heading, columns);
    json_array_foreach((json_t *)rows, i, row)
    {
        tg_figure_count(count, tg_sheet_find(row, "count"));
        tg_figure_count(open, tg_sheet_find(row, "open"));
        if (strcmp(member, "refusals") == 0)
            tg_sheet_row(section, tg_sheet_text(row, name), count, NULL, NULL,
                         NULL);
        else if (strcmp(member, "events") == 0)
            tg_sheet_row(section, tg_sheet_text(row, name),
                         tg_sheet_text(row, "severity"), count, NULL, NULL);
        else
            tg_sheet_row(section, tg_sheet_text(row, name),
                         tg_sheet_text(row, "severity"), count, open, NULL);
    }
}

static void
add_budgets(struct tg_sheet *sheet)
{
    const json_t *rows = tg_sheet_find(sheet->report, "budgets");
    char at[TG_FIGURE_SIZE];
    json_t *section, *row;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    section = tg_sheet_section(sheet, tg_sheet_say(sheet, "Budgets", "预算"),
                               tg_sheet_say(sheet, "When|What", "时间|情况"));
    json_array_foreach((json_t *)rows, i, row)
    {
        tg_figure_time(at, &sheet->zone, tg_sheet_find(row, "at"));
        tg_sheet_row(section, at, tg_sheet_text(row, "message"), NULL, NULL,
                     NULL);
    }
}

static void
title_of(const struct tg_sheet *sheet, char out[TG_SHEET_TEXT_SIZE])
{
    static const char *const kinds[][3] = {
        {"daily", "Usage of the day", "用量日报"},
        {"weekly", "Usage of the week", "用量周报"},
        {"monthly", "Usage of the month", "用量月报"},
    };
    const char *period = tg_sheet_text(sheet->report, "period"), *title = "";

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(kinds[i][0], period) == 0)
            title = tg_sheet_say(sheet, kinds[i][1], kinds[i][2]);
    }
    snprintf(out, TG_SHEET_TEXT_SIZE, "Tollgate: %s %s", title,
             tg_sheet_text(sheet->report, "name"));
}

/* Of which days, of whom, and how much of it there is. */
static void
add_head(struct tg_sheet *sheet, json_t *object)
{
    const json_t *report = sheet->report;
    const char *first = tg_sheet_text(report, "first_day");
    const char *last = tg_sheet_text(report, "last_day");
    char line[TG_SHEET_TEXT_SIZE], at[TG_FIGURE_SIZE];

    if (strcmp(first, last) == 0)
        snprintf(line, sizeof(line), "%s, %s", first,
                 tg_sheet_text(report, "timezone"));
    else
        TG_SHEET_PRINT(sheet, line, "%s to %s, %s", "%s 至 %s，%s", first, last,
                       tg_sheet_text(report, "timezone"));
    tg_sheet_line(object, line);
    if (json_is_string(tg_sheet_find(report, "key_id")))
        TG_SHEET_PRINT(sheet, line, "Only the key %s (%s)", "仅限密钥 %s（%s）",
                       tg_sheet_text(report, "key_name"),
                       tg_sheet_text(report, "key_id"));
    else if (json_is_string(tg_sheet_find(report, "account_id")))
        TG_SHEET_PRINT(sheet, line, "Only the account %s (%s)",
                       "仅限账户 %s（%s）",
                       tg_sheet_text(report, "account_name"),
                       tg_sheet_text(report, "account_id"));
    else
        snprintf(line, sizeof(line), "%s",
                 tg_sheet_say(sheet, "All accounts", "全部账户"));
    tg_sheet_line(object, line);
    if (!json_is_true(tg_sheet_find(report, "complete"))) {
        tg_figure_time(at, &sheet->zone, tg_sheet_find(report, "to"));
        TG_SHEET_PRINT(sheet, line,
                       "It is not over: this is up to %s, and compared with as "
                       "long a time before.",
                       "本期尚未结束：统计截至 %s，并与上期同样长的时间比较。",
                       at);
        tg_sheet_line(object, line);
    }
    if (json_is_string(tg_sheet_find(report, "covered_from"))) {
        tg_figure_time(at, &sheet->zone, tg_sheet_find(report, "covered_from"));
        TG_SHEET_PRINT(sheet, line, "What was before %s is not kept any more.",
                       "%s 之前的数据已不再保留。", at);
        tg_sheet_line(object, line);
    }
}

json_t *
tg_report_sheet(const json_t *report, bool is_chinese)
{
    struct tg_sheet sheet = {.report = report, .is_chinese = is_chinese};
    char title[TG_SHEET_TEXT_SIZE];
    json_t *object;

    if (tg_zone_open(&sheet.zone, tg_sheet_text(report, "timezone")) != 0)
        return NULL;
    sheet.none = tg_sheet_say(&sheet, "n/a", "无");
    title_of(&sheet, title);
    sheet.sections = json_array();
    object = json_pack("{s:o,s:[],s:o}", "title", plain(title), "lines",
                       "sections", sheet.sections);
    add_head(&sheet, object);
    if (tg_sheet_count(report, "total.requests") != 0)
        tg_sheet_calls(&sheet);
    else
        tg_sheet_line(object, tg_sheet_say(&sheet, "There were no calls.",
                                           "没有任何调用。"));
    add_notes(&sheet, "refusals", "code",
              tg_sheet_say(&sheet, "Refused requests", "被拒绝的请求"),
              tg_sheet_say(&sheet, "Code|>Requests", "代码|>次数"));
    add_budgets(&sheet);
    add_notes(&sheet, "alerts", "alert", tg_sheet_say(&sheet, "Alerts", "告警"),
              tg_sheet_say(&sheet, "Alert|Severity|>Begun|>Open",
                           "告警|级别|>开始|>未结束"));
    add_notes(&sheet, "events", "type", tg_sheet_say(&sheet, "Events", "事件"),
              tg_sheet_say(&sheet, "Type|Severity|>Events", "类型|级别|>次数"));
    tg_zone_close(&sheet.zone);
    return object;
}
