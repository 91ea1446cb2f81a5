#include "sqlite_call_bind.h"

#include <stdlib.h>

#include "address_text.h"

#define NUMBERS 19 /* seq to month, but for the id and texts */
#define COLUMNS 25
#define NO_NUMBER INT64_MIN /* bound as NULL */

enum { KEY, ACCOUNT, IP, AGENT, TRACE, TEXTS };

_Static_assert(NUMBERS + 1 + TEXTS == COLUMNS, "all are numbers, id or text");
_Static_assert(TG_JOURNAL_AGENT_MAX >= TG_JOURNAL_TRACE_MAX &&
                   TG_JOURNAL_AGENT_MAX >= TG_ID_LEN &&
                   TG_JOURNAL_AGENT_MAX >= INET6_ADDRSTRLEN,
               "the longest text");

struct tg_bound_call {
    bool is_bound;
    int64_t numbers[NUMBERS];
    struct tg_call_id id;
    uint8_t ip[16];
    struct {
        uint16_t len;
        char bytes[TG_JOURNAL_AGENT_MAX];
    } texts[TEXTS];
};

struct tg_bound_call *
tg_bound_calls_new(size_t rows)
{
    return calloc(rows, sizeof(struct tg_bound_call));
}

/* Goes over the values of a row, in order. */
struct binding {
    sqlite3_stmt *stmt;
    struct tg_bound_call *bound;
    int index, number, text;
    int failed; /* SQLITE_OK, or what the first one said */
};

static void
put(struct binding *to, int64_t value)
{
    int64_t *bound = &to->bound->numbers[to->number++];

    to->index++;
    if (*bound == value && to->bound->is_bound)
        return;
    *bound = value;
    to->failed |= value == NO_NUMBER
                      ? sqlite3_bind_null(to->stmt, to->index)
                      : sqlite3_bind_int64(to->stmt, to->index, value);
}

/*
 * Up to its first NUL, if it has one.  SQLite reads what is bound from our
 * bytes, as they are then, so only another length is bound anew.
 */
static void
put_text(struct binding *to, const char *text, size_t size)
{
    size_t len = size > 0 ? strnlen(text, size) : 0;
    char *bytes = to->bound->texts[to->text].bytes;
    uint16_t *bound_len = &to->bound->texts[to->text++].len;

    to->index++;
    if (len > 0)
        memcpy(bytes, text, len);
    if (*bound_len == len && to->bound->is_bound)
        return;
    *bound_len = (uint16_t)len;
    to->failed |=
        sqlite3_bind_text(to->stmt, to->index, bytes, (int)len, SQLITE_STATIC);
}

static void
put_longest(struct binding *to, struct tg_str text, size_t most)
{
    put_text(to, text.data, text.len < most ? text.len : most);
}

static void
put_id(struct binding *to, const struct tg_call_id *id)
{
    to->index++;
    to->bound->id = *id;
    if (to->bound->is_bound)
        return;
    to->failed |= sqlite3_bind_blob(to->stmt, to->index, to->bound->id.bytes,
                                    (int)sizeof(id->bytes), SQLITE_STATIC);
}

static void
put_address(struct binding *to, const uint8_t ip[16])
{
    char text[INET6_ADDRSTRLEN];

    if (to->bound->is_bound && memcmp(to->bound->ip, ip, 16) == 0) {
        to->index++;
        to->text++;
        return;
    }
    memcpy(to->bound->ip, ip, 16);
    put_text(to, tg_address_text(ip, text), sizeof(text));
}

static void
put_policy(struct binding *to, const struct tg_call *call, int64_t kind)
{
    put(to, call->at_ms);
    put_text(to, call->key_id, sizeof(call->key_id));
    put_text(to, call->account_id, sizeof(call->account_id));
    put(to, kind);
    put(to, call->flags);
    put(to, call->status);
    put(to, call->code);
    put(to, call->basis);
    put(to, call->latency_ms);
    put(to, call->ttft_ms == TG_ABSENT_MS ? NO_NUMBER : call->ttft_ms);
}

static void
put_sums(struct binding *to, const struct tg_call *call)
{
    put(to, call->prompt_tokens);
    put(to, call->cached_tokens);
    put(to, call->written_tokens);
    put(to, call->completion_tokens);
    put(to, call->reasoning_tokens);
    put(to, call->units);
    put(to, call->held_nanos);
    put(to, call->cost_nanos);
    put(to, call->day);
    put(to, call->month);
}

int
tg_call_bind(sqlite3_stmt *stmt, struct tg_bound_call *bound, int row,
             const struct tg_record *record, int64_t seq, int64_t kind)
{
    const struct tg_call *call = &record->call;
    struct binding to = {
        .stmt = stmt, .bound = &bound[row], .index = row * COLUMNS};

    put(&to, seq != 0 ? seq : NO_NUMBER);
    put_id(&to, &call->id);
    put_policy(&to, call, kind);
    put_sums(&to, call);
    put_address(&to, call->ip);
    put_longest(&to, record->agent, TG_JOURNAL_AGENT_MAX);
    put_longest(&to, record->trace_id, TG_JOURNAL_TRACE_MAX);
    to.bound->is_bound = to.failed == SQLITE_OK;
    return to.failed;
}
