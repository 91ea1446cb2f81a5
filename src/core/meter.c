#include "meter.h"

#include <string.h>

#include "json_quick.h"
#include "meter_path.h"
#include "meter_start.h"

static const char done_mark[] = "[DONE]";

#define DONE_LEN (sizeof(done_mark) - 1)
#define NOT_DONE UINT8_MAX

static void
begin_json(struct tg_meter *meter)
{
    tg_json_init(&meter->json);
    meter->value = NULL;
    meter->event_report.seen = 0;
    meter->event_bytes = 0;
    meter->event_len = 0;
    meter->event_has_end = false;
    meter->event_closes = false;
    meter->event_is_image = false;
    meter->event_is_known = false;
    meter->done_matched = 0;
}

void
tg_meter_init(struct tg_meter *meter, enum tg_meter_shape shape)
{
    memset(meter, 0, offsetof(struct tg_meter, json));
    meter->shape = shape;
    /* Its bytes are written before they are read. */
    memset(&meter->start, 0, offsetof(struct tg_meter_start, bytes));
    tg_sse_init(&meter->sse);
    begin_json(meter);
}

void
tg_meter_expect(struct tg_meter *meter, enum tg_meter_shape shape)
{
    if (meter->bytes != 0)
        tg_meter_init(meter, shape);
    meter->shape = shape;
}

/* Whether a Content-Type is this one, whatever its parameters. */
static bool
is_type(struct tg_str content_type, struct tg_str type)
{
    if (content_type.len < type.len)
        return false;
    for (size_t i = 0; i < type.len; i++) {
        char c = content_type.data[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != type.data[i])
            return false;
    }
    return content_type.len == type.len ||
           strchr("; \t", content_type.data[type.len]) != NULL;
}

enum tg_meter_shape
tg_meter_shape_of(const struct tg_route *route, struct tg_str content_type)
{
    if (route->answer == TG_ANSWER_FILE)
        return TG_METER_BYTES;
    if (is_type(content_type, TG_STR("text/event-stream")))
        return TG_METER_SSE;
    if (route->answer == TG_ANSWER_JSON ||
        is_type(content_type, TG_STR("application/json")))
        return TG_METER_JSON;
    return TG_METER_BYTES;
}

/* The path of the value at hand: an array's elements have the array's. */
static const struct tg_meter_path *
current(const struct tg_meter *meter)
{
    if (!tg_json_in_array(&meter->json))
        return meter->value;
    if (meter->json.depth >= TG_METER_LEVELS)
        return NULL;
    return meter->levels[meter->json.depth];
}

static void
report(struct tg_meter *meter, enum tg_usage_field field, int64_t value)
{
    meter->event_report.value[field] = value;
    meter->event_report.seen |= 1u << field;
}

static void
figure(struct tg_meter *meter, enum tg_usage_field field,
       enum tg_json_token token)
{
    const struct tg_json *json = &meter->json;

    if (token == TG_JSON_NULL)
        return;
    if (token != TG_JSON_NUMBER)
        report(meter, field, -TG_USAGE_NOT_A_NUMBER);
    else if (!json->is_integer)
        report(meter, field, -TG_USAGE_NOT_AN_INTEGER);
    else if (json->is_negative && json->integer != 0)
        report(meter, field, -TG_USAGE_NEGATIVE);
    else if (json->is_huge || json->integer > TG_USAGE_TOKENS_MAX)
        report(meter, field, -TG_USAGE_HUGE);
    else
        report(meter, field, json->integer);
}

/* Whether a value says something: not null, false, 0 or "". */
static bool
is_truthy(const struct tg_json *json, enum tg_json_token token)
{
    switch (token) {
    case TG_JSON_NULL:
    case TG_JSON_FALSE:
        return false;
    case TG_JSON_STRING:
        return json->text_len > 0;
    case TG_JSON_NUMBER:
        return !json->is_integer || json->is_huge || json->integer != 0;
    default:
        return true;
    }
}

static bool
is_text(const struct tg_json *json, const char *text)
{
    return json->text && json->text_len == strlen(text) &&
           memcmp(json->text, text, json->text_len) == 0;
}

static bool
is_image_type(const struct tg_json *json)
{
    return is_text(json, "image_generation.completed") ||
           is_text(json, "image_edit.completed");
}

/* Types of events behind which nothing comes that counts. */
static bool
is_last_type(const struct tg_json *json)
{
    static const char *const last[] = {
        "message_stop",    "response.completed", "response.incomplete",
        "response.failed", "speech.audio.done",  "transcript.text.done",
    };
    size_t i;

    for (i = 0; i < sizeof(last) / sizeof(last[0]); i++)
        if (is_text(json, last[i]))
            return true;
    return false;
}

/* Of several images each ends so, and another may follow. */
static void
type(struct tg_meter *meter)
{
    const struct tg_json *json = &meter->json;
    bool is_image = is_image_type(json), is_last = is_last_type(json);

    meter->event_is_image |= is_image;
    meter->event_closes |= is_last;
    meter->event_has_end |= is_last || is_image;
    meter->has_error_event |= is_text(json, "error");
}

/* In thousandths, rounded up; else an amount that is not believed. */
static void
seconds(struct tg_meter *meter, enum tg_usage_field field,
        enum tg_json_token token)
{
    const struct tg_json *json = &meter->json;

    if (token != TG_JSON_NUMBER)
        return;
    if (!json->is_decimal || json->is_negative || json->is_huge ||
        json->integer > TG_USAGE_TOKENS_MAX / 1000)
        report(meter, field, -TG_USAGE_HUGE);
    else
        report(meter, field, json->integer * 1000 + json->thousandths);
}

/* Behind the end nothing is told, but text that passes is text. */
static bool
is_told_too_late(const struct tg_meter *meter, const struct tg_meter_path *path)
{
    return meter->is_closed && path->action != TG_METER_TEXT &&
           path->action != TG_METER_TREE;
}

static void
act(struct tg_meter *meter, const struct tg_meter_path *path,
    enum tg_json_token token)
{
    const struct tg_json *json = &meter->json;

    if (is_told_too_late(meter, path))
        return;
    switch ((enum tg_meter_action)path->action) {
    case TG_METER_INTO:
        break;
    case TG_METER_FIGURE:
        figure(meter, (enum tg_usage_field)path->field, token);
        break;
    case TG_METER_TEXT:
        if (token == TG_JSON_STRING)
            tg_meter_start_keep(meter);
        /* fall through */
    case TG_METER_TREE:
        if (token == TG_JSON_STRING)
            meter->event_bytes += json->text_len;
        break;
    case TG_METER_WHOLE:
        if (token == TG_JSON_STRING && meter->shape == TG_METER_JSON)
            meter->event_bytes += json->text_len;
        break;
    case TG_METER_FINISH:
        meter->has_finish |= is_truthy(json, token);
        break;
    case TG_METER_FAULT:
        meter->has_error |= is_truthy(json, token);
        meter->has_error_member |= is_truthy(json, token);
        break;
    case TG_METER_SECONDS:
        seconds(meter, (enum tg_usage_field)path->field, token);
        break;
    case TG_METER_IMAGE:
        meter->images += meter->shape == TG_METER_JSON &&
                         token == TG_JSON_STRING && json->text_len > 0;
        break;
    case TG_METER_TYPE:
        if (token == TG_JSON_STRING)
            type(meter);
        /* fall through */
    case TG_METER_OBJECT:
        meter->has_error |= token == TG_JSON_STRING && is_text(json, "error");
        break;
    }
}

/* A container begins; its depth is already counted. */
static void
open(struct tg_meter *meter, enum tg_json_token token)
{
    const struct tg_json *json = &meter->json;
    const struct tg_meter_path *path = &tg_meter_root;
    unsigned depth = json->depth;

    if (depth >= TG_METER_LEVELS)
        return;
    if (depth > 1)
        path = tg_json_stands_in_array(json) ? meter->levels[depth - 1]
                                             : meter->value;
    if (path && path->action != TG_METER_INTO)
        act(meter, path, token);
    /* Numbers in an array are not the figure that should stand there. */
    if (path && path->action == TG_METER_FIGURE)
        path = NULL;
    meter->levels[depth] = path;
}

static void
name(struct tg_meter *meter)
{
    const struct tg_json *json = &meter->json;
    const struct tg_meter_path *path =
        json->depth < TG_METER_LEVELS ? meter->levels[json->depth] : NULL;

    meter->value = path ? tg_meter_path_find(path, json) : NULL;
}

static void
take(struct tg_meter *meter, enum tg_json_token token)
{
    const struct tg_meter_path *path;

    switch (token) {
    case TG_JSON_NAME:
        name(meter);
        break;
    case TG_JSON_OBJECT:
    case TG_JSON_ARRAY:
        open(meter, token);
        break;
    case TG_JSON_OBJECT_END:
    case TG_JSON_ARRAY_END:
        if (meter->json.depth == 0 && meter->shape == TG_METER_JSON)
            tg_usage_update(&meter->report, &meter->event_report);
        break;
    default:
        path = current(meter);
        if (path)
            act(meter, path, token);
    }
}

static void
feed_json(struct tg_meter *meter, const char *data, size_t len)
{
    enum tg_json_token token;

    if (meter->json.error)
        return;
    tg_json_feed(&meter->json, data, len);
    tg_meter_start_skip(meter);
    while ((token = tg_json_read(&meter->json)) > TG_JSON_MORE)
        take(meter, token);
}

static void
match_done(struct tg_meter *meter, const char *data, size_t len)
{
    size_t i;

    for (i = 0; i < len && meter->done_matched != NOT_DONE; i++) {
        if (meter->done_matched < DONE_LEN &&
            data[i] == done_mark[meter->done_matched])
            meter->done_matched++;
        else
            meter->done_matched = NOT_DONE;
    }
}

/* Text counts as it came, also when what is around it is broken. */
static void
count_text(struct tg_meter *meter)
{
    const struct tg_meter_path *path = current(meter);

    if (tg_json_in_string(&meter->json) && path &&
        (path->action == TG_METER_TEXT || path->action == TG_METER_TREE))
        meter->event_bytes += meter->json.text_len;
}

static void
take_event(struct tg_meter *meter)
{
    if (meter->event_report.seen)
        tg_usage_update(&meter->report, &meter->event_report);
    meter->has_done |= meter->event_has_end;
    meter->is_closed |= meter->event_closes;
    meter->images += meter->event_is_image;
}

/* An event that is whole and not JSON may be text, for all that we know. */
static void
take_garbage(struct tg_meter *meter, bool is_whole)
{
    meter->has_garbage = true;
    if (is_whole && meter->json.error != TG_JSON_EMPTY)
        meter->event_bytes = meter->event_len;
}

static void
end_event(struct tg_meter *meter, bool is_whole)
{
    meter->events++;
    count_text(meter);
    if (meter->done_matched == DONE_LEN) {
        meter->has_done = meter->is_closed = true;
        meter->event_bytes = 0;
    } else if (tg_json_finish(&meter->json) == 0) {
        take_event(meter);
    } else {
        take_garbage(meter, is_whole);
    }
    meter->content_bytes += meter->event_bytes;
    meter->content_events += meter->event_bytes > 0;
    begin_json(meter);
}

static void
feed_data(struct tg_meter *meter, const char *data, size_t len)
{
    match_done(meter, data, len);
    feed_json(meter, data, len);
    meter->event_len += len;
    if (meter->json.error)
        meter->event_bytes = meter->event_len;
}

static void
feed_sse(struct tg_meter *meter, const char *data, size_t len)
{
    enum tg_sse_token token;
    const char *event;

    tg_sse_feed(&meter->sse, data, len);
    event = tg_meter_start_pass(meter);
    while ((token = tg_sse_next(&meter->sse)) != TG_SSE_MORE) {
        if (token == TG_SSE_DATA) {
            feed_data(meter, meter->sse.data, meter->sse.len);
            continue;
        }
        if (token == TG_SSE_EVENT) {
            if (event)
                tg_meter_start_end(meter, event);
            end_event(meter, true);
        }
        event = tg_meter_start_pass(meter);
    }
}

static size_t
blank_len(const char *data, size_t len)
{
    size_t i = 0;

    while (i < len && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' ||
                       data[i] == '\n'))
        i++;
    return i;
}

void
tg_meter_feed(struct tg_meter *meter, const void *data, size_t len)
{
    const char *start = data;
    size_t blank = meter->has_bytes ? 0 : blank_len(start, len);

    meter->has_bytes |= blank < len;
    meter->bytes += len;
    if (meter->shape == TG_METER_BYTES) {
        meter->has_bytes |= len > 0;
        return;
    }
    if (meter->shape == TG_METER_AUTO) {
        if (blank == len)
            return;
        meter->shape = start[blank] == '{' || start[blank] == '['
                           ? TG_METER_JSON
                           : TG_METER_SSE;
        start += blank;
        len -= blank;
    }
    if (meter->shape == TG_METER_SSE) {
        feed_sse(meter, start, len);
        return;
    }
    feed_json(meter, start, len);
    meter->has_garbage = meter->json.error != TG_JSON_OK;
    meter->is_complete = tg_json_is_complete(&meter->json);
}

void
tg_meter_end(struct tg_meter *meter)
{
    if (meter->shape == TG_METER_BYTES)
        return;
    if (meter->shape != TG_METER_SSE) {
        count_text(meter);
        meter->content_bytes += meter->event_bytes;
        meter->event_bytes = 0;
        meter->has_garbage |= meter->has_bytes && !meter->is_complete;
    } else if (meter->sse.has_data) {
        meter->sse.has_data = false;
        end_event(meter, false);
    }
}

enum tg_usage_doubt
tg_meter_usage(const struct tg_meter *meter, struct tg_usage *usage)
{
    return tg_usage_resolve(&meter->report, usage);
}

bool
tg_meter_is_over(const struct tg_meter *meter)
{
    if (meter->shape != TG_METER_SSE)
        return meter->is_complete;
    return meter->has_done || meter->has_finish;
}

/* Each passes over an error in the other's form. */
bool
tg_meter_lacks_end(const struct tg_meter *meter, enum tg_manner manner)
{
    bool has_error = manner == TG_MANNER_ANTHROPIC ? meter->has_error_event
                                                   : meter->has_error_member;

    return meter->shape == TG_METER_SSE && !has_error &&
           !tg_meter_is_over(meter);
}

/* Tokens of the text so far, at so many bytes each; an event has one. */
static int64_t
tokens_of(const struct tg_meter *meter, unsigned bytes_a_token)
{
    uint64_t bytes = meter->content_bytes + meter->event_bytes;
    uint64_t tokens = bytes / bytes_a_token + (bytes % bytes_a_token != 0);

    if (tokens < meter->content_events)
        tokens = meter->content_events;
    return tokens > (uint64_t)TG_USAGE_TOKENS_MAX ? TG_USAGE_TOKENS_MAX
                                                  : (int64_t)tokens;
}

int64_t
tg_meter_counted_tokens(const struct tg_meter *meter)
{
    return tokens_of(meter, 4);
}

int64_t
tg_meter_most_tokens(const struct tg_meter *meter)
{
    int64_t tokens = tokens_of(meter, 2);
    int64_t reported = meter->report.value[TG_USAGE_COMPLETION];

    return (meter->report.seen >> TG_USAGE_COMPLETION & 1) && reported > tokens
               ? reported
               : tokens;
}
