#include "steady.h"

int64_t
tg_steady_ms(int64_t ahead_ms, int64_t wall_ms, int64_t forward_ms)
{
    int64_t steady_ms, off_ms;

    if (ahead_ms == 0 ||
        __builtin_add_overflow(forward_ms, ahead_ms, &steady_ms) ||
        __builtin_sub_overflow(wall_ms, steady_ms, &off_ms))
        return wall_ms;
    return off_ms > -TG_STEADY_JUMP_MS && off_ms < TG_STEADY_JUMP_MS
               ? wall_ms
               : steady_ms;
}
