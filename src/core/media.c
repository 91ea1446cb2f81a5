#include "media.h"

#include <strings.h>

static struct tg_str
trim(struct tg_str s)
{
    while (s.len > 0 && (*s.data == ' ' || *s.data == '\t'))
        s = (struct tg_str){s.data + 1, s.len - 1};
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes what stands up to the next semicolon off the front. */
static struct tg_str
take_piece(struct tg_str *s)
{
    const char *end = s->len > 0 ? memchr(s->data, ';', s->len) : NULL;
    struct tg_str piece = *s;

    if (end == NULL) {
        *s = (struct tg_str){NULL, 0};
        return trim(piece);
    }
    piece.len = (size_t)(end - s->data);
    *s = (struct tg_str){end + 1, s->len - piece.len - 1};
    return trim(piece);
}

static bool
is_word(struct tg_str s, struct tg_str word)
{
    return s.len == word.len && strncasecmp(s.data, word.data, word.len) == 0;
}

/* Of one that begins like charset, all must be as it should. */
static bool
is_harmless(struct tg_str parameter)
{
    static const struct tg_str charset = TG_STR_INIT("charset");
    struct tg_str value;

    if (parameter.len < charset.len ||
        strncasecmp(parameter.data, charset.data, charset.len) != 0)
        return true;
    value = (struct tg_str){parameter.data + charset.len,
                            parameter.len - charset.len};
    if (value.len == 0 || *value.data != '=')
        return false;
    value = (struct tg_str){value.data + 1, value.len - 1};
    if (value.len >= 2 && *value.data == '"' &&
        value.data[value.len - 1] == '"')
        value = (struct tg_str){value.data + 1, value.len - 2};
    return is_word(value, TG_STR("utf-8")) || is_word(value, TG_STR("utf8"));
}

bool
tg_media_is_json(struct tg_str content_type)
{
    if (content_type.len == 0)
        return true;
    if (!is_word(take_piece(&content_type), TG_STR("application/json")))
        return false;
    while (content_type.len > 0) {
        if (!is_harmless(take_piece(&content_type)))
            return false;
    }
    return true;
}

bool
tg_media_is_plain(struct tg_str content_encoding)
{
    return content_encoding.len == 0 ||
           is_word(content_encoding, TG_STR("identity"));
}
