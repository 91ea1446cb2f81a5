/*
 * sqlite_call_bind.h: a call's values, bound to a statement that inserts it.
 *
 * Much of a call is as it was in the one before: whose it is, its kind, its
 * day.  A statement keeps what is bound to it, and binding costs more than
 * comparing, so only what differs is bound.
 */
#ifndef TG_SQLITE_CALL_BIND_H
#define TG_SQLITE_CALL_BIND_H

#include "sqlite.h"

/* What is bound to one row of a statement; zeros: nothing. */
struct tg_bound_call;

/* So many rows, or NULL.  They are freed after the statements. */
struct tg_bound_call *tg_bound_calls_new(size_t rows);

#define TG_CALL_COLUMNS                                                        \
    "(seq, id, at, key_id, account_id, kind, flags, status, code, basis, "     \
    "latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens, "            \
    "cache_write_tokens, completion_tokens, reasoning_tokens, units, "         \
    "held_nanos, cost_nanos, day, month, ip, user_agent, trace_id)"
#define TG_CALL_VALUES                                                         \
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "   \
    "?, ?)"

/*
 * Binds a record, as the call of that number and kind, to a row of
 * TG_CALL_VALUES of a statement, whose bindings nobody else changes; bound[row]
 * knows them.  With number 0 SQLite gives it the one behind the last one.  The
 * record may go then.  SQLITE_OK, or what SQLite said first.
 */
int tg_call_bind(sqlite3_stmt *stmt, struct tg_bound_call *bound, int row,
                 const struct tg_record *record, int64_t seq, int64_t kind);

#endif
