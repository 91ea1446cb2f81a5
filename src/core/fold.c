#include "fold.h"

/* The length of what matches c at p whatever its case, 0 for nothing. */
static size_t
alike_len(const char *p, size_t left, char c)
{
    if (*p == c || (*p >= 'A' && *p <= 'Z' && (*p | 0x20) == c))
        return 1;
    /* The long s and the Kelvin sign: Unicode folds them to these. */
    if (c == 's' && left >= 2 && memcmp(p, "\xc5\xbf", 2) == 0)
        return 2;
    if (c == 'k' && left >= 3 && memcmp(p, "\xe2\x84\xaa", 3) == 0)
        return 3;
    return 0;
}

bool
tg_fold_is(struct tg_str said, const char *name)
{
    size_t at = 0, len;

    for (; *name && at < said.len; name++, at += len) {
        len = alike_len(said.data + at, said.len - at, *name);
        if (len == 0)
            return false;
    }
    return *name == '\0' && (at == said.len || said.data[at] == '\0');
}
