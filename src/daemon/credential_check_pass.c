#include <stdio.h>
#include <string.h>

#include "credential_check.h"
#include "err.h"
#include "log.h"

#define ASK_MS 8000
#define FIRST_MS 600000 /* a new one, at the latest */

/*
 * The one that has been due for longest.  One in each pass: others of the
 * courier wait meanwhile.
 */
struct due {
    struct tg_store *store;
    int64_t now_ms, every_ms;
    int64_t since_ms;
    char id[TG_ID_TEXT_SIZE]; /* "": none is */
};

struct last {
    int64_t at, next_at;
};

static int
take_last(void *arg, const struct tg_store_check *row)
{
    struct last *last = arg;

    last->at = row->at;
    last->next_at = row->next_at;
    return 0;
}

/* A clock that was set back must not put it off for long. */
static int64_t
due_at(const struct due *due, const struct tg_store_credential *row,
       const struct last *last)
{
    int64_t first_ms = due->every_ms < FIRST_MS ? due->every_ms : FIRST_MS;
    int64_t at_ms = last->at != 0 ? last->next_at : row->created_at + first_ms;

    return at_ms - due->now_ms > due->every_ms ? due->now_ms : at_ms;
}

static int
look_at(void *arg, const struct tg_store_credential *row)
{
    struct due *due = arg;
    struct last last = {0, 0};
    int64_t at_ms;
    int err;

    if (strcmp(row->status, "active") != 0)
        return 0;
    err = due->store->ops->check_get(due->store, row->id, take_last, &last);
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    at_ms = due_at(due, row, &last);
    if (at_ms > due->now_ms || (due->id[0] != '\0' && at_ms >= due->since_ms))
        return 0;
    due->since_ms = at_ms;
    snprintf(due->id, sizeof(due->id), "%s", row->id);
    return 0;
}

static int
check_one(struct tg_daemon *daemon, struct tg_store *store, const char *id)
{
    struct tg_check check = {.is_found = false};
    int err = tg_check_begin(&check, daemon, store, id);

    if (err == 0) {
        tg_check_ask(&check, ASK_MS);
        err = tg_check_keep(&check, daemon, store);
    }
    tg_check_end(&check);
    return err == TG_ERR_NOT_FOUND ? 0 : err;
}

void
tg_check_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct due due = {
        .store = store,
        .now_ms = now_ms,
        .every_ms =
            (int64_t)atomic_load(&daemon->responses.check_seconds) * 1000,
    };
    int err;

    if (due.every_ms == 0)
        return;
    err = store->ops->credential_each(store, look_at, &due);
    if (err == 0 && due.id[0] != '\0')
        err = check_one(daemon, store, due.id);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "credentials could not be checked: %s",
               store->error.text);
}
