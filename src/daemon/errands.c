#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "change.h"
#include "civil.h"
#include "event.h"
#include "plural.h"
#include "reply.h"
#include "rotation.h"
#include "sinks.h"

#define HOUR_MS INT64_C(3600000)

static const char *
instant(int64_t at_ms, char text[TG_CIVIL_TEXT_SIZE])
{
    if (tg_civil_format(at_ms, text) != 0)
        text[0] = '\0';
    return text;
}

/* "in 7 days", "in 23 hours", "in less than an hour". */
static const char *
span(int64_t ms, char *text, size_t size)
{
    int64_t hours = (ms + HOUR_MS / 2) / HOUR_MS;

    if (ms < HOUR_MS)
        snprintf(text, size, "in less than an hour");
    else if (hours < 48)
        snprintf(text, size, "in %lld hour%s", (long long)hours,
                 tg_plural(hours));
    else
        snprintf(text, size, "in %lld days", (long long)((hours + 12) / 24));
    return text;
}

static int
tell_expired(struct tg_errand_call *call, const struct tg_store_key *row)
{
    char once[96], at[TG_CIVIL_TEXT_SIZE];
    struct tg_event event = {.key_id = row->id,
                             .account_id = row->account_id,
                             .type = "key_expired",
                             .severity = "warning",
                             .once = once,
                             .evidence =
                                 json_pack("{s:o,s:o}", "expires_at",
                                           tg_reply_instant(row->expires_at),
                                           "owner", tg_reply_text(row->owner))};

    snprintf(once, sizeof(once), "expired/%s/%lld", row->id,
             (long long)row->expires_at);
    return tg_event_tell(call->store, &event, call->now_ms,
                         "the key %s (%s) has expired at %s: its calls are "
                         "refused; tollgate keys update %s --expires 90d lets "
                         "it call again",
                         row->name, row->id, instant(row->expires_at, at),
                         row->id);
}

/* One that comes late, after the expiry, says so. */
static int
tell_expiring(struct tg_errand_call *call, const struct tg_store_key *row,
              int days)
{
    int64_t left_ms = row->expires_at - call->now_ms;
    char once[96], at[TG_CIVIL_TEXT_SIZE], in[48];
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = "key_expiring",
        .severity = days > 7 ? "info" : "warning",
        .once = once,
        .evidence = json_pack("{s:i,s:o,s:o}", "days_before", days,
                              "expires_at", tg_reply_instant(row->expires_at),
                              "owner", tg_reply_text(row->owner))};

    snprintf(once, sizeof(once), "expiring/%s/%lld/%d", row->id,
             (long long)row->expires_at, days);
    return tg_event_tell(
        call->store, &event, call->now_ms, "the key %s (%s) expires %s, at %s",
        row->name, row->id,
        left_ms > 0 ? span(left_ms, in, sizeof(in)) : "(this reminder is late)",
        instant(row->expires_at, at));
}

int
tg_errand_expiry(struct tg_errand_call *call, const struct tg_store_key *row)
{
    const char *days = strchr(call->errand->what, '-');

    if (row->expires_at == 0)
        return 0;
    return days == NULL ? tell_expired(call, row)
                        : tell_expiring(call, row, atoi(days + 1));
}

int
tg_errand_rotation_soon(struct tg_errand_call *call,
                        const struct tg_store_key *row)
{
    int64_t next_at = tg_agenda_rotation_at(row);
    char once[96], at[TG_CIVIL_TEXT_SIZE], in[48];
    struct tg_event event = {.key_id = row->id,
                             .account_id = row->account_id,
                             .type = "rotation_soon",
                             .severity = "info",
                             .once = once};

    if (next_at == 0)
        return 0;
    event.evidence =
        json_pack("{s:o,s:I}", "next_at", tg_reply_instant(next_at),
                  "interval_days", (json_int_t)row->rotate_days);
    snprintf(once, sizeof(once), "rotation-soon/%s/%lld", row->id,
             (long long)next_at);
    return tg_event_tell(call->store, &event, call->now_ms,
                         "the key %s (%s) is rotated by its schedule %s, at %s",
                         row->name, row->id,
                         next_at > call->now_ms
                             ? span(next_at - call->now_ms, in, sizeof(in))
                             : "now",
                         instant(next_at, at));
}

/* Nobody would get the new secret: whoever reads this makes it by hand. */
static int
tell_due(struct tg_errand_call *call, const struct tg_store_key *row)
{
    char once[96];
    struct tg_event event = {
        .key_id = row->id,
        .account_id = row->account_id,
        .type = "rotation_due",
        .severity = "warning",
        .once = once,
        .evidence =
            json_pack("{s:o,s:I}", "since", tg_reply_instant(call->errand->at),
                      "interval_days", (json_int_t)row->rotate_days)};

    snprintf(once, sizeof(once), "rotation-due/%s/%lld", row->id,
             (long long)row->rotated_at);
    return tg_event_tell(call->store, &event, call->now_ms,
                         "the key %s (%s) is due for its rotation, but has no "
                         "sink, so nobody would get the new secret; rotate it: "
                         "tollgate keys rotate %s",
                         row->name, row->id, row->id);
}

static int
tell_rotated(struct tg_errand_call *call, const struct tg_store_key *row,
             const struct tg_rotation *rotation, const char *secret_id)
{
    char once[96];
    json_t *details =
        json_pack("{s:[s,s],s:I}", "secret", rotation->newest, secret_id,
                  "interval_days", (json_int_t)row->rotate_days);
    struct tg_event event = {.key_id = row->id,
                             .account_id = row->account_id,
                             .type = "key_rotated",
                             .severity = "info",
                             .once = once,
                             .evidence = json_incref(details)};
    int err;

    snprintf(once, sizeof(once), "rotated/%s", secret_id);
    err = tg_event_tell(call->store, &event, call->now_ms,
                        "the key %s (%s) was rotated by its schedule; its new "
                        "secret is on its way to its sinks",
                        row->name, row->id);
    if (err != 0) {
        json_decref(details);
        return err;
    }
    return tg_change_own(call->store, "key.rotate", row->id, details);
}

/* *count: to how many places the new secret goes; 0: there is none. */
static int
rotate(struct tg_errand_call *call, const struct tg_store_key *row,
       const struct tg_rotation *rotation, uint32_t *count)
{
    enum tg_key_kind kind =
        tg_key_kind_of((struct tg_str){row->kind, strlen(row->kind)});
    struct tg_minted minted;
    int err = tg_mint(&minted, kind, row->id, call->now_ms);

    if (err == 0)
        err = tg_sinks_enqueue(call->daemon, call->store, row->id, minted.id,
                               &minted.secret, count);
    if (err == 0 && *count > 0)
        err = tg_rotation_begin(call->store, row, rotation, &minted,
                                row->grace_days * TG_MS_PER_DAY, true,
                                call->now_ms);
    if (err == 0 && *count > 0)
        err = tell_rotated(call, row, rotation, minted.id);
    call->is_changed = *count > 0;
    tg_minted_wipe(&minted);
    return err;
}

/* What stands in the way may be gone by then. */
static int
later(struct tg_errand_call *call, const struct tg_store_key *row,
      int64_t at_ms)
{
    struct tg_store_errand errand = {row->id, TG_ERRAND_ROTATION, at_ms};

    return call->store->ops->errand_put(call->store, &errand);
}

int
tg_errand_rotation(struct tg_errand_call *call, const struct tg_store_key *row)
{
    bool has_expired = row->expires_at != 0 && row->expires_at <= call->now_ms;
    struct tg_rotation rotation;
    uint32_t count = 0;
    int err = tg_rotation_look(call->store, row->id, call->now_ms, &rotation);

    if (err != 0 || tg_agenda_rotation_at(row) == 0)
        return err;
    if (rotation.is_under_way && rotation.old_until != 0)
        return later(call, row, rotation.old_until);
    if (rotation.is_under_way || has_expired ||
        strcmp(row->status, "active") != 0)
        return later(call, row, call->now_ms + HOUR_MS);
    err = rotate(call, row, &rotation, &count);
    if (err != 0 || count > 0)
        return err;
    err = tell_due(call, row);
    return err != 0 ? err : later(call, row, call->now_ms + HOUR_MS);
}
