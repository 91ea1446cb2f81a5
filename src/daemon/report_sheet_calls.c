#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "report_figures.h"
#include "report_sheet_part.h"

/* What a report says of the calls. */

typedef void figure(char out[TG_FIGURE_SIZE], const json_t *value);

/* A line of the totals: now, before, and by how much that is more. */
static void
add_total(struct tg_sheet *sheet, json_t *section, const char *title,
          const char *path, const char *change, figure *write)
{
    const json_t *report = sheet->report;
    char now[TG_FIGURE_SIZE], before[TG_FIGURE_SIZE], more[TG_FIGURE_SIZE];
    const json_t *other = tg_sheet_find(report, "before");

    write(now, tg_sheet_find(report, path));
    write(before, tg_sheet_find(other, path));
    if (change == NULL)
        more[0] = '\0';
    else
        tg_figure_change(more, tg_sheet_find(report, change), sheet->none);
    if (json_is_object(other))
        tg_sheet_row(section, title, now, before, more, NULL);
    else
        tg_sheet_row(section, title, now, sheet->none, sheet->none, NULL);
}

/* A number, or a decimal string. */
static bool
is_some(const json_t *value)
{
    return json_is_string(value) ? strcmp(json_string_value(value), "0") != 0
                                 : json_integer_value(value) != 0;
}

static void
add_units(struct tg_sheet *sheet, json_t *section)
{
    static const struct {
        const char *path, *english, *chinese;
    } rows[] = {
        {"total.images", "Images", "图片"},
        {"total.audio_seconds", "Seconds of audio", "音频（秒）"},
        {"total.characters", "Characters", "字符数"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_some(tg_sheet_find(sheet->report, rows[i].path)))
            add_total(sheet, section,
                      tg_sheet_say(sheet, rows[i].english, rows[i].chinese),
                      rows[i].path, NULL, tg_figure_count);
    }
}

static void
add_totals(struct tg_sheet *sheet)
{
    static const struct {
        const char *english, *chinese, *path, *change;
        figure *write;
    } rows[] = {
        {"Requests", "请求数", "total.requests", "change.requests.percent",
         tg_figure_count},
        {"Failed", "失败", "total.errors", "change.errors.percent",
         tg_figure_count},
        {"Success rate", "成功率", "total.success_rate", NULL, tg_figure_share},
        {"Error rate", "错误率", "total.error_rate", NULL, tg_figure_share},
        {"Tokens", "Token 总数", "total.total_tokens",
         "change.total_tokens.percent", tg_figure_count},
        {"  of prompts", "  输入", "total.prompt_tokens", NULL,
         tg_figure_count},
        {"    from the cache", "    命中缓存", "total.prompt_cache_hit_tokens",
         NULL, tg_figure_count},
        {"    cache hit rate", "    缓存命中率", "total.cache_hit_rate", NULL,
         tg_figure_share},
        {"  of answers", "  输出", "total.completion_tokens", NULL,
         tg_figure_count},
        {"    of reasoning", "    推理", "total.reasoning_tokens", NULL,
         tg_figure_count},
        {"Cost", "费用", "total.cost", "change.cost.percent", tg_figure_exact},
        {"  per request", "  每次请求", "total.cost_per_request", NULL,
         tg_figure_money},
        {"  per 1,000 tokens", "  每千 Token", "total.cost_per_1000_tokens",
         NULL, tg_figure_money},
        {"Latency, median", "延迟 p50", "total.latency_ms.p50", NULL,
         tg_figure_ms},
        {"  95 % within", "  p95", "total.latency_ms.p95", NULL, tg_figure_ms},
        {"  99 % within", "  p99", "total.latency_ms.p99", NULL, tg_figure_ms},
        {"First token, median", "首个 Token p50", "total.ttft_ms.p50", NULL,
         tg_figure_ms},
        {"  95 % within", "  p95", "total.ttft_ms.p95", NULL, tg_figure_ms},
        {"  99 % within", "  p99", "total.ttft_ms.p99", NULL, tg_figure_ms},
    };
    char title[TG_SHEET_TEXT_SIZE];
    json_t *section =
        tg_sheet_section(sheet, tg_sheet_say(sheet, "Totals", "总计"),
                         tg_sheet_say(sheet, "|>This period|>Before|>Change",
                                      "|>本期|>上期|>变化"));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name =
            tg_sheet_say(sheet, rows[i].english, rows[i].chinese);
        bool is_money = rows[i].write == tg_figure_exact ||
                        rows[i].write == tg_figure_money;

        snprintf(title, sizeof(title), is_money ? "%s, %s" : "%s", name,
                 tg_sheet_text(sheet->report, "currency"));
        add_total(sheet, section, title, rows[i].path, rows[i].change,
                  rows[i].write);
    }
    add_units(sheet, section);
    if (json_is_null(tg_sheet_find(sheet->report, "before")))
        tg_sheet_line(
            section,
            tg_sheet_say(
                sheet,
                "Some of what it would be compared with is not kept any "
                "more.",
                "用于比较的部分数据已不再保留。"));
}

static void
add_averages(struct tg_sheet *sheet)
{
    static const struct {
        const char *english, *chinese, *path, *change;
        figure *write;
    } rows[] = {
        {"Requests per day", "日均请求数", "average.per_day.requests",
         "change.per_day_percent.requests", tg_figure_count},
        {"Tokens per day", "日均 Token", "average.per_day.total_tokens",
         "change.per_day_percent.total_tokens", tg_figure_count},
        {"Cost per day", "日均费用", "average.per_day.cost",
         "change.per_day_percent.cost", tg_figure_money},
        {"Requests per hour", "每小时请求数", "average.per_hour.requests", NULL,
         tg_figure_count},
        {"Tokens per hour", "每小时 Token", "average.per_hour.total_tokens",
         NULL, tg_figure_count},
        {"Cost per hour", "每小时费用", "average.per_hour.cost", NULL,
         tg_figure_money},
    };
    char title[TG_SHEET_TEXT_SIZE];
    json_t *section =
        tg_sheet_section(sheet, tg_sheet_say(sheet, "Averages", "平均"),
                         tg_sheet_say(sheet, "|>This period|>Before|>Change",
                                      "|>本期|>上期|>变化"));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name =
            tg_sheet_say(sheet, rows[i].english, rows[i].chinese);

        snprintf(title, sizeof(title),
                 rows[i].write == tg_figure_money ? "%s, %s" : "%s", name,
                 tg_sheet_text(sheet->report, "currency"));
        add_total(sheet, section, title, rows[i].path, rows[i].change,
                  rows[i].write);
    }
}

static void
add_peaks(struct tg_sheet *sheet)
{
    static const struct {
        const char *english, *chinese, *path;
    } rows[] = {
        {"Busiest day", "最忙的一天", "peaks.day"},
        {"Busiest hour", "最忙的一小时", "peaks.hour"},
        {"Busiest quarter of an hour", "最忙的一刻钟", "peaks.quarter_hour"},
        {"Busiest minute", "最忙的一分钟", "peaks.minute"},
    };
    char at[TG_FIGURE_SIZE], requests[TG_FIGURE_SIZE];
    json_t *section = tg_sheet_section(
        sheet, tg_sheet_say(sheet, "Peaks", "峰值"),
        tg_sheet_say(sheet, "|From|>Requests", "|开始|>请求数"));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *peak = tg_sheet_find(sheet->report, rows[i].path);

        if (!json_is_object(peak))
            continue;
        tg_figure_time(at, &sheet->zone, tg_sheet_find(peak, "from"));
        tg_figure_count(requests, tg_sheet_find(peak, "requests"));
        tg_sheet_row(section,
                     tg_sheet_say(sheet, rows[i].english, rows[i].chinese), at,
                     requests, NULL, NULL);
    }
    if (!json_is_object(tg_sheet_find(sheet->report, "peaks.minute")))
        tg_sheet_line(
            section,
            tg_sheet_say(
                sheet,
                "The busiest minute is not known: there are too many "
                "calls to look at, or some are not kept any more.",
                "无法得出最忙的一分钟：调用过多，或部分记录已不再保留。"));
}

/* "Mon 11-16", or "08:00", and which of two it is where clocks go back. */
static void
label(const struct tg_sheet *sheet, const json_t *row, const char *last,
      char out[TG_FIGURE_SIZE])
{
    static const char *const english[] = {"Mon", "Tue", "Wed", "Thu",
                                          "Fri", "Sat", "Sun"};
    static const char *const chinese[] = {"周一", "周二", "周三", "周四",
                                          "周五", "周六", "周日"};
    const char *day = tg_sheet_text(row, "day");
    char at[TG_FIGURE_SIZE];
    int32_t number = 0;

    if (*day != '\0') {
        tg_civil_parse_date((struct tg_str){day, strlen(day)}, &number);
        snprintf(
            out, TG_FIGURE_SIZE, "%.5s %s", day + 5,
            (sheet->is_chinese ? chinese : english)[tg_civil_weekday(number)]);
        return;
    }
    tg_figure_time(at, &sheet->zone, tg_sheet_find(row, "from"));
    snprintf(out, TG_FIGURE_SIZE, "%.5s%s", strlen(at) > 11 ? at + 11 : at,
             strlen(at) > 11 && strncmp(at + 11, last, 5) == 0
                 ? tg_sheet_say(sheet, " again", " 再次")
                 : "");
}

static int64_t
most_requests(const json_t *rows)
{
    int64_t most = 0;
    size_t i;
    json_t *row;

    json_array_foreach((json_t *)rows, i, row)
    {
        if (tg_sheet_count(row, "requests") > most)
            most = tg_sheet_count(row, "requests");
    }
    return most;
}

static void
add_series(struct tg_sheet *sheet)
{
    const json_t *rows = tg_sheet_find(sheet->report, "series");
    bool is_day = json_object_get(json_array_get(rows, 0), "day") != NULL;
    int64_t most = most_requests(rows);
    char last[TG_FIGURE_SIZE] = "", name[TG_FIGURE_SIZE];
    char requests[TG_FIGURE_SIZE], tokens[TG_FIGURE_SIZE], cost[TG_FIGURE_SIZE];
    json_t *section =
        tg_sheet_section(sheet,
                         is_day ? tg_sheet_say(sheet, "By day", "按天")
                                : tg_sheet_say(sheet, "By hour", "按小时"),
                         tg_sheet_say(sheet, "|>Requests|>Tokens|>Cost",
                                      "|>请求数|>Token|>费用"));
    size_t i;
    json_t *row;

    json_array_foreach((json_t *)rows, i, row)
    {
        label(sheet, row, last, name);
        snprintf(last, sizeof(last), "%s", name);
        tg_figure_count(requests, tg_sheet_find(row, "requests"));
        tg_figure_count(tokens, tg_sheet_find(row, "total_tokens"));
        tg_figure_money(cost, tg_sheet_find(row, "cost"));
        tg_sheet_row(section, name, requests, tokens, cost, NULL);
        tg_sheet_bar(section, tg_sheet_count(row, "requests"), most);
    }
}

static void
add_top_row(struct tg_sheet *sheet, json_t *section, const char *name,
            const json_t *row)
{
    char requests[TG_FIGURE_SIZE], tokens[TG_FIGURE_SIZE];
    char cost[TG_FIGURE_SIZE], share[TG_FIGURE_SIZE];
    double part = json_number_value(tg_sheet_find(row, "share"));

    (void)sheet;
    tg_figure_count(requests, tg_sheet_find(row, "requests"));
    tg_figure_count(tokens, tg_sheet_find(row, "total_tokens"));
    tg_figure_money(cost, tg_sheet_find(row, "cost"));
    tg_figure_share(share, tg_sheet_find(row, "share"));
    tg_sheet_row(section, name, requests, tokens, cost, share);
    tg_sheet_bar(section, (int64_t)(part * TG_SHEET_BAR), TG_SHEET_BAR);
}

static void
add_top(struct tg_sheet *sheet, const char *member, const char *heading)
{
    const json_t *top = tg_sheet_find(sheet->report, member);
    const json_t *rows = tg_sheet_find(top, "rows"),
                 *others = tg_sheet_find(top, "others");
    char name[TG_SHEET_TEXT_SIZE];
    json_t *section, *row;
    int64_t count;
    size_t i;

    if (json_array_size(rows) == 0)
        return;
    section =
        tg_sheet_section(sheet, heading,
                         tg_sheet_say(sheet, "|>Requests|>Tokens|>Cost|>Share",
                                      "|>请求数|>Token|>费用|>占比"));
    json_array_foreach((json_t *)rows, i, row)
    {
        snprintf(name, sizeof(name), "%s", tg_sheet_text(row, "model"));
        if (name[0] == '\0')
            snprintf(name, sizeof(name), "%s", tg_sheet_text(row, "name"));
        if (name[0] == '\0')
            snprintf(name, sizeof(name), "%s", tg_sheet_text(row, "id"));
        add_top_row(sheet, section, name[0] != '\0' ? name : sheet->none, row);
    }
    if (!json_is_object(others))
        return;
    count = tg_sheet_count(top, "count") - (int64_t)json_array_size(rows);
    if (count == 1)
        TG_SHEET_PRINT(sheet, name, "%lld other", "其他 %lld 个",
                       (long long)count);
    else
        TG_SHEET_PRINT(sheet, name, "%lld others", "其他 %lld 个",
                       (long long)count);
    add_top_row(sheet, section, name, others);
}

static void
add_statuses(struct tg_sheet *sheet)
{
    char status[TG_FIGURE_SIZE], requests[TG_FIGURE_SIZE];
    json_t *section, *row;
    size_t i;

    if (tg_sheet_count(sheet->report, "total.errors") == 0)
        return;
    section = tg_sheet_section(
        sheet, tg_sheet_say(sheet, "Failed calls", "失败的调用"),
        tg_sheet_say(sheet, "Status|>Calls", "状态码|>次数"));
    json_array_foreach((json_t *)tg_sheet_find(sheet->report, "statuses"), i,
                       row)
    {
        if (tg_sheet_count(row, "errors") == 0)
            continue;
        snprintf(status, sizeof(status), "%lld",
                 (long long)tg_sheet_count(row, "status"));
        tg_figure_count(requests, tg_sheet_find(row, "errors"));
        tg_sheet_row(section, status, requests, NULL, NULL, NULL);
    }
}

void
tg_sheet_calls(struct tg_sheet *sheet)
{
    add_totals(sheet);
    add_averages(sheet);
    add_peaks(sheet);
    add_series(sheet);
    add_top(sheet, "models",
            tg_sheet_say(sheet, "Models, by cost", "模型（按费用）"));
    add_top(sheet, "keys",
            tg_sheet_say(sheet, "Keys, by cost", "密钥（按费用）"));
    add_top(sheet, "accounts",
            tg_sheet_say(sheet, "Accounts, by cost", "账户（按费用）"));
    add_statuses(sheet);
}
