#include <stdlib.h>

#include "sim_json.h"

enum { MAX_DEPTH = 128, MAX_DIGITS = 18 };

void
sim_json_init(struct sim_json *json, struct tg_str body)
{
    *json = (struct sim_json){
        .start = body.data, .at = body.data, .end = body.data + body.len};
}

int
sim_json_fail(struct sim_json *json, const char *fault)
{
    if (!json->fault)
        json->fault = fault;
    return -1;
}

int
sim_json_next(struct sim_json *json)
{
    while (json->at < json->end) {
        unsigned char c = (unsigned char)*json->at;

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return c;
        json->at++;
    }
    return -1;
}

enum sim_json_type
sim_json_peek(struct sim_json *json)
{
    int c = sim_json_next(json);

    switch (c) {
    case '"':
        return SIM_JSON_STRING;
    case '{':
        return SIM_JSON_OBJECT;
    case '[':
        return SIM_JSON_ARRAY;
    case 't':
    case 'f':
        return SIM_JSON_BOOL;
    case 'n':
        return SIM_JSON_NULL;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? SIM_JSON_NUMBER
                                                  : SIM_JSON_BAD;
    }
}

static int
take_word(struct sim_json *json, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len))
        return sim_json_fail(json, "expected value");
    json->at += len;
    return 0;
}

int
sim_json_bool(struct sim_json *json, bool *value)
{
    int c = sim_json_next(json);

    if (c != 't' && c != 'f')
        return sim_json_fail(json, "expected a boolean");
    if (take_word(json, c == 't' ? "true" : "false"))
        return -1;
    *value = c == 't';
    return 0;
}

static size_t
take_digits(struct sim_json *json)
{
    const char *from = json->at;

    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    return (size_t)(json->at - from);
}

static bool
take_byte(struct sim_json *json, const char *any)
{
    if (json->at == json->end || !*json->at || !strchr(any, *json->at))
        return false;
    json->at++;
    return true;
}

/* Reads a number by RFC 8259's grammar; 1 when it is a whole one. */
static int
take_number(struct sim_json *json)
{
    const char *digits;
    size_t count;
    int is_whole = 1;

    take_byte(json, "-");
    digits = json->at;
    count = take_digits(json);
    if (count == 0 || (count > 1 && *digits == '0'))
        return sim_json_fail(json, "invalid number");
    if (take_byte(json, ".")) {
        is_whole = 0;
        if (take_digits(json) == 0)
            return sim_json_fail(json, "invalid number");
    }
    if (take_byte(json, "eE")) {
        is_whole = 0;
        take_byte(json, "+-");
        if (take_digits(json) == 0)
            return sim_json_fail(json, "invalid number");
    }
    return is_whole;
}

int
sim_json_int(struct sim_json *json, int64_t *value)
{
    char digits[MAX_DIGITS + 2];
    const char *from;
    size_t len;
    int whole;

    sim_json_next(json);
    from = json->at;
    whole = take_number(json);
    if (whole < 0)
        return -1;
    len = (size_t)(json->at - from);
    if (!whole || len > MAX_DIGITS)
        return sim_json_fail(json, "expected an integer");
    memcpy(digits, from, len);
    digits[len] = 0;
    *value = strtoll(digits, NULL, 10);
    return 0;
}

int
sim_json_open(struct sim_json *json, char bracket)
{
    if (sim_json_next(json) != bracket)
        return sim_json_fail(json, bracket == '{' ? "expected a map"
                                                  : "expected a sequence");
    if (++json->depth > MAX_DEPTH)
        return sim_json_fail(json, "recursion limit exceeded");
    json->at++;
    return 0;
}

/* Reads the comma or the closing bracket between two members or items. */
static int
step(struct sim_json *json, bool *is_first, char closing)
{
    int c = sim_json_next(json);

    if (c == closing) {
        json->at++;
        json->depth--;
        return 0;
    }
    if (!*is_first) {
        if (c != ',')
            return sim_json_fail(json, "expected `,` or a closing bracket");
        json->at++;
        if (sim_json_next(json) == closing)
            return sim_json_fail(json, "trailing comma");
    }
    *is_first = false;
    return 1;
}

int
sim_json_member(struct sim_json *json, bool *is_first,
                struct sim_json_text *name)
{
    int got = step(json, is_first, '}');

    if (got <= 0)
        return got;
    if (sim_json_text(json, name))
        return -1;
    if (sim_json_next(json) != ':')
        return sim_json_fail(json, "expected `:`");
    json->at++;
    return 1;
}

int
sim_json_item(struct sim_json *json, bool *is_first)
{
    return step(json, is_first, ']');
}

static int
skip_members(struct sim_json *json)
{
    struct sim_json_text name;
    bool is_first = true;
    int got;

    if (sim_json_open(json, '{'))
        return -1;
    while ((got = sim_json_member(json, &is_first, &name)) > 0)
        if (sim_json_skip(json))
            return -1;
    return got;
}

static int
skip_items(struct sim_json *json)
{
    bool is_first = true;
    int got;

    if (sim_json_open(json, '['))
        return -1;
    while ((got = sim_json_item(json, &is_first)) > 0)
        if (sim_json_skip(json))
            return -1;
    return got;
}

int
sim_json_skip(struct sim_json *json)
{
    struct sim_json_text text;
    bool value;

    switch (sim_json_peek(json)) {
    case SIM_JSON_NULL:
        return take_word(json, "null");
    case SIM_JSON_BOOL:
        return sim_json_bool(json, &value);
    case SIM_JSON_NUMBER:
        return take_number(json) < 0 ? -1 : 0;
    case SIM_JSON_STRING:
        return sim_json_text(json, &text);
    case SIM_JSON_ARRAY:
        return skip_items(json);
    case SIM_JSON_OBJECT:
        return skip_members(json);
    default:
        return sim_json_fail(json, json->at == json->end
                                       ? "EOF while parsing a value"
                                       : "expected value");
    }
}

int
sim_json_finish(struct sim_json *json)
{
    return sim_json_next(json) < 0 ? 0
                                   : sim_json_fail(json, "trailing characters");
}
