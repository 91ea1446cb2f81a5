/*
 * sqlite_calls.h: what the two ways through the calls share: all of them, and
 * those of a key.
 */
#ifndef TG_SQLITE_CALLS_H
#define TG_SQLITE_CALLS_H

#include "sqlite.h"

/* Columns for tg_sqlite_read_call, and members of a filter as ?1 to ?4. */
#define TG_SELECT_CALLS                                                        \
    "SELECT id, at, key_id, account_id, upstream_id, model, endpoint, "        \
    "flags, status, code, basis, latency_ms, coalesce(ttft_ms, -1), "          \
    "prompt_tokens, prompt_cache_hit_tokens, completion_tokens, "              \
    "reasoning_tokens, cost_nanos, ip, user_agent, trace_id, unit, units "     \
    "FROM calls WHERE (?1 IS NULL OR account_id = ?1) "                        \
    "AND (?2 IS NULL OR model = ?2) AND (?3 = 0 OR status = ?3) "              \
    "AND (?4 = 0 OR status >= 400 OR code <> 0) AND "

void tg_sqlite_read_call(sqlite3_stmt *stmt, struct tg_store_call *row);

/* TG_ERR_NOT_FOUND when there is no such call. */
int tg_sqlite_call_place(struct tg_sqlite *db, const struct tg_call_id *id,
                         struct tg_call_place *place);

/* A list has what comes before start: behind after, and before until. */
int tg_sqlite_call_start(struct tg_sqlite *db,
                         const struct tg_store_filter *filter,
                         const struct tg_call_id *after,
                         struct tg_call_place *start);

#endif
