#include "meter_start.h"

#include <string.h>

#include "json_part.h"
#include "span.h"

/* What counts only in the event that it stands in. */
static bool
says_more(const struct tg_meter *meter)
{
    return meter->event_report.seen || meter->event_has_end ||
           meter->event_closes || meter->event_is_image;
}

/* How many bytes of the event stand before its data; 0: not in this chunk. */
static size_t
before_json(const struct tg_meter *meter)
{
    const struct tg_sse *sse = &meter->sse;

    if (sse->event_at < sse->chunk_at)
        return 0;
    return (size_t)(meter->json.chunk - sse->chunk) -
           (size_t)(sse->event_at - sse->chunk_at);
}

void
tg_meter_start_keep(struct tg_meter *meter)
{
    const struct tg_json *json = &meter->json;
    struct tg_meter_start *start = &meter->start;
    size_t before;

    if (meter->shape != TG_METER_SSE || meter->event_is_known ||
        json->chunk_at != 0 || json->token_at == 0 ||
        json->token_at > sizeof(start->bytes) || tg_json_in_array(json) ||
        json->depth >= TG_METER_LEVELS || meter->event_bytes > 0 ||
        says_more(meter))
        return;
    before = before_json(meter);
    if (before + json->token_at > sizeof(start->bytes))
        before = 0;
    start->len = (uint16_t)(before + json->token_at);
    start->json_at = (uint16_t)before;
    start->tail_len = 0;
    start->depth = json->depth;
    start->objects = json->objects;
    start->comma_at = json->comma_at;
    start->value = meter->value;
    memcpy(start->levels, meter->levels, sizeof(start->levels));
    memcpy(start->bytes, json->chunk - before, start->len);
}

void
tg_meter_start_skip(struct tg_meter *meter)
{
    const struct tg_meter_start *start = &meter->start;
    struct tg_json *json = &meter->json;
    size_t len = start->len - start->json_at;

    if (start->len == 0 || json->chunk_at != 0 ||
        (size_t)(json->end - json->chunk) < len ||
        memcmp(json->chunk, start->bytes + start->json_at, len) != 0)
        return;
    json->cursor = json->chunk + len;
    json->state = TG_JSON_AT_VALUE;
    json->depth = start->depth;
    json->objects = start->objects;
    json->comma_at = start->comma_at;
    meter->value = start->value;
    memcpy(meter->levels, start->levels, sizeof(start->levels));
    /* Without what stands before the JSON it is kept anew. */
    meter->event_is_known = start->json_at != 0;
}

/*
 * The text of an event that begins as the one that is kept, up to its quote:
 * plain, and so as long as it is in the answer.
 */
static bool
find_text(const struct tg_meter_start *start, const char *event,
          const char *end, struct tg_str *text)
{
    const char *quote;

    if ((size_t)(end - event) <= start->len || event[start->len] != '"' ||
        memcmp(event, start->bytes, start->len) != 0)
        return false;
    text->data = event + start->len + 1;
    quote = tg_span_quote(event, text->data, end);
    if (quote == NULL)
        return false;
    text->len = (size_t)(quote - text->data);
    return true;
}

/* A line feed may still belong to a carriage return at the end. */
static size_t
blank_len(const char *end)
{
    if (end[-1] != '\n')
        return 0;
    return end[-2] == '\r' ? 2 : 1;
}

void
tg_meter_start_end(struct tg_meter *meter, const char *event)
{
    struct tg_meter_start *start = &meter->start;
    const char *end = meter->sse.cursor;
    struct tg_str text;
    size_t len;

    if (start->json_at == 0 || says_more(meter) || meter->json.error ||
        !tg_json_is_complete(&meter->json) ||
        !find_text(start, event, end, &text) || meter->event_bytes != text.len)
        return;
    len = (size_t)(end - text.data) - text.len;
    if (len > sizeof(start->bytes) - start->len || blank_len(end) == 0)
        return;
    start->tail_len = (uint16_t)len;
    start->blank_len = (uint8_t)blank_len(end);
    memcpy(start->bytes + start->len, end - len, len);
}

static bool
pass(struct tg_meter *meter, const char *event, size_t left)
{
    const struct tg_meter_start *start = &meter->start;
    struct tg_str text;
    size_t before;

    if (start->tail_len == 0 || !find_text(start, event, event + left, &text))
        return false;
    before = start->len + 1u + text.len;
    if (left - before < start->tail_len ||
        memcmp(event + before, start->bytes + start->len, start->tail_len) != 0)
        return false;
    tg_sse_pass(&meter->sse, before + start->tail_len, start->blank_len);
    meter->events++;
    meter->content_bytes += text.len;
    meter->content_events += text.len > 0;
    return true;
}

const char *
tg_meter_start_pass(struct tg_meter *meter)
{
    const char *event;
    size_t left;

    do
        event = tg_sse_event(&meter->sse, &left);
    while (event != NULL && pass(meter, event, left));
    return event;
}
