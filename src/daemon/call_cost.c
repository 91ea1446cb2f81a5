#include <inttypes.h>
#include <stdio.h>

#include "call_text.h"
#include "money.h"
#include "unit.h"

#define PICOS_PER_UNIT INT64_C(1000000000000)
#define TOKENS_PER_PRICE 1000000 /* prices of tokens are shown by the million  \
                                  */
#define AMOUNT_SIZE 40

/* A line, its price in pico-units of the ledger currency. */
struct line {
    const char *of, *unit;
    int64_t count, picos;
    int64_t per; /* units that the price is shown for */
};

/* "0.00000027", all that there is of it; null when it cannot be said. */
static json_t *
amount(int64_t picos, int64_t times)
{
    char text[AMOUNT_SIZE];
    int64_t all;
    int len;

    if (__builtin_mul_overflow(picos, times, &all) || all < 0)
        return json_null();
    len = snprintf(text, sizeof(text), "%" PRId64 ".%012" PRId64,
                   all / PICOS_PER_UNIT, all % PICOS_PER_UNIT);
    while (text[len - 1] == '0' && text[len - 3] != '.')
        text[--len] = '\0';
    return json_string(text);
}

static json_t *
line_object(const struct line *line)
{
    return json_pack("{s:s,s:I,s:s,s:o,s:I,s:o}", "of", line->of, "count",
                     (json_int_t)line->count, "unit", line->unit, "price",
                     amount(line->picos, line->per), "per",
                     (json_int_t)line->per, "cost",
                     amount(line->picos, line->count));
}

json_t *
tg_call_cost_lines(const struct tg_call *call)
{
    const struct tg_rates *rates = &call->rates;
    const char *unit = tg_unit_name((enum tg_unit)call->unit);
    bool is_audio = call->unit == TG_UNIT_MILLISECOND;
    const struct line lines[] = {
        {"prompt_cache_miss", "token",
         call->prompt_tokens - call->cached_tokens - call->written_tokens,
         rates->miss_picos, TOKENS_PER_PRICE},
        {"prompt_cache_hit", "token", call->cached_tokens, rates->hit_picos,
         TOKENS_PER_PRICE},
        {"prompt_cache_write", "token", call->written_tokens,
         rates->write_picos, TOKENS_PER_PRICE},
        {"completion", "token", call->completion_tokens, rates->output_picos,
         TOKENS_PER_PRICE},
        {"units",
         is_audio       ? "millisecond"
         : unit != NULL ? unit
                        : "unit",
         call->units, rates->unit_picos, is_audio ? 1000 : 1},
    };
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (lines[i].count != 0)
            json_array_append_new(list, line_object(&lines[i]));
    }
    return list;
}
