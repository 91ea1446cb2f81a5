/*
 * calls.c: calls of the last thirty days, into a store that has keys.
 *
 * Each is of a key at random, and in the store as ingest leaves it; the watch
 * has them behind it, as it follows ingest by a second.  No daemon may have the
 * store meanwhile.
 *
 *     bench-calls STORE CALLS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "route.h"
#include "store_test.h"

#define SPAN_MS (INT64_C(30) * 86400000)
#define BATCH 4000

/* Whose calls they are. */
struct key {
    char id[TG_ID_LEN], account_id[TG_ID_LEN];
};

static struct tg_store *store;
static struct key *keys;
static uint32_t key_count;

__attribute__((noreturn)) static void
die(const char *what)
{
    fprintf(stderr, "bench-calls: %s\n", what);
    exit(1);
}

static int
take_key(void *arg, const struct tg_store_key *row)
{
    struct key *key = &keys[key_count++];

    (void)arg;
    memcpy(key->id, row->id, TG_ID_LEN);
    memcpy(key->account_id, row->account_id, TG_ID_LEN);
    return 0;
}

static void
read_keys(void)
{
    static const struct tg_store_key_filter any = {0};
    static const struct tg_store_page all = {.limit = 0};
    uint32_t count;

    if (store->ops->key_count(store, &count) != 0)
        die(store->error.text);
    keys = calloc(count + 1, sizeof(keys[0]));
    if (keys == NULL || count == 0)
        die("it has no keys");
    if (store->ops->key_each(store, &any, &all, take_key, NULL) != 0)
        die(store->error.text);
}

static void
add_call(uint64_t n, int64_t at_ms)
{
    const struct key *key = &keys[test_any(key_count)];
    struct tg_record record = {.type = TG_RECORD_CALL,
                               .agent = TG_STR("OpenAI/JS 6.9.1"),
                               .call = {.id = tg_call_id_make(0x7467, n),
                                        .at_ms = at_ms,
                                        .endpoint = TG_ENDPOINT_CHAT,
                                        .status = 200,
                                        .latency_ms = 200 + test_any(800),
                                        .ttft_ms = 100 + test_any(100)}};
    struct tg_call *call = &record.call;
    bool is_new;

    memcpy(call->key_id, key->id, TG_ID_LEN);
    memcpy(call->account_id, key->account_id, TG_ID_LEN);
    memcpy(call->upstream_id, "up_000000000000000000000", TG_ID_LEN);
    memcpy(call->credential_id, "cred_0000000000000000000", TG_ID_LEN);
    tg_field_set(call->model, sizeof(call->model), "deepseek-flash", 14);
    call->ip[10] = call->ip[11] = 255;
    call->prompt_tokens = 500 + test_any(1000);
    call->completion_tokens = test_any(500);
    call->cost_nanos = 100000 + test_any(300000);
    if (store->ops->call_add(store, &record, &is_new) != 0)
        die(store->error.text);
}

static void
fill(uint64_t calls)
{
    int64_t begun_at = (int64_t)time(NULL) * 1000 - SPAN_MS;
    bool has_more = true;

    for (uint64_t n = 0; n < calls || has_more;) {
        if (store->ops->begin(store) != 0)
            die(store->error.text);
        for (uint32_t i = 0; i < BATCH && n < calls; i++, n++)
            add_call(n, begun_at + (int64_t)(n * SPAN_MS / calls));
        if (store->ops->roll_up(store, BATCH, &has_more) != 0 ||
            store->ops->commit(store) != 0)
            die(store->error.text);
    }
}

/*
 * Else the daemon would look at all of them behind its start, which takes it
 * ten minutes for ten million, as if that were what calls cost that come now.
 */
static void
pass_the_watch(void)
{
    int64_t last;

    if (store->ops->begin(store) != 0 ||
        store->ops->call_before(store, INT64_MAX, &last) != 0 ||
        store->ops->watched_set(store, last, 0) != 0 ||
        store->ops->commit(store) != 0)
        die(store->error.text);
}

int
main(int argc, char **argv)
{
    struct tg_error error;

    if (argc != 3)
        die("usage: bench-calls STORE CALLS");
    if (tg_store_open_sqlite(&store, argv[1], &error) != 0)
        die(error.text);
    read_keys();
    fill(strtoull(argv[2], NULL, 10));
    pass_the_watch();
    store->ops->close(store);
    return 0;
}
