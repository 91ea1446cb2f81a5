#include "spot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
tg_fault_set(struct tg_fault *fault, int err, unsigned line, const char *fmt,
             ...)
{
    va_list ap;

    fault->line = line;
    va_start(ap, fmt);
    vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
    va_end(ap);
    return err;
}

bool
tg_spot_is_value(struct tg_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return value.len > 0;
}

char *
tg_spot_fill(struct tg_str text, const struct tg_spot *spot,
             struct tg_str value, size_t *len)
{
    const struct tg_str parts[] = {
        {text.data, spot->from},
        {spot->before, strlen(spot->before)},
        value,
        {spot->behind, strlen(spot->behind)},
        {text.data + spot->to, text.len - spot->to},
    };
    size_t all = 0;
    char *out, *to;

    for (size_t i = 0; i < 5; i++)
        all += parts[i].len;
    to = out = malloc(all + 1);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < 5; i++) {
        if (parts[i].len > 0)
            memcpy(to, parts[i].data, parts[i].len);
        to += parts[i].len;
    }
    *to = '\0';
    *len = all;
    return out;
}
