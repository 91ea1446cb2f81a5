/*
 * Answers: the meter and the editor see the same however a stream is cut,
 * and what the editor lets through is part of what came.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "edit.h"
#include "meter.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
    struct tg_meter meter;
    struct tg_usage usage;
    enum tg_usage_doubt doubt;
};

static void
feed_meter(void *arg, const char *data, size_t len)
{
    tg_meter_feed(arg, data, len);
}

static void
measure(struct answer *answer, const uint8_t *data, size_t len, unsigned a,
        unsigned b)
{
    tg_meter_init(&answer->meter, TG_METER_AUTO);
    split_feed(data, len, a, b, feed_meter, &answer->meter);
    tg_meter_end(&answer->meter);
    answer->doubt = tg_meter_usage(&answer->meter, &answer->usage);
    assert(tg_meter_counted_tokens(&answer->meter) >= 0);
    assert(answer->meter.content_bytes <= len);
}

/* Returns whether every JSON in the answer was sound. */
static bool
check_meter(const uint8_t *data, size_t len, unsigned a, unsigned b)
{
    static struct answer whole, cut;

    measure(&whole, data, len, 0, 0);
    measure(&cut, data, len, a, b);
    assert(whole.doubt == cut.doubt);
    assert(memcmp(&whole.usage, &cut.usage, sizeof(whole.usage)) == 0);
    assert(whole.meter.events == cut.meter.events);
    assert(whole.meter.content_events == cut.meter.content_events);
    assert(whole.meter.content_bytes == cut.meter.content_bytes);
    assert(whole.meter.bytes == len && cut.meter.bytes == len);
    assert(tg_sse_largest(&whole.meter.sse) == tg_sse_largest(&cut.meter.sse));
    assert(tg_sse_largest(&whole.meter.sse) <= len);
    assert(whole.meter.has_done == cut.meter.has_done);
    assert(whole.meter.has_error == cut.meter.has_error);
    assert(whole.meter.has_garbage == cut.meter.has_garbage);
    assert(whole.meter.is_complete == cut.meter.is_complete);
    return !whole.meter.has_garbage;
}

struct client {
    struct tg_edit edit;
    char carry[4096];
    char text[4096];
    size_t len;
};

static int
receive(void *arg, const char *data, size_t len)
{
    struct client *client = arg;

    assert(client->len + len <= sizeof(client->text));
    memcpy(client->text + client->len, data, len);
    client->len += len;
    return 0;
}

static void
feed_edit(void *arg, const char *data, size_t len)
{
    struct client *client = arg;

    assert(tg_edit_feed(&client->edit, data, len, receive, client) == 0);
}

static void
edit(struct client *client, const uint8_t *data, size_t len, unsigned a,
     unsigned b)
{
    client->len = 0;
    tg_edit_init(&client->edit, TG_EDIT_ALL_USAGE, client->carry,
                 sizeof(client->carry));
    split_feed(data, len, a, b, feed_edit, client);
    assert(tg_edit_end(&client->edit, receive, client) == 0);
}

/* Whether nothing but leaving out was done to the bytes. */
static bool
is_part_of(const char *part, size_t part_len, const uint8_t *all, size_t len)
{
    size_t i, n = 0;

    for (i = 0; i < len && n < part_len; i++)
        n += part[n] == (char)all[i];
    return n == part_len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client whole, cut;
    bool is_sound;

    if (size < SPLIT_HEAD || size > 4096)
        return 0;
    data += SPLIT_HEAD;
    size -= SPLIT_HEAD;
    is_sound = check_meter(data, size, data[-2], data[-1]);
    edit(&whole, data, size, 0, 0);
    edit(&cut, data, size, data[-2], data[-1]);
    assert(is_part_of(whole.text, whole.len, data, size));
    assert(is_part_of(cut.text, cut.len, data, size));
    if (is_sound)
        assert(whole.len == cut.len &&
               memcmp(whole.text, cut.text, whole.len) == 0);
    return 0;
}
