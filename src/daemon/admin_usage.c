/*
 * GET /usage.  An answer may have 50 000 rows and 35 MB; it is written once
 * the store is others' again, without making a tree of JSON of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "admin.h"
#include "usage_rows.h"
#include "usage_text.h"

#define DEFAULT_DAYS 30

/* What is written, and what of it is the same in many rows. */
struct answer {
    struct tg_usage_query query;
    struct tg_usage_rows rows;
    char **groups; /* "key_id":"…","key_name":"…", of each; or "" */
    FILE *out;
};

/* Without its braces. */
static char *
text_of(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_EMBED);

    json_decref(object);
    return text;
}

static bool
name_groups(struct answer *answer)
{
    const struct tg_names *groups = &answer->rows.groups;
    bool is_whole;

    answer->groups = calloc(groups->count + 1, sizeof(*answer->groups));
    is_whole = answer->groups != NULL;
    for (uint32_t i = 0; i < groups->count && is_whole; i++) {
        const struct tg_usage_row_group *group = tg_names_at(groups, i);

        answer->groups[i] = text_of(
            tg_usage_query_group(&answer->query, group->id, group->name));
        is_whole = answer->groups[i] != NULL;
    }
    return is_whole;
}

static void
put_span(struct answer *answer, int64_t number)
{
    const struct tg_usage_span *span = answer->query.spans.span;
    char at[TG_SPAN_TEXT_SIZE] = "";

    if (span == NULL)
        return;
    span->text(number, at);
    fprintf(answer->out, "\"%s\":\"%s\",", span->member, at);
}

static void
put_row(struct answer *answer, const struct tg_usage_row *row)
{
    const char *group = answer->groups[row->group];
    char figures[TG_USAGE_TEXT_SIZE];
    size_t len = tg_usage_text(&row->figures, figures);

    fputc('{', answer->out);
    put_span(answer, row->figures.span);
    fputs(group, answer->out);
    if (*group != '\0')
        fputc(',', answer->out);
    fwrite(figures, 1, len, answer->out);
    fputc('}', answer->out);
}

static void
put_answer(struct answer *answer, const char *head)
{
    const struct tg_usage_rows *rows = &answer->rows;
    char total[TG_USAGE_TEXT_SIZE];
    size_t len = tg_usage_text(&rows->total, total);

    fprintf(answer->out, "{%s,\"rows\":[", head);
    for (size_t i = 0; i < rows->count; i++) {
        if (i > 0)
            fputc(',', answer->out);
        put_row(answer, &rows->list[i]);
    }
    fprintf(answer->out, "],\"total\":{%.*s}}\n", (int)len, total);
}

/* NULL without memory. */
static char *
write_answer(struct answer *answer, size_t *len)
{
    char *head = text_of(tg_usage_query_object(&answer->query)), *text = NULL;
    bool is_whole = head != NULL && name_groups(answer);

    answer->out = is_whole ? open_memstream(&text, len) : NULL;
    if (answer->out != NULL) {
        put_answer(answer, head);
        is_whole = !ferror(answer->out);
        is_whole = fclose(answer->out) == 0 && is_whole;
    }
    free(head);
    if (is_whole)
        return text;
    free(text);
    return NULL;
}

static void
free_answer(struct answer *answer)
{
    for (uint32_t i = 0; answer->groups && i < answer->rows.groups.count; i++)
        free(answer->groups[i]);
    free(answer->groups);
    tg_usage_rows_free(&answer->rows);
    tg_usage_query_close(&answer->query);
}

void
tg_admin_usage(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->reports;
    struct answer answer = {.groups = NULL};
    bool is_good;
    size_t len = 0;
    char *text;

    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    is_good = tg_usage_query_read(&answer.query, request, store, reply, "day",
                                  DEFAULT_DAYS) &&
              tg_usage_rows_ask(&answer.rows, &answer.query, store, reply);
    pthread_mutex_unlock(&daemon->reports_lock);
    if (is_good && tg_usage_rows_fill(&answer.rows, &answer.query, reply)) {
        text = write_answer(&answer, &len);
        tg_reply_bytes(reply, 200, "application/json", text, len);
    }
    free_answer(&answer);
}
