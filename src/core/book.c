#include "book.h"

#include <string.h>

#include "route.h"

/* Amounts as price lists write them: millionths of a unit per million tokens.
 */
#define PER_MILLION(hit, miss, output)                                         \
    {                                                                          \
        .hit_picos = (hit), .miss_picos = (miss), .output_picos = (output),    \
        .write_picos = (miss)                                                  \
    }
#define FLAT(hit, miss, output)                                                \
    .off_peak = PER_MILLION(hit, miss, output),                                \
    .peak = PER_MILLION(hit, miss, output)

/* A price of one unit, in pico-units, and of nothing else. */
#define BY_UNIT(of, picos)                                                     \
    .unit = (of), .off_peak = {.unit_picos = (picos)},                         \
    .peak = {.unit_picos = (picos)}
#define CENTS(n) ((n)*INT64_C(10000000000)) /* of one image */
#define SIZES(...)                                                             \
    .sizes = {__VA_ARGS__},                                                    \
    .size_count = sizeof((struct tg_size_price[]){__VA_ARGS__}) /              \
                  sizeof(struct tg_size_price)

/* DeepSeek's peak is twice its off-peak. */
#define DOUBLED(hit, miss, output)                                             \
    .off_peak = PER_MILLION(hit, miss, output),                                \
    .peak = PER_MILLION(2 * (hit), 2 * (miss), 2 * (output))

/* Quarter-hours of one day: 01:00-04:00 and 06:00-10:00 UTC; 32 a word. */
#define DAY_01_04_06_10 0xFF00FFF0, 0x000000FF, 0
#define DAY_NONE 0, 0, 0

#define EVERY_DAY                                                              \
    .peak_quarters = {DAY_01_04_06_10, DAY_01_04_06_10, DAY_01_04_06_10,       \
                      DAY_01_04_06_10, DAY_01_04_06_10, DAY_01_04_06_10,       \
                      DAY_01_04_06_10}
#define WEEKDAYS                                                               \
    .peak_quarters = {DAY_01_04_06_10, DAY_01_04_06_10, DAY_01_04_06_10,       \
                      DAY_01_04_06_10, DAY_01_04_06_10, DAY_NONE,              \
                      DAY_NONE},                                               \
    .flags = TG_PRICE_HOLIDAYS_OFF_PEAK

#define AT_2026_05_01 1777593600000     /* 00:00 UTC */
#define AT_2026_08_16_16H 1786896000000 /* 16:00 UTC */
#define AT_2026_08_23 1787443200000     /* 00:00 UTC */
#define AT_2026_09_10_04H 1789012800000 /* 04:00 UTC */
#define AT_2023_03_01 1677628800000     /* 00:00 UTC */
#define AT_2023_11_06 1699228800000     /* 00:00 UTC */
#define AT_2024_01_25 1706140800000     /* 00:00 UTC */
#define AT_2024_10_01 1727740800000     /* 00:00 UTC */
#define AT_2024_10_02 1727827200000     /* 00:00 UTC */
#define AT_2025_03_20 1742428800000     /* 00:00 UTC */
#define AT_2025_04_23 1745366400000     /* 00:00 UTC */
#define AT_2025_10_06 1759708800000     /* 00:00 UTC */

static const char from_2026_05[] =
    "copy of api-docs.deepseek.com/quick_start/pricing, 2026-05 to 2026-08";
static const char from_2026_08[] =
    "copy of api-docs.deepseek.com/quick_start/pricing, 2026-08";
static const char from_2026_09[] =
    "copy of api-docs.deepseek.com/quick_start/pricing, 2026-09 to 2026-10";
static const char openai_list[] =
    "platform.openai.com/docs/pricing, list price";
static const char simulated[] = "made up for the simulated upstream";

static const struct tg_price flash_prices[] = {
    {.effective_at_ms = AT_2026_09_10_04H,
     DOUBLED(3000, 150000, 600000),
     WEEKDAYS},
};
static const char *const flash_sources[] = {from_2026_09};

/* From 10 September an alias: served and billed as deepseek-flash. */
static const struct tg_price v4_flash_prices[] = {
    {.effective_at_ms = AT_2026_05_01, FLAT(2800, 140000, 280000)},
    {.effective_at_ms = AT_2026_08_16_16H,
     DOUBLED(7000, 220000, 660000),
     EVERY_DAY},
    {.effective_at_ms = AT_2026_08_23, DOUBLED(7000, 220000, 660000), WEEKDAYS},
    {.effective_at_ms = AT_2026_09_10_04H,
     DOUBLED(3000, 150000, 600000),
     WEEKDAYS},
};
static const char *const v4_flash_sources[] = {from_2026_05, from_2026_08,
                                               from_2026_08, from_2026_09};

static const struct tg_price v4_pro_prices[] = {
    {.effective_at_ms = AT_2026_05_01, FLAT(3625, 435000, 870000)},
    {.effective_at_ms = AT_2026_08_16_16H,
     DOUBLED(22000, 660000, 1980000),
     EVERY_DAY},
    {.effective_at_ms = AT_2026_08_23,
     DOUBLED(22000, 660000, 1980000),
     WEEKDAYS},
};
static const char *const v4_pro_sources[] = {from_2026_05, from_2026_08,
                                             from_2026_08};

static const struct tg_price gpt_4o_prices[] = {
    {.effective_at_ms = AT_2024_10_02, FLAT(1250000, 2500000, 10000000)},
};
static const struct tg_price gpt_4o_mini_prices[] = {
    {.effective_at_ms = AT_2024_10_01, FLAT(75000, 150000, 600000)},
};
static const struct tg_price embedding_3_small_prices[] = {
    {.effective_at_ms = AT_2024_01_25, FLAT(20000, 20000, 0)},
};
/*
 * The first of these names is that of no size and no quality: 1024x1024, of
 * standard quality.
 */
static const struct tg_price dall_e_2_prices[] = {
    {.effective_at_ms = AT_2023_11_06,
     BY_UNIT(TG_UNIT_IMAGE, CENTS(2)),
     SIZES({"1024x1024", CENTS(2)}, {"512x512", CENTS(18) / 10},
           {"256x256", CENTS(16) / 10})},
};
static const struct tg_price dall_e_3_prices[] = {
    {.effective_at_ms = AT_2023_11_06,
     BY_UNIT(TG_UNIT_IMAGE, CENTS(4)),
     SIZES({"1024x1024", CENTS(4)}, {"1024x1792", CENTS(8)},
           {"1792x1024", CENTS(8)}, {"hd 1024x1024", CENTS(8)},
           {"hd 1024x1792", CENTS(12)}, {"hd 1792x1024", CENTS(12)})},
};

/*
 * What goes in has a price for text and a higher one for images or audio, and
 * a report tells the sum: all of it is charged at the higher one.
 */
static const struct tg_price gpt_image_1_prices[] = {
    {.effective_at_ms = AT_2025_04_23, FLAT(2500000, 10000000, 40000000)},
};
static const struct tg_price gpt_image_1_mini_prices[] = {
    {.effective_at_ms = AT_2025_10_06, FLAT(250000, 2500000, 8000000)},
};
static const struct tg_price gpt_4o_transcribe_prices[] = {
    {.effective_at_ms = AT_2025_03_20, FLAT(6000000, 6000000, 10000000)},
};
static const struct tg_price gpt_4o_mini_transcribe_prices[] = {
    {.effective_at_ms = AT_2025_03_20, FLAT(3000000, 3000000, 5000000)},
};
static const struct tg_price gpt_4o_mini_tts_prices[] = {
    {.effective_at_ms = AT_2025_03_20, FLAT(600000, 600000, 12000000)},
};

/* 0.006 a minute; 15 and 30 a million characters. */
static const struct tg_price whisper_1_prices[] = {
    {.effective_at_ms = AT_2023_03_01, BY_UNIT(TG_UNIT_MILLISECOND, 100000)},
};
static const struct tg_price tts_1_prices[] = {
    {.effective_at_ms = AT_2023_11_06, BY_UNIT(TG_UNIT_CHARACTER, 15000000)},
};
static const struct tg_price tts_1_hd_prices[] = {
    {.effective_at_ms = AT_2023_11_06, BY_UNIT(TG_UNIT_CHARACTER, 30000000)},
};
static const char *const openai_sources[] = {openai_list};

static const struct tg_price sim_embed_prices[] = {
    {.effective_at_ms = 0, FLAT(10000, 10000, 0)},
};
static const char *const sim_sources[] = {simulated};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PRICES(rows, origins)                                                  \
    .prices = (rows), .sources = (origins), .price_count = COUNT(rows)

#define CHAT_AND_FIM (TG_SCOPE_CHAT | TG_SCOPE_CODE)
#define CONTEXT_1M (1 << 20)
#define OUTPUT_384K (384 << 10)
#define FIM_4K (4 << 10)

/*
 * Of one image: 6240 at high quality and 1024x1536, and 100 for each of three
 * unfinished ones in a stream; going in, some 6600 where its likeness is kept.
 */
#define IMAGE_OUTPUT 6656
#define IMAGE_INPUT 8192

/* 4096 characters, read slowly: about thirteen minutes at 20 a second. */
#define SPEECH_OUTPUT (16 << 10)

_Static_assert(COUNT(flash_prices) == COUNT(flash_sources), "book");
_Static_assert(COUNT(v4_flash_prices) == COUNT(v4_flash_sources), "book");
_Static_assert(COUNT(v4_pro_prices) == COUNT(v4_pro_sources), "book");

static const struct tg_book_model models[] = {
    {"deepseek-flash", "deepseek", CHAT_AND_FIM, CONTEXT_1M, OUTPUT_384K,
     FIM_4K, PRICES(flash_prices, flash_sources)},
    {"deepseek-v4-flash", "deepseek", CHAT_AND_FIM, CONTEXT_1M, OUTPUT_384K,
     FIM_4K, PRICES(v4_flash_prices, v4_flash_sources)},
    {"deepseek-v4-pro", "deepseek", CHAT_AND_FIM, CONTEXT_1M, OUTPUT_384K,
     FIM_4K, PRICES(v4_pro_prices, v4_pro_sources)},
    {"gpt-4o", "openai", TG_SCOPE_CHAT, 128000, 16384, 0,
     PRICES(gpt_4o_prices, openai_sources)},
    {"gpt-4o-mini", "openai", TG_SCOPE_CHAT, 128000, 16384, 0,
     PRICES(gpt_4o_mini_prices, openai_sources)},
    {"text-embedding-3-small", "openai", TG_SCOPE_EMBEDDINGS, 8192, 0, 0,
     PRICES(embedding_3_small_prices, openai_sources)},
    {"dall-e-2", "openai", TG_SCOPE_IMAGE, 0, 0, 0,
     PRICES(dall_e_2_prices, openai_sources)},
    {"dall-e-3", "openai", TG_SCOPE_IMAGE, 0, 0, 0,
     PRICES(dall_e_3_prices, openai_sources)},
    {"gpt-image-1", "openai", TG_SCOPE_IMAGE, 0, IMAGE_OUTPUT, 0,
     PRICES(gpt_image_1_prices, openai_sources),
     .max_image_tokens = IMAGE_INPUT},
    {"gpt-image-1-mini", "openai", TG_SCOPE_IMAGE, 0, IMAGE_OUTPUT, 0,
     PRICES(gpt_image_1_mini_prices, openai_sources),
     .max_image_tokens = IMAGE_INPUT},
    {"gpt-4o-transcribe", "openai", TG_SCOPE_AUDIO, 16000, 2000, 0,
     PRICES(gpt_4o_transcribe_prices, openai_sources)},
    {"gpt-4o-mini-transcribe", "openai", TG_SCOPE_AUDIO, 16000, 2000, 0,
     PRICES(gpt_4o_mini_transcribe_prices, openai_sources)},
    {"gpt-4o-mini-tts", "openai", TG_SCOPE_AUDIO, 2000, SPEECH_OUTPUT, 0,
     PRICES(gpt_4o_mini_tts_prices, openai_sources)},
    {"whisper-1", "openai", TG_SCOPE_AUDIO, 0, 0, 0,
     PRICES(whisper_1_prices, openai_sources)},
    {"tts-1", "openai", TG_SCOPE_AUDIO, 0, 0, 0,
     PRICES(tts_1_prices, openai_sources)},
    {"tts-1-hd", "openai", TG_SCOPE_AUDIO, 0, 0, 0,
     PRICES(tts_1_hd_prices, openai_sources)},
    {"sim-embed", "simulator", TG_SCOPE_EMBEDDINGS, 8192, 0, 0,
     PRICES(sim_embed_prices, sim_sources)},
};

/* The State Council's arrangement for 2026, days that are Monday to Friday. */
static const int32_t holidays[] = {
    20454, 20455,                             /* 1 and 2 January */
    20500, 20501, 20502, 20503, 20504, 20507, /* 16 to 20 and 23 February */
    20549,                                    /* 6 April */
    20574, 20577, 20578,                      /* 1, 4 and 5 May */
    20623,                                    /* 19 June */
    20721,                                    /* 25 September */
    20727, 20728, 20731, 20732, 20733,        /* 1, 2, 5, 6 and 7 October */
};

const struct tg_book_model *
tg_book_models(size_t *n)
{
    *n = COUNT(models);
    return models;
}

const struct tg_book_model *
tg_book_find(const char *name)
{
    for (size_t i = 0; i < COUNT(models); i++) {
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    }
    return NULL;
}

const int32_t *
tg_book_holidays(size_t *n)
{
    *n = COUNT(holidays);
    return holidays;
}
