/*
 * journal-calls: calls of a worker as a test wants them, each its own.
 *
 * usage: journal-calls FOLDER WRITER < LINES
 *
 * A line is a call, and has, with blanks between: at (Unix time in ms), key,
 * account, upstream (or -), model, endpoint, status, code, latency_ms,
 * ttft_ms (or -1), tokens of the prompt, cached, written, completion and
 * reasoning, unit, units, cost in nanos.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "settle.h"

#define WORDS 18
#define WORD_BYTES 64

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t
number(const char *word)
{
    return strtoll(word, NULL, 10);
}

static void
set(char *field, size_t size, const char *word)
{
    if (strcmp(word, "-") != 0)
        tg_field_set(field, size, word, strlen(word));
}

static struct tg_call
make_call(char words[WORDS][WORD_BYTES])
{
    struct tg_call call = {
        .at_ms = number(words[0]),
        .endpoint = (uint16_t)number(words[5]),
        .flags = TG_CALL_SENT,
        .status = (uint16_t)number(words[6]),
        .code = (uint16_t)number(words[7]),
        .basis = TG_BASIS_REPORTED,
        .latency_ms = (uint32_t)number(words[8]),
        .ttft_ms = (uint32_t)number(words[9]),
        .prompt_tokens = number(words[10]),
        .cached_tokens = number(words[11]),
        .written_tokens = number(words[12]),
        .completion_tokens = number(words[13]),
        .reasoning_tokens = number(words[14]),
        .unit = (uint8_t)number(words[15]),
        .units = number(words[16]),
        .cost_nanos = number(words[17]),
        .ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, 7},
    };

    set(call.key_id, sizeof(call.key_id), words[1]);
    set(call.account_id, sizeof(call.account_id), words[2]);
    set(call.upstream_id, sizeof(call.upstream_id), words[3]);
    set(call.model, sizeof(call.model), words[4]);
    return call;
}

static bool
read_words(char words[WORDS][WORD_BYTES])
{
    for (int i = 0; i < WORDS; i++) {
        if (scanf("%63s", words[i]) != 1)
            return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    char words[WORDS][WORD_BYTES];
    struct tg_journal journal;
    uint64_t writer, count = 0;
    int dir;

    if (argc != 3) {
        fprintf(stderr, "usage: journal-calls FOLDER WRITER < LINES\n");
        return 2;
    }
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (dir < 0)
        die(argv[1]);
    writer = strtoull(argv[2], NULL, 16);
    tg_journal_init(&journal, dir, writer);
    while (read_words(words)) {
        struct tg_call call = make_call(words);

        call.id = tg_call_id_make(writer, ++count);
        if (tg_journal_append(&journal, &call, TG_STR("journal-calls/1"),
                              TG_STR(""), call.at_ms) != 0)
            die("append");
    }
    tg_journal_close(&journal);
    printf("%" PRIu64 "\n", count);
    return 0;
}
