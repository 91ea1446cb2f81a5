#include <stdlib.h>

#include "jump.h"
#include "steady.h"

/* No clock is further off, but by a damaged state file: differences fit. */
#define AHEAD_MS_MAX (INT64_MAX / 4)

void
tg_jump_init(struct tg_jump *jump, int64_t ahead_ms)
{
    if (ahead_ms > AHEAD_MS_MAX)
        ahead_ms = AHEAD_MS_MAX;
    else if (ahead_ms < -AHEAD_MS_MAX)
        ahead_ms = -AHEAD_MS_MAX;
    *jump = (struct tg_jump){.believed_ms = ahead_ms, .seen_ms = ahead_ms};
}

static enum tg_jump_found
follow(struct tg_jump *jump, int64_t *by_ms)
{
    *by_ms = jump->seen_ms - jump->believed_ms;
    jump->believed_ms = jump->seen_ms;
    jump->is_held = false;
    return TG_JUMP_FOLLOWED;
}

enum tg_jump_found
tg_jump_look(struct tg_jump *jump, int64_t wall_ms, int64_t forward_ms,
             int64_t *by_ms)
{
    int64_t ahead_ms = wall_ms - forward_ms;
    bool was_held = jump->is_held;

    *by_ms = ahead_ms - jump->seen_ms;
    jump->seen_ms = ahead_ms;
    if (llabs(ahead_ms - jump->believed_ms) < TG_STEADY_JUMP_MS) {
        jump->believed_ms = ahead_ms;
        jump->is_held = false;
        return was_held ? TG_JUMP_UNDONE : TG_JUMP_NOTHING;
    }
    if (!was_held || llabs(*by_ms) >= TG_STEADY_JUMP_MS) {
        jump->is_held = true;
        jump->since_ms = forward_ms;
        return TG_JUMP_HELD;
    }
    return forward_ms - jump->since_ms >= TG_JUMP_STANDS_MS
               ? follow(jump, by_ms)
               : TG_JUMP_NOTHING;
}

enum tg_jump_found
tg_jump_accept(struct tg_jump *jump, int64_t *by_ms)
{
    return jump->is_held ? follow(jump, by_ms) : TG_JUMP_NOTHING;
}
