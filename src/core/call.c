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
