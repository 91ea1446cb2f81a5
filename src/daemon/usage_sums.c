#include "usage_sums.h"

#include "usage_text.h"

void
tg_usage_figures_set(json_t *row, const struct tg_store_usage *usage)
{
    char text[TG_USAGE_TEXT_SIZE + 2] = "{";
    size_t len = 1 + tg_usage_text(usage, text + 1);
    json_t *figures;

    text[len++] = '}';
    figures = json_loadb(text, len, 0, NULL);
    json_object_update(row, figures);
    json_decref(figures);
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
