/*
 * Goal: what could be saved is what calls would have cost, to the nano-unit,
 * and nothing that could not be done.
 */
#include "advice_saving.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "hours.h"
#include "route.h"
#include "tap.h"

#define NOW INT64_C(1795737600000) /* a Friday, 00:00 UTC */
#define DAY TG_MS_PER_DAY
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { DEAR, CHEAP, SMALL, OTHER, UNSERVED, VECTORS, LATE, MIXED, MODELS };

static struct tg_catalog *catalog;

static void
add(int row, const char *name, int64_t hit, int64_t miss, int64_t output)
{
    struct tg_model *model = &catalog->models[row];

    tg_field_set(model->name, sizeof(model->name), name, strlen(name));
    model->scopes = TG_SCOPE_CHAT | TG_SCOPE_CODE;
    model->upstream_count = 1;
    model->max_context_tokens = 1000000;
    model->max_output_tokens = 100000;
    model->price_count = 1;
    model->prices[0].off_peak = (struct tg_rates){
        .hit_picos = hit, .miss_picos = miss, .output_picos = output};
}

/* The dear one costs twice as much on Fridays from 01:00 to 04:00. */
static void
make_catalog(void)
{
    struct tg_price *dear;

    catalog = calloc(1, sizeof(*catalog));
    catalog->model_count = MODELS;
    catalog->upstreams[0].dialect = TG_DIALECT_DEEPSEEK;
    catalog->upstreams[1].dialect = TG_DIALECT_ANTHROPIC;
    add(DEAR, "dear", 100, 1000, 4000);
    add(CHEAP, "cheap", 50, 500, 4000);
    add(SMALL, "small", 1, 2, 3);
    add(OTHER, "other", 10, 20, 30);
    add(UNSERVED, "unserved", 1, 1, 1);
    add(VECTORS, "vectors", 1, 1, 0);
    add(LATE, "late", 1, 1, 1);
    add(MIXED, "mixed", 1, 1001, 1);
    catalog->models[SMALL].max_context_tokens = 1000;
    catalog->models[OTHER].upstreams[0] = 1;
    catalog->models[UNSERVED].upstream_count = 0;
    catalog->models[VECTORS].scopes = TG_SCOPE_EMBEDDINGS;
    catalog->models[LATE].prices[0].effective_at_ms = NOW + 1;
    dear = &catalog->models[DEAR].prices[0];
    dear->peak = (struct tg_rates){
        .hit_picos = 200, .miss_picos = 2000, .output_picos = 8000};
    for (int q = 4 * 96 + 4; q < 4 * 96 + 16; q++)
        dear->peak_quarters[q / 32] |= UINT32_C(1) << q % 32;
}

static struct tg_saving_group
group_of(int row)
{
    struct tg_saving_group group = {.row = row};

    tg_saving_choose(&group, catalog, NOW, false);
    return group;
}

/* As settle would have it. */
static struct tg_call
call_of(int64_t at_ms, int64_t prompt, int64_t cached, int64_t completion)
{
    const struct tg_price *price = &catalog->models[DEAR].prices[0];
    bool is_peak = tg_price_is_peak(price, at_ms, NULL, 0);
    struct tg_call call = {
        .at_ms = at_ms,
        .endpoint = TG_ENDPOINT_CHAT,
        .basis = TG_BASIS_REPORTED,
        .flags = is_peak ? TG_CALL_PEAK : 0,
        .prompt_tokens = prompt,
        .cached_tokens = cached,
        .completion_tokens = completion,
        .rates = *tg_price_rates(price, is_peak),
    };
    struct tg_quantity quantity = tg_call_quantity(&call);

    if (tg_price_cost(&call.rates, &quantity, &call.cost_nanos) != 0)
        abort();
    return call;
}

static void
test_candidates(void)
{
    struct tg_saving_group group = group_of(DEAR);

    is_int(group.candidate_count, 3, "three may stand in for the dear one");
    is_int(group.candidates[0], SMALL, "the cheapest comes first");
    is_int(group.candidates[1], OTHER, "then the next");
    is_int(group.candidates[2], CHEAP, "and one that is cheaper in part");
    group = group_of(SMALL);
    is_int(group.candidate_count, 0, "for the cheapest there is none");
    group = (struct tg_saving_group){.row = DEAR};
    tg_saving_choose(&group, catalog, NOW, true);
    is_int(group.candidate_count, 0, "a development key has its own models");
    group = (struct tg_saving_group){.row = -1};
    tg_saving_choose(&group, catalog, NOW, false);
    is_int(group.candidate_count, 0, "nor for one that is no more offered");
}

static void
test_another_model(void)
{
    struct tg_saving_group group = group_of(DEAR);
    struct tg_call call = call_of(NOW, 100, 33, 7);
    int64_t nanos;

    tg_saving_take(&group, catalog, &call);
    tg_saving_take(&group, catalog, &call);
    is_int(group.all.cost_nanos, 2 * 99, "98.3 is 99, twice");
    is_int(group.then_nanos[0], 2 * 1, "0.188 is 1");
    is_int(group.misfits[1], 2, "one is not served where the call went");
    is_int(tg_saving_model(&group, &nanos), 0, "the cheapest takes them");
    is_int(nanos, 196, "and saves the rest");
    call = call_of(NOW, 990, 0, 11);
    tg_saving_take(&group, catalog, &call);
    is_int(group.misfits[0], 1, "1001 tokens are too many for it");
    is_int(tg_saving_model(&group, &nanos), 2, "so it is the next");
    is_int(nanos, group.all.cost_nanos - group.then_nanos[2], "and its saving");
    call = call_of(NOW, 1, 0, 100001);
    tg_saving_take(&group, catalog, &call);
    is_int(tg_saving_model(&group, &nanos), -1, "nobody makes so long ones");
    is_int(nanos, 0, "which saves nothing");
}

static void
test_left_out(void)
{
    static const struct {
        const char *what;
        int64_t cost, hit, basis, endpoint, unit;
    } rows[] = {
        {"another cost", 1, 0, 0, 0, 0},
        {"another price", 0, 1, 0, 0, 0},
        {"what was held", 0, 0, TG_BASIS_HELD - TG_BASIS_REPORTED, 0, 0},
        {"images", 0, 0, 0, TG_ENDPOINT_IMAGES - TG_ENDPOINT_CHAT, 0},
        {"seconds", 0, 0, 0, 0, TG_UNIT_MILLISECOND},
    };
    struct tg_saving_group group = group_of(DEAR);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_call call = call_of(NOW, 10, 0, 1);

        call.cost_nanos += rows[i].cost;
        call.rates.hit_picos += rows[i].hit;
        call.basis = (uint8_t)(call.basis + rows[i].basis);
        call.endpoint = (uint16_t)(call.endpoint + rows[i].endpoint);
        call.unit = (uint8_t)rows[i].unit;
        tg_saving_take(&group, catalog, &call);
        is_int(group.left_out, i + 1, "left out: %s", rows[i].what);
    }
    is_int(group.all.calls, 0, "all of them");
}

static void
test_merged(void)
{
    struct tg_saving_group group = group_of(DEAR);
    /* A minute of three, of which one is large; a call alone; two. */
    struct tg_call calls[] = {
        call_of(NOW, 30, 10, 5),          call_of(NOW + 1, 20, 10, 3),
        call_of(NOW + 2, 95, 0, 5),       call_of(NOW + 59999, 40, 0, 1),
        call_of(NOW + 60000, 50, 0, 1),   call_of(NOW + 120000, 10, 9, 1),
        call_of(NOW + 121000, 11, 11, 1),
    };

    for (size_t i = 0; i < COUNT(calls); i++)
        tg_saving_take(&group, catalog, &calls[i]);
    tg_saving_end(&group);
    is_int(group.small.calls, 5, "small ones that were not alone");
    is_int(group.small_requests, 2, "two requests would do");
    is_int(group.small.tokens, 20 * 2 + 70 - 20 + 9 + 23, "their tokens");
    is_int(group.small.cost_nanos, 41 + 23 + 44 + 6 + 6, "as they cost");
    is_int(group.merged_nanos, 108 + 11, "rounded once for each");
    /* 40 tokens less, of which 20 were cached; then 10 less, all cached. */
    is_int(group.shared_nanos, 86 + 10, "and what they share sent once");
}

static void
test_charged_by_the_call(void)
{
    struct tg_price *price = &catalog->models[DEAR].prices[0];
    struct tg_saving_group group = group_of(DEAR);
    struct tg_call call;

    price->unit = TG_UNIT_CALL;
    price->off_peak.unit_picos = 5000000;
    call = call_of(NOW, 10, 0, 0);
    call.unit = TG_UNIT_CALL;
    call.units = 1;
    call.cost_nanos = 10 + 5000;
    for (int i = 0; i < 4; i++)
        tg_saving_take(&group, catalog, &call);
    tg_saving_end(&group);
    is_int(group.small.cost_nanos, 4 * 5010, "four calls");
    is_int(group.merged_nanos, 40 + 5000, "one of them");
    is_int(group.misfits[0], 4, "another unit is no candidate's");
    price->unit = TG_UNIT_NONE;
    price->off_peak.unit_picos = 0;
}

static void
test_hours(void)
{
    struct tg_saving_group group = group_of(DEAR);
    struct tg_call calls[] = {
        call_of(NOW + DAY / 24 - 1, 10, 0, 1),
        call_of(NOW + DAY / 24, 10, 0, 1),
        call_of(NOW + DAY / 6 - 1, 10, 0, 1),
        call_of(NOW + DAY / 6, 10, 0, 1),
    };

    calls[2].flags |= TG_CALL_STREAM;
    for (size_t i = 0; i < COUNT(calls); i++)
        tg_saving_take(&group, catalog, &calls[i]);
    is_int(group.left_out, 0, "peak and off-peak are both known");
    is_int(group.peak.calls, 2, "two in peak hours");
    is_int(group.peak.cost_nanos - group.peak_then_nanos, 28, "half of it");
    is_int(group.movable.calls, 1, "of which one was not streamed");
    is_int(group.movable.cost_nanos - group.movable_then_nanos, 14,
           "and its half");
}

static void
test_hit_rates(void)
{
    struct tg_saving_group group = group_of(DEAR);
    struct tg_saving_prompts target = {.calls = 20};
    int64_t hits;

    for (int day = 0; day < 3; day++) {
        for (int i = 0; i < (day == 2 ? 19 : 20); i++) {
            struct tg_call call =
                call_of(NOW + day * DAY, 1000, 100 + 200 * day, 1);

            tg_saving_take(&group, catalog, &call);
        }
    }
    tg_saving_end(&group);
    is_int(group.best_day.day, NOW / DAY + 1,
           "the best day that has enough calls");
    is_int(group.best_day.cached_tokens, 6000, "and its hits");
    is_int(tg_saving_cache(&group, &group.best_day, &hits), 200 * 900 / 1000,
           "three tenths of all, of which 17 500 are there already");
    is_int(hits, 17700, "of 59 000");
    target.prompt_tokens = 30000;
    target.cached_tokens = 20000;
    is_int(tg_saving_cache(&group, &target, &hits),
           (39333 - 17500) * 900 / 1000, "two thirds, rounded down");
    is_int(hits, 39333, "of 59 000");
    target.cached_tokens = 0;
    is_int(tg_saving_cache(&group, &target, &hits), 0, "never worse");
}

static void
test_rate_compare(void)
{
    static const struct tg_saving_prompts third = {0, 20, INT64_MAX / 2,
                                                   INT64_MAX / 6},
                                          half = {0, 20, 10000, 5000},
                                          few = {0, 19, 10000, 9999},
                                          less = {0, 20, 9999, 9999};

    ok(tg_saving_is_better(&half, &third), "a half is better than a third");
    ok(!tg_saving_is_better(&third, &half), "and not the other way round");
    ok(!tg_saving_is_better(&half, &half), "nor than itself");
    ok(tg_saving_has_rate(&half), "20 calls and 10 000 tokens are enough");
    ok(!tg_saving_has_rate(&few), "19 calls are not");
    ok(!tg_saving_has_rate(&less), "9999 tokens are not");
}

static void
test_month(void)
{
    static const struct {
        int64_t nanos, lasted, month;
    } rows[] = {
        {100, 0, 3000},      {100, DAY, 3000}, {100, 30 * DAY, 100},
        {100, 60 * DAY, 50}, {1, 31 * DAY, 0}, {INT64_MAX, DAY, INT64_MAX},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        is_int(tg_saving_per_month(rows[i].nanos, rows[i].lasted),
               rows[i].month, "a month of row %zu", i);
}

static void
test_hours_text(void)
{
    uint32_t none[TG_WEEK_WORDS] = {0}, all[TG_WEEK_WORDS], odd[TG_WEEK_WORDS];
    char text[TG_SAVING_HOURS_SIZE];

    tg_saving_hours(none, text);
    is_str(text, "mon-sun 00:00-24:00", "no peak hours");
    tg_saving_hours(catalog->models[DEAR].prices[0].peak_quarters, text);
    is_str(text,
           "mon-thu 00:00-24:00, fri 00:00-01:00,04:00-24:00, sat-sun "
           "00:00-24:00",
           "a Friday's");
    ok(tg_hours_is_valid(text), "a key takes them");
    memset(all, 0xff, sizeof(all));
    tg_saving_hours(all, text);
    is_str(text, "", "all is peak");
    memset(odd, 0x55, sizeof(odd));
    tg_saving_hours(odd, text);
    is_str(text, "", "more spans than a text holds");
}

int
main(void)
{
    make_catalog();
    test_candidates();
    test_another_model();
    test_left_out();
    test_merged();
    test_charged_by_the_call();
    test_hours();
    test_hit_rates();
    test_rate_compare();
    test_month();
    test_hours_text();
    free(catalog);
    return done();
}
