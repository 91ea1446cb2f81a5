#include "sqlite_recent.h"
#include "sqlite_usage.h"

#include <stdlib.h>

/* Calls in memory, as they are asked for. */
struct walk {
    const struct tg_block *block;
    const struct tg_recent *recent; /* NULL: all of the block */
    int64_t since, until;
    struct tg_asking_group *kinds, *holders;
};

static int
group_holders(struct tg_asking *asking, const struct tg_block *block,
              struct tg_asking_group **groups)
{
    struct tg_asking_group *list =
        calloc(block->holders.count + 1, sizeof(*list));
    int err = list == NULL ? TG_ERR_SYSTEM : 0;

    for (uint32_t i = 0; i < block->holders.count && err == 0; i++) {
        const struct tg_block_holder *name = tg_names_at(&block->holders, i);

        list[i].is_asked = tg_usage_asks_holder(asking->question, name->key_id,
                                                name->account_id);
        if (list[i].is_asked)
            err = tg_asking_holder(asking, name->key_id, name->account_id,
                                   &list[i].number);
    }
    *groups = list;
    return err;
}

static bool
is_wanted(const struct walk *walk, const struct tg_block_call *call)
{
    return call->at >= walk->since && call->at < walk->until &&
           walk->kinds[call->kind].is_asked &&
           walk->holders[call->holder].is_asked &&
           (walk->recent == NULL ||
            tg_recent_is(walk->recent, call,
                         tg_block_holder(walk->block, call)->key_id));
}

static int
take_call(struct tg_asking *asking, const struct walk *walk,
          const struct tg_block_call *call)
{
    const struct tg_asking_group *group =
        tg_usage_groups_kinds(asking->question) ? &walk->kinds[call->kind]
                                                : &walk->holders[call->holder];
    int64_t quarter = call->at / TG_QUARTER_MS;
    struct tg_sums sums;

    tg_block_sums(call, &sums);
    tg_asking_spans(asking, quarter / TG_PACK_QUARTERS);
    return tg_usage_fold_call(
        &asking->fold, group->number,
        asking->spans.of[quarter % TG_PACK_QUARTERS], &sums, call->latency_ms,
        call->ttft_ms == TG_ABSENT_MS ? NULL : &call->ttft_ms);
}

static int
take_block(struct tg_asking *asking, struct walk *walk)
{
    int err = tg_asking_kinds(asking, &walk->block->kinds, &walk->kinds);

    if (err == 0)
        err = group_holders(asking, walk->block, &walk->holders);
    for (uint32_t i = 0; i < walk->block->count && err == 0; i++) {
        const struct tg_block_call *call = &walk->block->calls[i];

        if (is_wanted(walk, call))
            err = take_call(asking, walk, call);
    }
    free(walk->kinds);
    free(walk->holders);
    walk->kinds = walk->holders = NULL;
    return err == 0
               ? 0
               : tg_error_set(&asking->db->store.error, err,
                              "the store: calls cannot be added up: %s",
                              err == TG_ERR_LIMIT   ? "there are too many rows"
                              : err == TG_ERR_RANGE ? "a sum is too large"
                                                    : "out of memory");
}

/* Calls that are rolled up, of a part of a quarter-hour. */
static int
take_part(struct tg_asking *asking, int64_t since, int64_t until)
{
    struct tg_block block;
    struct walk walk = {.block = &block, .since = since, .until = until};
    sqlite3_stmt *stmt;
    int err;

    if (since >= until)
        return 0;
    err = tg_sql_begin(asking->db, &stmt,
                       "SELECT " TG_BLOCK_COLUMNS " FROM rolled_calls "
                       "WHERE at >= ?1 AND at < ?2",
                       "ii", since, until);
    if (err != 0)
        return err;
    tg_block_init(&block);
    err = tg_block_read(asking->db, &block, stmt);
    if (err == 0)
        err = take_block(asking, &walk);
    tg_block_release(&block);
    return err;
}

static int
take_recent(struct tg_asking *asking)
{
    struct walk walk = {.since = asking->span.since,
                        .until = asking->span.until};
    struct tg_recent *recent;
    int err = tg_recent_load(asking->db, &recent);

    if (err != 0)
        return err;
    walk.block = &recent->block;
    walk.recent = recent;
    return take_block(asking, &walk);
}

int
tg_asking_calls(struct tg_asking *asking)
{
    const struct tg_asking_span *span = &asking->span;
    int err = take_recent(asking);

    if (err == 0)
        err = take_part(asking, span->since, span->first_at);
    if (err == 0)
        err = take_part(asking, span->end_at, span->until);
    return err;
}
