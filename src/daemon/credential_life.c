#include "credential_life.h"

#include <stdio.h>
#include <string.h>

#include "catalog.h"
#include "change.h"
#include "err.h"
#include "event.h"
#include "id.h"
#include "log.h"
#include "plural.h"
#include "pool.h"
#include "reply.h"

#define DAY_MS INT64_C(86400000)
#define DRAIN_MS INT64_C(3600000) /* calls at once are waited for so long */
#define AGAIN_MS INT64_C(600000)  /* put off, when its heir is refused */
#define ROWS_MAX TG_CATALOG_CREDENTIALS

/* A credential in use, as far as the clock is about it. */
struct row {
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE], last4[8];
    char replaces[TG_ID_TEXT_SIZE];
    int64_t number, position, expires_at, retire_at;
};

struct rows {
    struct row list[ROWS_MAX];
    size_t count;
    bool has_work;
};

static int
take_row(void *arg, const struct tg_store_credential *stored)
{
    struct rows *rows = arg;
    struct row *row;

    if (strcmp(stored->status, "active") != 0 || stored->position < 0 ||
        stored->position >= TG_CATALOG_CREDENTIALS || rows->count == ROWS_MAX)
        return 0;
    row = &rows->list[rows->count++];
    snprintf(row->id, sizeof(row->id), "%s", stored->id);
    snprintf(row->upstream_id, sizeof(row->upstream_id), "%s",
             stored->upstream_id);
    snprintf(row->last4, sizeof(row->last4), "%s", stored->last4);
    snprintf(row->replaces, sizeof(row->replaces), "%s", stored->replaces);
    row->number = stored->number;
    row->position = stored->position;
    row->expires_at = stored->expires_at;
    row->retire_at = stored->retire_at;
    rows->has_work |= row->expires_at != 0 || row->retire_at != 0;
    return 0;
}

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    snprintf(arg, 32, "%s", row->name);
    return 0;
}

/* Which reminder it is time for: the nearest; 0: its end; -1: none yet. */
static int
reminder_of(int64_t left_ms)
{
    static const int days[] = {1, 7, 14};

    if (left_ms <= 0)
        return 0;
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        if (left_ms <= days[i] * DAY_MS)
            return days[i];
    }
    return -1;
}

static int
tell_expiry(struct tg_store *store, const struct row *row, int days,
            int64_t now_ms)
{
    int64_t left_ms = row->expires_at - now_ms;
    char once[128], upstream[32] = "";
    struct tg_event event = {
        .upstream_id = row->upstream_id,
        .credential_id = row->id,
        .type = days == 0 ? "credential_expired" : "credential_expiring",
        .severity = days <= 1 ? "critical" : "warning",
        .once = once,
    };

    store->ops->upstream_get(store, row->upstream_id, take_name, upstream);
    snprintf(once, sizeof(once), "expiry/%s/%lld/%d", row->id,
             (long long)row->expires_at, days);
    event.evidence =
        json_pack("{s:s,s:s,s:o,s:o}", "upstream", upstream, "last4",
                  row->last4, "expires_at", tg_reply_instant(row->expires_at),
                  "days_before", days > 0 ? json_integer(days) : json_null());
    if (days == 0)
        return tg_event_tell(store, &event, now_ms,
                             "the credential %s of the upstream %s has "
                             "expired; rotate it, unless the provider "
                             "still takes it",
                             row->id, upstream);
    return tg_event_tell(store, &event, now_ms,
                         "the credential %s of the upstream %s expires "
                         "in %lld hour%s; rotate it",
                         row->id, upstream, (long long)(left_ms / 3600000),
                         tg_plural(left_ms / 3600000));
}

/*
 * What was told before is not told again: an event has its name.  What this
 * daemon has told it remembers, by place, so that it asks the store once.
 */
static int
look_at_expiry(struct tg_daemon *daemon, struct tg_store *store,
               const struct row *row, int64_t now_ms)
{
    static struct {
        int64_t number, expires_at;
        int days;
    } told[ROWS_MAX];
    int days = reminder_of(row->expires_at - now_ms), err;

    if (row->expires_at == 0 || days < 0 ||
        (told[row->position].number == row->number &&
         told[row->position].expires_at == row->expires_at &&
         told[row->position].days == days))
        return 0;
    err = tg_daemon_begin(daemon, store);
    if (err == 0)
        err =
            tg_daemon_end(daemon, store, tell_expiry(store, row, days, now_ms));
    if (err == 0) {
        told[row->position].number = row->number;
        told[row->position].expires_at = row->expires_at;
        told[row->position].days = days;
    }
    return err;
}

static const struct row *
heir_of(const struct rows *rows, const struct row *row)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->list[i].replaces, row->id) == 0)
            return &rows->list[i];
    }
    return NULL;
}

static bool
is_refused(struct tg_daemon *daemon, const struct row *row, int64_t now_ms)
{
    return tg_pool_look(&daemon->state, (uint32_t)row->position,
                        (uint32_t)row->number, now_ms)
                   .turns %
               2 ==
           1;
}

/* Its heir does not work, so calls need it: it stays, and somebody is told. */
static int
put_off(struct tg_store *store, const struct row *row, const struct row *heir,
        int64_t now_ms)
{
    char once[128];
    struct tg_event event = {
        .upstream_id = heir->upstream_id,
        .credential_id = heir->id,
        .type = "credential_rotation_stalled",
        .severity = "critical",
        .once = once,
        .evidence = json_pack("{s:s,s:s}", "old", row->id, "new", heir->id)};
    int err;

    snprintf(once, sizeof(once), "stalled/%s", heir->id);
    err = tg_event_tell(store, &event, now_ms,
                        "%s is refused by its upstream, so %s, which it "
                        "should replace, goes on",
                        heir->id, row->id);
    if (err == 0)
        err = store->ops->credential_retire(store, row->id, row->position,
                                            now_ms + AGAIN_MS);
    return err;
}

static int
end_it(struct tg_store *store, const struct row *row, const struct row *heir,
       int64_t now_ms)
{
    int err = store->ops->credential_end(store, row->id, "replaced", now_ms);

    if (err != 0)
        return err;
    return tg_change_own(
        store, "credential.retire", row->id,
        json_pack("{s:s,s:o}", "upstream_id", row->upstream_id, "replaced_by",
                  tg_reply_text(heir != NULL ? heir->id : "")));
}

/* The caller holds the admin lock. */
static int
retire(struct tg_daemon *daemon, const struct rows *rows, const struct row *row,
       int64_t now_ms)
{
    struct tg_store *store = daemon->admin;
    const struct row *heir = heir_of(rows, row);
    bool is_stalled = heir != NULL && is_refused(daemon, heir, now_ms) &&
                      !is_refused(daemon, row, now_ms);
    int err;

    if (!is_stalled && now_ms - row->retire_at < DRAIN_MS &&
        tg_pool_calls(&daemon->state, (uint32_t)row->position) > 0)
        return 0;
    err = tg_daemon_begin(daemon, store);
    if (err != 0)
        return err;
    err = tg_daemon_end(daemon, store,
                        is_stalled ? put_off(store, row, heir, now_ms)
                                   : end_it(store, row, heir, now_ms));
    return err != 0 || is_stalled ? err : tg_catalog_publish(daemon, store);
}

/* Read anew under the lock: an operator may have been faster. */
static int
retire_all(struct tg_daemon *daemon, struct rows *rows, int64_t now_ms)
{
    struct tg_store *store = daemon->admin;
    int err;

    rows->count = 0;
    err = store->ops->credential_each(store, take_row, rows);
    for (size_t i = 0; i < rows->count && err == 0; i++) {
        const struct row *row = &rows->list[i];

        if (row->retire_at != 0 && row->retire_at <= now_ms)
            err = retire(daemon, rows, row, now_ms);
    }
    return err;
}

static bool
has_retiring(const struct rows *rows, int64_t now_ms)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->list[i].retire_at != 0 && rows->list[i].retire_at <= now_ms)
            return true;
    }
    return false;
}

void
tg_credential_pass(struct tg_daemon *daemon, struct tg_store *store,
                   int64_t now_ms)
{
    struct rows rows = {.count = 0};
    int err = store->ops->credential_each(store, take_row, &rows);

    for (size_t i = 0; rows.has_work && i < rows.count && err == 0; i++)
        err = look_at_expiry(daemon, store, &rows.list[i], now_ms);
    if (err == 0 && has_retiring(&rows, now_ms)) {
        pthread_mutex_lock(&daemon->admin_lock);
        err = retire_all(daemon, &rows, now_ms);
        pthread_mutex_unlock(&daemon->admin_lock);
    }
    if (err != 0)
        tg_log(TG_LOG_ERROR, "credentials are not looked after: %s",
               store->error.text);
}
