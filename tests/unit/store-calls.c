/*
 * What is added together is what is added one by one: a statement keeps what is
 * bound to it, and is given only what differs, so calls are drawn here of which
 * each value is at times as it was and at times another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"
#include "store_test.h"
#include "tap.h"

#define CALLS (20 * TG_CALLS_AT_ONCE)

static const char *const texts[] = {"", "a", "openai/python", "curl/8.5.0"};
static char agents[CALLS][TG_JOURNAL_AGENT_MAX + 64];

static void
draw_text(char *out, size_t size)
{
    const char *text = texts[test_any(4)];

    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    if (test_any(3) == 0)
        memset(out, 'a' + (int)test_any(2), size);
}

static void
draw_numbers(struct tg_call *call)
{
    uint32_t any = test_any(3);

    call->at_ms = any * 1000;
    call->ttft_ms = test_any(2) ? TG_ABSENT_MS : test_any(2);
    call->latency_ms = test_any(2) ? UINT32_MAX : 0;
    call->endpoint = (uint8_t)test_any(2);
    call->status = (uint16_t)(200 + test_any(2) * 300);
    call->code = (uint16_t)test_any(2);
    call->basis = (uint8_t)test_any(2);
    call->prompt_tokens = any;
    call->cached_tokens = test_any(2);
    call->written_tokens = test_any(2);
    call->completion_tokens = any + 1;
    call->reasoning_tokens = test_any(2);
    call->unit = (uint8_t)test_any(2);
    call->units = test_any(2);
    call->rates.hit_picos = test_any(2);
    call->rates.miss_picos = test_any(2);
    call->rates.output_picos = test_any(2);
    call->rates.write_picos = test_any(2);
    call->rates.unit_picos = test_any(2);
    call->held_nanos = test_any(2) ? INT64_MAX : 0;
    call->cost_nanos = test_any(2);
    call->day = test_any(2);
    call->month = (uint16_t)test_any(2);
}

static struct tg_record
draw(uint32_t n)
{
    static const uint8_t mapped[12] = {[10] = 255, [11] = 255};
    struct tg_record record = {.type = TG_RECORD_CALL};
    struct tg_call *call = &record.call;

    memcpy(call->id.bytes, &n, sizeof(n));
    draw_numbers(call);
    draw_text(call->key_id, sizeof(call->key_id));
    draw_text(call->account_id, sizeof(call->account_id));
    draw_text(call->upstream_id, sizeof(call->upstream_id));
    draw_text(call->credential_id, sizeof(call->credential_id));
    draw_text(call->model, sizeof(call->model));
    if (test_any(2))
        memcpy(call->ip, mapped, sizeof(mapped));
    call->ip[15] = (uint8_t)test_any(2);
    draw_text(agents[n], sizeof(agents[n]));
    record.agent = (struct tg_str){agents[n], sizeof(agents[n])};
    record.trace_id = (struct tg_str){texts[test_any(4)], 1};
    if (record.trace_id.data[0] == '\0')
        record.trace_id = (struct tg_str){NULL, 0};
    return record;
}

static struct tg_store *
open_at(const char *path)
{
    struct tg_store *store;
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0)
        abort();
    return store;
}

static sqlite3_stmt *
select_all(struct tg_store *store)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(tg_sqlite_of(store)->db,
                           "SELECT * FROM calls ORDER BY seq", -1, &stmt,
                           NULL) != SQLITE_OK)
        abort();
    return stmt;
}

static bool
is_same_value(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int len = sqlite3_column_bytes(a, column);

    return sqlite3_column_type(a, column) == sqlite3_column_type(b, column) &&
           sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column) &&
           len == sqlite3_column_bytes(b, column) &&
           (len == 0 ||
            memcmp(sqlite3_column_blob(a, column),
                   sqlite3_column_blob(b, column), (size_t)len) == 0);
}

static void
compare(struct tg_store *store, struct tg_store *other)
{
    sqlite3_stmt *a = select_all(store), *b = select_all(other);
    int rows = 0, columns = sqlite3_column_count(a), wrong = 0;

    while (sqlite3_step(a) == SQLITE_ROW && sqlite3_step(b) == SQLITE_ROW) {
        rows++;
        for (int i = 0; i < columns; i++) {
            if (is_same_value(a, b, i))
                continue;
            wrong++;
            printf("# row %d: %s\n", rows, sqlite3_column_name(a, i));
        }
    }
    is_int(rows, CALLS, "all calls are there");
    is_int(columns, 34, "and all columns");
    is_int(wrong, 0, "each value is its call's");
    sqlite3_finalize(a);
    sqlite3_finalize(b);
}

int
main(void)
{
    char folder[] = "/dev/shm/tollgate-calls-XXXXXX", command[160];
    static struct tg_record records[CALLS];
    char path[64], other_path[64];
    struct tg_store *store, *other;
    int failed = 0;
    bool is_new;

    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/together.db", folder);
    snprintf(other_path, sizeof(other_path), "%s/alone.db", folder);
    for (uint32_t i = 0; i < CALLS; i++)
        records[i] = draw(i);
    store = open_at(path);
    for (size_t i = 0; i < CALLS; i += TG_CALLS_AT_ONCE)
        failed +=
            store->ops->calls_add(store, &records[i], TG_CALLS_AT_ONCE) != 0;
    /* Each by a connection of its own, to which nothing is bound. */
    for (size_t i = 0; i < CALLS; i++) {
        other = open_at(other_path);
        failed += other->ops->call_add(other, &records[i], &is_new) != 0;
        other->ops->close(other);
    }
    is_int(failed, 0, "all are added");
    other = open_at(other_path);
    compare(store, other);
    other->ops->close(other);
    store->ops->close(store);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
