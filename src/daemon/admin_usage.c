#include <stdio.h>
#include <stdlib.h>

#include "admin.h"
#include "usage_rows.h"
#include "usage_sums.h"

#define DEFAULT_DAYS 30
#define FORM (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* What is made of rows is much larger than they are, so it is written at once
 * and one after the other. */
static void
put_row(FILE *out, const struct tg_usage_rows *rows,
        const struct tg_usage_query *query, const struct tg_usage_row *row)
{
    const struct tg_usage_row_group *group = tg_usage_rows_group(rows, row);
    json_t *object = tg_usage_query_named_row(query, row->figures.span,
                                              group->id, group->name);

    tg_usage_figures_set(object, &row->figures);
    json_dumpf(object, out, FORM);
    json_decref(object);
}

static void
put_answer(FILE *out, const struct tg_usage_rows *rows,
           const struct tg_usage_query *query)
{
    json_t *head = tg_usage_query_object(query), *total = json_object();

    fputc('{', out);
    json_dumpf(head, out, FORM | JSON_EMBED);
    fputs(",\"rows\":[", out);
    for (size_t i = 0; i < rows->count; i++) {
        if (i > 0)
            fputc(',', out);
        put_row(out, rows, query, &rows->list[i]);
    }
    fputs("],\"total\":", out);
    tg_usage_figures_set(total, &rows->total);
    json_dumpf(total, out, FORM);
    fputs("}\n", out);
    json_decref(total);
    json_decref(head);
}

static void
say(struct tg_reply *reply, const struct tg_usage_rows *rows,
    const struct tg_usage_query *query)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool is_whole = out != NULL;

    if (is_whole) {
        put_answer(out, rows, query);
        is_whole = !ferror(out);
        is_whole = fclose(out) == 0 && is_whole;
    }
    if (!is_whole) {
        free(text);
        text = NULL;
    }
    tg_reply_bytes(reply, 200, "application/json", text, len);
}

void
tg_admin_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_usage_rows rows = {0};
    struct tg_usage_query query;
    bool is_good;

    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    is_good = tg_usage_query_read(&query, request, daemon->reports, reply,
                                  "day", DEFAULT_DAYS) &&
              tg_usage_rows_ask(&rows, &query, daemon->reports, reply);
    pthread_mutex_unlock(&daemon->reports_lock);
    if (is_good && tg_usage_rows_fill(&rows, &query, reply))
        say(reply, &rows, &query);
    tg_usage_rows_free(&rows);
    tg_usage_query_close(&query);
}
