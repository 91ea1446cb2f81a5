#include "sums.h"

#include "err.h"

static int
add(int64_t *to, int64_t more)
{
    return __builtin_add_overflow(*to, more, to) ? TG_ERR_RANGE : 0;
}

static int
take(int64_t *to, int64_t less)
{
    return __builtin_sub_overflow(*to, less, to) ? TG_ERR_RANGE : 0;
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

int
tg_sums_subtract(struct tg_sums *to, const struct tg_sums *less)
{
    int err = take(&to->requests, less->requests);

    err |= take(&to->errors, less->errors);
    err |= take(&to->prompt_tokens, less->prompt_tokens);
    err |= take(&to->prompt_cache_hit_tokens, less->prompt_cache_hit_tokens);
    err |= take(&to->cache_write_tokens, less->cache_write_tokens);
    err |= take(&to->completion_tokens, less->completion_tokens);
    err |= take(&to->reasoning_tokens, less->reasoning_tokens);
    err |= take(&to->cost_nanos, less->cost_nanos);
    err |= take(&to->images, less->images);
    err |= take(&to->audio_ms, less->audio_ms);
    err |= take(&to->characters, less->characters);
    return err ? TG_ERR_RANGE : 0;
}
