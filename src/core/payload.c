#include "payload.h"

#include "body_member.h"
#include "err.h"

#define OF(member) TG_BODY_BIT(member)

/* The members that govern, by what a call is about. */
static const uint32_t of_family[] = {
    [TG_FAMILY_TEXT] = TG_BODY_OF_CALLS,
    [TG_FAMILY_VECTORS] = TG_BODY_OF_CALLS,
    [TG_FAMILY_IMAGES] = OF(MODEL) | OF(STREAM) | OF(N) | OF(SIZE) |
                         OF(QUALITY) | OF(RESPONSE_FORMAT),
    [TG_FAMILY_SPEECH] =
        OF(MODEL) | OF(INPUT) | OF(RESPONSE_FORMAT) | OF(STREAM_FORMAT),
    [TG_FAMILY_LISTENING] = OF(MODEL) | OF(STREAM) | OF(RESPONSE_FORMAT),
    [TG_FAMILY_OBJECTS] = 0,
};

static const struct tg_body_fault unexpected = {TG_BODY_UNEXPECTED,
                                                TG_BODY_NONE, 0};

/* Of objects only few bodies say something that counts here. */
static uint32_t
governed_by(const struct tg_route *route)
{
    switch (route->endpoint) {
    case TG_ENDPOINT_FILES:
    case TG_ENDPOINT_UPLOADS:
        return OF(PURPOSE);
    case TG_ENDPOINT_BATCHES:
        return OF(ENDPOINT);
    case TG_ENDPOINT_JOBS:
        return OF(MODEL);
    default:
        return of_family[route->family];
    }
}

void
tg_payload_init(struct tg_payload *payload, const struct tg_head *head)
{
    uint32_t governed = governed_by(head->route);

    payload->kind = head->route->payload;
    payload->total_bytes = 0;
    if (payload->kind == TG_PAYLOAD_FORM) {
        tg_form_body_init(&payload->form, head->boundary, governed);
        return;
    }
    tg_body_init(&payload->json);
    payload->json.governed = governed;
    payload->json.json.counts_characters = governed & OF(INPUT);
}

int
tg_payload_feed(struct tg_payload *payload, const void *data, size_t len)
{
    payload->total_bytes += len;
    switch (payload->kind) {
    case TG_PAYLOAD_FORM:
        return tg_form_body_feed(&payload->form, data, len);
    case TG_PAYLOAD_NONE:
        return payload->total_bytes == 0 ? 0 : TG_ERR_FORMAT;
    default:
        return tg_body_feed(&payload->json, data, len);
    }
}

int
tg_payload_finish(struct tg_payload *payload, struct tg_body_facts *facts)
{
    bool may_be_empty =
        payload->kind == TG_PAYLOAD_NONE || payload->kind == TG_PAYLOAD_MAYBE;

    if (may_be_empty && payload->total_bytes == 0) {
        memset(facts, 0, sizeof(*facts));
        return 0;
    }
    switch (payload->kind) {
    case TG_PAYLOAD_FORM:
        return tg_form_body_finish(&payload->form, facts);
    case TG_PAYLOAD_NONE:
        return TG_ERR_FORMAT;
    default:
        return tg_body_finish(&payload->json, facts);
    }
}

size_t
tg_payload_type(const struct tg_head *head, const struct tg_body_facts *facts,
                char out[TG_PAYLOAD_TYPE_SIZE])
{
    static const char json[] = "application/json";

    if (facts->total_bytes == 0)
        return 0;
    if (head->route->payload == TG_PAYLOAD_FORM)
        return tg_multipart_type(head->boundary, out);
    memcpy(out, json, sizeof(json) - 1);
    return sizeof(json) - 1;
}

const struct tg_body_fault *
tg_payload_fault(const struct tg_payload *payload)
{
    switch (payload->kind) {
    case TG_PAYLOAD_FORM:
        return &payload->form.fault;
    case TG_PAYLOAD_NONE:
        return &unexpected;
    default:
        return &payload->json.fault;
    }
}
