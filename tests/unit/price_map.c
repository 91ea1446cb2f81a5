/*
 * Goal: an entry of LiteLLM's price map becomes a row that charges the same,
 * to the pico-unit, or is refused with the reason; never one that charges
 * less.
 */
#include "price_map.h"

#include <stdlib.h>

#include "decimal.h"
#include "tap.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define CHAT "\"mode\":\"chat\",\"litellm_provider\":\"p\","
#define TOKENS "\"input_cost_per_token\":2e-06,\"output_cost_per_token\":8e-06"
#define ROW(rest) "{\"model\":\"m\",\"unit\":null,\"source\":\"s\"," rest "}"
#define RATES(prompt, completion, hit, write)                                  \
    "\"prompt\":\"" prompt "\",\"completion\":\"" completion                   \
    "\",\"prompt_cache_hit\":\"" hit "\",\"prompt_cache_write\":\"" write "\""
#define FLAT ROW(RATES("2.00", "8.00", "2.00", "2.00"))

static const struct {
    const char *what, *entry;
    const char *want; /* the row, or the beginning of the reason */
} rows[] = {
    {"plain", CHAT TOKENS, FLAT},
    {"exponents and plain decimals",
     CHAT "\"input_cost_per_token\":0.000000150,"
          "\"output_cost_per_token\":4e-7,"
          "\"cache_read_input_token_cost\":2.8e-08,"
          "\"cache_creation_input_token_cost\":1.5e-06",
     ROW(RATES("0.15", "0.40", "0.028", "1.50"))},
    {"one pico-unit",
     CHAT "\"input_cost_per_token\":1e-12,"
          "\"output_cost_per_token\":0",
     ROW(RATES("0.000001", "0.00", "0.000001", "0.000001"))},
    {"the older name of a cache hit",
     CHAT TOKENS ",\"input_cost_per_token_cache_hit\":2.5e-07",
     ROW(RATES("2.00", "8.00", "0.25", "2.00"))},
    {"a cache that costs 0 costs as the prompt",
     CHAT TOKENS ",\"cache_creation_input_token_cost\":0.0,"
                 "\"cache_read_input_token_cost\":0",
     FLAT},
    {"less than a pico-unit",
     CHAT "\"input_cost_per_token\":1.2345678901234e-07,"
          "\"output_cost_per_token\":1e-6",
     "input_cost_per_token has more than 12 decimals"},
    {"below zero",
     CHAT "\"input_cost_per_token\":-1e-6,"
          "\"output_cost_per_token\":1e-6",
     "input_cost_per_token is below zero"},
    {"a unit for each token",
     CHAT "\"input_cost_per_token\":2.0,"
          "\"output_cost_per_token\":1e-6",
     "input_cost_per_token is absurd"},
    {"words",
     CHAT "\"input_cost_per_token\":\"free\","
          "\"output_cost_per_token\":1e-6",
     "input_cost_per_token is no number"},
    {"a list",
     CHAT "\"input_cost_per_token\":[],"
          "\"output_cost_per_token\":1e-6",
     "input_cost_per_token is no number"},
    {"nothing", CHAT "\"max_tokens\":5", "no price above zero"},
    {"zeros",
     CHAT "\"input_cost_per_token\":0.0,"
          "\"output_cost_per_token\":0.0",
     "no price above zero"},
    {"half of it", CHAT "\"input_cost_per_token\":1e-6",
     "no output_cost_per_token"},
    {"the other half", CHAT "\"output_cost_per_token\":1e-6",
     "no input_cost_per_token"},
    {"tiers by size",
     CHAT TOKENS ",\"input_cost_per_token_above_200k_tokens\":4e-06",
     "input_cost_per_token_above_200k_tokens is dearer"},
    {"tiers that are not dearer",
     CHAT TOKENS ",\"input_cost_per_token_above_200k_tokens\":2e-06", FLAT},
    {"a dearer hour of a cache",
     CHAT TOKENS ",\"cache_creation_input_token_cost\":2.5e-06,"
                 "\"cache_creation_input_token_cost_above_1hr\":4e-06",
     "cache_creation_input_token_cost_above_1hr is dearer"},
    {"a table of tiers",
     CHAT TOKENS ",\"tiered_pricing\":[{\"range\":[0,1],"
                 "\"input_cost_per_token\":4e-06}]",
     "tiered_pricing has a price for each"},
    {"audio that costs more",
     CHAT TOKENS ",\"input_cost_per_audio_token\":4e-05",
     "input_cost_per_audio_token is dearer"},
    {"reasoning that costs no more",
     CHAT TOKENS ",\"output_cost_per_reasoning_token\":8e-06", FLAT},
    {"classes that a request asks for",
     CHAT TOKENS
     ",\"input_cost_per_token_batches\":1e-06,"
     "\"output_cost_per_token_flex\":4e-06,"
     "\"input_cost_per_token_priority\":4e-06,"
     "\"cache_read_input_token_cost_flex\":4e-06,"
     "\"search_context_cost_per_query\":{\"search_context_size_low\":0.03}",
     FLAT},
    {"images in a prompt", CHAT TOKENS ",\"input_cost_per_image\":0.001",
     "input_cost_per_image cannot be metered"},
    {"a fee for each request", CHAT TOKENS ",\"input_cost_per_request\":0.005",
     "input_cost_per_request cannot be said"},
    {"costs of nothing",
     CHAT TOKENS ",\"input_cost_per_request\":0.0,"
                 "\"output_cost_per_pixel\":null",
     FLAT},
    {"embeddings", "\"mode\":\"embedding\",\"input_cost_per_token\":2e-08",
     ROW(RATES("0.02", "0.00", "0.02", "0.02"))},
    {"images", "\"mode\":\"image_generation\",\"output_cost_per_image\":0.04",
     "{\"model\":\"m\",\"unit\":\"image\",\"source\":\"s\"," RATES(
         "0.00", "0.00", "0.00", "0.00") ",\"unit_price\":\"0.04\"}"},
    {"pixels",
     "\"mode\":\"image_generation\",\"input_cost_per_pixel\":1.9e-08,"
     "\"output_cost_per_pixel\":0.0",
     "input_cost_per_pixel cannot be said"},
    {"seconds, named twice",
     "\"mode\":\"audio_transcription\",\"input_cost_per_second\":0.0001,"
     "\"output_cost_per_second\":0.0001",
     "{\"model\":\"m\",\"unit\":\"second\",\"source\":\"s\"," RATES(
         "0.00", "0.00", "0.00", "0.00") ",\"unit_price\":\"0.0001\"}"},
    {"characters",
     "\"mode\":\"audio_speech\",\"input_cost_per_character\":1.5e-05",
     "{\"model\":\"m\",\"unit\":\"character\",\"source\":\"s\"," RATES(
         "0.00", "0.00", "0.00", "0.00") ",\"unit_price\":\"0.000015\"}"},
    {"characters too small for a nano-unit",
     "\"mode\":\"audio_speech\",\"input_cost_per_character\":1.5e-10",
     "input_cost_per_character has more than 9 decimals"},
    {"seconds of speech",
     "\"mode\":\"audio_speech\",\"input_cost_per_token\":2.5e-06,"
     "\"output_cost_per_second\":0.00025",
     "output_cost_per_second cannot be metered"},
    {"a mode without an endpoint", "\"mode\":\"rerank\"," TOKENS,
     "there is no endpoint for its mode rerank"},
    {"no mode", TOKENS, "no mode"},
    {"a cheaper night",
     CHAT TOKENS ",\"cache_read_input_token_cost\":2e-07,"
                 "\"off_peak_pricing\":{\"hours_utc\":\"16:30-00:30\","
                 "\"input_cost_per_token\":1e-06,"
                 "\"output_cost_per_token\":4e-06}",
     ROW(RATES(
         "1.00", "4.00", "0.20",
         "1.00") ",\"peak\":{\"hours\":["
                 "\"mon 00:30-16:30\",\"tue 00:30-16:30\",\"wed 00:30-16:30\","
                 "\"thu 00:30-16:30\",\"fri 00:30-16:30\",\"sat 00:30-16:30\","
                 "\"sun 00:30-16:30\"],\"not_on_holidays\":false," RATES(
                     "2.00", "8.00", "0.20", "2.00") "}")},
    {"weekdays in Shanghai, and a list of hours",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":[\"10:00-01:00\","
                 "\"04:00-06:00\"],\"windows\":[{\"hours_utc\":"
                 "\"00:00-00:00\",\"weekdays\":[\"sat\",7]}],"
                 "\"weekday_timezone\":\"Asia/Shanghai\","
                 "\"input_cost_per_token\":1e-06}",
     ROW(RATES(
         "1.00", "8.00", "1.00",
         "1.00") ",\"peak\":{\"hours\":["
                 "\"mon 01:00-04:00\",\"mon 06:00-10:00\",\"tue 01:00-04:00\","
                 "\"tue 06:00-10:00\",\"wed 01:00-04:00\",\"wed 06:00-10:00\","
                 "\"thu 01:00-04:00\",\"thu 06:00-10:00\",\"fri 01:00-04:00\","
                 "\"fri 06:00-10:00\"],\"not_on_holidays\":false," RATES(
                     "2.00", "8.00", "2.00", "2.00") "}")},
    {"a Saturday in Shanghai begins on our Friday",
     CHAT TOKENS ",\"off_peak_pricing\":{\"windows\":[{\"hours_utc\":"
                 "\"00:00-00:00\",\"weekdays\":[\"mon\",\"Tuesday\",3,4,5,"
                 "7]}],\"weekday_timezone\":\"Asia/Shanghai\","
                 "\"output_cost_per_token\":4e-06}",
     ROW(RATES("2.00", "4.00", "2.00",
               "2.00") ",\"peak\":{\"hours\":["
                       "\"fri 16:00-24:00\",\"sat 00:00-16:00\"],"
                       "\"not_on_holidays\":false," RATES("2.00", "8.00",
                                                          "2.00", "2.00") "}")},
    {"cheaper all day",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":\"00:00-00:00\","
                 "\"input_cost_per_token\":1e-06}",
     ROW(RATES("1.00", "8.00", "1.00", "1.00"))},
    {"cheaper at no time",
     CHAT TOKENS ",\"off_peak_pricing\":{\"input_cost_per_token\":1e-06}",
     FLAT},
    {"an empty block", CHAT TOKENS ",\"off_peak_pricing\":{}", FLAT},
    {"hours between quarters",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":\"16:20-00:30\"}",
     "off_peak_pricing has hours that are no quarter-hours"},
    {"hours that are none",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":\"night\"}",
     "off_peak_pricing has hours that are no quarter-hours"},
    {"a day that is none",
     CHAT TOKENS ",\"off_peak_pricing\":{\"windows\":[{\"hours_utc\":"
                 "\"01:00-02:00\",\"weekdays\":[8]}]}",
     "off_peak_pricing has hours that are no quarter-hours"},
    {"weekdays of a clock that is set forward",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":\"01:00-02:00\","
                 "\"weekday_timezone\":\"Europe/Berlin\"}",
     "off_peak_pricing has weekdays of Europe/Berlin"},
    {"a free night",
     CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":\"01:00-02:00\","
                 "\"input_cost_per_token\":0,\"output_cost_per_token\":0}",
     "no price above zero"},
};

static void
read_entry(struct tg_map_entry *entry, const char *key, const char *members,
           const struct tg_map_options *options, json_t **object)
{
    json_error_t error;
    char *text;

    if (asprintf(&text, "{%s}", members) < 0)
        abort();
    *object = tg_decimal_load(text, strlen(text), &error);
    free(text);
    if (*object == NULL) {
        printf("Bail out! %s: %s\n", members, error.text);
        exit(1);
    }
    tg_price_map_read(entry, key, *object, options);
}

static void
test_rows(void)
{
    static const struct tg_map_options options = {.source = "s"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *want = rows[i].want;
        struct tg_map_entry entry;
        json_t *object;
        char *text;

        read_entry(&entry, "m", rows[i].entry, &options, &object);
        text = entry.row ? json_dumps(entry.row, JSON_COMPACT) : NULL;
        if (*want == '{') {
            is_str(text ? text : entry.reason, want, "%s", rows[i].what);
        } else {
            ok(text == NULL && strncmp(entry.reason, want, strlen(want)) == 0,
               "%s: %s", rows[i].what, text ? text : entry.reason);
        }
        free(text);
        tg_price_map_release(&entry);
        json_decref(object);
    }
}

/* With the dearest, no token costs less than it does there. */
static void
test_dearest(void)
{
    static const struct tg_map_options options = {.source = "s",
                                                  .takes_dearest = true};
    static const struct {
        const char *entry, *want;
    } cases[] = {
        {CHAT TOKENS ",\"input_cost_per_token_above_128k_tokens\":3e-06,"
                     "\"input_cost_per_token_above_200k_tokens\":4e-06",
         ROW(RATES("4.00", "8.00", "2.00", "2.00"))},
        {CHAT TOKENS ",\"cache_creation_input_token_cost_above_1hr\":4e-06",
         ROW(RATES("2.00", "8.00", "2.00", "4.00"))},
        {CHAT TOKENS ",\"tiered_pricing\":[{\"range\":[0,1],"
                     "\"input_cost_per_token\":1e-06},{\"range\":[1,2],"
                     "\"input_cost_per_token\":5e-06,"
                     "\"output_cost_per_token\":9e-06}]",
         ROW(RATES("5.00", "9.00", "2.00", "2.00"))},
        {CHAT TOKENS ",\"output_cost_per_reasoning_token\":1e-05",
         ROW(RATES("2.00", "10.00", "2.00", "2.00"))},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tg_map_entry entry;
        json_t *object;
        char *text;

        read_entry(&entry, "m", cases[i].entry, &options, &object);
        text = entry.row ? json_dumps(entry.row, JSON_COMPACT) : NULL;
        is_str(text ? text : entry.reason, cases[i].want, "dearest %zu", i);
        free(text);
        tg_price_map_release(&entry);
        json_decref(object);
    }
}

static void
test_holidays(void)
{
    static const struct tg_map_options options = {.source = "s",
                                                  .is_off_on_holidays = true};
    struct tg_map_entry entry;
    json_t *object;

    read_entry(&entry, "m",
               CHAT TOKENS ",\"off_peak_pricing\":{\"hours_utc\":"
                           "\"10:00-01:00\",\"input_cost_per_token\":1e-6}",
               &options, &object);
    ok(json_is_true(json_object_get(json_object_get(entry.row, "peak"),
                                    "not_on_holidays")),
       "holidays are off-peak where that is said");
    tg_price_map_release(&entry);
    json_decref(object);
}

static const struct {
    const char *key, *provider; /* asked for */
    const char *name;           /* NULL: not meant */
} names[] = {
    {"deepseek/deepseek-chat", NULL, "deepseek/deepseek-chat"},
    {"p/deepseek-chat", "p", "deepseek-chat"},
    {"p/org/model", "p", "org/model"},
    {"deepseek-chat", "p", "deepseek-chat"},
    {"pq/model", "p", "pq/model"},
    {"p/model", "q", NULL},
    {"sample_spec", NULL, NULL},
    {"sample_spec", "p", NULL},
};

static void
test_names(void)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        struct tg_map_options options = {.provider = names[i].provider,
                                         .source = "s"};
        struct tg_map_entry entry;
        json_t *object;

        read_entry(&entry, names[i].key, CHAT TOKENS, &options, &object);
        is_int(entry.is_meant, names[i].name != NULL, "%s", names[i].key);
        if (names[i].name != NULL)
            is_str(json_string_value(json_object_get(entry.row, "model")),
                   names[i].name, "and its name");
        tg_price_map_release(&entry);
        json_decref(object);
    }
}

static void
test_names_that_are_none(void)
{
    static const struct tg_map_options options = {.source = "s"};
    static const char *const keys[] = {
        "",
        "a b",
        "gpt-*",
        "caf\xc3\xa9",
        "1024-x-1024/dall-e-2",
        "files",
        "fine_tuning@acct",
        "a2345678901234567890123456789012345678901234567890123456789012345"};

    for (size_t i = 0; i < COUNT(keys); i++) {
        struct tg_map_entry entry;
        json_t *object;

        read_entry(&entry, keys[i], CHAT TOKENS, &options, &object);
        ok(entry.row == NULL && entry.reason[0] != '\0', "'%s': %s", keys[i],
           entry.reason);
        tg_price_map_release(&entry);
        json_decref(object);
    }
}

static const struct {
    const char *entry, *want; /* the model; NULL: it says too little */
} models[] = {
    {CHAT TOKENS ",\"max_input_tokens\":128000,\"max_output_tokens\":16384,"
                 "\"max_tokens\":1",
     "{\"id\":\"m\",\"scopes\":[\"chat\"],\"max_output_tokens\":16384,"
     "\"max_context_tokens\":128000}"},
    {CHAT TOKENS ",\"max_tokens\":8192",
     "{\"id\":\"m\",\"scopes\":[\"chat\"],\"max_output_tokens\":8192,"
     "\"max_context_tokens\":8192}"},
    {CHAT TOKENS ",\"max_input_tokens\":32768",
     "{\"id\":\"m\",\"scopes\":[\"chat\"],\"max_output_tokens\":32768,"
     "\"max_context_tokens\":32768}"},
    {CHAT TOKENS ",\"max_output_tokens\":\"as many as you like\"", NULL},
    {CHAT TOKENS ",\"max_output_tokens\":-5,\"max_tokens\":1e99", NULL},
    {CHAT TOKENS, NULL},
    {"\"mode\":\"embedding\",\"input_cost_per_token\":2e-08",
     "{\"id\":\"m\",\"scopes\":[\"embeddings\"]}"},
};

static void
test_models(void)
{
    static const struct tg_map_options options = {.source = "s"};

    for (size_t i = 0; i < COUNT(models); i++) {
        struct tg_map_entry entry;
        json_t *object;
        char *text;

        read_entry(&entry, "m", models[i].entry, &options, &object);
        text = entry.model ? json_dumps(entry.model, JSON_COMPACT) : NULL;
        ok(entry.row != NULL, "model %zu has a price", i);
        if (models[i].want == NULL)
            ok(text == NULL, "and says too little of itself");
        else
            is_str(text, models[i].want, "and what it is for");
        free(text);
        tg_price_map_release(&entry);
        json_decref(object);
    }
}

int
main(void)
{
    test_rows();
    test_dearest();
    test_holidays();
    test_names();
    test_names_that_are_none();
    test_models();
    return done();
}
