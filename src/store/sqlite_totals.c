#include "sqlite_block.h"

int
tg_totals_note(struct tg_rollup_block *block, int64_t quarter,
               const char *model, const struct tg_sums *sums)
{
    struct tg_block_total *totals, name;
    uint32_t number;
    int err;

    /* Compared with what stands between its members, too. */
    memset(&name, 0, sizeof(name));
    name.quarter = quarter;
    strncpy(name.model, model, sizeof(name.model) - 1);
    err = tg_names_find(&block->totals, &name, &number);
    if (err != 0)
        return err;
    totals = (struct tg_block_total *)block->totals.list;
    return tg_sums_add(&totals[number].sums, sums);
}

static int
write_total(struct tg_sqlite *db, const struct tg_block_total *total)
{
    static const char sql[] =
        "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (quarter, model) DO UPDATE SET "
        "requests = requests + excluded.requests, "
        "errors = errors + excluded.errors, "
        "prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
        "prompt_cache_hit_tokens = prompt_cache_hit_tokens + "
        "excluded.prompt_cache_hit_tokens, "
        "cache_write_tokens = cache_write_tokens + "
        "excluded.cache_write_tokens, "
        "completion_tokens = completion_tokens + excluded.completion_tokens, "
        "reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, "
        "cost_nanos = cost_nanos + excluded.cost_nanos, "
        "images = images + excluded.images, "
        "audio_ms = audio_ms + excluded.audio_ms, "
        "characters = characters + excluded.characters";
    const struct tg_sums *sums = &total->sums;
    int err = tg_sql_run(db, NULL, sql, "itiiiiiiiiiii", total->quarter,
                         total->model, sums->requests, sums->errors,
                         sums->prompt_tokens, sums->prompt_cache_hit_tokens,
                         sums->cache_write_tokens, sums->completion_tokens,
                         sums->reasoning_tokens, sums->cost_nanos, sums->images,
                         sums->audio_ms, sums->characters);

    /* A sum that does not fit becomes a REAL, which the table refuses. */
    if (err != 0 &&
        sqlite3_extended_errcode(db->db) == SQLITE_CONSTRAINT_DATATYPE)
        return tg_error_set(&db->store.error, TG_ERR_RANGE,
                            "the store: the sums of model %s cannot be added "
                            "up",
                            total->model);
    return err;
}

int
tg_totals_write(struct tg_sqlite *db, struct tg_rollup_block *block)
{
    const struct tg_block_total *totals =
        (const struct tg_block_total *)block->totals.list;
    int err = 0;

    for (uint32_t i = 0; i < block->totals.count && err == 0; i++)
        err = write_total(db, &totals[i]);
    tg_names_forget(&block->totals);
    return err;
}
