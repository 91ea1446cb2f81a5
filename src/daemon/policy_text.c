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

/* A list as a blob; an empty one is no blob. */
static int
publish_list(struct tg_publisher *publisher, const char *text, uint32_t *blob)
{
    struct tg_str texts[LIST_MAX];
    json_t *list;
    size_t count;
    int err;

    if (strcmp(text, EMPTY) == 0)
        return 0;
    list = json_loads(text, 0, NULL);
    count = read_list(list, texts);
    err = count > 0 ? tg_publish_texts(publisher, texts, count, blob) : 0;
    json_decref(list);
    return err;
}

static int
publish_networks(struct tg_publisher *publisher, const char *text,
                 uint32_t *blob)
{
    uint8_t networks[LIST_MAX][TG_WHERE_NETWORK_BYTES];
    struct tg_str texts[LIST_MAX];
    json_t *list;
    size_t count;

    if (strcmp(text, EMPTY) == 0)
        return 0;
    list = json_loads(text, 0, NULL);
    count = read_list(list, texts);
    for (size_t i = 0; i < count; i++) {
        size_t len = tg_network_compile(texts[i].data, networks[i]) == 0
                         ? TG_WHERE_NETWORK_BYTES
                         : 0;

        texts[i] = (struct tg_str){(const char *)networks[i], len};
    }
    json_decref(list);
    return count > 0 ? tg_publish_texts(publisher, texts, count, blob) : 0;
}

static int
publish_text(struct tg_publisher *publisher, const char *text, uint32_t *blob)
{
    return text[0] == '\0' ? 0 : tg_publish_text(publisher, str_of(text), blob);
}

/* Compiles what a key cannot go without: in doubt it is shut, or in UTC. */
static void
compile(struct tg_zone_blob *blob, bool is_hours, const char *text,
        const char *id)
{
    int64_t now_ms = tg_clock_ms();

    if (is_hours && tg_hours_compile(blob, text, now_ms) != 0) {
        tg_log(TG_LOG_ERROR,
               "the hours '%s' of the key %s cannot be read, so it is never "
               "on; give it others, or install the time zones (tzdata)",
               text, id);
        tg_hours_shut(blob);
    }
    if (!is_hours && tg_zone_compile(blob, text, now_ms) != 0) {
        tg_log(TG_LOG_ERROR,
               "there is no time zone '%s', so the days of the key %s are in "
               "UTC; give it another, or install the time zones (tzdata)",
               text, id);
        blob->len = 0;
    }
}

static size_t
calendar_row(bool is_hours, const char *text)
{
    size_t hash = is_hours;

    for (; *text != '\0'; text++)
        hash = hash * 31 + (unsigned char)*text;
    return hash % TG_POLICY_CALENDARS;
}

static int
publish_calendar(struct tg_policy_text *memory, struct tg_publisher *publisher,
                 bool is_hours, const char *text, const char *id,
                 uint32_t *blob)
{
    struct tg_policy_calendar *calendar =
        &memory->calendars[calendar_row(is_hours, text)];
    struct tg_zone_blob *compiled = &calendar->blob;

    if (calendar->is_hours != is_hours || strcmp(calendar->text, text) != 0) {
        compile(compiled, is_hours, text, id);
        calendar->is_hours = is_hours;
        calendar->text[0] = '\0';
        if (strlen(text) < sizeof(calendar->text))
            strcpy(calendar->text, text);
    }
    if (compiled->len == 0)
        return 0;
    return tg_publish_text(
        publisher, (struct tg_str){compiled->bytes, compiled->len}, blob);
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
        err = publish_list(publisher, row->models, &policy->models);
    if (err == 0)
        err = publish_networks(publisher, row->allowed_ips, &policy->networks);
    if (err == 0)
        err =
            publish_list(publisher, row->allowed_referrers, &policy->referrers);
    if (err == 0 && has_hours(row))
        err = publish_calendar(memory, publisher, true, row->hours, row->id,
                               &policy->hours);
    if (err == 0 && has_zone(row))
        err = publish_calendar(memory, publisher, false, row->timezone, row->id,
                               &policy->timezone);
    return err;
}

static uint32_t
read_scopes(const char *text)
{
    json_t *list = json_loads(text, 0, NULL), *item;
    uint32_t scopes = 0;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (json_is_string(item))
            scopes |= tg_scope_of(str_of(json_string_value(item)));
    }
    json_decref(list);
    return scopes;
}

/* Most keys have the scopes of the one before. */
uint32_t
tg_policy_scopes(struct tg_policy_text *memory, const char *text)
{
    struct tg_policy_scopes *last = &memory->scopes;

    if (strcmp(last->text, text) == 0)
        return last->scopes;
    if (strlen(text) >= sizeof(last->text))
        return read_scopes(text);
    strcpy(last->text, text);
    last->scopes = read_scopes(text);
    return last->scopes;
}

uint64_t
tg_policy_endpoints(const char *text)
{
    json_t *list, *item;
    uint64_t endpoints = 0;
    size_t i;

    if (strcmp(text, EMPTY) == 0)
        return 0;
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
