/*
 * ingest.c: what taking calls from the journal into the store costs.
 *
 * Fills a store with keys and a journal with calls, as a worker writes them,
 * each of a key at random, and times tg_ingest_pass until all are in.  Prints
 * a name and a number a line; CPU is that of all its
 * threads, the one that copies the WAL beside among them.
 *
 *     bench-ingest FOLDER CALLS KEYS
 *
 * FOLDER must not exist; it is left behind, for a look at the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint.h"
#include "ingest.h"
#include "route.h"
#include "store_test.h"

#define WRITER 0x7467
#define BEGUN_AT INT64_C(1750000000000)

static struct tg_daemon tested;

__attribute__((noreturn)) static void
die(const char *what)
{
    fprintf(stderr, "bench-ingest: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static double
seconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
id_of(char *out, const char *prefix, uint32_t number)
{
    snprintf(out, TG_ID_TEXT_SIZE, "%s%0*u", prefix,
             TG_ID_LEN - (int)strlen(prefix), number);
}

static void
add_key(struct tg_store *store, uint32_t number, const char *account_id)
{
    char id[TG_ID_TEXT_SIZE], secret_id[TG_ID_TEXT_SIZE];
    struct tg_store_key key = test_key_row(id, account_id);
    struct tg_store_secret secret = {.id = secret_id,
                                     .key_id = id,
                                     .prefix = "sk-tgp_",
                                     .last4 = "0000",
                                     .created_at = BEGUN_AT};

    id_of(id, "key_", number);
    id_of(secret_id, "sec_", number);
    for (size_t i = 0; i < sizeof(secret.digest.bytes); i++)
        secret.digest.bytes[i] = (uint8_t)test_any(256);
    if (store->ops->key_add(store, &key) != 0 ||
        store->ops->secret_add(store, &secret) != 0)
        die(store->error.text);
}

static void
add_keys(uint32_t keys)
{
    struct tg_store_account account =
        test_account_row("acct_0000000000000000000", "bench");
    struct tg_store *store;
    struct tg_error error;

    if (tg_store_open_sqlite(&store, tested.paths.store, &error) != 0)
        die(error.text);
    if (store->ops->begin(store) != 0 ||
        store->ops->account_add(store, &account) != 0)
        die(store->error.text);
    for (uint32_t i = 0; i < keys; i++)
        add_key(store, i, account.id);
    if (store->ops->commit(store) != 0)
        die(store->error.text);
    store->ops->close(store);
}

/* Ten thousand calls a second, of a quarter of an hour or more. */
static void
write_journal(uint32_t calls, uint32_t keys)
{
    struct tg_journal journal;
    int dir_fd = open(tested.paths.journal, O_RDONLY | O_DIRECTORY);

    if (dir_fd < 0)
        die("journal");
    tg_journal_init(&journal, dir_fd, WRITER);
    for (uint32_t i = 0; i < calls; i++) {
        struct tg_call call = {
            .id = tg_call_id_make(WRITER, i),
            .at_ms = BEGUN_AT + i / 10,
            .ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1},
            .endpoint = TG_ENDPOINT_CHAT,
            .status = 200,
            .basis = TG_BASIS_REPORTED,
            .latency_ms = 200 + test_any(800),
            .ttft_ms = 100 + test_any(100),
            .prompt_tokens = 500 + test_any(1000),
            .completion_tokens = test_any(500),
            .rates = {28000, 280000, 420000, 280000, 0},
            .held_nanos = 500000,
            .cost_nanos = 100000 + test_any(300000),
        };
        char text[TG_ID_TEXT_SIZE];

        id_of(text, "key_", test_any(keys));
        memcpy(call.key_id, text, TG_ID_LEN);
        memcpy(call.account_id, "acct_0000000000000000000", TG_ID_LEN);
        memcpy(call.upstream_id, "up_000000000000000000000", TG_ID_LEN);
        memcpy(call.credential_id, "cred_0000000000000000000", TG_ID_LEN);
        tg_field_set(call.model, sizeof(call.model),
                     i % 4 ? "deepseek-flash" : "deepseek-pro", 14);
        if (tg_journal_append(&journal, &call, TG_STR("OpenAI/JS 6.9.1"),
                              TG_STR("7f1c9a52-8d1e-4a57-9a58-1c2d3e4f5a6b"),
                              call.at_ms) != 0)
            die("journal");
    }
    tg_journal_close(&journal);
    close(dir_fd);
}

int
main(int argc, char **argv)
{
    struct tg_ingest *ingest;
    struct tg_error error;
    uint32_t calls, keys;
    double cpu, wall;

    if (argc != 4) {
        fprintf(stderr, "usage: bench-ingest FOLDER CALLS KEYS\n");
        return 2;
    }
    calls = (uint32_t)strtoul(argv[2], NULL, 10);
    keys = (uint32_t)strtoul(argv[3], NULL, 10);
    snprintf(tested.paths.journal, sizeof(tested.paths.journal), "%s/journal",
             argv[1]);
    snprintf(tested.paths.store, sizeof(tested.paths.store), "%s/store.db",
             argv[1]);
    pthread_mutex_init(&tested.write_lock, NULL);
    if (calls == 0 || keys == 0 || mkdir(argv[1], 0700) != 0 ||
        mkdir(tested.paths.journal, 0700) != 0)
        die("cannot begin");
    add_keys(keys);
    write_journal(calls, keys);
    if (tg_ingest_open(&ingest, &tested, &error) != 0)
        die(error.text);
    if (tg_checkpoint_beside(tg_ingest_store(ingest), tested.paths.store,
                             &error) != 0)
        die(error.text);
    wall = seconds(CLOCK_MONOTONIC);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (tg_ingest_pass(ingest) != 0)
        die("ingest");
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    tg_ingest_close(ingest);
    printf("ingest_ns %.0f\n", cpu / calls * 1e9);
    printf("ingest_per_second %.0f\n", calls / wall);
    return 0;
}
