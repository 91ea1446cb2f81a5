/* Counts of values, added up and packed: how far off can a quantile be? */
#include "histogram.h"

#include <string.h>

#include "err.h"
#include "tap.h"

static const uint32_t values[] = {0,  1,    31,     32,       33,        47,
                                  48, 1000, 123456, 1u << 31, UINT32_MAX};

static void
test_bounds(void)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct tg_histogram one = {.counts = {0}};
        uint32_t value = values[i], said;

        tg_histogram_add(&one, value);
        said = tg_histogram_quantile(&one, 500);
        ok(said >= value && said - value <= value / 16,
           "the median of %u alone is %u", value, said);
    }
}

static void
test_every_power(void)
{
    int wrong = 0;

    for (uint64_t value = 1; value <= UINT32_MAX; value += value / 61 + 1) {
        struct tg_histogram one = {.counts = {0}};
        uint32_t said;

        tg_histogram_add(&one, (uint32_t)value);
        said = tg_histogram_quantile(&one, 1000);
        if (said < value || said - value > value / 16)
            wrong++;
    }
    is_int(wrong, 0, "no value is told more than a sixteenth too large");
}

static void
test_quantiles(void)
{
    struct tg_histogram all = {.counts = {0}};

    is_int(tg_histogram_quantile(&all, 990), 0, "of nothing");
    for (uint32_t i = 1; i <= 30; i++)
        tg_histogram_add(&all, i);
    is_int(tg_histogram_quantile(&all, 500), 15, "the median of 1 to 30");
    is_int(tg_histogram_quantile(&all, 990), 30, "p99 of 1 to 30");
    is_int(tg_histogram_quantile(&all, 0), 1, "the least of them");
    is_int((int64_t)tg_histogram_count(&all), 30, "thirty");
}

static void
test_merge(void)
{
    struct tg_histogram a = {.counts = {0}}, b = {.counts = {0}},
                        both = {.counts = {0}}, back = {.counts = {0}};
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    size_t len;

    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t value = i * 2654435761u >> (i % 32);

        tg_histogram_add(i % 3 ? &a : &b, value);
        tg_histogram_add(&both, value);
    }
    len = tg_histogram_encode(&a, bytes);
    is_int(tg_histogram_merge(&back, bytes, len), 0, "one of them");
    len = tg_histogram_encode(&b, bytes);
    is_int(tg_histogram_merge(&back, bytes, len), 0, "and the other");
    ok(memcmp(&both, &back, sizeof(both)) == 0,
       "are what all of them are together");
    for (size_t cut = 1; cut < len; cut++) {
        struct tg_histogram part = {.counts = {0}};
        int err = tg_histogram_merge(&part, bytes, cut);

        if (err != 0 && err != TG_ERR_CORRUPT)
            ok(false, "cut at %zu: error %d", cut, err);
    }
    is_int(tg_histogram_subtract(&back, &b), 0, "less the other");
    ok(memcmp(&a, &back, sizeof(a)) == 0, "it is the one");
    is_int(tg_histogram_subtract(&back, &both), TG_ERR_CORRUPT,
           "which has not all of them");
    back = both;
    is_int(tg_histogram_merge(&back, NULL, 0), 0, "an empty one");
    ok(memcmp(&both, &back, sizeof(both)) == 0, "adds nothing");
    tg_histogram_clear(&both);
    ok(memcmp(&both, &(struct tg_histogram){.counts = {0}}, sizeof(both)) == 0,
       "a cleared one is empty");
    back.counts[3] = UINT64_MAX;
    is_int(tg_histogram_merge(&back, "\x03\x05", 2), 0, "a full bucket");
    ok(back.counts[3] == UINT64_MAX, "stays full");
}

static struct tg_str
encode(const struct tg_histogram *histogram, uint8_t *bytes)
{
    return (struct tg_str){(const char *)bytes,
                           tg_histogram_encode(histogram, bytes)};
}

static bool
is_join(struct tg_str a, struct tg_str b, struct tg_str wanted)
{
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    size_t len;

    return tg_histogram_join(a, b, bytes, &len) == 0 && len == wanted.len &&
           memcmp(bytes, wanted.data, len) == 0;
}

static void
test_join(void)
{
    uint8_t bytes[3][TG_HISTOGRAM_BYTES_MAX];
    int wrong = 0;

    for (uint32_t n = 0; n < 2000; n++) {
        struct tg_histogram a = {.counts = {0}}, b = a, both = a;
        struct tg_str x, y, wanted;

        for (uint32_t i = 0; i < n % 67 * (n % 7 ? 1 : 40); i++) {
            uint32_t value = (i + n) * 2654435761u >> (i % 3 * n % 32);

            tg_histogram_add(i % (2 + n % 5) ? &a : &b, value);
            tg_histogram_add(&both, value);
        }
        x = encode(&a, bytes[0]);
        y = encode(&b, bytes[1]);
        wanted = encode(&both, bytes[2]);
        wrong += !is_join(x, y, wanted) || !is_join(y, x, wanted);
    }
    is_int(wrong, 0, "two that are joined are what all of them are together");
    ok(is_join(TG_STR("\x03\x00\x01\x02"), TG_STR("\x04\x01\x00\x01\x02\x00"),
               TG_STR("\x04\x04")),
       "what is not as one would write it, is added up all the same");
    ok(is_join(TG_STR("\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
               TG_STR("\x05\x02"),
               TG_STR("\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
       "a full bucket stays full");
}

static int
join(struct tg_str a, struct tg_str b)
{
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    size_t len;

    return tg_histogram_join(a, b, bytes, &len);
}

static void
test_join_damage(void)
{
    static const struct tg_str damaged[] = {
        TG_STR_INIT("\x03"), TG_STR_INIT("\xd0\x03\x01"),
        TG_STR_INIT("\x01\x01\x03"), TG_STR_INIT("\xcf\x03\x01\x01\x01")};

    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        is_int(join(damaged[i], TG_STR("\x02\x02")), TG_ERR_CORRUPT,
               "damage %zu before another", i);
        is_int(join(TG_STR("\x02\x02"), damaged[i]), TG_ERR_CORRUPT,
               "damage %zu behind another", i);
    }
}

static void
test_damage(void)
{
    struct tg_histogram any = {.counts = {0}};

    is_int(tg_histogram_merge(&any, "\x03", 1), TG_ERR_CORRUPT, "no count");
    is_int(tg_histogram_merge(&any, "\xd0\x03\x01", 3), TG_ERR_CORRUPT,
           "a bucket that there is not");
    is_int(tg_histogram_merge(&any, "\xcf\x03\x01\x01\x01", 5), TG_ERR_CORRUPT,
           "one behind the last");
    is_int(tg_histogram_merge(
               &any, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02\x01", 11),
           TG_ERR_CORRUPT, "more than 64 bits");
}

static void
test_varint(void)
{
    static const int64_t numbers[] = {0,  -1,        1,         63, -64,
                                      64, INT64_MAX, INT64_MIN, 300};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint8_t bytes[TG_VARINT_MAX];
        const uint8_t *at = bytes;
        size_t len = tg_varint_put(bytes, tg_varint_fold(numbers[i]));
        uint64_t back = 0;

        is_int(tg_varint_get(&at, bytes + len, &back), 0, "%zu bytes", len);
        is_int(tg_varint_unfold(back), numbers[i], "come back");
        ok(at == bytes + len, "to the last of them");
    }
}

int
main(void)
{
    test_bounds();
    test_every_power();
    test_quantiles();
    test_merge();
    test_join();
    test_join_damage();
    test_damage();
    test_varint();
    return done();
}
