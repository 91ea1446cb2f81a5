#include "sqlite_usage.h"

#include <stdlib.h>

static void
find_span(const struct tg_usage_question *question, struct tg_asking_span *span)
{
    span->since = question->since > 0 ? question->since : 0;
    span->until = question->until ? question->until : INT64_MAX;
    span->first =
        span->since / TG_QUARTER_MS + (span->since % TG_QUARTER_MS != 0);
    span->end = span->until / TG_QUARTER_MS;
    span->first_at = span->end_at = span->until;
    if (span->first < span->end) {
        span->first_at = span->first * TG_QUARTER_MS;
        span->end_at = span->end * TG_QUARTER_MS;
    } else {
        span->end = span->first;
    }
}

/* Whether calls of an instant's quarter-hour are gone. */
static int
is_thinned(struct tg_sqlite *db, int64_t at, bool *is)
{
    sqlite3_stmt *stmt;
    int err = tg_sql_begin(db, &stmt, "SELECT 1 FROM thinned WHERE quarter = ?",
                           "i", at / TG_QUARTER_MS);

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *is = err > 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

static int
find_first_quarter(struct tg_sqlite *db, int64_t *quarter)
{
    sqlite3_stmt *stmt;
    int err =
        tg_sql_begin(db, &stmt, "SELECT first_quarter FROM retention", "");

    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    *quarter = err > 0 ? sqlite3_column_int64(stmt, 0) : 0;
    return tg_sql_end(stmt, err > 0 ? 0 : err);
}

/* What can be answered: outward to quarter-hours, up to where rollups are. */
static int
cover(struct tg_sqlite *db, struct tg_usage_question *question)
{
    bool is_since = false, is_until = false;
    int64_t first = 0;
    int err = is_thinned(db, question->since, &is_since);

    if (err == 0)
        err = is_thinned(db, question->until, &is_until);
    if (err == 0)
        err = find_first_quarter(db, &first);
    if (err != 0)
        return err;
    if (is_since)
        question->since -= question->since % TG_QUARTER_MS;
    if (is_until && question->until % TG_QUARTER_MS != 0)
        question->until += TG_QUARTER_MS - question->until % TG_QUARTER_MS;
    if (question->since < first * TG_QUARTER_MS)
        question->since = first * TG_QUARTER_MS;
    if (question->until != 0 && question->until < question->since)
        question->until = question->since;
    return 0;
}

static int64_t
span_of(const struct tg_usage_question *question, int64_t quarter)
{
    return question->span_of != NULL
               ? question->span_of(question->span_arg, quarter)
               : 0;
}

void
tg_asking_spans(struct tg_asking *asking, int64_t day)
{
    int64_t *of = asking->spans.of;

    if (asking->spans.day == day)
        return;
    for (int i = 0; i < TG_PACK_QUARTERS; i++)
        of[i] = span_of(asking->question, day * TG_PACK_QUARTERS + i);
    /* They grow with time. */
    asking->spans.is_one = of[0] == of[TG_PACK_QUARTERS - 1];
    asking->spans.day = day;
}

int
tg_asking_kinds(struct tg_asking *asking, const struct tg_names *kinds,
                struct tg_asking_group **groups)
{
    const struct tg_usage_question *question = asking->question;
    struct tg_asking_group *list = calloc(kinds->count + 1, sizeof(*list));
    int err = list == NULL ? TG_ERR_SYSTEM : 0;

    for (uint32_t i = 0; i < kinds->count && err == 0; i++) {
        const struct tg_block_kind *name = tg_names_at(kinds, i);
        struct tg_usage_kind kind = {.model = name->model,
                                     .upstream_id = name->upstream_id,
                                     .endpoint = name->endpoint,
                                     .status = name->status};

        list[i].is_asked = tg_usage_asks_kind(question, &kind);
        if (list[i].is_asked && tg_usage_groups_kinds(question))
            err = tg_usage_fold_group(&asking->fold, NULL, NULL, &kind,
                                      &list[i].number);
    }
    *groups = list;
    return err;
}

int
tg_asking_holder(struct tg_asking *asking, const char *key_id,
                 const char *account_id, uint32_t *group)
{
    static const struct tg_usage_kind none;

    if (tg_usage_groups_kinds(asking->question))
        return 0;
    return tg_usage_fold_group(&asking->fold, key_id, account_id, &none, group);
}

static int
take_all(struct tg_asking *asking)
{
    int err = tg_pack_names_load(asking->db);

    if (err == 0)
        err = tg_asking_packs(asking);
    if (err == 0)
        err = tg_asking_calls(asking);
    return err;
}

static int
answer(struct tg_sqlite *db, struct tg_usage_question *question,
       struct tg_store_usage *total,
       int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_asking asking = {
        .db = db, .question = question, .spans = {.day = -1}};
    int err = cover(db, question);

    if (err != 0)
        return err;
    find_span(question, &asking.span);
    tg_usage_fold_init(&asking.fold, question);
    err = take_all(&asking);
    if (err == 0)
        err = tg_usage_fold_end(&asking.fold, total, visit, arg);
    tg_usage_fold_release(&asking.fold);
    return err;
}

int
tg_sqlite_usage(struct tg_store *store, struct tg_usage_question *question,
                struct tg_store_usage *total,
                int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    bool is_alone = sqlite3_get_autocommit(db->db);
    int err = 0;

    /* All of it at one moment: a block may be rolled up meanwhile. */
    if (is_alone)
        err = tg_sql_run(db, NULL, "BEGIN", "");
    if (err == 0)
        err = answer(db, question, total, visit, arg);
    if (is_alone)
        tg_sql_run(db, NULL, "ROLLBACK", "");
    return err;
}
