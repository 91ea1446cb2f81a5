#include "policy.h"

#include <stdio.h>
#include <string.h>

#include "civil.h"
#include "clock.h"
#include "err.h"
#include "key.h"
#include "log.h"
#include "policy_text.h"
#include "respond.h"

#define REFRESH_MS TG_MS_PER_DAY
#define REFRESH_KEYS 100 /* in one go: others wait for the lock */

/* A key whose secrets are still coming. */
struct pending {
    struct tg_key_policy policy;
    int secrets;                /* in force, so far */
    struct tg_key_secret ended; /* the one that ended last, of those that did */
    uint8_t ended_number;
    char id[TG_ID_TEXT_SIZE]; /* "": nothing is pending */
};

/* What a visitor needs to publish a row. */
struct publication {
    struct tg_daemon *daemon;
    struct tg_store *store;
    int64_t now_ms;
    struct pending pending;
    struct tg_policy_text text;
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

/* A throttled key has fewer, until then. */
static uint32_t
rate_of(const struct publication *publication, const struct tg_store_key *row)
{
    return tg_respond_is_throttled(row, publication->now_ms)
               ? tg_respond_rate(publication->daemon, row->requests_per_minute)
               : (uint32_t)row->requests_per_minute;
}

static void
fill_policy(struct publication *publication, const struct tg_store_key *row)
{
    struct tg_key_policy *policy = &publication->pending.policy;

    *policy = (struct tg_key_policy){
        .endpoints = tg_policy_endpoints(&publication->text, row->endpoints),
        .scopes = tg_policy_scopes(&publication->text, row->scopes),
        .kind = (uint8_t)tg_key_kind_of(str_of(row->kind)),
        .status = status_of(row->status),
        .created_at_ms = row->created_at,
        .expires_at_ms = row->expires_at,
        .ended_at_ms = row->ended_at,
        .requests_per_second = (uint32_t)row->requests_per_second,
        .requests_per_minute = rate_of(publication, row),
        .requests_per_day = (uint32_t)row->requests_per_day,
        .concurrency = (uint32_t)row->concurrency,
        .tokens_per_minute = (uint32_t)row->tokens_per_minute,
        .max_queue_ms = (uint32_t)row->max_queue_ms,
        .daily_nanos = row->daily_nanos,
        .monthly_nanos = row->monthly_nanos,
    };
    memcpy(policy->id, row->id, sizeof(policy->id));
}

/* As calls tell it: call.h. */
static uint8_t
number_of(const struct tg_store_secret *row)
{
    return (uint8_t)((row->ordinal - 1) % UINT8_MAX + 1);
}

static void
fill_secret(struct tg_key_secret *target, const struct tg_store_secret *row)
{
    memcpy(target->digest, row->digest.bytes, sizeof(target->digest));
    target->valid_until_ms = row->valid_until;
}

/*
 * The newest comes first: the first in force gives prefix and last four.  Of
 * those that have ended one is kept, where there is room for it: whoever still
 * sends it is told what replaced it.
 */
static void
take_secret(struct pending *pending, const struct tg_store_secret *row,
            int64_t now_ms)
{
    struct tg_key_policy *policy = &pending->policy;

    if (row->valid_until != 0 && row->valid_until <= now_ms) {
        if (row->valid_until > pending->ended.valid_until_ms) {
            fill_secret(&pending->ended, row);
            pending->ended_number = number_of(row);
        }
        return;
    }
    if (pending->secrets == 2)
        return;
    if (pending->secrets == 0) {
        tg_field_set(policy->prefix, sizeof(policy->prefix), row->prefix,
                     strlen(row->prefix));
        tg_field_set(policy->last4, sizeof(policy->last4), row->last4,
                     strlen(row->last4));
    }
    policy->secret_numbers[pending->secrets] = number_of(row);
    fill_secret(&policy->secrets[pending->secrets++], row);
}

/* The secret that is in force stands first, so that none is second alone. */
static void
take_ended(struct pending *pending)
{
    struct tg_key_policy *policy = &pending->policy;

    if (pending->secrets != 1 || pending->ended.valid_until_ms == 0)
        return;
    policy->secrets[1] = pending->ended;
    policy->secret_numbers[1] = pending->ended_number;
}

/*
 * A key's own part of its policy; its secrets are still to come, of which
 * first is one, or NULL.
 */
static int
begin_key(struct publication *publication, const struct tg_store_key *row,
          const struct tg_store_secret *first)
{
    struct tg_daemon *daemon = publication->daemon;
    struct pending *pending = &publication->pending;
    int err = 0;

    fill_policy(publication, row);
    pending->secrets = 0;
    pending->ended = (struct tg_key_secret){.valid_until_ms = 0};
    memcpy(pending->id, row->id, strlen(row->id) + 1);
    if (pending->policy.status == TG_KEY_DELETED)
        return 0;
    pthread_mutex_lock(&daemon->publish_lock);
    tg_publish_expect(daemon->publisher, row->id,
                      first != NULL ? first->digest.bytes : NULL);
    err = tg_publisher_account_slot(daemon->publisher, row->account_id,
                                    &pending->policy.account);
    if (err == 0)
        err = tg_policy_blobs(&publication->text, daemon->publisher, row,
                              &pending->policy);
    pthread_mutex_unlock(&daemon->publish_lock);
    return say_full(err, "key", row->id);
}

/* Puts the pending key in force, if one is pending. */
static int
end_key(struct publication *publication)
{
    struct tg_daemon *daemon = publication->daemon;
    struct pending *pending = &publication->pending;
    uint32_t slot;
    int err;

    if (pending->id[0] == '\0')
        return 0;
    take_ended(pending);
    pthread_mutex_lock(&daemon->publish_lock);
    if (pending->policy.status != TG_KEY_DELETED)
        err = tg_publish_key(daemon->publisher, &pending->policy, &slot);
    else
        err = tg_publish_key_gone(daemon->publisher, pending->id);
    pthread_mutex_unlock(&daemon->publish_lock);
    if (err == TG_ERR_NOT_FOUND)
        err = 0;
    err = say_full(err, "key", pending->id);
    pending->id[0] = '\0';
    return err;
}

static int
add_secret(void *arg, const struct tg_store_secret *row)
{
    struct publication *publication = arg;

    take_secret(&publication->pending, row, publication->now_ms);
    return 0;
}

static int
publish_key(void *arg, const struct tg_store_key *row)
{
    struct publication *publication = arg;
    struct tg_store *store = publication->store;
    int err = begin_key(publication, row, NULL);

    if (err == 0)
        err = store->ops->secret_each(store, row->id, add_secret, publication);
    return err != 0 ? err : end_key(publication);
}

/* Of all keys: one visit for each secret. */
static int
publish_joined(void *arg, const struct tg_store_key *row,
               const struct tg_store_secret *secret)
{
    struct publication *publication = arg;
    int err = 0;

    if (strcmp(publication->pending.id, row->id) != 0) {
        err = end_key(publication);
        if (err == 0)
            err = begin_key(publication, row, secret);
    }
    if (err == 0 && secret != NULL)
        take_secret(&publication->pending, secret, publication->now_ms);
    return err;
}

static struct publication
publication_of(struct tg_daemon *daemon, struct tg_store *store)
{
    return (struct publication){
        .daemon = daemon, .store = store, .now_ms = tg_clock_ms()};
}

int
tg_policy_account(struct tg_daemon *daemon, struct tg_store *store,
                  const char *id)
{
    struct publication publication = publication_of(daemon, store);

    return store->ops->account_get(store, id, publish_account, &publication);
}

int
tg_policy_key(struct tg_daemon *daemon, struct tg_store *store, const char *id)
{
    struct publication publication = publication_of(daemon, store);

    return store->ops->key_get(store, id, publish_key, &publication);
}

/* Half of the keys, by a connection of its own. */
struct half {
    struct publication publication;
    uint32_t number;
    int err;
};

static void *
publish_half(void *arg)
{
    struct half *half = arg;
    struct tg_store *store = half->publication.store;

    half->err = store->ops->key_all(store, half->number, 2, publish_joined,
                                    &half->publication);
    if (half->err == 0)
        half->err = end_key(&half->publication);
    return NULL;
}

/*
 * Of a million keys, reading takes as long as publishing; in two threads one
 * reads while the other publishes.
 */
static int
publish_keys(struct tg_daemon *daemon, struct tg_store *store)
{
    struct half first = {publication_of(daemon, store), 0, 0};
    struct half second = {publication_of(daemon, daemon->reports), 1, 0};
    pthread_t thread;
    bool is_apart = pthread_create(&thread, NULL, publish_half, &second) == 0;

    publish_half(&first);
    if (is_apart)
        pthread_join(thread, NULL);
    else
        publish_half(&second);
    if (first.err == 0 && second.err != 0)
        store->error = daemon->reports->error;
    return first.err != 0 ? first.err : second.err;
}

int
tg_policy_accounts(struct tg_daemon *daemon, struct tg_store *store)
{
    static const struct tg_store_page everything = {.limit = 0};
    struct publication publication = publication_of(daemon, store);

    return store->ops->account_each(store, &everything, publish_account,
                                    &publication);
}

int
tg_policy_keys(struct tg_daemon *daemon, struct tg_store *store)
{
    uint32_t keys;
    int err = store->ops->key_count(store, &keys);

    if (err == 0) {
        pthread_mutex_lock(&daemon->publish_lock);
        err = tg_publish_reserve(daemon->publisher, keys);
        pthread_mutex_unlock(&daemon->publish_lock);
    }
    return err != 0 ? err : publish_keys(daemon, store);
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

    if (tg_policy_has_calendar(row))
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
    struct refresh_page page = {.publication = publication_of(daemon, store),
                                .refresh = refresh};
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
