#include "steady.h"

/* The last instant that can be written: no clock is set behind it. */
#define LAST_MS INT64_C(253402300799999)

int64_t
tg_steady_ms(int64_t ahead_ms, int64_t wall_ms, int64_t forward_ms)
{
    int64_t steady_ms, off_ms;

    if (ahead_ms == 0 ||
        __builtin_add_overflow(forward_ms, ahead_ms, &steady_ms) ||
        steady_ms < 0 || steady_ms > LAST_MS ||
        __builtin_sub_overflow(wall_ms, steady_ms, &off_ms))
        return wall_ms;
    return off_ms > -TG_STEADY_JUMP_MS && off_ms < TG_STEADY_JUMP_MS
               ? wall_ms
               : steady_ms;
}
