/* Goal: each second is priced by the row and the band that it lies in. */
#include "tap.h"

#include <stdint.h>
#include <stdlib.h>

#include "book.h"
#include "civil.h"
#include "err.h"
#include "call.h"
#include "price.h"
#include "route.h"
#include "unit.h"

static int64_t
at(const char *text)
{
    int64_t instant_ms = 0;

    if (tg_civil_parse((struct tg_str){text, strlen(text)}, &instant_ms) != 0)
        ok(false, "'%s' is an instant", text);
    return instant_ms;
}

/*
 * 1 000 000 prompt tokens of which 400 000 were cached, and 100 000 of
 * completion, in nano-units; 0: the model has no price then.
 */
static const struct {
    const char *model;
    const char *instant;
    int64_t nanos;
} costs[] = {
    /* deepseek-flash, a Friday: 0.003 / 0.15 / 0.60, twice that in peaks */
    {"deepseek-flash", "2026-11-20T00:59:59.999Z", 151200000},
    {"deepseek-flash", "2026-11-20T01:00:00Z", 302400000},
    {"deepseek-flash", "2026-11-20T03:59:59.999Z", 302400000},
    {"deepseek-flash", "2026-11-20T04:00:00Z", 151200000},
    {"deepseek-flash", "2026-11-20T05:59:59.999Z", 151200000},
    {"deepseek-flash", "2026-11-20T06:00:00Z", 302400000},
    {"deepseek-flash", "2026-11-20T09:59:59.999Z", 302400000},
    {"deepseek-flash", "2026-11-20T10:00:00Z", 151200000},
    /* the weekend and the Monday behind it */
    {"deepseek-flash", "2026-11-21T02:00:00Z", 151200000},
    {"deepseek-flash", "2026-11-22T09:59:59Z", 151200000},
    {"deepseek-flash", "2026-11-23T00:59:59Z", 151200000},
    {"deepseek-flash", "2026-11-23T01:00:00Z", 302400000},
    /* Mid-Autumn and the National Day, each with a working day beside it */
    {"deepseek-flash", "2026-09-24T02:00:00Z", 302400000},
    {"deepseek-flash", "2026-09-25T02:00:00Z", 151200000},
    {"deepseek-flash", "2026-09-28T02:00:00Z", 302400000},
    {"deepseek-flash", "2026-09-30T09:59:59Z", 302400000},
    {"deepseek-flash", "2026-10-01T01:00:00Z", 151200000},
    {"deepseek-flash", "2026-10-02T06:00:00Z", 151200000},
    {"deepseek-flash", "2026-10-05T03:59:59Z", 151200000},
    {"deepseek-flash", "2026-10-07T09:59:59Z", 151200000},
    {"deepseek-flash", "2026-10-08T01:00:00Z", 302400000},
    /* it begins on 10 September, 04:00 */
    {"deepseek-flash", "2026-09-10T03:59:59.999Z", 0},
    {"deepseek-flash", "2026-09-10T04:00:00Z", 151200000},
    {"deepseek-flash", "2026-09-10T06:00:00Z", 302400000},
    /* deepseek-v4-flash: 0.0028 / 0.14 / 0.28 without peaks */
    {"deepseek-v4-flash", "2026-04-30T23:59:59.999Z", 0},
    {"deepseek-v4-flash", "2026-05-01T00:00:00Z", 113120000},
    {"deepseek-v4-flash", "2026-05-06T02:00:00Z", 113120000},
    {"deepseek-v4-flash", "2026-08-16T15:59:59.999Z", 113120000},
    /* then 0.007 / 0.22 / 0.66, peaks every day for a week */
    {"deepseek-v4-flash", "2026-08-16T16:00:00Z", 200800000},
    {"deepseek-v4-flash", "2026-08-17T01:00:00Z", 401600000},
    {"deepseek-v4-flash", "2026-08-22T00:59:59Z", 200800000},
    {"deepseek-v4-flash", "2026-08-22T01:00:00Z", 401600000}, /* Saturday */
    {"deepseek-v4-flash", "2026-08-22T09:59:59Z", 401600000},
    {"deepseek-v4-flash", "2026-08-23T02:00:00Z", 200800000}, /* Sunday */
    {"deepseek-v4-flash", "2026-08-24T02:00:00Z", 401600000},
    {"deepseek-v4-flash", "2026-08-29T02:00:00Z", 200800000},
    /* and as deepseek-flash from 10 September; a peak ends at that second */
    {"deepseek-v4-flash", "2026-09-10T03:59:59.999Z", 401600000},
    {"deepseek-v4-flash", "2026-09-10T04:00:00Z", 151200000},
    {"deepseek-v4-flash", "2026-09-10T06:00:00Z", 302400000},
    /* deepseek-v4-pro: 0.003625 / 0.435 / 0.87, then 0.022 / 0.66 / 1.98 */
    {"deepseek-v4-pro", "2026-08-16T15:59:59.999Z", 349450000},
    {"deepseek-v4-pro", "2026-08-16T16:00:00Z", 602800000},
    {"deepseek-v4-pro", "2026-08-22T06:00:00Z", 1205600000},
    {"deepseek-v4-pro", "2026-08-23T06:00:00Z", 602800000},
    {"deepseek-v4-pro", "2026-11-20T06:00:00Z", 1205600000},
    /* OpenAI's and the simulator's */
    {"gpt-4o-mini", "2026-11-20T06:00:00Z", 180000000},
    {"gpt-4o", "2026-11-20T06:00:00Z", 3000000000},
    {"text-embedding-3-small", "2026-11-20T06:00:00Z", 20000000},
    {"sim-embed", "2026-11-20T06:00:00Z", 10000000},
};

static void
test_book_costs(void)
{
    size_t holiday_count;
    const int32_t *holidays = tg_book_holidays(&holiday_count);
    const struct tg_quantity million = {.prompt_tokens = 1000000,
                                        .cached_tokens = 400000,
                                        .completion_tokens = 100000};

    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        const struct tg_book_model *model = tg_book_find(costs[i].model);
        int64_t instant_ms = at(costs[i].instant), nanos = 0;
        const struct tg_price *row =
            tg_price_at(model->prices, model->price_count, instant_ms);

        if (row != NULL) {
            bool is_peak =
                tg_price_is_peak(row, instant_ms, holidays, holiday_count);

            tg_price_cost(tg_price_rates(row, is_peak), &million, &nanos);
        }
        is_int(nanos, costs[i].nanos, "%s at %s", costs[i].model,
               costs[i].instant);
    }
}

/* Every second of a week, told by the rule as the provider states it. */
static void
test_every_second_of_a_week(void)
{
    const struct tg_book_model *model = tg_book_find("deepseek-flash");
    int64_t monday_ms = at("2026-11-16T00:00:00Z");
    int wrong = 0, peaks = 0;

    for (int second = 0; second < 7 * 86400; second++) {
        int day = second / 86400, hour = second / 3600 % 24;
        bool want =
            day < 5 && ((hour >= 1 && hour < 4) || (hour >= 6 && hour < 10));
        bool got = tg_price_is_peak(
            &model->prices[0], monday_ms + second * INT64_C(1000), NULL, 0);

        wrong += got != want;
        peaks += got;
    }
    is_int(wrong, 0, "every second of a week is in the right band");
    is_int(peaks, 5 * 7 * 3600, "35 hours of it are peak");
}

static void
test_row_in_force(void)
{
    static const struct tg_price rows[3] = {
        {.effective_at_ms = 100},
        {.effective_at_ms = 200},
        {.effective_at_ms = 300},
    };

    ok(tg_price_at(rows, 3, 99) == NULL, "none before the first");
    ok(tg_price_at(rows, 3, 100) == &rows[0], "the first at its instant");
    ok(tg_price_at(rows, 3, 199) == &rows[0], "until the second");
    ok(tg_price_at(rows, 3, 200) == &rows[1], "the second at its instant");
    ok(tg_price_at(rows, 3, INT64_MAX) == &rows[2], "the last for good");
    ok(tg_price_at(rows, 0, 100) == NULL, "no rows, no price");
    ok(tg_price_at(NULL, 0, 100) == NULL, "not even an array");
}

static void
test_holidays(void)
{
    static const int32_t days[] = {1, 4, 8, 9};
    struct tg_price row = {.flags = TG_PRICE_HOLIDAYS_OFF_PEAK};
    bool is_right = true;

    memset(row.peak_quarters, 0xFF, sizeof(row.peak_quarters));
    for (size_t n = 0; n <= 4; n++) {
        for (int32_t day = -2; day < 12; day++) {
            bool is_off = false;

            for (size_t i = 0; i < n; i++)
                is_off |= days[i] == day;
            is_right &=
                tg_price_is_peak(&row, day * TG_MS_PER_DAY, days, n) == !is_off;
        }
    }
    ok(is_right, "a holiday is found among none to four");
    row.flags = 0;
    ok(tg_price_is_peak(&row, 4 * TG_MS_PER_DAY, days, 4),
       "holidays do not count for a row that does not exempt them");
    memset(row.peak_quarters, 0, sizeof(row.peak_quarters));
    ok(!tg_price_is_peak(&row, 5, days, 0), "no peak hours, no peak");
}

#define MAX INT64_MAX

/* Rates: hit, miss, output, write, unit; quantities as price.h has them. */
static const struct {
    const char *what;
    struct tg_rates rates;
    struct tg_quantity quantity;
    int err;
    int64_t nanos;
} sums[] = {
    {"nothing costs nothing", {3, 5, 7, 9, 11}, {0, 0, 0, 0, 0}, 0, 0},
    {"free is free", {0, 0, 0, 0, 0}, {1000000, 5, 5, 10, 3}, 0, 0},
    {"a pico is rounded up", {1, 1, 1, 1, 1}, {1, 0, 0, 0, 0}, 0, 1},
    {"999 picos are a nano", {1, 1, 1, 1, 1}, {999, 0, 0, 0, 0}, 0, 1},
    {"1000 picos are a nano", {1, 1, 1, 1, 1}, {1000, 0, 0, 0, 0}, 0, 1},
    {"1001 picos are two", {1, 1, 1, 1, 1}, {1001, 0, 0, 0, 0}, 0, 2},
    {"one rounding for the sum", {1, 1, 1, 1, 1}, {3, 1, 1, 1, 1}, 0, 1},
    {"each at its rate",
     {1000, 20000, 300000, 4000000, 50000000},
     {11, 4, 1, 2, 3},
     0,
     154724},
    {"all cached", {1000, 20000, 300000, 1, 1}, {10, 10, 0, 0, 0}, 0, 10},
    {"all written", {1, 20000, 300000, 1000, 1}, {10, 0, 10, 0, 0}, 0, 10},
    {"units alone", {1, 1, 1, 1, 40000000}, {0, 0, 0, 0, 2}, 0, 80000},
    {"more cached than there are",
     {1, 1, 1, 1, 1},
     {4, 5, 0, 0, 0},
     TG_ERR_RANGE,
     0},
    {"more written than there are",
     {1, 1, 1, 1, 1},
     {4, 3, 2, 0, 0},
     TG_ERR_RANGE,
     0},
    {"negative prompt", {1, 1, 1, 1, 1}, {-1, 0, 0, 0, 0}, TG_ERR_RANGE, 0},
    {"negative prompt and cache",
     {1, 1, 1, 1, 1},
     {-1, -2, 0, 0, 0},
     TG_ERR_RANGE,
     0},
    {"negative cache", {1, 1, 1, 1, 1}, {4, -1, 0, 0, 0}, TG_ERR_RANGE, 0},
    {"negative writes", {1, 1, 1, 1, 1}, {4, 0, -1, 0, 0}, TG_ERR_RANGE, 0},
    {"negative completion", {1, 1, 1, 1, 1}, {4, 1, 0, -1, 0}, TG_ERR_RANGE, 0},
    {"negative units", {1, 1, 1, 1, 1}, {4, 1, 0, 0, -1}, TG_ERR_RANGE, 0},
    {"negative rate", {1, -1, 1, 1, 1}, {4, 1, 0, 1, 0}, TG_ERR_RANGE, 0},
    {"the largest cost", {1, 1000, 1, 1, 1}, {MAX, 0, 0, 0, 0}, 0, MAX},
    {"one nano more", {1, 1000, 1, 1, 1}, {MAX, 0, 0, 1, 0}, TG_ERR_RANGE, 0},
    {"beyond 128 bits",
     {MAX, MAX, MAX, MAX, MAX},
     {MAX, 0, 0, MAX, MAX},
     TG_ERR_RANGE,
     0},
    {"beyond 64 bits",
     {0, MAX, MAX, 0, 0},
     {1001, 0, 0, 0, 0},
     TG_ERR_RANGE,
     0},
};

static void
test_cost(void)
{
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        int64_t nanos = -7;

        is_int(tg_price_cost(&sums[i].rates, &sums[i].quantity, &nanos),
               sums[i].err, "%s", sums[i].what);
        is_int(nanos, sums[i].err == 0 ? sums[i].nanos : -7, "its cost");
    }
}

/* Rates as above, times ppm millionths. */
static const struct {
    const char *what;
    struct tg_rates rates;
    uint32_t ppm;
    int err;
    struct tg_rates want;
} factors[] = {
    {"once", {1, 2, 3, 4, 5}, 1000000, 0, {1, 2, 3, 4, 5}},
    {"none is once", {1, 2, 3, 4, 5}, 0, 0, {1, 2, 3, 4, 5}},
    {"half, rounded up", {3, 4, 5, 1, 0}, 500000, 0, {2, 2, 3, 1, 0}},
    {"1.25 times, rounded up", {3, 4, 5, 8, 1}, 1250000, 0, {4, 5, 7, 10, 2}},
    {"a millionth", {1, 1000000, 1000001, 0, 2000000}, 1, 0, {1, 1, 2, 0, 2}},
    {"a thousand times",
     {3000, 150000, 600000, 150000, 40000000000},
     1000000000,
     0,
     {3000000, 150000000, 600000000, 150000000, 40000000000000}},
    {"as much as fits",
     {0, MAX / 2, 0, 0, 0},
     2000000,
     0,
     {0, MAX - 1, 0, 0, 0}},
    {"and one more", {1, MAX / 2 + 1, 1, 1, 1}, 2000000, TG_ERR_RANGE, {0}},
    {"the last one too large", {1, 1, 1, 1, MAX}, 1000001, TG_ERR_RANGE, {0}},
    {"the largest, a bit less",
     {MAX, 0, 0, 0, 0},
     999999,
     0,
     {9223362813482738953, 0, 0, 0, 0}},
};

static void
test_factors(void)
{
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        struct tg_rates rates = factors[i].rates;
        const struct tg_rates *want =
            factors[i].err == 0 ? &factors[i].want : &factors[i].rates;

        is_int(tg_price_scale(&rates, factors[i].ppm), factors[i].err, "%s",
               factors[i].what);
        is_int(rates.hit_picos, want->hit_picos, "cached prompt");
        is_int(rates.miss_picos, want->miss_picos, "prompt");
        is_int(rates.output_picos, want->output_picos, "completion");
        is_int(rates.write_picos, want->write_picos, "written to the cache");
        is_int(rates.unit_picos, want->unit_picos, "unit");
    }
}

/* The promise that holds rest on, over random rates and calls. */
static void
test_dearest_is_dearest(void)
{
    bool is_dearest = true, is_reached = false;

    srandom(11);
    for (int n = 0; n < 20000; n++) {
        struct tg_rates rates = {random() % 1000, random() % 1000,
                                 random() % 5000, random() % 1000,
                                 random() % 5000};
        struct tg_rates dearest = tg_price_dearest(&rates);
        struct tg_quantity most = {.prompt_tokens = random() % 10000,
                                   .completion_tokens = random() % 10000,
                                   .units = random() % 100};
        struct tg_quantity some = most;
        int64_t worst, cost;

        some.cached_tokens = random() % (most.prompt_tokens + 1);
        some.written_tokens =
            random() % (most.prompt_tokens - some.cached_tokens + 1);
        tg_price_cost(&dearest, &most, &worst);
        tg_price_cost(&rates, &some, &cost);
        is_dearest &= cost <= worst;
        some.written_tokens = some.cached_tokens = 0;
        tg_price_cost(&rates, &some, &cost);
        is_reached |= cost == worst && most.prompt_tokens > 0;
    }
    ok(is_dearest, "no call costs more than at the dearest rates");
    ok(is_reached, "and some cost that much");
}

/* By tokens, with a context that bounds them, or by a unit. */
static bool
is_metered(const struct tg_book_model *model, const struct tg_price *row)
{
    bool has_sizes = true;

    for (uint32_t i = 0; i < row->size_count; i++) {
        const char *name = row->sizes[i].name;

        has_sizes &= row->sizes[i].picos > 0 &&
                     tg_unit_is_size((struct tg_str){
                         name, tg_field_len(name, TG_SIZE_NAME_MAX)});
    }
    if (row->unit != TG_UNIT_NONE)
        return has_sizes && row->off_peak.unit_picos > 0 &&
               row->off_peak.unit_picos == row->peak.unit_picos &&
               row->off_peak.miss_picos == 0;
    return row->off_peak.miss_picos > 0 &&
           (model->max_context_tokens > 0 || model->max_image_tokens > 0);
}

/* What OpenAI's price list says, in nano-units. */
static const struct {
    const char *model;
    struct tg_quantity quantity;
    int64_t nanos;
} unit_costs[] = {
    {"dall-e-2", {.units = 1}, 20000000},
    {"dall-e-3", {.units = 1}, 40000000},
    {"gpt-image-1",
     {.prompt_tokens = 323, .completion_tokens = 4160},
     3230000 + 166400000},
    {"gpt-image-1", {.prompt_tokens = 400, .cached_tokens = 300}, 1750000},
    {"gpt-image-1-mini",
     {.prompt_tokens = 10, .completion_tokens = 1000},
     25000 + 8000000},
    {"whisper-1", {.units = 60000}, 6000000},
    {"whisper-1", {.units = 1}, 100},
    {"tts-1", {.units = 1000000}, 15000000000},
    {"tts-1-hd", {.units = 7}, 210000},
    {"gpt-4o-mini-tts",
     {.prompt_tokens = 14, .completion_tokens = 101},
     8400 + 1212000},
    {"gpt-4o-transcribe",
     {.prompt_tokens = 100, .completion_tokens = 10},
     600000 + 100000},
    {"gpt-4o-mini-transcribe",
     {.prompt_tokens = 100, .completion_tokens = 10},
     300000 + 50000},
};

static void
test_unit_costs(void)
{
    int64_t now_ms = at("2026-11-20T00:00:00Z"), nanos;

    for (size_t i = 0; i < sizeof(unit_costs) / sizeof(unit_costs[0]); i++) {
        const struct tg_book_model *model = tg_book_find(unit_costs[i].model);
        const struct tg_price *row =
            tg_price_at(model->prices, model->price_count, now_ms);

        is_int(tg_price_cost(&row->off_peak, &unit_costs[i].quantity, &nanos),
               0, "%s has a cost", unit_costs[i].model);
        is_int(nanos, unit_costs[i].nanos, "to the nano-unit");
    }
}

static void
test_book_is_sound(void)
{
    size_t model_count, holiday_count;
    const struct tg_book_model *models = tg_book_models(&model_count);
    const int32_t *holidays = tg_book_holidays(&holiday_count);
    bool is_sound = true, is_sorted = true;

    for (size_t m = 0; m < model_count; m++) {
        is_sound &= models[m].scopes != 0 && models[m].price_count > 0;
        for (size_t i = 0; i < models[m].price_count; i++) {
            const struct tg_price *row = &models[m].prices[i];

            is_sound &= strlen(models[m].sources[i]) > 0 &&
                        is_metered(&models[m], row) &&
                        row->peak.miss_picos >= row->off_peak.miss_picos &&
                        row->off_peak.hit_picos <= row->off_peak.miss_picos;
            is_sorted &=
                i == 0 || row[-1].effective_at_ms < row->effective_at_ms;
        }
    }
    for (size_t i = 0; i < holiday_count; i++)
        is_sorted &= tg_civil_weekday(holidays[i]) < 5 &&
                     (i == 0 || holidays[i - 1] < holidays[i]);
    ok(is_sound, "every model has a scope, prices and sources");
    ok(is_sorted, "rows and holidays stand in order, holidays on weekdays");
    is_int(holiday_count, 19, "19 weekdays of 2026 are holidays");
    ok(tg_book_find("deepseek-chat") == NULL, "a withdrawn model is not in it");
    is_int(tg_book_find("deepseek-flash")->max_output_tokens, 393216, "384K");
    is_int(tg_book_find("deepseek-flash")->max_fim_tokens, 4096, "FIM 4K");
    is_int(tg_book_find("sim-embed")->scopes, TG_SCOPE_EMBEDDINGS, "a scope");
}

int
main(void)
{
    test_book_costs();
    test_every_second_of_a_week();
    test_row_in_force();
    test_holidays();
    test_cost();
    test_factors();
    test_dearest_is_dearest();
    test_unit_costs();
    test_book_is_sound();
    return done();
}
