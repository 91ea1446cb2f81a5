#include "body.h"

#include <string.h>

#include "body_member.h"
#include "err.h"
#include "json_quick.h"

static const int err_of_fault[] = {
    [TG_BODY_FINE] = 0,
    [TG_BODY_EMPTY] = TG_ERR_FORMAT,
    [TG_BODY_NOT_JSON] = TG_ERR_FORMAT,
    [TG_BODY_TRUNCATED] = TG_ERR_FORMAT,
    [TG_BODY_TRAILING] = TG_ERR_FORMAT,
    [TG_BODY_UTF8] = TG_ERR_FORMAT,
    [TG_BODY_DEPTH] = TG_ERR_LIMIT,
    [TG_BODY_NOT_OBJECT] = TG_ERR_FORMAT,
    [TG_BODY_DUPLICATE] = TG_ERR_DUPLICATE,
    [TG_BODY_TYPE] = TG_ERR_FORMAT,
    [TG_BODY_SPELLING] = TG_ERR_FORMAT,
    [TG_BODY_RANGE] = TG_ERR_RANGE,
    [TG_BODY_UNEXPECTED] = TG_ERR_FORMAT,
    [TG_BODY_FORM] = TG_ERR_FORMAT,
    [TG_BODY_FORM_NAME] = TG_ERR_FORMAT,
    [TG_BODY_FORM_LIMIT] = TG_ERR_LIMIT,
    [TG_BODY_FORM_CUT] = TG_ERR_FORMAT,
};

static const enum tg_body_fault_kind fault_of_json[] = {
    [TG_JSON_OK] = TG_BODY_FINE,
    [TG_JSON_SYNTAX] = TG_BODY_NOT_JSON,
    [TG_JSON_UTF8] = TG_BODY_UTF8,
    [TG_JSON_CONTROL] = TG_BODY_NOT_JSON,
    [TG_JSON_DEPTH] = TG_BODY_DEPTH,
    [TG_JSON_TRAILING] = TG_BODY_TRAILING,
    [TG_JSON_TRUNCATED] = TG_BODY_TRUNCATED,
    [TG_JSON_EMPTY] = TG_BODY_EMPTY,
};

int
tg_body_fault_err(enum tg_body_fault_kind kind)
{
    return err_of_fault[kind];
}

/* What punctuation a token may cost: quotes, a colon, a comma. */
#define MARKS_BYTES 4

void
tg_body_init(struct tg_body *body)
{
    memset(body, 0, offsetof(struct tg_body, json));
    tg_json_init(&body->json);
    body->governed = TG_BODY_OF_CALLS;
    body->pending = TG_BODY_NONE;
    body->is_object = false;
    body->in_options = false;
}

static int
fault(struct tg_body *body, enum tg_body_fault_kind kind,
      enum tg_body_member member, uint64_t offset)
{
    body->fault = (struct tg_body_fault){kind, member, offset};
    return err_of_fault[kind];
}

static int
json_fault(struct tg_body *body)
{
    return fault(body, fault_of_json[body->json.error], TG_BODY_NONE,
                 body->json.error_at);
}

/* Whether the members of the innermost object may govern. */
static bool
is_governed(const struct tg_body *body)
{
    return body->json.depth == 1 || (body->in_options && body->json.depth == 2);
}

static void
count(struct tg_body *body, enum tg_json_token token)
{
    const struct tg_json *json = &body->json;
    struct tg_body_facts *facts = &body->facts;

    if (body->in_options)
        return;
    facts->prompt_bytes += MARKS_BYTES;
    switch (token) {
    case TG_JSON_STRING:
        facts->text_bytes += json->text_len;
        /* fall through */
    case TG_JSON_NAME:
        facts->prompt_bytes += json->text_len;
        break;
    case TG_JSON_OBJECT_END:
    case TG_JSON_ARRAY_END:
        break;
    default:
        facts->prompt_bytes += tg_json_offset(json) - json->token_at;
    }
}

static struct tg_str
text_of(const struct tg_json *json)
{
    return (struct tg_str){json->text, (size_t)json->text_len};
}

static int
name(struct tg_body *body)
{
    enum tg_body_member member = TG_BODY_NONE;

    if (body->json.depth == 1)
        body->facts.is_empty = false;
    else if (body->in_options && body->json.depth == 2)
        body->facts.options_are_empty = false;
    if (is_governed(body) && body->json.text != NULL)
        member = tg_body_member_find(text_of(&body->json), body->governed,
                                     body->in_options);
    if (member == TG_BODY_NONE) {
        body->facts.hides_tokens |=
            body->json.depth == 1 && tg_body_member_hides(&body->json);
        tg_ask_take(&body->ask, &body->facts.asked, &body->json, TG_JSON_NAME);
        count(body, TG_JSON_NAME);
        return 0;
    }
    if (body->facts.members[member].is_present)
        return fault(body, TG_BODY_DUPLICATE, member, body->json.token_at);
    if (!tg_body_member_is_exact(text_of(&body->json), member))
        return fault(body, TG_BODY_SPELLING, member, body->json.token_at);
    body->pending = member;
    return 0;
}

static int
string(struct tg_body *body, enum tg_body_member member)
{
    if (!tg_body_member_take(&body->facts, member, text_of(&body->json)))
        return fault(body, TG_BODY_RANGE, member, body->json.token_at);
    return 0;
}

/* It governs by its length alone, and is the prompt all the same. */
static int
text(struct tg_body *body, enum tg_body_member member)
{
    const struct tg_json *json = &body->json;

    body->facts.members[member].value =
        (int64_t)(json->text_len - json->text_more);
    count(body, TG_JSON_STRING);
    return 0;
}

static int
integer(struct tg_body *body, enum tg_body_member member)
{
    const struct tg_json *json = &body->json;

    if (!json->is_integer)
        return fault(body, TG_BODY_TYPE, member, json->token_at);
    if (json->is_huge || json->is_negative)
        return fault(body, TG_BODY_RANGE, member, json->token_at);
    body->facts.members[member].value = json->integer;
    return 0;
}

static int
open_options(struct tg_body *body)
{
    body->in_options = true;
    body->facts.options_are_empty = true;
    return 0;
}

/* The value of a governed member begins, or is all there: by its type. */
static int
governed(struct tg_body *body, enum tg_json_token token)
{
    enum tg_body_member member = body->pending;
    enum tg_body_type type = tg_body_member_type(member);
    struct tg_body_value *value = &body->facts.members[member];

    body->pending = TG_BODY_NONE;
    value->is_present = true;
    value->at = body->json.token_at;
    value->len = tg_json_offset(&body->json) - value->at;
    if (token == TG_JSON_NULL && type != TG_BODY_STRING &&
        type != TG_BODY_TEXT) {
        value->is_null = true;
        return 0;
    }
    if (token == TG_JSON_STRING &&
        (type == TG_BODY_STRING || type == TG_BODY_WORD))
        return string(body, member);
    if (type == TG_BODY_TEXT && token == TG_JSON_STRING)
        return text(body, member);
    if (type == TG_BODY_INTEGER && token == TG_JSON_NUMBER)
        return integer(body, member);
    if (type == TG_BODY_OBJECT && token == TG_JSON_OBJECT)
        return open_options(body);
    if (type != TG_BODY_BOOLEAN ||
        (token != TG_JSON_TRUE && token != TG_JSON_FALSE))
        return fault(body, TG_BODY_TYPE, member, value->at);
    value->value = token == TG_JSON_TRUE;
    return 0;
}

static int
root(struct tg_body *body, enum tg_json_token token)
{
    if (token != TG_JSON_OBJECT)
        return fault(body, TG_BODY_NOT_OBJECT, TG_BODY_NONE,
                     body->json.token_at);
    body->is_object = true;
    body->facts.is_empty = true;
    body->facts.insert_at = tg_json_offset(&body->json);
    tg_ask_begin(&body->ask);
    return 0;
}

static void
close_options(struct tg_body *body)
{
    struct tg_body_value *options =
        &body->facts.members[TG_BODY_STREAM_OPTIONS];

    body->in_options = false;
    options->len = tg_json_offset(&body->json) - options->at;
}

static int
take(struct tg_body *body, enum tg_json_token token)
{
    if (!body->is_object)
        return root(body, token);
    if (token == TG_JSON_NAME)
        return name(body);
    tg_ask_take(&body->ask, &body->facts.asked, &body->json, token);
    if (body->pending)
        return governed(body, token);
    if (body->in_options && body->json.depth == 1)
        close_options(body);
    else
        count(body, token);
    return 0;
}

int
tg_body_feed(struct tg_body *body, const void *data, size_t len)
{
    enum tg_json_token token;
    int err = err_of_fault[body->fault.kind];

    if (err)
        return err;
    tg_json_feed(&body->json, data, len);
    body->facts.total_bytes += len;
    while (err == 0 && (token = tg_json_read(&body->json)) != TG_JSON_MORE)
        err = token == TG_JSON_ERROR ? json_fault(body) : take(body, token);
    return err;
}

int
tg_body_finish(struct tg_body *body, struct tg_body_facts *facts)
{
    int err = err_of_fault[body->fault.kind];

    if (err)
        return err;
    if (tg_json_finish(&body->json) < 0)
        return json_fault(body);
    /* A number that nothing follows is no token, but it is no object. */
    if (!body->is_object)
        return fault(body, TG_BODY_NOT_OBJECT, TG_BODY_NONE,
                     body->json.token_at);
    *facts = body->facts;
    return 0;
}
