#include "rotation.h"

#include <stdio.h>
#include <string.h>

#include "agenda.h"
#include "err.h"

void
tg_rotation_take(struct tg_rotation *rotation,
                 const struct tg_store_secret *row, int64_t now_ms)
{
    if (row->ordinal > rotation->ordinal)
        rotation->ordinal = row->ordinal;
    if (row->valid_until != 0 && row->valid_until <= now_ms)
        return;
    if (rotation->newest[0] == '\0') {
        snprintf(rotation->newest, sizeof(rotation->newest), "%s", row->id);
        snprintf(rotation->prefix, sizeof(rotation->prefix), "%s", row->prefix);
        snprintf(rotation->last4, sizeof(rotation->last4), "%s", row->last4);
        rotation->begun_at = row->created_at;
        rotation->grace_ms = row->grace_ms;
        rotation->has_delivery = row->is_awaited;
        return;
    }
    snprintf(rotation->old, sizeof(rotation->old), "%s", row->id);
    snprintf(rotation->old_last4, sizeof(rotation->old_last4), "%s",
             row->last4);
    rotation->old_until = row->valid_until;
    rotation->is_under_way = true;
    rotation->is_awaited = rotation->has_delivery;
}

struct look {
    struct tg_rotation *rotation;
    int64_t now_ms;
};

static int
take(void *arg, const struct tg_store_secret *row)
{
    struct look *look = arg;

    tg_rotation_take(look->rotation, row, look->now_ms);
    return 0;
}

int
tg_rotation_look(struct tg_store *store, const char *key_id, int64_t now_ms,
                 struct tg_rotation *rotation)
{
    struct look look = {rotation, now_ms};
    int err;

    memset(rotation, 0, sizeof(*rotation));
    err = store->ops->secret_each(store, key_id, take, &look);
    if (err == 0 && rotation->newest[0] == '\0')
        err = TG_ERR_NOT_FOUND;
    return err;
}

/* The schedule counts from now on. */
static int
count_from(struct tg_store *store, const struct tg_store_key *row,
           int64_t now_ms)
{
    struct tg_store_key changed = *row;
    int err;

    changed.rotated_at = now_ms;
    err = store->ops->key_set(store, &changed);
    return err != 0 ? err : tg_agenda_change(store, row, &changed, now_ms);
}

int
tg_rotation_begin(struct tg_store *store, const struct tg_store_key *row,
                  const struct tg_rotation *rotation, struct tg_minted *minted,
                  int64_t grace_ms, bool is_awaited, int64_t now_ms)
{
    struct tg_store_secret old = {
        .id = rotation->newest,
        .valid_until = is_awaited ? 0 : now_ms + grace_ms,
    };
    int err;

    minted->row.ordinal = rotation->ordinal + 1;
    minted->row.grace_ms = grace_ms;
    minted->row.is_awaited = is_awaited;
    err = store->ops->secret_add(store, &minted->row);
    if (err == 0)
        err = store->ops->secret_set(store, &old);
    return err != 0 ? err : count_from(store, row, now_ms);
}

int
tg_rotation_finish(struct tg_store *store, const struct tg_rotation *rotation,
                   int64_t until_ms)
{
    struct tg_store_secret old = {.id = rotation->old, .valid_until = until_ms};
    struct tg_store_secret newest = {.id = rotation->newest,
                                     .grace_ms = rotation->grace_ms};
    int err = store->ops->secret_set(store, &old);

    return err != 0 ? err : store->ops->secret_set(store, &newest);
}

int
tg_rotation_undo(struct tg_store *store, const struct tg_store_key *row,
                 const struct tg_rotation *rotation, int64_t now_ms)
{
    struct tg_store_secret newest = {.id = rotation->newest,
                                     .valid_until = now_ms};
    struct tg_store_secret old = {.id = rotation->old};
    int err = store->ops->secret_set(store, &newest);

    if (err == 0)
        err = store->ops->secret_set(store, &old);
    return err != 0 ? err : count_from(store, row, now_ms);
}
