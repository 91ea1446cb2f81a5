/*
 * preset.h: what a new key of each kind may do where nobody says otherwise.
 */
#ifndef TG_PRESET_H
#define TG_PRESET_H

#include <stdbool.h>
#include <stdint.h>

#include "key.h"

struct tg_preset {
    bool has_all_scopes;                            /* else none */
    int64_t requests_per_minute, tokens_per_minute; /* 0: no limit */
    int64_t monthly_nanos;                          /* 0: no budget */
};

/* Of TG_KIND_NONE, or of a value that is no kind: nothing. */
const struct tg_preset *tg_preset_of(enum tg_key_kind kind);

#endif
