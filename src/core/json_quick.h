/*
 * json_quick.h: the JSON reader's quick way, inline, for the readers of bodies
 * and answers, which every call pays for.
 *
 * Most documents are made of short strings of ASCII without an escape, short
 * integers, words and brackets, with a blank at most behind a comma or a
 * colon.  Where such a token is whole in its chunk it mostly is read here; all
 * else by tg_json_next.  The tokens are the same.
 */
#ifndef TG_JSON_QUICK_H
#define TG_JSON_QUICK_H

#include <string.h>

#include "json_part.h"
#include "span.h"

#define TG_JSON_INLINE static inline __attribute__((always_inline))

/* What is looked at without asking whether it is there: a comma, a blank, and
   what comes behind. */
#define TG_JSON_QUICK_BYTES 3

/* A token lies between p and end. */
TG_JSON_INLINE void
tg_json_quick_note(struct tg_json *json, const char *p, const char *end)
{
    json->token_at = json->chunk_at + (uint64_t)(p - json->chunk);
    json->cursor = end;
}

TG_JSON_INLINE void
tg_json_quick_leave(struct tg_json *json)
{
    json->state = json->depth ? TG_JSON_BEHIND_VALUE : TG_JSON_AT_END;
}

/* Whether the string at p is a plain one; it is read then. */
TG_JSON_INLINE bool
tg_json_quick_string(struct tg_json *json, const char *p)
{
    const char *quote = tg_span_quote(json->chunk, p + 1, json->end);

    if (quote == NULL)
        return false;
    tg_json_quick_note(json, p, quote + 1);
    json->text = p + 1;
    json->text_len = (uint64_t)(quote - p - 1);
    json->text_more = 0;
    return true;
}

TG_JSON_INLINE enum tg_json_token
tg_json_quick_word(struct tg_json *json, const char *p)
{
    enum tg_json_token token;
    size_t len = 4;

    if (json->end - p < 5)
        return TG_JSON_MORE;
    if (memcmp(p, "null", 4) == 0)
        token = TG_JSON_NULL;
    else if (memcmp(p, "true", 4) == 0)
        token = TG_JSON_TRUE;
    else if (memcmp(p, "false", len = 5) == 0)
        token = TG_JSON_FALSE;
    else
        return TG_JSON_MORE;
    tg_json_quick_note(json, p, p + len);
    tg_json_quick_leave(json);
    return token;
}

TG_JSON_INLINE enum tg_json_token
tg_json_quick_open(struct tg_json *json, const char *p, bool is_object)
{
    if (json->depth == TG_JSON_DEPTH_MAX)
        return TG_JSON_MORE;
    tg_json_quick_note(json, p, p + 1);
    json->objects = json->objects << 1 | is_object;
    json->depth++;
    json->state = is_object ? TG_JSON_AT_FIRST_NAME : TG_JSON_AT_FIRST_ELEMENT;
    return is_object ? TG_JSON_OBJECT : TG_JSON_ARRAY;
}

/* The value that begins at p, where one may. */
TG_JSON_INLINE enum tg_json_token
tg_json_quick_value(struct tg_json *json, const char *p)
{
    switch (*p) {
    case '"':
        if (!tg_json_quick_string(json, p))
            return TG_JSON_MORE;
        tg_json_quick_leave(json);
        return TG_JSON_STRING;
    case '{':
        return tg_json_quick_open(json, p, true);
    case '[':
        return tg_json_quick_open(json, p, false);
    case 't':
    case 'f':
    case 'n':
        return tg_json_quick_word(json, p);
    default:
        if (*p < '0' || *p > '9' || !tg_json_number_quick(json))
            return TG_JSON_MORE;
        json->token_at = json->chunk_at + (uint64_t)(p - json->chunk);
        tg_json_quick_leave(json);
        return TG_JSON_NUMBER;
    }
}

TG_JSON_INLINE enum tg_json_token
tg_json_quick_name(struct tg_json *json, const char *p)
{
    if (*p != '"' || !tg_json_quick_string(json, p))
        return TG_JSON_MORE;
    json->state = TG_JSON_AT_COLON;
    return TG_JSON_NAME;
}

/* Passes the byte at p, and a blank; then state is what is to come. */
TG_JSON_INLINE const char *
tg_json_quick_pass(struct tg_json *json, const char *p,
                   enum tg_json_state state)
{
    p += 1 + (p[1] == ' ');
    json->cursor = p;
    json->state = (uint8_t)state;
    return p;
}

TG_JSON_INLINE enum tg_json_token
tg_json_quick_close(struct tg_json *json, const char *p)
{
    bool in_array = tg_json_in_array(json);

    if (*p != (in_array ? ']' : '}'))
        return TG_JSON_MORE;
    tg_json_quick_note(json, p, p + 1);
    json->objects >>= 1;
    json->depth--;
    tg_json_quick_leave(json);
    return in_array ? TG_JSON_ARRAY_END : TG_JSON_OBJECT_END;
}

TG_JSON_INLINE enum tg_json_token
tg_json_quick_behind(struct tg_json *json, const char *p)
{
    bool in_array = tg_json_in_array(json);

    if (*p != ',')
        return tg_json_quick_close(json, p);
    if (json->end - p < TG_JSON_QUICK_BYTES)
        return TG_JSON_MORE;
    json->comma_at = json->chunk_at + (uint64_t)(p - json->chunk);
    p = tg_json_quick_pass(json, p,
                           in_array ? TG_JSON_AT_VALUE : TG_JSON_AT_NAME);
    return in_array ? tg_json_quick_value(json, p)
                    : tg_json_quick_name(json, p);
}

/* The next token; TG_JSON_MORE says no more than to ask tg_json_next. */
TG_JSON_INLINE enum tg_json_token
tg_json_quick(struct tg_json *json)
{
    const char *p = json->cursor;

    if (p == json->end)
        return TG_JSON_MORE;
    switch (json->state) {
    case TG_JSON_BEHIND_VALUE:
        return tg_json_quick_behind(json, p);
    case TG_JSON_AT_COLON:
        if (*p != ':' || json->end - p < TG_JSON_QUICK_BYTES)
            return TG_JSON_MORE;
        p = tg_json_quick_pass(json, p, TG_JSON_AT_VALUE);
        return tg_json_quick_value(json, p);
    case TG_JSON_AT_FIRST_NAME:
    case TG_JSON_AT_NAME:
        return tg_json_quick_name(json, p);
    case TG_JSON_AT_FIRST_ELEMENT:
    case TG_JSON_AT_VALUE:
        return tg_json_quick_value(json, p);
    default:
        return TG_JSON_MORE;
    }
}

/* The next token, as tg_json_next. */
TG_JSON_INLINE enum tg_json_token
tg_json_read(struct tg_json *json)
{
    enum tg_json_token token = tg_json_quick(json);

    return token == TG_JSON_MORE ? tg_json_next(json) : token;
}

#endif
