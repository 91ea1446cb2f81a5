#include "glyph.h"
#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Takes one character off text; returns its bytes, 0 when it is not UTF-8. */
static size_t
decode(const char *text, wchar_t *c)
{
    mbstate_t state = {0};
    size_t n = mbrtowc(c, text, strlen(text), &state);

    return n == (size_t)-1 || n == (size_t)-2 ? 0 : n;
}

static bool
is_harmful(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e ||
           c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void
put_escape(FILE *out, wchar_t c)
{
    static const char named[] = "\n\r\t", letters[] = "nrt";
    const char *at = c < 0x80 ? memchr(named, (int)c, 3) : NULL;

    if (at != NULL)
        fprintf(out, "\\%c", letters[at - named]);
    else if (c < 0x80)
        fprintf(out, "\\x%02x", (unsigned)c);
    else
        fprintf(out, "\\u%04x", (unsigned)c);
}

char *
tg_glyph_safe(const char *text)
{
    char *safe = NULL;
    size_t size, n;
    wchar_t c;
    FILE *out = tg_own(open_memstream(&safe, &size));

    while (*text != '\0') {
        n = decode(text, &c);
        if (n == 0) {
            fprintf(out, "\\x%02x", (unsigned char)*text);
            n = 1;
        } else if (is_harmful(c)) {
            put_escape(out, c);
        } else {
            fwrite(text, 1, n, out);
        }
        text += n;
    }
    if (fclose(out) != 0)
        tg_own(NULL);
    return safe;
}

static size_t
columns_of(const char *text, size_t *bytes)
{
    wchar_t c;
    int width;

    *bytes = decode(text, &c);
    if (*bytes == 0) {
        *bytes = 1;
        return 1;
    }
    width = wcwidth(c);
    return width < 0 ? 1 : (size_t)width;
}

size_t
tg_glyph_width(const char *text)
{
    size_t width = 0, bytes;

    for (; *text != '\0'; text += bytes)
        width += columns_of(text, &bytes);
    return width;
}

size_t
tg_glyph_fit(const char *text, size_t columns)
{
    size_t at = 0, width = 0, bytes;

    for (; text[at] != '\0'; at += bytes) {
        width += columns_of(text + at, &bytes);
        if (width > columns)
            break;
    }
    return at;
}

bool
tg_glyph_is_secret(const char *text)
{
    return strncmp(text, "sk-", 3) == 0 || strncmp(text, "tgo_", 4) == 0;
}

bool
tg_glyph_is_token(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}
