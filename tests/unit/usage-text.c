/*
 * Goal: figures about usage are exact decimals, null where they would be of
 * nothing, and never longer than their room.
 */
#include "tap.h"
#include "usage_text.h"

static const struct {
    const char *name;
    struct tg_store_usage usage;
    const char *parts[8]; /* each of which stands in the text */
} cases[] = {
    {"of nothing",
     {.latency_ms = {-1, -1, -1}, .ttft_ms = {-1, -1, -1}},
     {"\"requests\":0,", "\"error_rate\":0,", "\"success_rate\":null,",
      "\"cache_hit_rate\":null,", "\"cost\":\"0.00\"",
      "\"cost_per_request\":null,", "\"cost_per_1000_tokens\":null,",
      "\"latency_ms\":null,\"ttft_ms\":null"}},
    {"of a third",
     {.sums = {.requests = 3,
               .errors = 1,
               .prompt_tokens = 8,
               .prompt_cache_hit_tokens = 1,
               .completion_tokens = 2,
               .cost_nanos = 10}},
     {"\"error_rate\":0.333333,\"success_rate\":0.666667,",
      "\"cache_hit_rate\":0.125,", "\"prompt_cache_miss_tokens\":7,",
      "\"total_tokens\":10,", "\"cost\":\"0.00000001\",",
      "\"cost_per_request\":\"0.000000003\"",
      "\"cost_per_1000_tokens\":\"0.000001\"",
      "\"latency_ms\":{\"p50\":0,\"p95\":0,\"p99\":0}"}},
    {"of all and of few",
     {.sums = {.requests = 1000000,
               .errors = 1,
               .prompt_tokens = 5,
               .prompt_cache_hit_tokens = 5}},
     {"\"error_rate\":0.000001,\"success_rate\":0.999999,",
      "\"cache_hit_rate\":1,"}},
    {"a half is rounded up",
     {.sums = {.requests = 2000000, .errors = 1, .cost_nanos = 1000000}},
     {"\"error_rate\":0.000001,", "\"cost_per_request\":\"0.000000001\""}},
    {"of what is not tokens",
     {.sums = {.requests = 1,
               .images = 1,
               .prompt_tokens = 9,
               .audio_ms = 1500,
               .cost_nanos = 7}},
     {"\"images\":1,\"audio_seconds\":\"1.500\",",
      "\"cost_per_request\":\"0.000000007\"", "\"cost_per_1000_tokens\":null"}},
};

static void
test_cases(void)
{
    char text[TG_USAGE_TEXT_SIZE + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text[tg_usage_text(&cases[i].usage, text)] = '\0';
        for (int j = 0; j < 8 && cases[i].parts[j] != NULL; j++)
            ok(strstr(text, cases[i].parts[j]) != NULL, "%s: %s", cases[i].name,
               cases[i].parts[j]);
    }
}

/* As large as sums can be whose tokens can be added up. */
static void
test_largest(void)
{
    const int64_t most = INT64_MAX;
    struct tg_store_usage usage = {
        .sums = {.requests = most,
                 .errors = most,
                 .prompt_tokens = most / 2,
                 .prompt_cache_hit_tokens = most / 2,
                 .completion_tokens = most / 2,
                 .reasoning_tokens = most,
                 .cost_nanos = most,
                 .images = most,
                 .audio_ms = most,
                 .characters = most},
        .latency_ms = {most, most, most},
        .ttft_ms = {most, most, most},
    };
    char text[TG_USAGE_TEXT_SIZE + 1];
    size_t len = tg_usage_text(&usage, text);

    text[len] = '\0';
    ok(len < TG_USAGE_TEXT_SIZE, "%zu bytes fit", len);
    ok(strstr(text, "\"error_rate\":1,\"success_rate\":0,") != NULL,
       "the largest share is 1");
    ok(strstr(text, "\"cost\":\"9223372036.854775807\"") != NULL,
       "the largest cost is exact");
}

int
main(void)
{
    test_cases();
    test_largest();
    return done();
}
