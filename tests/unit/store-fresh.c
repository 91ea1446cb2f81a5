/*
 * New calls: whoever follows them in memory sees what the store would have
 * said, each of them once and in order, whatever became of a transaction.
 */
#include "fresh.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"
#include "store_test.h"
#include "tap.h"

#define CALLS 3000
#define SEEN_TEXT 512
#define THREAD_CALLS 20000
#define AGENT_BYTES (TG_JOURNAL_AGENT_MAX + 8)

static char agents[CALLS][AGENT_BYTES];
static struct tg_record records[CALLS];

static struct tg_record
draw(uint32_t n, char *agent)
{
    static const uint8_t mapped[12] = {[10] = 255, [11] = 255};
    struct tg_record record = {.type = TG_RECORD_CALL,
                               .call = {.at_ms = n * 3,
                                        .status = test_any(3) ? 200 : 500,
                                        .code = (uint16_t)(test_any(4) == 0),
                                        .cost_nanos = test_any(1000),
                                        .prompt_tokens = test_any(9),
                                        .completion_tokens = test_any(9)}};
    struct tg_call *call = &record.call;

    memcpy(call->id.bytes, &n, sizeof(n));
    if (test_any(2))
        memcpy(call->ip, mapped, sizeof(mapped));
    call->ip[14] = (uint8_t)test_any(256);
    call->ip[15] = (uint8_t)test_any(256);
    memset(call->key_id, 'a' + (int)test_any(3), TG_ID_LEN - test_any(4));
    memset(call->account_id, 'x', test_any(TG_ID_LEN + 1));
    memset(call->model, 'm', test_any(TG_MODEL_NAME_MAX + 1));
    memset(agent, 'g', AGENT_BYTES);
    agent[test_any(AGENT_BYTES)] = '\0';
    record.agent = (struct tg_str){agent, test_any(AGENT_BYTES + 1)};
    return record;
}

static struct tg_store *
open_at(const char *path)
{
    struct tg_store *store;
    struct tg_error error;

    if (tg_store_open_sqlite(&store, path, &error) != 0) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    return store;
}

/* What a reader was shown. */
struct seen {
    int64_t last;
    uint32_t count, stop_at; /* 0: it does not stop */
    char text[SEEN_TEXT];    /* of the last one */
    uint64_t hash;           /* of all */
};

static int
note(struct seen *seen, int64_t seq)
{
    if (seen->stop_at != 0 && seen->count == seen->stop_at)
        return 7;
    for (const char *p = seen->text; *p != '\0'; p++)
        seen->hash = (seen->hash ^ (unsigned char)*p) * 1099511628211u;
    seen->last = seq;
    seen->count++;
    return 0;
}

static int
see_glance(void *arg, const struct tg_store_glance *row)
{
    struct seen *seen = arg;

    snprintf(seen->text, sizeof(seen->text),
             "%lld %lld %lld %02x%02x %s|%s|%s|%s|%s", (long long)row->seq,
             (long long)row->at, (long long)row->cost_nanos, row->id.bytes[0],
             row->id.bytes[1], row->key_id, row->account_id, row->model,
             row->ip, row->user_agent);
    return note(seen, row->seq);
}

static int
see_tally(void *arg, const struct tg_store_tally *row)
{
    struct seen *seen = arg;

    snprintf(seen->text, sizeof(seen->text), "%lld %lld %s|%s|%d %lld",
             (long long)row->seq, (long long)row->at, row->key_id,
             row->account_id, row->is_error, (long long)row->tokens);
    return note(seen, row->seq);
}

/* Reads on, some at a time, to the end. */
static void
read_on(struct tg_store *store, struct seen *glanced, struct seen *tallied)
{
    uint32_t before;

    do {
        before = glanced->count;
        (void)store->ops->glance_each(store, glanced->last, 1 + test_any(300),
                                      see_glance, glanced);
    } while (glanced->count != before);
    do {
        before = tallied->count;
        (void)store->ops->call_tally(store, tallied->last, 1 + test_any(300),
                                     see_tally, tallied);
    } while (tallied->count != before);
}

static void
add_some(struct tg_store *store, size_t from, size_t count, bool is_kept)
{
    int err = store->ops->begin(store);

    while (count > 0 && err == 0) {
        size_t n = count < TG_CALLS_AT_ONCE ? count : TG_CALLS_AT_ONCE;

        err = store->ops->calls_add(store, &records[from], n);
        from += n;
        count -= n;
    }
    if (err == 0 && is_kept)
        err = store->ops->commit(store);
    else
        store->ops->rollback(store);
    if (err != 0)
        printf("Bail out! %s\n", store->error.text);
}

/*
 * Transactions of any size; some are taken back, and some bring calls that
 * are there already.
 */
static void
test_same(struct tg_store *adder, struct tg_store *follower,
          struct tg_store *reader)
{
    struct seen fresh[2] = {{0}}, stored[2] = {{0}};
    size_t at = 0;

    for (int i = 0; at < CALLS; i++) {
        size_t back = i % 5 == 3 ? test_any((uint32_t)at + 1) % 40 : 0;
        size_t count = 1 + test_any(90) + back;
        bool is_kept = i % 7 != 5;

        if (at - back + count > CALLS)
            count = CALLS - (at - back);
        add_some(adder, at - back, count, is_kept);
        if (is_kept)
            at = at - back + count;
        if (test_any(3) == 0)
            read_on(follower, &fresh[0], &fresh[1]);
    }
    read_on(follower, &fresh[0], &fresh[1]);
    read_on(reader, &stored[0], &stored[1]);
    is_int(stored[0].count, CALLS, "all are in the store");
    is_int(fresh[0].count, CALLS, "who glances at new ones sees each once");
    is_int(fresh[1].count, CALLS, "and so does who tallies them");
    ok(fresh[0].hash == stored[0].hash, "the one as the store has them");
    ok(fresh[1].hash == stored[1].hash, "and the other");
}

static void
test_life(struct tg_store *adder, struct tg_fresh *fresh)
{
    struct seen glanced = {0}, tallied = {0};
    int64_t last;

    is_int(tg_fresh_glance(fresh, 0, 9, see_glance, &glanced), TG_ERR_NOT_FOUND,
           "before the first one the store is asked");
    add_some(adder, 0, 100, true);
    last = tg_sqlite_of(adder)->next_seq - 1;
    is_int(tg_fresh_glance(fresh, last - 100, 1000, see_glance, &glanced), 0,
           "then memory has them");
    is_int(glanced.count, 100, "all of them");
    is_int(tg_fresh_tally(fresh, last - 100, 60, see_tally, &tallied), 0,
           "others ask for some");
    is_int(tallied.last, last - 40, "and get as many");
    add_some(adder, 100, 50, false);
    is_int(tg_fresh_glance(fresh, last, 9, see_glance, &glanced),
           TG_ERR_NOT_FOUND, "what was taken back is forgotten, with the rest");
    add_some(adder, 100, 50, true);
    glanced = (struct seen){.last = last, .stop_at = 20};
    is_int(tg_fresh_glance(fresh, last, 1000, see_glance, &glanced), 7,
           "a visitor ends its walk");
    glanced.stop_at = 0;
    is_int(tg_fresh_glance(fresh, glanced.last, 1000, see_glance, &glanced), 0,
           "and goes on where it was");
    is_int(glanced.count, 50, "without a gap");
    (void)tg_fresh_tally(fresh, last, 1000, see_tally, &tallied);
    is_int(tg_fresh_tally(fresh, last + 50, 9, see_tally, &tallied), 0,
           "who has read all is told that there is no more");
    (void)tg_fresh_glance(fresh, last + 50, 9, see_glance, &glanced);
    is_int(tg_fresh_tally(fresh, last, 9, see_tally, &tallied),
           TG_ERR_NOT_FOUND, "what both have read is gone");
}

static void
test_bounds(void)
{
    struct tg_fresh *fresh = tg_fresh_new();
    struct seen seen = {0};
    int64_t seq = 0;

    for (int i = 0; i < 2000; i++) {
        for (int j = 0; j < 100; j++)
            tg_fresh_add(fresh, &records[j], ++seq);
        tg_fresh_commit(fresh);
    }
    is_int(tg_fresh_glance(fresh, 0, 9, see_glance, &seen), TG_ERR_NOT_FOUND,
           "what nobody reads does not stay for ever");
    is_int(tg_fresh_glance(fresh, seq - 100, 900, see_glance, &seen), 0,
           "what is new does");
    is_int(seen.count, 100, "all of it");
    tg_fresh_free(fresh);
}

/* Whether a key is that of one of the next calls, of what test_soon adds. */
static int
knows_soon(void *arg, const struct tg_store_tally *row)
{
    int *named = arg;
    bool is = row->soon[0] == '\0';

    *named += !is;
    for (int64_t seq = row->seq + 1; seq <= row->seq + 20 && !is; seq++)
        is = strncmp(row->soon, records[seq].call.key_id, TG_ID_LEN) == 0 &&
             strncmp(row->soon, row->key_id, TG_ID_LEN) != 0;
    return is ? 0 : 7;
}

static void
test_soon(void)
{
    struct tg_fresh *fresh = tg_fresh_new();
    int named = 0;

    for (int64_t seq = 1; seq <= 100; seq++) {
        snprintf(records[seq].call.key_id, TG_ID_LEN, "key %lld",
                 (long long)seq);
        tg_fresh_add(fresh, &records[seq], seq);
    }
    tg_fresh_commit(fresh);
    is_int(tg_fresh_tally(fresh, 0, 1000, knows_soon, &named), 0,
           "the key of a call some further on is named");
    ok(named > 80, "of most");
    tg_fresh_free(fresh);
}

static void *
add_all(void *arg)
{
    for (int64_t seq = 1; seq <= THREAD_CALLS; seq++) {
        tg_fresh_add(arg, &records[seq % CALLS], seq);
        if (seq % 17 == 0)
            tg_fresh_commit(arg);
    }
    tg_fresh_commit(arg);
    return NULL;
}

static int
count_in_order(void *arg, const struct tg_store_tally *row)
{
    int64_t *last = arg;

    if (row->seq != *last + 1)
        return 7;
    *last = row->seq;
    return 0;
}

static void
test_threads(void)
{
    struct tg_fresh *fresh = tg_fresh_new();
    struct seen seen = {0};
    pthread_t adder;
    int64_t last = 0;
    int err = TG_ERR_NOT_FOUND;

    if (pthread_create(&adder, NULL, add_all, fresh) != 0)
        abort();
    while (last < THREAD_CALLS && (err == 0 || err == TG_ERR_NOT_FOUND)) {
        err = tg_fresh_tally(fresh, last, 1000, count_in_order, &last);
        (void)tg_fresh_glance(fresh, seen.last, 1000, see_glance, &seen);
    }
    is_int(last, THREAD_CALLS, "while they are added, each is seen in order");
    pthread_join(adder, NULL);
    tg_fresh_free(fresh);
}

int
main(void)
{
    char folder[] = "/dev/shm/tollgate-fresh-XXXXXX", path[64], command[64];
    struct tg_store *adder, *follower, *reader;
    struct tg_fresh *fresh = tg_fresh_new();

    if (mkdtemp(folder) == NULL || fresh == NULL)
        abort();
    snprintf(path, sizeof(path), "%s/store.db", folder);
    for (uint32_t i = 0; i < CALLS; i++)
        records[i] = draw(i, agents[i]);
    adder = open_at(path);
    follower = open_at(path);
    reader = open_at(path);
    adder->adds_to = follower->follows = fresh;
    test_same(adder, follower, reader);
    adder->ops->close(adder);
    follower->ops->close(follower);
    reader->ops->close(reader);
    tg_fresh_free(fresh);

    snprintf(path, sizeof(path), "%s/other.db", folder);
    adder = open_at(path);
    adder->adds_to = fresh = tg_fresh_new();
    test_life(adder, fresh);
    adder->ops->close(adder);
    tg_fresh_free(fresh);
    test_bounds();
    test_soon();
    test_threads();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
    return done();
}
