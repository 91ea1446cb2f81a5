/*
 * Bodies of the admin API: a key, its change, and a row of the price book are
 * taken or refused with an answer, and what was taken can be written down and
 * be read again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "draft.h"
#include "price_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1795000000000 /* 2026-11-18 */

/* A refusal says what is wrong; what is taken has said nothing. */
static void
check_reply(struct tg_reply *reply, bool is_taken)
{
    const json_t *error = json_object_get(reply->body, "error");

    assert(is_taken == (reply->body == NULL));
    assert(is_taken || (reply->status >= 400 && reply->status < 500));
    assert(is_taken || json_is_string(json_object_get(error, "message")));
    json_decref(reply->body);
    *reply = (struct tg_reply){.status = 0};
}

static void
check_lists(const struct tg_draft *draft)
{
    for (int i = 0; i < DRAFT_LISTS; i++) {
        json_t *list = draft->lists[i] == NULL
                           ? NULL
                           : json_loads(draft->lists[i], 0, NULL);

        assert(draft->lists[i] == NULL || list != NULL);
        json_decref(list);
    }
}

/* As a new key, then the same body as a change of it. */
static void
check_key(const json_t *body)
{
    struct tg_reply reply = {.status = 0};
    struct tg_draft made, changed;
    bool is_taken = tg_draft_read(&made, body, NOW_MS, &reply);

    check_reply(&reply, is_taken);
    if (is_taken) {
        check_lists(&made);
        is_taken = tg_draft_change(&changed, &made.row, body, NOW_MS, &reply);
        check_reply(&reply, is_taken);
        if (is_taken)
            check_lists(&changed);
        tg_draft_release(&changed);
    }
    tg_draft_release(&made);
}

/* What is listed of a row is the row. */
static void
check_price(const json_t *body)
{
    struct tg_reply reply = {.status = 0};
    struct tg_price_row row, again;
    bool is_taken = tg_price_read_row(&row, body, "", NOW_MS, &reply);
    json_t *listed;

    check_reply(&reply, is_taken);
    if (!is_taken)
        return;
    listed = tg_price_object(&row.price, row.model,
                             row.source == NULL ? "" : row.source);
    assert(listed != NULL);
    is_taken = tg_price_read_row(&again, listed, "", NOW_MS, &reply);
    assert(is_taken);
    assert(memcmp(&again.price, &row.price, sizeof(row.price)) == 0);
    json_decref(listed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body;

    if (size == 0)
        return 0;
    body = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES,
                      NULL);
    if (json_is_object(body)) {
        if (data[0] & 1)
            check_price(body);
        else
            check_key(body);
    }
    json_decref(body);
    return 0;
}
