/* What no answer may be: without end in its events, its bytes, or in time. */
#include "excess.h"

#include <string.h>

#include "tap.h"

#define MIB ((size_t)1 << 20)
#define HOUR_MS ((uint64_t)3600 * 1000)

static char piece[MIB];

/* Feeds so many MiB of bytes like these. */
static void
feed(struct tg_meter *meter, const char *like, unsigned mib)
{
    size_t len = strlen(like);

    for (size_t i = 0; i < MIB; i++)
        piece[i] = like[i % len];
    while (mib-- > 0)
        tg_meter_feed(meter, piece, MIB);
}

static const struct {
    const char *fact;
    enum tg_meter_shape shape;
    const char *head, *like;
    unsigned mib;
    bool is_excess;
} answers[] = {
    {"nothing", TG_METER_AUTO, "", " ", 0, false},
    {"a line of 31 MiB", TG_METER_SSE, "data: ", "x", 31, false},
    {"a line of more than 32 MiB", TG_METER_SSE, "data: ", "x", 32, true},
    {"lines of one event", TG_METER_SSE, "data: {}\n\ndata: x\n", "data: x\n",
     33, true},
    {"comments without a blank line", TG_METER_SSE, "", ": x\n", 33, true},
    {"a line that is no field", TG_METER_SSE, "", "x", 33, true},
    {"as many bytes of small events", TG_METER_SSE, "", ": keep-alive\n\n", 64,
     false},
};

static void
test_bytes(void)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct tg_meter meter;

        tg_meter_init(&meter, answers[i].shape);
        tg_meter_feed(&meter, answers[i].head, strlen(answers[i].head));
        feed(&meter, answers[i].like, answers[i].mib);
        is_int(tg_excess(&meter, 0), answers[i].is_excess, "%s",
               answers[i].fact);
    }
}

/* What passed is what the meter was fed; here it is said. */
static void
test_all_bytes(void)
{
    static const enum tg_meter_shape shapes[] = {TG_METER_AUTO, TG_METER_JSON,
                                                 TG_METER_SSE};
    struct tg_meter meter;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        tg_meter_init(&meter, shapes[i]);
        tg_meter_feed(&meter, "{ ", 2);
        is_int(meter.bytes, 2, "bytes are counted");
        meter.bytes = 1024 * MIB;
        ok(!tg_excess(&meter, 0), "1 GiB is allowed");
        tg_meter_feed(&meter, "\n", 1);
        ok(tg_excess(&meter, 0), "and not more");
    }
    tg_meter_init(&meter, TG_METER_BYTES);
    meter.bytes = 8192 * MIB;
    ok(!tg_excess(&meter, 0), "a file may be larger");
}

static void
test_an_event_that_has_ended(void)
{
    struct tg_meter meter;

    tg_meter_init(&meter, TG_METER_SSE);
    tg_meter_feed(&meter, "data: ", 6);
    feed(&meter, "x", 32);
    tg_meter_feed(&meter, "\n\ndata: {}\n\n", 12);
    ok(tg_excess(&meter, 0), "an event that was too large stays so");
}

static void
test_time(void)
{
    static const enum tg_meter_shape shapes[] = {TG_METER_AUTO, TG_METER_JSON,
                                                 TG_METER_SSE, TG_METER_BYTES};
    struct tg_meter meter;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        tg_meter_init(&meter, shapes[i]);
        ok(!tg_excess(&meter, 6 * HOUR_MS), "six hours are allowed");
        ok(tg_excess(&meter, 6 * HOUR_MS + 1), "and not more");
    }
}

int
main(void)
{
    test_bytes();
    test_all_bytes();
    test_an_event_that_has_ended();
    test_time();
    return done();
}
