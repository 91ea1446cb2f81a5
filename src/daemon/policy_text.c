#include "policy_text.h"

#include <jansson.h>
#include <string.h>

#include "clock.h"
#include "draft_text.h"
#include "hours.h"
#include "log.h"
#include "network.h"

#define LIST_MAX 256
#define EMPTY "[]" /* what most lists of most keys are */

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

/*
 * A stored JSON list as texts.  What cannot be read becomes a text that admits
 * nothing: without it, a list would be shorter or, empty, no limit at all.
 */
static size_t
read_list(const json_t *list, struct tg_str texts[LIST_MAX])
{
    size_t count = 0, i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        if (count < LIST_MAX)
            texts[count++] = json_is_string(item)
                                 ? str_of(json_string_value(item))
                                 : TG_STR("");
    }
    if (!json_is_array(list))
        texts[count++] = TG_STR("");
    return count;
}

/*
 * Networks take the places of their texts in the list; one that cannot be
 * read is empty, and holds nothing.
 */
static void
compile_networks(struct tg_str *texts, size_t count,
                 uint8_t networks[LIST_MAX][TG_WHERE_NETWORK_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        size_t len = tg_network_compile(texts[i].data, networks[i]) == 0
                         ? TG_WHERE_NETWORK_BYTES
                         : 0;

        texts[i] = (struct tg_str){(const char *)networks[i], len};
    }
}

/* Packs a list into the memory, if it has room there; an empty one is none. */
static bool
compile_list(struct tg_policy_blob *blob, bool is_networks, const char *text)
{
    uint8_t networks[LIST_MAX][TG_WHERE_NETWORK_BYTES];
    struct tg_str texts[LIST_MAX];
    json_t *list = json_loads(text, 0, NULL);
    size_t count = read_list(list, texts);

    if (is_networks)
        compile_networks(texts, count, networks);
    blob->len = tg_publish_pack(texts, count, blob->bytes, sizeof(blob->bytes));
    json_decref(list);
    return count == 0 || blob->len > 0;
}

/* The same for a list that is too long to be remembered. */
static int
publish_list(struct tg_publisher *publisher, bool is_networks, const char *text,
             uint32_t *blob)
{
    uint8_t networks[LIST_MAX][TG_WHERE_NETWORK_BYTES];
    struct tg_str texts[LIST_MAX];
    json_t *list = json_loads(text, 0, NULL);
    size_t count = read_list(list, texts);
    int err;

    if (is_networks)
        compile_networks(texts, count, networks);
    err = count > 0 ? tg_publish_texts(publisher, texts, count, blob) : 0;
    json_decref(list);
    return err;
}

static int
publish_text(struct tg_publisher *publisher, const char *text, uint32_t *blob)
{
    return text[0] == '\0' ? 0 : tg_publish_text(publisher, str_of(text), blob);
}

/* Compiles what a key cannot go without: in doubt it is shut, or in UTC. */
static void
compile_calendar(struct tg_policy_blob *blob, bool is_hours, const char *text,
                 const char *id)
{
    int64_t now_ms = tg_clock_ms();
    struct tg_zone_blob compiled;

    if (is_hours && tg_hours_compile(&compiled, text, now_ms) != 0) {
        tg_log(TG_LOG_ERROR,
               "the hours '%s' of the key %s cannot be read, so it is never "
               "on; give it others, or install the time zones (tzdata)",
               text, id);
        tg_hours_shut(&compiled);
    }
    if (!is_hours && tg_zone_compile(&compiled, text, now_ms) != 0) {
        tg_log(TG_LOG_ERROR,
               "there is no time zone '%s', so the days of the key %s are in "
               "UTC; give it another, or install the time zones (tzdata)",
               text, id);
        compiled.len = 0;
    }
    blob->len = compiled.len;
    memcpy(blob->bytes, compiled.bytes, compiled.len);
}

/* Returns whether it has room in the memory. */
static bool
compile(struct tg_policy_blob *blob, enum tg_policy_kind kind, const char *text,
        const char *id)
{
    switch (kind) {
    case TG_POLICY_TEXTS:
    case TG_POLICY_NETWORKS:
        return strlen(text) < sizeof(blob->text) &&
               compile_list(blob, kind == TG_POLICY_NETWORKS, text);
    default:
        compile_calendar(blob, kind == TG_POLICY_HOURS, text, id);
        return true;
    }
}

static size_t
row_of(enum tg_policy_kind kind, const char *text)
{
    size_t hash = kind;

    for (; *text != '\0'; text++)
        hash = hash * 31 + (unsigned char)*text;
    return hash % TG_POLICY_BLOBS;
}

/* Publishes what a text says, which is compiled once while it is remembered. */
static int
publish(struct tg_policy_text *memory, struct tg_publisher *publisher,
        enum tg_policy_kind kind, const char *text, const char *id,
        uint32_t *number)
{
    struct tg_policy_blob *blob = &memory->blobs[row_of(kind, text)];

    if (blob->kind != kind || strcmp(blob->text, text) != 0) {
        blob->kind = TG_POLICY_NOTHING;
        if (!compile(blob, kind, text, id))
            return publish_list(publisher, kind == TG_POLICY_NETWORKS, text,
                                number);
        if (strlen(text) < sizeof(blob->text)) {
            strcpy(blob->text, text);
            blob->kind = kind;
        }
    }
    if (blob->len == 0)
        return 0;
    return tg_publish_text(publisher, (struct tg_str){blob->bytes, blob->len},
                           number);
}

/* A list; most keys have none. */
static int
publish_texts(struct tg_policy_text *memory, struct tg_publisher *publisher,
              enum tg_policy_kind kind, const char *text, uint32_t *number)
{
    if (strcmp(text, EMPTY) == 0)
        return 0;
    return publish(memory, publisher, kind, text, NULL, number);
}

static bool
has_zone(const struct tg_store_key *row)
{
    return strcmp(row->timezone, "UTC") != 0;
}

static bool
has_hours(const struct tg_store_key *row)
{
    return row->hours[0] != '\0';
}

bool
tg_policy_has_calendar(const struct tg_store_key *row)
{
    return has_zone(row) || has_hours(row);
}

int
tg_policy_blobs(struct tg_policy_text *memory, struct tg_publisher *publisher,
                const struct tg_store_key *row, struct tg_key_policy *policy)
{
    int err = publish_text(publisher, row->name, &policy->name);

    if (err == 0)
        err = publish_texts(memory, publisher, TG_POLICY_TEXTS, row->models,
                            &policy->models);
    if (err == 0)
        err = publish_texts(memory, publisher, TG_POLICY_NETWORKS,
                            row->allowed_ips, &policy->networks);
    if (err == 0)
        err = publish_texts(memory, publisher, TG_POLICY_TEXTS,
                            row->allowed_referrers, &policy->referrers);
    if (err == 0 && has_hours(row))
        err = publish(memory, publisher, TG_POLICY_HOURS, row->hours, row->id,
                      &policy->hours);
    if (err == 0 && has_zone(row))
        err = publish(memory, publisher, TG_POLICY_ZONE, row->timezone, row->id,
                      &policy->timezone);
    return err;
}

static uint64_t
read_scopes(const char *text)
{
    json_t *list = json_loads(text, 0, NULL), *item;
    uint64_t scopes = 0;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            scopes |= tg_scope_of(str_of(json_string_value(item)));
    }
    json_decref(list);
    return scopes;
}

static uint64_t
read_endpoints(const char *text)
{
    json_t *list, *item;
    uint64_t endpoints = 0;
    size_t i;

    list = json_loads(text, 0, NULL);
    json_array_foreach(list, i, item)
    {
        const struct tg_route *route =
            json_is_string(item) ? tg_draft_route(json_string_value(item))
                                 : NULL;

        if (route != NULL)
            endpoints |= (uint64_t)1 << route->endpoint;
    }
    json_decref(list);
    return endpoints;
}

/* Most keys have the list of the one before. */
static uint64_t
bits_of(struct tg_policy_bits *last, const char *text,
        uint64_t (*read)(const char *text))
{
    if (strcmp(last->text, text) == 0)
        return last->bits;
    if (strlen(text) >= sizeof(last->text))
        return read(text);
    strcpy(last->text, text);
    last->bits = read(text);
    return last->bits;
}

uint32_t
tg_policy_scopes(struct tg_policy_text *memory, const char *text)
{
    return (uint32_t)bits_of(&memory->scopes, text, read_scopes);
}

uint64_t
tg_policy_endpoints(struct tg_policy_text *memory, const char *text)
{
    return bits_of(&memory->endpoints, text, read_endpoints);
}
