/*
 * scan.c: what reading JSON and event streams costs.
 *
 * Prints nanoseconds per body or event: the median of many runs, beside
 * memmem, the fastest that any search through the same bytes could be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "body.h"
#include "edit.h"
#include "meter.h"

#define RUNS 101

static long long
now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;

    return (x > y) - (x < y);
}

/* The median over RUNS of the time that count calls take, over count. */
static double
measure(void (*call)(const char *data, size_t len), const char *data,
        size_t len, int count)
{
    long long times[RUNS], start;
    int run, i;

    for (run = 0; run < RUNS; run++) {
        start = now_ns();
        for (i = 0; i < count; i++)
            call(data, len);
        times[run] = now_ns() - start;
    }
    qsort(times, RUNS, sizeof(times[0]), compare);
    return (double)times[RUNS / 2] / count;
}

static volatile uint64_t sink;

static void
call_memmem(const char *data, size_t len)
{
    sink += memmem(data, len, "\"max_tokenz\"", 12) != NULL;
}

static void
call_body(const char *data, size_t len)
{
    struct tg_body body;
    struct tg_body_facts facts;

    tg_body_init(&body);
    if (tg_body_feed(&body, data, len) < 0 || tg_body_finish(&body, &facts) < 0)
        abort();
    sink += facts.prompt_bytes;
}

/* As a stream comes: every event in a piece of its own. */
static void
each_event(const char *data, size_t len,
           void (*feed)(void *arg, const char *data, size_t len), void *arg)
{
    const char *end = data + len, *next;

    for (; data < end; data = next) {
        next = memmem(data, (size_t)(end - data), "\n\n", 2);
        next = next ? next + 2 : end;
        feed(arg, data, (size_t)(next - data));
    }
}

static void
feed_meter(void *arg, const char *data, size_t len)
{
    tg_meter_feed(arg, data, len);
}

static void
call_meter(const char *data, size_t len)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_SSE);
    each_event(data, len, feed_meter, &meter);
    tg_meter_end(&meter);
    sink += meter.content_bytes;
}

static int
swallow(void *arg, const char *data, size_t len)
{
    (void)arg;
    (void)data;
    sink += len;
    return 0;
}

static void
feed_edit(void *arg, const char *data, size_t len)
{
    if (tg_edit_feed(arg, data, len, swallow, NULL) < 0)
        abort();
}

static void
call_edit(const char *data, size_t len)
{
    static char carry[TG_EDIT_CARRY_BYTES];
    struct tg_edit edit;

    tg_edit_init(&edit, TG_EDIT_ALL_USAGE, carry, sizeof(carry));
    each_event(data, len, feed_edit, &edit);
    if (tg_edit_end(&edit, swallow, NULL) < 0)
        abort();
}

static void
feed_nothing(void *arg, const char *data, size_t len)
{
    swallow(arg, data, len);
}

static void
call_split(const char *data, size_t len)
{
    each_event(data, len, feed_nothing, NULL);
}

/* A chat of that many bytes, its text made of unit. */
static char *
chat(size_t bytes, const char *unit, size_t *len)
{
    char *body = malloc(bytes + 256);

    *len = (size_t)sprintf(
        body, "{\"model\":\"deepseek-flash\",\"messages\":["
              "{\"role\":\"system\",\"content\":\"You are helpful.\"},"
              "{\"role\":\"user\",\"content\":\"");
    while (*len + strlen(unit) + 40 < bytes)
        *len += (size_t)sprintf(body + *len, "%s", unit);
    *len += (size_t)sprintf(body + *len,
                            "\"}],\"stream\":true,\"max_tokens\":256}");
    return body;
}

/* A conversation of that many bytes, in short turns, with two tools. */
static char *
turns(size_t bytes, size_t *len)
{
    char *body = malloc(bytes + 1024);

    *len = (size_t)sprintf(
        body, "{\"model\":\"deepseek-flash\",\"tools\":[{\"type\":\"function\","
              "\"function\":{\"name\":\"look\",\"parameters\":{}}},"
              "{\"type\":\"function\",\"function\":{\"name\":\"go\","
              "\"parameters\":{}}}],\"messages\":["
              "{\"role\":\"system\",\"content\":\"You are helpful.\"}");
    while (*len + 256 < bytes)
        *len += (size_t)sprintf(
            body + *len,
            ",{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
            "\"What is the weather like in Berlin?\"}]},{\"role\":"
            "\"assistant\",\"content\":\"It is raining, and cold.\"}");
    *len += (size_t)sprintf(body + *len, "],\"max_tokens\":256}");
    return body;
}

static void
bench_turns(void)
{
    static const size_t sizes[] = {1024, 8192, 32768};
    size_t len;

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        char *body = turns(sizes[s], &len);

        printf("body %5zu bytes, %-24s %8.0f ns   memmem %6.0f ns\n", len,
               "short turns", measure(call_body, body, len, 50),
               measure(call_memmem, body, len, 50));
        free(body);
    }
}

static void
bench_bodies(void)
{
    static const struct {
        const char *name, *unit;
    } texts[] = {
        {"a prompt",
         "The clerk wrote: \\\"the ledger is balanced\\\", and signed it.\\n"
         "def total(rows):\\n\\treturn sum(r['amount'] for r in rows)\\n"
         "Please say in one sentence what the na\xc3\xafve reader misses; "
         "keep to what the text itself says and do not guess.\\n"},
        {"plain text", "The quick brown fox jumps over it. "},
        {"code, a line break in 40", "    if (count > limit) return false;\\n"},
        {"JSON in JSON", "{\\\"name\\\":\\\"value\\\"},"},
        {"Chinese", "\xe5\xbf\xab\xe9\x80\x9f\xe7\x9a\x84"},
        {"Chinese in \\u escapes", "\\u5feb\\u901f\\u7684"},
    };
    static const size_t sizes[] = {100, 1024, 8192, 32768};
    size_t t, s, len;
    char *body;

    for (t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            body = chat(sizes[s], texts[t].unit, &len);
            printf("body %5zu bytes, %-24s %8.0f ns   memmem %6.0f ns\n", len,
                   texts[t].name, measure(call_body, body, len, 50),
                   measure(call_memmem, body, len, 50));
            free(body);
        }
    }
}

#define EVENTS 100

static void
bench_stream(void)
{
    static char stream[EVENTS * 400];
    size_t len = 0;
    double split;
    int i;

    for (i = 0; i < EVENTS; i++)
        len += (size_t)sprintf(
            stream + len,
            "data: {\"id\":\"a032c5d3-f5c9-43df-84f7-5a8ea4944852\","
            "\"object\":\"chat.completion.chunk\",\"created\":1755619819,"
            "\"model\":\"deepseek-flash\",\"system_fingerprint\":"
            "\"fp_baeac5aaa3\",\"choices\":[{\"index\":0,\"delta\":"
            "{\"content\":\" word\"},\"logprobs\":null,"
            "\"finish_reason\":null}],\"usage\":null}\n\n");
    split = measure(call_split, stream, len, 10) / EVENTS;
    printf("event of %zu bytes: metered %.0f ns, edited %.0f ns\n",
           len / EVENTS, measure(call_meter, stream, len, 10) / EVENTS - split,
           measure(call_edit, stream, len, 10) / EVENTS - split);
}

int
main(void)
{
    bench_bodies();
    bench_turns();
    bench_stream();
    return 0;
}
