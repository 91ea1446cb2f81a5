#include "policy.h"

#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "clock.h"
#include "draft_text.h"
#include "err.h"
#include "hours.h"
#include "key.h"
#include "log.h"
#include "network.h"
#include "reply.h"

#define LIST_MAX 256
#define EMPTY "[]" /* what most lists of most keys are */
#define CALENDARS 16
#define REFRESH_MS TG_MS_PER_DAY
#define REFRESH_KEYS 100 /* in one go: others wait for the lock */

/* A zone or hours that were compiled a moment ago. */
struct calendar {
    bool is_hours;
    char text[TG_CALENDAR_TEXT_MAX + 1]; /* "": none */
    struct tg_zone_blob blob;
};

/* What a visitor needs to publish a row. */
struct publication {
    struct tg_daemon *daemon;
    struct tg_store *store;
    struct calendar calendars[CALENDARS]; /* many keys share few */
};

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

static int
say_full(int err, const char *what, const char *id)
{
    if (err != 0)
        tg_log(TG_LOG_ERROR,
               "the %s %s is stored but could not be published: the state "
               "file is full",
               what, id);
    return err;
}

static int
publish_account(void *arg, const struct tg_store_account *row)
{
    struct publication *publication = arg;
    struct tg_daemon *daemon = publication->daemon;
    struct tg_account_policy policy = {
        .status = strcmp(row->status, "active") == 0 ? TG_ACCOUNT_ACTIVE
                                                     : TG_ACCOUNT_SUSPENDED,
        .billing = strcmp(row->billing, "postpaid") == 0 ? TG_BILLING_POSTPAID
                                                         : TG_BILLING_PREPAID,
        .granted_nanos = row->granted_nanos,
        .topped_up_nanos = row->topped_up_nanos,
        .settled_nanos = row->base_nanos,
    };
    uint32_t slot;
    int err;

    if (strcmp(row->verification, "verified") == 0)
        policy.verification = TG_VERIFICATION_VERIFIED;
    else if (strcmp(row->verification, "pending") == 0)
        policy.verification = TG_VERIFICATION_PENDING;
    memcpy(policy.id, row->id, sizeof(policy.id));
    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_publish_text(daemon->publisher, str_of(row->name), &policy.name);
    if (err == 0)
        err = tg_publish_account(daemon->publisher, &policy, &slot);
    pthread_mutex_unlock(&daemon->publish_lock);
    return say_full(err, "account", row->id);
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
    return hash % CALENDARS;
}

static int
publish_calendar(struct publication *publication, bool is_hours,
                 const char *text, const char *id, uint32_t *blob)
{
    struct calendar *calendar =
        &publication->calendars[calendar_row(is_hours, text)];
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
    return tg_publish_text(publication->daemon->publisher,
                           (struct tg_str){compiled->bytes, compiled->len},
                           blob);
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

static int
publish_blobs(struct publication *publication, const struct tg_store_key *row,
              struct tg_key_policy *policy)
{
    struct tg_publisher *publisher = publication->daemon->publisher;
    int err = publish_text(publisher, row->name, &policy->name);

    if (err == 0)
        err = publish_list(publisher, row->models, &policy->models);
    if (err == 0)
        err = publish_networks(publisher, row->allowed_ips, &policy->networks);
    if (err == 0)
        err =
            publish_list(publisher, row->allowed_referrers, &policy->referrers);
    if (err == 0 && has_hours(row))
        err = publish_calendar(publication, true, row->hours, row->id,
                               &policy->hours);
    if (err == 0 && has_zone(row))
        err = publish_calendar(publication, false, row->timezone, row->id,
                               &policy->timezone);
    return err;
}

static uint8_t
status_of(const char *status)
{
    static const struct {
        const char *name;
        uint8_t status;
    } rows[] = {
        {"active", TG_KEY_ACTIVE},
        {"inactive", TG_KEY_INACTIVE},
        {"disabled", TG_KEY_DISABLED},
        {"deleted", TG_KEY_DELETED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, status) == 0)
            return rows[i].status;
    }
    return TG_KEY_NONE;
}

static uint32_t
scopes_of(const char *text)
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

static uint64_t
endpoints_of(const char *text)
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

static void
fill_policy(struct tg_key_policy *policy, const struct tg_store_key *row)
{
    *policy = (struct tg_key_policy){
        .endpoints = endpoints_of(row->endpoints),
        .scopes = scopes_of(row->scopes),
        .kind = (uint8_t)tg_key_kind_of(str_of(row->kind)),
        .status = status_of(row->status),
        .created_at_ms = row->created_at,
        .expires_at_ms = row->expires_at,
        .ended_at_ms = row->ended_at,
        .requests_per_second = (uint32_t)row->requests_per_second,
        .requests_per_minute = (uint32_t)row->requests_per_minute,
        .requests_per_day = (uint32_t)row->requests_per_day,
        .concurrency = (uint32_t)row->concurrency,
        .tokens_per_minute = (uint32_t)row->tokens_per_minute,
        .max_queue_ms = (uint32_t)row->max_queue_ms,
        .daily_nanos = row->daily_nanos,
        .monthly_nanos = row->monthly_nanos,
    };
    memcpy(policy->id, row->id, sizeof(policy->id));
}

struct secrets {
    struct tg_key_policy *policy;
    int count;
    int64_t now_ms;
};

/* Newest first: the first one gives the prefix and the last four. */
static int
take_secret(void *arg, const struct tg_store_secret *row)
{
    struct secrets *secrets = arg;
    struct tg_key_policy *policy = secrets->policy;
    struct tg_key_secret *target = &policy->secrets[secrets->count];

    if (secrets->count == 2 ||
        (row->valid_until != 0 && row->valid_until <= secrets->now_ms))
        return 0;
    if (secrets->count++ == 0) {
        tg_field_set(policy->prefix, sizeof(policy->prefix), row->prefix,
                     strlen(row->prefix));
        tg_field_set(policy->last4, sizeof(policy->last4), row->last4,
                     strlen(row->last4));
    }
    memcpy(target->digest, row->digest.bytes, sizeof(target->digest));
    target->valid_until_ms = row->valid_until;
    return 0;
}

static int
publish_key(void *arg, const struct tg_store_key *row)
{
    struct publication *publication = arg;
    struct tg_daemon *daemon = publication->daemon;
    struct tg_publisher *publisher = daemon->publisher;
    struct tg_key_policy policy;
    struct secrets secrets = {&policy, 0, tg_clock_ms()};
    uint32_t slot;
    int err;

    fill_policy(&policy, row);
    err = publication->store->ops->secret_each(publication->store, row->id,
                                               take_secret, &secrets);
    if (err != 0)
        return err;
    pthread_mutex_lock(&daemon->publish_lock);
    if (policy.status == TG_KEY_DELETED) {
        err = tg_publish_key_gone(publisher, row->id);
        if (err == TG_ERR_NOT_FOUND)
            err = 0;
    } else {
        err = tg_publisher_account_slot(publisher, row->account_id,
                                        &policy.account);
        if (err == 0)
            err = publish_blobs(publication, row, &policy);
        if (err == 0)
            err = tg_publish_key(publisher, &policy, &slot);
    }
    pthread_mutex_unlock(&daemon->publish_lock);
    return say_full(err, "key", row->id);
}

int
tg_policy_account(struct tg_daemon *daemon, struct tg_store *store,
                  const char *id)
{
    struct publication publication = {.daemon = daemon, .store = store};

    return store->ops->account_get(store, id, publish_account, &publication);
}

int
tg_policy_key(struct tg_daemon *daemon, struct tg_store *store, const char *id)
{
    struct publication publication = {.daemon = daemon, .store = store};

    return store->ops->key_get(store, id, publish_key, &publication);
}

int
tg_policy_all(struct tg_daemon *daemon, struct tg_store *store)
{
    static const struct tg_store_page everything = {.limit = 0};
    struct publication publication = {.daemon = daemon, .store = store};
    int err = store->ops->account_each(store, &everything, publish_account,
                                       &publication);

    if (err == 0)
        err = store->ops->key_all(store, publish_key, &publication);
    return err;
}

/* Some keys of a refresh. */
struct refresh_page {
    struct publication publication;
    struct tg_policy_refresh *refresh;
    uint32_t count;
};

static int
refresh_key(void *arg, const struct tg_store_key *row)
{
    struct refresh_page *page = arg;
    int err = 0;

    if (has_zone(row) || has_hours(row))
        err = publish_key(&page->publication, row);
    if (err != 0 && err != TG_ERR_FULL)
        return err;
    page->count++;
    snprintf(page->refresh->after, sizeof(page->refresh->after), "%s", row->id);
    return 0;
}

/* The next keys; after is empty when these were the last. */
static void
refresh_some(struct tg_daemon *daemon, struct tg_policy_refresh *refresh)
{
    struct tg_store *store = daemon->admin;
    struct refresh_page page = {
        .publication = {.daemon = daemon, .store = store}, .refresh = refresh};
    struct tg_store_page rows = {.limit = REFRESH_KEYS};
    static const struct tg_store_key_filter any = {0};
    char after[TG_ID_TEXT_SIZE];
    int err;

    if (refresh->after[0] != '\0') {
        memcpy(after, refresh->after, sizeof(after));
        rows.after = after;
    }
    err = store->ops->key_each(store, &any, &rows, refresh_key, &page);
    if (err != 0)
        tg_log(TG_LOG_ERROR,
               "cannot bring the time zones of keys up to date, and tries "
               "again tomorrow: %s",
               store->error.text);
    if (err != 0 || page.count < REFRESH_KEYS)
        refresh->after[0] = '\0';
}

void
tg_policy_refresh(struct tg_daemon *daemon, struct tg_policy_refresh *refresh,
                  int64_t now_ms)
{
    bool is_begun = refresh->after[0] != '\0';
    int64_t wait_ms = refresh->next_at_ms - now_ms;

    /* A clock that was set back must not put it off. */
    if (!is_begun && wait_ms > 0 && wait_ms <= REFRESH_MS)
        return;
    if (pthread_mutex_trylock(&daemon->admin_lock) != 0)
        return;
    refresh_some(daemon, refresh);
    pthread_mutex_unlock(&daemon->admin_lock);
    if (refresh->after[0] == '\0')
        refresh->next_at_ms = now_ms + REFRESH_MS;
}
