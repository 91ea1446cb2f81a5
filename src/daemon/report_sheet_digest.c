#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alert_shape.h"
#include "report_figures.h"
#include "report_sheet_part.h"

/* A report in some lines, for chats. */

#define NAMED 3
#define NAME_SIZE 96

struct digest {
    struct tg_sheet sheet;
    char *out;
    size_t size, len;
};

/* A line that does not fit is left out, as is what people made of it. */
static void
add(struct digest *digest, const char *line)
{
    char whole[TG_SHEET_TEXT_SIZE];
    size_t len;

    tg_shape_plain(whole, sizeof(whole), line);
    len = strlen(whole);
    if (digest->len + len + 2 > digest->size)
        return;
    if (digest->len > 0)
        digest->out[digest->len++] = '\n';
    memcpy(digest->out + digest->len, whole, len + 1);
    digest->len += len;
}

static void
add_requests(struct digest *digest)
{
    const json_t *report = digest->sheet.report;
    char count[TG_FIGURE_SIZE], change[TG_FIGURE_SIZE], failed[TG_FIGURE_SIZE];
    char share[TG_FIGURE_SIZE], line[TG_SHEET_TEXT_SIZE];

    tg_figure_count(count, tg_sheet_find(report, "total.requests"));
    tg_figure_change(change, tg_sheet_find(report, "change.requests.percent"),
                     digest->sheet.none);
    tg_figure_count(failed, tg_sheet_find(report, "total.errors"));
    tg_figure_share(share, tg_sheet_find(report, "total.error_rate"));
    TG_SHEET_PRINT(&digest->sheet, line, "Requests: %s (%s), failed: %s (%s)",
                   "请求数：%s（%s），失败：%s（%s）", count, change, failed,
                   share);
    add(digest, line);
}

static void
add_cost(struct digest *digest)
{
    const json_t *report = digest->sheet.report;
    char tokens[TG_FIGURE_SIZE], change[TG_FIGURE_SIZE], cost[TG_FIGURE_SIZE];
    char line[TG_SHEET_TEXT_SIZE];

    tg_figure_count(tokens, tg_sheet_find(report, "total.total_tokens"));
    tg_figure_change(change,
                     tg_sheet_find(report, "change.total_tokens.percent"),
                     digest->sheet.none);
    TG_SHEET_PRINT(&digest->sheet, line, "Tokens: %s (%s)", "Token：%s（%s）",
                   tokens, change);
    add(digest, line);
    tg_figure_exact(cost, tg_sheet_find(report, "total.cost"));
    tg_figure_change(change, tg_sheet_find(report, "change.cost.percent"),
                     digest->sheet.none);
    TG_SHEET_PRINT(&digest->sheet, line, "Cost: %s %s (%s)",
                   "费用：%s %s（%s）", cost, tg_sheet_text(report, "currency"),
                   change);
    add(digest, line);
}

static void
add_times(struct digest *digest)
{
    const json_t *report = digest->sheet.report;
    char median[TG_FIGURE_SIZE], most[TG_FIGURE_SIZE], at[TG_FIGURE_SIZE];
    char count[TG_FIGURE_SIZE], line[TG_SHEET_TEXT_SIZE];

    tg_figure_ms(median, tg_sheet_find(report, "total.latency_ms.p50"));
    tg_figure_ms(most, tg_sheet_find(report, "total.latency_ms.p99"));
    TG_SHEET_PRINT(&digest->sheet, line, "Latency: median %s, 99 %% within %s",
                   "延迟：p50 %s，p99 %s", median, most);
    add(digest, line);
    tg_figure_time(at, &digest->sheet.zone,
                   tg_sheet_find(report, "peaks.hour.from"));
    tg_figure_count(count, tg_sheet_find(report, "peaks.hour.requests"));
    TG_SHEET_PRINT(&digest->sheet, line, "Busiest hour: %s, %s requests",
                   "最忙的一小时：%s，%s 次请求", at, count);
    add(digest, line);
}

/* "Keys, by cost: ci 60.10 %, web 30.00 %, …" */
static void
add_top(struct digest *digest, const char *member, const char *heading)
{
    const json_t *rows =
        tg_sheet_find(json_object_get(digest->sheet.report, member), "rows");
    char line[TG_SHEET_TEXT_SIZE], name[NAME_SIZE], share[TG_FIGURE_SIZE];
    size_t len, i;
    json_t *row;

    if (json_array_size(rows) == 0)
        return;
    len = (size_t)snprintf(line, sizeof(line), "%s", heading);
    json_array_foreach((json_t *)rows, i, row)
    {
        const char *model = tg_sheet_text(row, "model");

        if (i == NAMED)
            break;
        tg_shape_plain(name, sizeof(name),
                       model[0] != '\0' ? model : tg_sheet_text(row, "name"));
        tg_figure_share(share, tg_sheet_find(row, "share"));
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s %s",
                                i > 0 ? ", " : " ", name, share);
    }
    add(digest, line);
}

static void
add_notes(struct digest *digest)
{
    const json_t *report = digest->sheet.report;
    int64_t refused = tg_sheet_count(report, "refusals.count");
    int64_t events = tg_sheet_count(report, "events.count");
    int64_t alerts = tg_sheet_count(report, "alerts.count");
    size_t budgets = json_array_size(tg_sheet_find(report, "budgets"));
    char line[TG_SHEET_TEXT_SIZE];

    if (refused == 0 && events == 0 && alerts == 0 && budgets == 0)
        return;
    TG_SHEET_PRINT(&digest->sheet, line,
                   "Refused requests: %lld; alerts: %lld; events: %lld; "
                   "budgets told of: %zu",
                   "被拒绝的请求：%lld；告警：%lld；事件：%lld；预算提醒：%zu",
                   (long long)refused, (long long)alerts, (long long)events,
                   budgets);
    add(digest, line);
}

void
tg_report_digest(const json_t *report, bool is_chinese, char *out, size_t size)
{
    struct digest digest = {
        .sheet = {.report = report, .is_chinese = is_chinese},
        .out = out,
        .size = size};
    struct tg_sheet *sheet = &digest.sheet;
    json_t *whole = tg_report_sheet(report, is_chinese), *line;
    size_t i;

    out[0] = '\0';
    sheet->none = tg_sheet_say(sheet, "n/a", "无");
    if (tg_zone_open(&sheet->zone, tg_sheet_text(report, "timezone")) != 0) {
        json_decref(whole);
        return;
    }
    json_array_foreach(json_object_get(whole, "lines"), i, line)
        add(&digest, json_string_value(line));
    if (tg_sheet_count(report, "total.requests") != 0) {
        add_requests(&digest);
        add_cost(&digest);
        add_times(&digest);
        add_top(&digest, "models",
                tg_sheet_say(sheet, "Models, by cost:", "模型（按费用）："));
        add_top(&digest, "keys",
                tg_sheet_say(sheet, "Keys, by cost:", "密钥（按费用）："));
    }
    add_notes(&digest);
    tg_zone_close(&sheet->zone);
    json_decref(whole);
}
