#include "preset.h"

#include "money.h"

static const struct tg_preset presets[] = {
    [TG_KIND_NONE] = {false, 0, 0, 0},
    [TG_KIND_PRODUCTION] = {true, 1000, 100000, 0},
    [TG_KIND_DEVELOPMENT] = {true, 60, 20000, 10 * TG_NANOS_PER_UNIT},
    [TG_KIND_RESTRICTED] = {false, 0, 0, 0},
};

const struct tg_preset *
tg_preset_of(enum tg_key_kind kind)
{
    size_t count = sizeof(presets) / sizeof(presets[0]);

    return &presets[(size_t)kind < count ? kind : TG_KIND_NONE];
}
