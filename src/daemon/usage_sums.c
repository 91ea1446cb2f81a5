#include "usage_sums.h"

#include "unit.h"

void
tg_usage_sums_set(json_t *row, const struct tg_sums *sums)
{
    char seconds[TG_UNIT_AMOUNT_SIZE];

    json_object_set_new(row, "requests", json_integer(sums->requests));
    json_object_set_new(row, "errors", json_integer(sums->errors));
    json_object_set_new(row, "prompt_tokens",
                        json_integer(sums->prompt_tokens));
    json_object_set_new(row, "prompt_cache_hit_tokens",
                        json_integer(sums->prompt_cache_hit_tokens));
    json_object_set_new(row, "completion_tokens",
                        json_integer(sums->completion_tokens));
    json_object_set_new(row, "reasoning_tokens",
                        json_integer(sums->reasoning_tokens));
    json_object_set_new(
        row, "total_tokens",
        json_integer(sums->prompt_tokens + sums->completion_tokens));
    json_object_set_new(row, "images", json_integer(sums->images));
    tg_unit_amount(TG_UNIT_MILLISECOND, sums->audio_ms, seconds);
    json_object_set_new(row, "audio_seconds", json_string(seconds));
    json_object_set_new(row, "characters", json_integer(sums->characters));
    json_object_set_new(row, "cost", tg_reply_money(sums->cost_nanos));
}

json_t *
tg_usage_ratio(int64_t part, int64_t whole, int decimals)
{
    __int128 scaled = part;
    int64_t scale = 1;

    if (whole == 0)
        return json_integer(0);
    for (; decimals > 0; decimals--)
        scale *= 10;
    scaled = (scaled * scale + whole / 2) / whole;
    if (scaled % scale == 0)
        return json_integer((json_int_t)(scaled / scale));
    return json_real((double)scaled / (double)scale);
}
