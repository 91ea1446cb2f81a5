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
