/*
 * journal-write: a worker's half of the journal, for tests of ingest.
 *
 * usage: journal-write FOLDER WRITER COUNT KEY ACCOUNT [SEGMENT_BYTES]
 *        journal-write FOLDER WRITER COUNT KEY ACCOUNT --deny
 *        journal-write FOLDER WRITER COUNT KEY ACCOUNT --at MILLISECONDS
 *        journal-write FOLDER WRITER COUNT KEY ACCOUNT --die STATE
 *
 * Appends COUNT calls as the writer of that hex id, says "done" and waits
 * until its standard input ends, so that its segment stays open.  The n-th
 * call has 100 prompt and 10 completion tokens and costs 1000 + n nanos.
 *
 * With --at all of them are of that instant.
 *
 * With --deny it appends two denials, too: of the key, and of a stranger.
 *
 * With --die it lives in an area of the state file, and what it leaves
 * behind when it is killed after "done" is: a call that was handed to the
 * upstream (held at 5000 nanos), one that was not, one that was settled at
 * 7000 but not journaled, and one that was journaled but not freed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "area.h"
#include "code.h"
#include "journal.h"
#include "route.h"
#include "settle.h"

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static struct tg_call
make_call(const char *key, const char *account)
{
    struct tg_call call = {
        .at_ms = now_ms(),
        .endpoint = TG_ENDPOINT_CHAT,
        .flags = TG_CALL_SENT,
        .status = 200,
        .basis = TG_BASIS_REPORTED,
        .latency_ms = 12,
        .ttft_ms = TG_ABSENT_MS,
        .prompt_tokens = 100,
        .cached_tokens = 20,
        .completion_tokens = 10,
        .ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, 7},
    };

    tg_field_set(call.key_id, sizeof(call.key_id), key, strlen(key));
    tg_field_set(call.account_id, sizeof(call.account_id), account,
                 strlen(account));
    tg_field_set(call.model, sizeof(call.model), "deepseek-flash", 14);
    return call;
}

static void
append(struct tg_journal *journal, const struct tg_call *call)
{
    if (tg_journal_append(journal, call, TG_STR("journal-write/1"),
                          TG_STR("trace-1"), now_ms()) != 0)
        die("append");
}

static void
deny(struct tg_journal *journal, const char *key, const char *account)
{
    static struct tg_denial_table table;
    const uint8_t ip[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [15] = 7};
    struct tg_denial_cause causes[] = {{key, ip, TG_CODE_KEY_DISABLED},
                                       {NULL, ip, TG_CODE_MISSING_API_KEY}};

    tg_denial_init(&table, 1);
    memcpy(tg_denial_note(&table, &causes[0], now_ms())->account_id, account,
           TG_ID_LEN);
    tg_denial_note(&table, &causes[1], now_ms());
    if (tg_journal_take_denials(journal, &table, now_ms()) != 0)
        die("take denials");
}

static uint32_t
slot_of(const struct tg_state *state, const char *key, uint32_t *account)
{
    struct tg_key_policy policy;
    uint64_t seq;

    for (uint32_t slot = 0; slot < 4096; slot++) {
        if (tg_state_key(state, slot, &policy, &seq) == 0 &&
            memcmp(policy.id, key, TG_ID_LEN) == 0) {
            *account = policy.account;
            return slot;
        }
    }
    fprintf(stderr, "the key is not in the state file\n");
    exit(1);
}

/* The four ways in which a call can be left behind. */
static void
leave_calls(struct tg_journal *journal, const char *path, struct tg_call call)
{
    static struct tg_state state;
    static struct tg_area_claim claim;
    struct tg_meter meter = {.has_bytes = true};
    struct tg_outcome outcome = {.meter = &meter,
                                 .upstream_status = 200,
                                 .status = 200,
                                 .now_ms = call.at_ms};
    struct tg_call_slot *slot;
    struct tg_call held = call;

    if (tg_state_open(&state, AT_FDCWD, path) != 0)
        die(path);
    if (tg_area_claim(&claim, &state, journal->writer_id, call.at_ms) != 0)
        die("claim");
    held.key_slot = slot_of(&state, call.key_id, &held.account_slot);
    held.status = 0;
    held.flags = 0;
    held.held_nanos = 5000;
    held.prompt_bound = 50;
    held.completion_bound = 5;
    tg_area_begin(&claim, &held);
    held.flags = TG_CALL_SENT;
    tg_area_begin(&claim, &held);
    held.held_nanos = 7000;
    slot = tg_area_begin(&claim, &held);
    tg_settle(&state, &slot->call, &outcome);
    slot = tg_area_begin(&claim, &held);
    tg_settle(&state, &slot->call, &outcome);
    append(journal, &slot->call);
}

int
main(int argc, char **argv)
{
    struct tg_journal journal;
    struct tg_call call;
    uint64_t writer;
    long count;
    char c;
    int dir;

    if (argc < 6) {
        fprintf(stderr, "usage: journal-write FOLDER WRITER COUNT KEY "
                        "ACCOUNT [SEGMENT_BYTES | --deny | --at MS | "
                        "--die STATE]\n");
        return 2;
    }
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (dir < 0)
        die(argv[1]);
    writer = strtoull(argv[2], NULL, 16);
    count = strtol(argv[3], NULL, 10);
    tg_journal_init(&journal, dir, writer);
    if (argc == 7 && strcmp(argv[6], "--deny") == 0)
        deny(&journal, argv[4], argv[5]);
    else if (argc == 7)
        journal.segment_limit = strtoull(argv[6], NULL, 10);
    call = make_call(argv[4], argv[5]);
    if (argc == 8 && strcmp(argv[6], "--at") == 0)
        call.at_ms = strtoll(argv[7], NULL, 10);
    for (long n = 0; n < count; n++) {
        /* Far from the ids that an area gives. */
        call.id = tg_call_id_make(writer, (uint64_t)n + 1000000);
        call.cost_nanos = 1000 + n;
        append(&journal, &call);
    }
    if (argc == 8 && strcmp(argv[6], "--die") == 0)
        leave_calls(&journal, argv[7], call);
    puts("done");
    fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0)
        continue;
    tg_journal_close(&journal);
    return 0;
}
