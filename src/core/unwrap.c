#include "unwrap.h"

#include <stdbool.h>
#include <strings.h>

#include "base62.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

/* What people paste around a key; the longer spelling before the shorter. */
static const struct {
    const char *bytes;
    enum tg_diagnosis diagnosis;
} wraps[] = {
    {"\xC2\xA0", TG_DIAGNOSIS_SPACE_AROUND},     /* no-break space */
    {"\xE2\x80\x8B", TG_DIAGNOSIS_SPACE_AROUND}, /* zero width space */
    {"\xE3\x80\x80", TG_DIAGNOSIS_SPACE_AROUND}, /* ideographic space */
    {"\xEF\xBB\xBF", TG_DIAGNOSIS_SPACE_AROUND}, /* byte order mark */
    {"\n", TG_DIAGNOSIS_NEWLINE},
    {"\r", TG_DIAGNOSIS_NEWLINE},
    {"\\n", TG_DIAGNOSIS_NEWLINE},
    {"\\r", TG_DIAGNOSIS_NEWLINE},
    {"\"", TG_DIAGNOSIS_QUOTES},
    {"\\\"", TG_DIAGNOSIS_QUOTES},
    {"'", TG_DIAGNOSIS_QUOTES},
    {"`", TG_DIAGNOSIS_QUOTES},
    {"\xE2\x80\x98", TG_DIAGNOSIS_QUOTES}, /* ‘ */
    {"\xE2\x80\x99", TG_DIAGNOSIS_QUOTES}, /* ’ */
    {"\xE2\x80\x9A", TG_DIAGNOSIS_QUOTES}, /* ‚ */
    {"\xE2\x80\x9C", TG_DIAGNOSIS_QUOTES}, /* “ */
    {"\xE2\x80\x9D", TG_DIAGNOSIS_QUOTES}, /* ” */
    {"\xE2\x80\x9E", TG_DIAGNOSIS_QUOTES}, /* „ */
    {"\xC2\xAB", TG_DIAGNOSIS_QUOTES},     /* « */
    {"\xC2\xBB", TG_DIAGNOSIS_QUOTES},     /* » */
    {"\xE3\x80\x8C", TG_DIAGNOSIS_QUOTES}, /* 「 */
    {"\xE3\x80\x8D", TG_DIAGNOSIS_QUOTES}, /* 」 */
};

/* Letters, digits, "-" and "_": what a key is made of. */
static bool
is_of_key(char c)
{
    return tg_base62_value((unsigned char)c) >= 0 || c == '-' || c == '_';
}

/* No wrap begins so, and none ends with two of these. */
static bool
has_no_wrap(struct tg_str text, bool is_front)
{
    if (is_front)
        return text.len > 0 && is_of_key(text.data[0]);
    return text.len > 1 && is_of_key(text.data[text.len - 1]) &&
           is_of_key(text.data[text.len - 2]);
}

/* Takes one wrap off an end of text.  Returns what it was, or UNKNOWN. */
static enum tg_diagnosis
take_wrap(struct tg_str *text, bool is_front)
{
    if (has_no_wrap(*text, is_front))
        return TG_DIAGNOSIS_UNKNOWN;
    for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
        size_t len = strlen(wraps[i].bytes);

        if (text->len < len ||
            memcmp(text->data + (is_front ? 0 : text->len - len),
                   wraps[i].bytes, len) != 0)
            continue;
        text->data += is_front ? len : 0;
        text->len -= len;
        return wraps[i].diagnosis;
    }
    return TG_DIAGNOSIS_UNKNOWN;
}

static bool
is_bearer(struct tg_str text)
{
    if (text.len < 6 || strncasecmp(text.data, "bearer", 6) != 0)
        return false;
    return text.len == 6 || is_blank(text.data[6]) || text.data[6] == ':' ||
           text.data[6] == 's';
}

static bool
trim_blanks(struct tg_str *text)
{
    size_t len = text->len;

    while (text->len > 0 && is_blank(text->data[text->len - 1]))
        text->len--;
    while (text->len > 0 && is_blank(*text->data)) {
        text->data++;
        text->len--;
    }
    return text->len != len;
}

/* Takes one layer off text.  Returns what it was, or UNKNOWN for none. */
static enum tg_diagnosis
take_layer(struct tg_str *text)
{
    enum tg_diagnosis found;

    if (trim_blanks(text))
        return TG_DIAGNOSIS_SPACE_AROUND;
    found = take_wrap(text, false);
    if (found == TG_DIAGNOSIS_UNKNOWN)
        found = take_wrap(text, true);
    if (found == TG_DIAGNOSIS_UNKNOWN && is_bearer(*text)) {
        size_t len = text->len > 6 && text->data[6] == ':' ? 7 : 6;

        *text = (struct tg_str){text->data + len, text->len - len};
        found = TG_DIAGNOSIS_BEARER_TWICE;
    }
    return found;
}

/* Runs of blanks are one layer; what has more layers is no key anyway. */
#define LAYERS_MAX 16

enum tg_diagnosis
tg_unwrap(struct tg_str *text)
{
    enum tg_diagnosis first = TG_DIAGNOSIS_UNKNOWN, found;

    for (int layer = 0; layer < LAYERS_MAX && text->len > 0; layer++) {
        found = take_layer(text);
        if (found == TG_DIAGNOSIS_UNKNOWN)
            break;
        if (first == TG_DIAGNOSIS_UNKNOWN)
            first = found;
    }
    return first;
}
