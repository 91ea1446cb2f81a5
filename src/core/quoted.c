#include "quoted.h"

#include <stdbool.h>
#include <string.h>

#include "quoted_part.h"
#include "span.h"
#include "utf8.h"

char
tg_quoted_escape(char c)
{
    static const char simple[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };

    return simple[(unsigned char)c];
}

/* The end of the last whole character of [p, q), whose bytes are good. */
static const char *
whole_characters(const char *p, const char *q)
{
    const char *first = q;
    ptrdiff_t len;

    while (first > p && q - first < 3) {
        unsigned char c = (unsigned char)*--first;

        if (c < 0x80)
            return q;
        if (c >= 0xc0) {
            len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            return q - first < len ? first : q;
        }
    }
    return q;
}

const char *
tg_quoted_pass_narrow(const char *p, const char *end, uint64_t *escapes)
{
    for (;;) {
        struct tg_utf8 utf8 = {0};
        bool has_high = false;
        const char *q = tg_span_plain(p, end, &has_high), *good = q;

        if (has_high)
            good = whole_characters(
                p, p + tg_utf8_check(&utf8, p, (size_t)(q - p)));
        if (good < q || end - q < 2 || *q != '\\' || !tg_quoted_escape(q[1]))
            return good;
        p = q + 2;
        ++*escapes;
    }
}

#if defined(__x86_64__)

const char *
tg_quoted_pass(const char *p, const char *end, uint64_t *escapes)
{
    if (end - p >= TG_QUOTED_BLOCK && __builtin_cpu_supports("avx2")) {
        p = tg_quoted_pass_avx2(p, end, escapes);
        if (p < end && *p == '"')
            return p;
    }
    return tg_quoted_pass_narrow(p, end, escapes);
}

#else

const char *
tg_quoted_pass(const char *p, const char *end, uint64_t *escapes)
{
    return tg_quoted_pass_narrow(p, end, escapes);
}

#endif
