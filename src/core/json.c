#include "json.h"

#include <assert.h>
#include <string.h>

#include "err.h"
#include "json_part.h"

void
tg_json_init(struct tg_json *json)
{
    /* All but the held bytes, which are written before they are read. */
    memset(json, 0, offsetof(struct tg_json, held));
}

void
tg_json_feed(struct tg_json *json, const void *data, size_t len)
{
    assert(json->cursor == json->end || json->state == TG_JSON_FAILED);
    json->chunk_at += (uint64_t)(json->end - json->chunk);
    json->chunk = json->cursor = json->run = len == 0 ? "" : data;
    json->end = json->chunk + len;
}

enum tg_json_token
tg_json_fail(struct tg_json *json, enum tg_json_error error, const char *p)
{
    json->state = TG_JSON_FAILED;
    json->error = error;
    json->cursor = p;
    json->error_at = tg_json_offset(json);
    return TG_JSON_ERROR;
}

bool
tg_json_is_complete(const struct tg_json *json)
{
    return json->state == TG_JSON_AT_END ||
           (json->state == TG_JSON_IN_NUMBER && json->depth == 0 &&
            tg_json_number_may_end(json));
}

bool
tg_json_in_string(const struct tg_json *json)
{
    return json->state == TG_JSON_IN_STRING;
}

int
tg_json_finish(struct tg_json *json)
{
    if (json->state == TG_JSON_FAILED)
        return TG_ERR_FORMAT;
    if (tg_json_is_complete(json))
        return 0;
    tg_json_fail(json,
                 json->state == TG_JSON_AT_VALUE && json->depth == 0
                     ? TG_JSON_EMPTY
                     : TG_JSON_TRUNCATED,
                 json->cursor);
    return TG_ERR_FORMAT;
}

static void
leave_value(struct tg_json *json)
{
    json->state = json->depth ? TG_JSON_BEHIND_VALUE : TG_JSON_AT_END;
}

static enum tg_json_token
open(struct tg_json *json, bool is_object)
{
    if (json->depth == TG_JSON_DEPTH_MAX)
        return tg_json_fail(json, TG_JSON_DEPTH, json->cursor);
    json->objects = json->objects << 1 | is_object;
    json->depth++;
    json->cursor++;
    json->state = is_object ? TG_JSON_AT_FIRST_NAME : TG_JSON_AT_FIRST_ELEMENT;
    return is_object ? TG_JSON_OBJECT : TG_JSON_ARRAY;
}

static enum tg_json_token
close(struct tg_json *json, char c)
{
    bool is_array = tg_json_in_array(json);

    if (c != (is_array ? ']' : '}'))
        return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
    json->token_at = tg_json_offset(json);
    json->objects >>= 1;
    json->depth--;
    json->cursor++;
    leave_value(json);
    return is_array ? TG_JSON_ARRAY_END : TG_JSON_OBJECT_END;
}

static enum tg_json_token
string(struct tg_json *json)
{
    bool is_name = json->state == TG_JSON_IN_NAME;
    int result = tg_json_string(json);

    if (result <= 0)
        return (enum tg_json_token)result;
    if (is_name) {
        json->state = TG_JSON_AT_COLON;
        return TG_JSON_NAME;
    }
    leave_value(json);
    return TG_JSON_STRING;
}

static enum tg_json_token
begin_string(struct tg_json *json, enum tg_json_state state)
{
    json->state = (uint8_t)state;
    json->cursor++;
    tg_json_string_begin(json);
    return string(json);
}

static enum tg_json_token
number(struct tg_json *json)
{
    int result = tg_json_number(json);

    if (result <= 0)
        return (enum tg_json_token)result;
    leave_value(json);
    return TG_JSON_NUMBER;
}

static enum tg_json_token
literal(struct tg_json *json)
{
    while (json->cursor < json->end) {
        if (*json->cursor != json->literal[json->sub])
            return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
        json->cursor++;
        json->sub++;
        if (json->literal[json->sub])
            continue;
        leave_value(json);
        switch (json->literal[0]) {
        case 't':
            return TG_JSON_TRUE;
        case 'f':
            return TG_JSON_FALSE;
        default:
            return TG_JSON_NULL;
        }
    }
    return TG_JSON_MORE;
}

static enum tg_json_token
begin_literal(struct tg_json *json, const char *text)
{
    json->state = TG_JSON_IN_LITERAL;
    json->literal = text;
    json->sub = 0;
    return literal(json);
}

static enum tg_json_token
value(struct tg_json *json, char c)
{
    json->token_at = tg_json_offset(json);
    switch (c) {
    case '"':
        return begin_string(json, TG_JSON_IN_STRING);
    case '{':
        return open(json, true);
    case '[':
        return open(json, false);
    case 't':
        return begin_literal(json, "true");
    case 'f':
        return begin_literal(json, "false");
    case 'n':
        return begin_literal(json, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        json->state = TG_JSON_IN_NUMBER;
        tg_json_number_begin(json);
        return number(json);
    }
    return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
}

/* A comma: what must follow it.  Anything else closes, or is wrong. */
static enum tg_json_token
behind_value(struct tg_json *json, char c)
{
    if (c != ',')
        return close(json, c);
    json->comma_at = tg_json_offset(json);
    json->state = tg_json_in_array(json) ? TG_JSON_AT_VALUE : TG_JSON_AT_NAME;
    json->cursor++;
    return TG_JSON_MORE;
}

static enum tg_json_token
name(struct tg_json *json, char c)
{
    if (c != '"')
        return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
    json->token_at = tg_json_offset(json);
    return begin_string(json, TG_JSON_IN_NAME);
}

static enum tg_json_token
colon(struct tg_json *json, char c)
{
    if (c != ':')
        return tg_json_fail(json, TG_JSON_SYNTAX, json->cursor);
    json->state = TG_JSON_AT_VALUE;
    json->cursor++;
    return TG_JSON_MORE;
}

/* At c, which is not white space and not inside a token. */
static enum tg_json_token
between(struct tg_json *json, char c)
{
    switch ((enum tg_json_state)json->state) {
    case TG_JSON_AT_FIRST_ELEMENT:
        return c == ']' ? close(json, c) : value(json, c);
    case TG_JSON_AT_VALUE:
        return value(json, c);
    case TG_JSON_AT_FIRST_NAME:
        return c == '}' ? close(json, c) : name(json, c);
    case TG_JSON_AT_NAME:
        return name(json, c);
    case TG_JSON_AT_COLON:
        return colon(json, c);
    case TG_JSON_BEHIND_VALUE:
        return behind_value(json, c);
    case TG_JSON_AT_END:
        return tg_json_fail(json, TG_JSON_TRAILING, json->cursor);
    case TG_JSON_IN_NAME:
    case TG_JSON_IN_STRING:
    case TG_JSON_IN_NUMBER:
    case TG_JSON_IN_LITERAL:
    case TG_JSON_FAILED:
        break;
    }
    return TG_JSON_ERROR;
}

static enum tg_json_token
inside(struct tg_json *json)
{
    switch ((enum tg_json_state)json->state) {
    case TG_JSON_IN_NAME:
    case TG_JSON_IN_STRING:
        return string(json);
    case TG_JSON_IN_NUMBER:
        return number(json);
    case TG_JSON_IN_LITERAL:
        return literal(json);
    default:
        return TG_JSON_ERROR;
    }
}

static bool
is_inside(const struct tg_json *json)
{
    return (json->state >= TG_JSON_IN_NAME &&
            json->state <= TG_JSON_IN_LITERAL) ||
           json->state == TG_JSON_FAILED;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

enum tg_json_token
tg_json_next(struct tg_json *json)
{
    enum tg_json_token token;

    if (is_inside(json)) {
        token = json->cursor < json->end || json->state == TG_JSON_FAILED
                    ? inside(json)
                    : TG_JSON_MORE;
        if (token != TG_JSON_MORE || json->cursor == json->end)
            return token;
    }
    while (json->cursor < json->end) {
        char c = *json->cursor;

        if (is_blank(c)) {
            json->cursor++;
            continue;
        }
        token = between(json, c);
        if (token != TG_JSON_MORE)
            return token;
    }
    return TG_JSON_MORE;
}
