#include "call.h"

#include <string.h>

void
tg_field_set(char *field, size_t size, const char *text, size_t len)
{
    if (len > size)
        len = size;
    if (len != 0)
        memcpy(field, text, len);
    memset(field + len, 0, size - len);
}

size_t
tg_field_len(const char *field, size_t size)
{
    return strnlen(field, size);
}

uint32_t
tg_call_elapsed_ms(const struct tg_call *call, int64_t now_ms)
{
    int64_t elapsed = now_ms < call->at_ms ? 0 : now_ms - call->at_ms;
    int64_t most = TG_ABSENT_MS - 1;

    if (elapsed > most - call->latency_ms)
        elapsed = most - call->latency_ms;
    return (uint32_t)elapsed + call->latency_ms;
}

struct tg_quantity
tg_call_quantity(const struct tg_call *call)
{
    return (struct tg_quantity){
        .prompt_tokens = call->prompt_tokens,
        .cached_tokens = call->cached_tokens,
        .written_tokens = call->written_tokens,
        .completion_tokens = call->completion_tokens,
        .units = call->units,
    };
}
