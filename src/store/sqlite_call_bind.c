#include "sqlite_call_bind.h"

#include <stdlib.h>

#include "address_text.h"

#define COLUMNS 25
#define NO_NUMBER INT64_MIN /* bound as NULL */

enum {
    SEQ,
    AT,
    KIND,
    FLAGS,
    STATUS,
    CODE,
    BASIS,
    LATENCY,
    TTFT,
    PROMPT,
    CACHED,
    WRITTEN,
    COMPLETION,
    REASONING,
    UNITS,
    HELD,
    COST,
    DAY,
    MONTH,
    NUMBERS
};
enum { KEY, ACCOUNT, IP, AGENT, TRACE, TEXTS };

/* Of a row, from 1 on; the one between is the id's. */
static const uint8_t number_columns[NUMBERS] = {
    [SEQ] = 1,         [AT] = 3,         [KIND] = 6,    [FLAGS] = 7,
    [STATUS] = 8,      [CODE] = 9,       [BASIS] = 10,  [LATENCY] = 11,
    [TTFT] = 12,       [PROMPT] = 13,    [CACHED] = 14, [WRITTEN] = 15,
    [COMPLETION] = 16, [REASONING] = 17, [UNITS] = 18,  [HELD] = 19,
    [COST] = 20,       [DAY] = 21,       [MONTH] = 22,
};
static const uint8_t text_columns[TEXTS] = {
    [KEY] = 4, [ACCOUNT] = 5, [IP] = 23, [AGENT] = 24, [TRACE] = 25};
#define ID_COLUMN 2

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

/* A row of a statement. */
struct binding {
    sqlite3_stmt *stmt;
    struct tg_bound_call *bound;
    int before; /* columns of the rows before it */
    int failed; /* SQLITE_OK, or what any of them said */
};

static void
take_numbers(const struct tg_call *call, int64_t numbers[NUMBERS])
{
    numbers[AT] = call->at_ms;
    numbers[FLAGS] = call->flags;
    numbers[STATUS] = call->status;
    numbers[CODE] = call->code;
    numbers[BASIS] = call->basis;
    numbers[LATENCY] = call->latency_ms;
    numbers[TTFT] = call->ttft_ms == TG_ABSENT_MS ? NO_NUMBER : call->ttft_ms;
    numbers[PROMPT] = call->prompt_tokens;
    numbers[CACHED] = call->cached_tokens;
    numbers[WRITTEN] = call->written_tokens;
    numbers[COMPLETION] = call->completion_tokens;
    numbers[REASONING] = call->reasoning_tokens;
    numbers[UNITS] = call->units;
    numbers[HELD] = call->held_nanos;
    numbers[COST] = call->cost_nanos;
    numbers[DAY] = call->day;
    numbers[MONTH] = call->month;
}

static void
put_numbers(struct binding *to, const int64_t numbers[NUMBERS])
{
    struct tg_bound_call *bound = to->bound;

    for (int i = 0; i < NUMBERS; i++) {
        int column = to->before + number_columns[i];

        if (bound->numbers[i] == numbers[i] && bound->is_bound)
            continue;
        bound->numbers[i] = numbers[i];
        to->failed |= numbers[i] == NO_NUMBER
                          ? sqlite3_bind_null(to->stmt, column)
                          : sqlite3_bind_int64(to->stmt, column, numbers[i]);
    }
}

/*
 * Up to its first NUL, if it has one.  SQLite reads what is bound from our
 * bytes, as they are then, so only another length is bound anew.
 */
static void
put_text(struct binding *to, int which, const char *text, size_t size)
{
    size_t len = size > 0 ? strnlen(text, size) : 0;
    char *bytes = to->bound->texts[which].bytes;
    uint16_t *bound_len = &to->bound->texts[which].len;

    if (len > 0)
        memcpy(bytes, text, len);
    if (*bound_len == len && to->bound->is_bound)
        return;
    *bound_len = (uint16_t)len;
    to->failed |= sqlite3_bind_text(to->stmt, to->before + text_columns[which],
                                    bytes, (int)len, SQLITE_STATIC);
}

static void
put_longest(struct binding *to, int which, struct tg_str text, size_t most)
{
    put_text(to, which, text.data, text.len < most ? text.len : most);
}

static void
put_id(struct binding *to, const struct tg_call_id *id)
{
    to->bound->id = *id;
    if (to->bound->is_bound)
        return;
    to->failed |=
        sqlite3_bind_blob(to->stmt, to->before + ID_COLUMN, to->bound->id.bytes,
                          (int)sizeof(id->bytes), SQLITE_STATIC);
}

static void
put_address(struct binding *to, const uint8_t ip[16])
{
    char text[INET6_ADDRSTRLEN];

    if (to->bound->is_bound && memcmp(to->bound->ip, ip, 16) == 0)
        return;
    memcpy(to->bound->ip, ip, 16);
    put_text(to, IP, tg_address_text(ip, text), sizeof(text));
}

int
tg_call_bind(sqlite3_stmt *stmt, struct tg_bound_call *bound, int row,
             const struct tg_record *record, int64_t seq, int64_t kind)
{
    const struct tg_call *call = &record->call;
    struct binding to = {
        .stmt = stmt, .bound = &bound[row], .before = row * COLUMNS};
    int64_t numbers[NUMBERS];

    numbers[SEQ] = seq != 0 ? seq : NO_NUMBER;
    numbers[KIND] = kind;
    take_numbers(call, numbers);
    put_numbers(&to, numbers);
    put_id(&to, &call->id);
    put_text(&to, KEY, call->key_id, sizeof(call->key_id));
    put_text(&to, ACCOUNT, call->account_id, sizeof(call->account_id));
    put_address(&to, call->ip);
    put_longest(&to, AGENT, record->agent, TG_JOURNAL_AGENT_MAX);
    put_longest(&to, TRACE, record->trace_id, TG_JOURNAL_TRACE_MAX);
    to.bound->is_bound = to.failed == SQLITE_OK;
    return to.failed;
}
