#include "excess.h"

bool
tg_excess(const struct tg_meter *meter, uint64_t elapsed_ms)
{
    if (elapsed_ms > TG_EXCESS_MS)
        return true;
    if (meter->shape == TG_METER_BYTES)
        return false;
    return meter->bytes > TG_EXCESS_BYTES ||
           tg_sse_largest(&meter->sse) > TG_EXCESS_EVENT_BYTES;
}
