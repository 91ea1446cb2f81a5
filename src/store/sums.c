#include "sums.h"

#include "err.h"

static int
add(int64_t *to, int64_t more)
{
    return __builtin_add_overflow(*to, more, to) ? TG_ERR_RANGE : 0;
}

int
tg_sums_add(struct tg_sums *to, const struct tg_sums *from)
{
    int err = add(&to->requests, from->requests);

    err |= add(&to->errors, from->errors);
    err |= add(&to->prompt_tokens, from->prompt_tokens);
    err |= add(&to->prompt_cache_hit_tokens, from->prompt_cache_hit_tokens);
    err |= add(&to->cache_write_tokens, from->cache_write_tokens);
    err |= add(&to->completion_tokens, from->completion_tokens);
    err |= add(&to->reasoning_tokens, from->reasoning_tokens);
    err |= add(&to->cost_nanos, from->cost_nanos);
    err |= add(&to->images, from->images);
    err |= add(&to->audio_ms, from->audio_ms);
    err |= add(&to->characters, from->characters);
    return err ? TG_ERR_RANGE : 0;
}
