#include "agenda.h"

#include <string.h>

#include "civil.h"

static bool
is_alive(const struct tg_store_key *row)
{
    return strcmp(row->status, "active") == 0 ||
           strcmp(row->status, "inactive") == 0;
}

int64_t
tg_agenda_rotation_at(const struct tg_store_key *row)
{
    if (row->rotate_days == 0 || !is_alive(row))
        return 0;
    return row->rotated_at + row->rotate_days * TG_MS_PER_DAY;
}

static int64_t
expiry_at(const struct tg_store_key *row)
{
    return is_alive(row) ? row->expires_at : 0;
}

static int
put(struct tg_store *store, const struct tg_store_key *row, const char *what,
    int64_t at)
{
    struct tg_store_errand errand = {row->id, what, at};

    return store->ops->errand_put(store, &errand);
}

/* What would have been told before now is not told: whoever says now knows. */
static int
put_expiry(struct tg_store *store, const struct tg_store_key *row,
           int64_t now_ms)
{
    static const struct {
        const char *what;
        int days;
    } reminders[] = {
        {TG_ERRAND_EXPIRY "-14", 14},
        {TG_ERRAND_EXPIRY "-7", 7},
        {TG_ERRAND_EXPIRY "-1", 1},
        {TG_ERRAND_EXPIRY, 0},
    };
    int64_t expires_at = expiry_at(row);
    int err = 0;

    for (size_t i = 0; i < sizeof(reminders) / sizeof(reminders[0]) && err == 0;
         i++) {
        int64_t at = expires_at - reminders[i].days * TG_MS_PER_DAY;

        err = put(store, row, reminders[i].what,
                  expires_at != 0 && at > now_ms ? at : 0);
    }
    return err;
}

static int
put_rotation(struct tg_store *store, const struct tg_store_key *row,
             int64_t now_ms)
{
    int64_t at = tg_agenda_rotation_at(row), soon_at = 0;
    int err;

    if (at != 0 && row->rotate_days * TG_MS_PER_DAY > TG_ROTATION_SOON_MS &&
        at - TG_ROTATION_SOON_MS > now_ms)
        soon_at = at - TG_ROTATION_SOON_MS;
    err = put(store, row, TG_ERRAND_ROTATION_SOON, soon_at);
    return err != 0 ? err : put(store, row, TG_ERRAND_ROTATION, at);
}

int
tg_agenda_change(struct tg_store *store, const struct tg_store_key *before,
                 const struct tg_store_key *after, int64_t now_ms)
{
    int err = 0;

    if ((before == NULL ? 0 : expiry_at(before)) != expiry_at(after))
        err = put_expiry(store, after, now_ms);
    if (err == 0 && (before == NULL ? 0 : tg_agenda_rotation_at(before)) !=
                        tg_agenda_rotation_at(after))
        err = put_rotation(store, after, now_ms);
    return err;
}
