/* Goal: histograms of a pool say what a single one says. */
#include "times.h"

#include <string.h>

#include "err.h"
#include "store_test.h"
#include "tap.h"

#define ROWS 500

static const uint32_t shares[] = {0, 500, 950, 990, 1000};

#define SHARES (sizeof(shares) / sizeof(shares[0]))

static struct tg_times_pool pool;
static struct tg_times rows[ROWS];
static struct tg_histogram truth[ROWS];

/* Far apart in some rows, near in others. */
static uint32_t
any_value(uint32_t row)
{
    if (row % 3 == 0)
        return test_any(UINT32_MAX) >> test_any(32);
    return 300 * (row % 7) + test_any(200);
}

static int
differences(const struct tg_times *times, const struct tg_histogram *expected)
{
    int64_t values[SHARES];
    int wrong = 0;

    tg_times_quantiles(&pool, times, shares, SHARES, values);
    for (size_t i = 0; i < SHARES; i++)
        wrong +=
            values[i] != (int64_t)tg_histogram_quantile(expected, shares[i]);
    return wrong;
}

static void
test_quantiles(void)
{
    int wrong = 0;

    for (uint32_t n = 0; n < 40 * ROWS; n++) {
        uint32_t row = test_any(ROWS), value = any_value(row);

        tg_histogram_add(&truth[row], value);
        if (tg_times_add(&pool, &rows[row], value) != 0)
            wrong++;
    }
    for (uint32_t row = 0; row < ROWS; row++)
        wrong += differences(&rows[row], &truth[row]);
    is_int(wrong, 0, "quantiles of values one by one");
}

static void
test_merge(void)
{
    uint8_t bytes[TG_HISTOGRAM_BYTES_MAX];
    struct tg_histogram all = {.used = {0}};
    struct tg_times merged = {{0}}, sum = {{0}}, added = {{0}};
    int err = 0;

    for (uint32_t row = 0; row < ROWS; row++) {
        size_t len = tg_histogram_encode(&truth[row], bytes);

        err |= tg_histogram_merge(&all, bytes, len);
        err |= tg_times_merge(&pool, &merged, bytes, len);
        err |= tg_times_sum(&pool, &sum, &rows[row]);
        err |= tg_times_add_all(&pool, &added, &truth[row]);
    }
    is_int(err, 0, "all of them together");
    is_int(differences(&merged, &all), 0, "as bytes");
    is_int(differences(&sum, &all), 0, "as they are");
    is_int(differences(&added, &all), 0, "and as others are");
}

static void
test_few_pages(void)
{
    uint32_t before = pool.count;
    struct tg_times times = {{0}};

    for (uint32_t value = 256; value < 1024; value++)
        tg_times_add(&pool, &times, value);
    is_int(pool.count - before, 2, "two powers of two take two pages");
}

static void
test_refused(void)
{
    struct tg_times times = {{0}};
    int64_t values[SHARES] = {0};

    tg_times_quantiles(&pool, &times, shares, SHARES, values);
    ok(values[0] == -1 && values[SHARES - 1] == -1, "nothing has no quantile");
    is_int(tg_times_merge(&pool, &times, "\320\3\1", 3), TG_ERR_CORRUPT,
           "there is no bucket 464");
    is_int(tg_times_merge(&pool, &times, "\5", 1), TG_ERR_CORRUPT,
           "a bucket without a count");
    is_int(tg_times_merge(&pool, &times, "\5\377", 2), TG_ERR_CORRUPT,
           "a count that is cut off");
}

int
main(void)
{
    test_quantiles();
    test_merge();
    test_few_pages();
    test_refused();
    tg_times_release(&pool);
    return done();
}
