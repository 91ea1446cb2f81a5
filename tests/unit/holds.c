/*
 * Holds in the journal: a segment stays for them, and when nothing else is left
 * of a call it is settled by the last one.
 */
#include "holds.h"
#include "ingest_test.h"
#include "tap.h"

static struct tg_journal journal;

/* Another daemon, which knows what the store and the folder say. */
static void
restart_daemon(void)
{
    tg_ingest_close(ingest);
    start_ingest();
}

static void
begin(void)
{
    begin_journal(&journal, 2);
    start_ingest();
}

static void
end(void)
{
    tg_journal_close(&journal);
    end_ingest();
}

static struct tg_call
call_of(uint64_t n, int64_t held_nanos)
{
    struct tg_call call = {.id = tg_call_id_make(WRITER, n),
                           .at_ms = 1790000000000,
                           .endpoint = 1,
                           .prompt_bound = 100,
                           .completion_bound = 1000,
                           .held_nanos = held_nanos};

    tg_field_set(call.key_id, sizeof(call.key_id), "key_a", 5);
    tg_field_set(call.account_id, sizeof(call.account_id), "acct_a", 6);
    tg_field_set(call.model, sizeof(call.model), "m", 1);
    return call;
}

static void
hold(uint64_t n, int64_t held_nanos)
{
    struct tg_call call = call_of(n, held_nanos);

    if (tg_journal_append_hold(&journal, &call, none, 1) != 0)
        abort();
}

static void
finish(uint64_t n, int64_t cost_nanos)
{
    struct tg_call call = call_of(n, 5000);

    call.status = 200;
    call.cost_nanos = cost_nanos;
    call.basis = TG_BASIS_REPORTED;
    if (tg_journal_append(&journal, &call, none, none, 1) != 0)
        abort();
}

/* 0 when the store has the call, else -1. */
static int
has(uint64_t n)
{
    struct tg_store *store = tg_ingest_store(ingest);
    struct tg_call_id id = tg_call_id_make(WRITER, n);
    bool is_known = false;

    if (store->ops->call_has(store, &id, &is_known) != 0)
        abort();
    return is_known ? 0 : -1;
}

static bool
is_there(uint32_t segment)
{
    char name[TG_JOURNAL_NAME_SIZE];

    tg_journal_name(name, WRITER, segment);
    return faccessat(journal_fd, name, F_OK, 0) == 0;
}

static void
test_segment_stays(void)
{
    begin();
    hold(0, 5000);
    hold(1, 5000);
    finish(1, 10);
    is_int(tg_ingest_pass(ingest), 0, "a segment with a call under way");
    ok(is_there(0), "stays when it was taken in");
    is_int(has(1), 0, "the call that has ended is in the store");
    is_int(has(0), -1, "the other one is not");
    restart_daemon();
    tg_ingest_pass(ingest);
    ok(is_there(0), "another daemon finds the hold again");
    finish(0, 10);
    tg_ingest_pass(ingest);
    ok(!is_there(0), "with the end of its call it goes");
    end();
}

static void
test_settled(void)
{
    begin();
    hold(0, 5000);
    hold(1, 7000);
    finish(1, 10);
    hold(0, 9000);
    tg_ingest_pass(ingest);
    is_int(tg_ingest_settle_holds(ingest), 0, "while its writer lives");
    is_int(has(0), -1, "a call is left alone");
    tg_journal_close(&journal);
    is_int(tg_ingest_settle_holds(ingest), 0, "when it is dead");
    is_int(has(0), 0, "the call is settled");
    tg_ingest_pass(ingest);
    ok(!is_there(0), "and its hold is not needed any more");
    end();
}

/* The last hold may not be durable when the first one's segment could go. */
static void
test_first_hold_stays(void)
{
    begin();
    hold(0, 5000);
    hold(1, 5000);
    finish(1, 10);
    hold(0, 9000);
    finish(2, 10);
    finish(3, 10);
    finish(4, 10);
    tg_ingest_pass(ingest);
    ok(is_there(0), "the segment with the first hold stays");
    ok(is_there(1), "and the one with the last");
    ok(!is_there(2), "not those without");
    end();
}

static void
test_twice(void)
{
    begin();
    hold(0, 5000);
    finish(0, 10);
    tg_ingest_pass(ingest);
    /* Both once more, as after a sync that failed. */
    hold(0, 5000);
    finish(0, 20);
    is_int(tg_ingest_pass(ingest), 0, "records that are written twice");
    tg_journal_close(&journal);
    tg_ingest_settle_holds(ingest);
    is_int(has(0), 0, "are one call");
    ok(!is_there(0), "whose holds nobody needs");
    end();
}

static void
test_damaged_since(void)
{
    char name[TG_JOURNAL_NAME_SIZE];
    int fd;

    begin();
    hold(0, 5000);
    finish(1, 10);
    finish(2, 10);
    tg_ingest_pass(ingest);
    tg_journal_name(name, WRITER, 0);
    fd = openat(journal_fd, name, O_WRONLY);
    if (fd < 0 || pwrite(fd, "x", 1, HEADER_BYTES + 100) != 1)
        abort();
    close(fd);
    restart_daemon();
    is_int(tg_ingest_pass(ingest), 0, "a segment damaged since it was taken");
    ok(is_there(0), "is left in place: it may have had a hold");
    end();
}

/* Many calls: each is found, and none that has ended. */
static void
test_set(void)
{
    struct tg_holds holds = {.room = 0};
    struct tg_segment segment = {.writer_id = WRITER, .number = 3};
    size_t wrong = 0;

    for (uint64_t n = 0; n < 5000; n++) {
        struct tg_call_id id = tg_call_id_make(WRITER, n * 7);

        if (tg_holds_put(&holds, &segment, n, &id) != 0)
            abort();
    }
    for (uint64_t n = 0; n < 5000; n += 2) {
        struct tg_call_id id = tg_call_id_make(WRITER, n * 7);

        tg_holds_end(&holds, &id);
    }
    tg_holds_settle(&holds, false);
    is_int(holds.count, 5000, "a transaction that fails ends no hold");
    for (uint64_t n = 0; n < 5000; n += 2) {
        struct tg_call_id id = tg_call_id_make(WRITER, n * 7);

        tg_holds_end(&holds, &id);
        tg_holds_end(&holds, &id);
    }
    tg_holds_settle(&holds, true);
    is_int(holds.count, 2500, "one that does not ends each once");
    for (uint64_t n = 0; n < 5000; n++) {
        struct tg_call_id id = tg_call_id_make(WRITER, n * 7);
        size_t before = holds.over_count;

        tg_holds_end(&holds, &id);
        wrong += (holds.over_count > before) != (n % 2 == 1);
    }
    is_int(wrong, 0, "the others are found");
    tg_holds_settle(&holds, true);
    ok(!tg_holds_need(&holds, &segment), "and then nothing is left");
    tg_holds_release(&holds);
}

int
main(void)
{
    test_segment_stays();
    test_settled();
    test_first_hold_stays();
    test_twice();
    test_damaged_since();
    test_set();
    return done();
}
