#include "vigil.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "pool.h"
#include "reply.h"

#define HOUR_MS 3600000

/* Of more turns than these in one second the earlier ones are left out. */
#define TURNS_MAX 4

/* One credential that has turned. */
struct turned {
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    char upstream[32], last4[8];
    uint32_t row;
    struct tg_pool_view view;
    bool is_the_last; /* of its pool that was open */
};

struct pass {
    struct tg_daemon *daemon;
    int64_t now_ms;
    struct turned *turned; /* room for all */
    size_t count;
    bool is_active[TG_CATALOG_CREDENTIALS]; /* rows */
};

static struct tg_pool_row *
row_of(struct tg_daemon *daemon, uint32_t row)
{
    return &daemon->state.pool[row];
}

static struct tg_pool_view
view_of(struct tg_daemon *daemon, uint32_t row, int64_t now_ms)
{
    return tg_pool_look(&daemon->state, row,
                        atomic_load(&row_of(daemon, row)->generation), now_ms);
}

/* Asked each second, so it comes without any lock. */
static bool
has_turned(struct tg_daemon *daemon, int64_t now_ms)
{
    for (uint32_t i = 0; i < TG_CATALOG_CREDENTIALS; i++) {
        if (view_of(daemon, i, now_ms).turns !=
            atomic_load(&row_of(daemon, i)->told))
            return true;
    }
    return false;
}

static int
take_turned(void *arg, const struct tg_store_credential *row)
{
    struct pass *pass = arg;
    struct turned *turned = &pass->turned[pass->count];
    uint32_t at = (uint32_t)row->position;

    if (strcmp(row->status, "active") != 0 || row->position < 0 ||
        row->position >= TG_CATALOG_CREDENTIALS ||
        atomic_load(&row_of(pass->daemon, at)->generation) !=
            (uint32_t)row->number)
        return 0;
    pass->is_active[at] = true;
    turned->view = view_of(pass->daemon, at, pass->now_ms);
    if (turned->view.turns == atomic_load(&row_of(pass->daemon, at)->told))
        return 0;
    turned->row = at;
    snprintf(turned->id, sizeof(turned->id), "%s", row->id);
    snprintf(turned->upstream_id, sizeof(turned->upstream_id), "%s",
             row->upstream_id);
    snprintf(turned->last4, sizeof(turned->last4), "%s", row->last4);
    pass->count++;
    return 0;
}

static int
take_name(void *arg, const struct tg_store_upstream *row)
{
    snprintf(arg, sizeof(((struct turned *)NULL)->upstream), "%s", row->name);
    return 0;
}

/* Whether calls of an upstream have any other credential. */
static bool
has_others(struct tg_daemon *daemon, const struct turned *turned,
           int64_t now_ms)
{
    const struct tg_upstream *upstream = NULL;
    bool is_there = false;

    pthread_mutex_lock(&daemon->publish_lock);
    for (int i = 0; daemon->catalog != NULL && i < TG_CATALOG_UPSTREAMS; i++) {
        if (strncmp(daemon->catalog->upstreams[i].id, turned->upstream_id,
                    TG_ID_LEN) == 0)
            upstream = &daemon->catalog->upstreams[i];
    }
    for (int i = 0; upstream != NULL && i < upstream->credential_count; i++)
        is_there |=
            upstream->credentials[i] != turned->row &&
            view_of(daemon, upstream->credentials[i], now_ms).turns % 2 == 0;
    pthread_mutex_unlock(&daemon->publish_lock);
    return is_there;
}

static json_t *
evidence_of(const struct turned *turned, bool is_out)
{
    json_t *object =
        json_pack("{s:s,s:o,s:o,s:o}", "upstream", turned->upstream, "last4",
                  tg_reply_text(turned->last4), "status",
                  turned->view.status != 0 ? json_integer(turned->view.status)
                                           : json_null(),
                  "failed_at", tg_reply_instant(turned->view.failed_at_ms));

    if (is_out)
        json_object_set_new(object, "until",
                            tg_reply_instant(turned->view.until_ms));
    return object;
}

/* What people read: never the secret, its last four characters at most. */
static void
say(const struct turned *turned, bool is_out, char *text, size_t size)
{
    char tail[24] = "";

    if (turned->last4[0] != '\0')
        snprintf(tail, sizeof(tail), " (…%s)", turned->last4);
    if (!is_out)
        snprintf(text, size, "%s%s of the upstream %s is used again",
                 turned->id, tail, turned->upstream);
    else
        snprintf(text, size,
                 "the upstream %s refuses %s%s with status %u: it is taken "
                 "out and tried again from time to time%s",
                 turned->upstream, turned->id, tail, turned->view.status,
                 turned->is_the_last
                     ? "; no other credential of this upstream is left"
                     : "");
}

static int
tell(struct pass *pass, const struct turned *turned, uint32_t turn)
{
    char once[96], message[256];
    bool is_out = turn % 2 == 1;
    struct tg_event event = {
        .type = is_out ? "credential_failed" : "credential_recovered",
        .severity = !is_out               ? "info"
                    : turned->is_the_last ? "critical"
                                          : "warning",
        .once = once,
        .upstream_id = turned->upstream_id,
        .credential_id = turned->id,
        .evidence = evidence_of(turned, is_out),
    };

    /* Turns begin anew after 2048, which takes longer than an hour. */
    snprintf(once, sizeof(once), "pool/%s/%u/%lld", turned->id, turn,
             (long long)(turned->view.failed_at_ms / HOUR_MS));
    say(turned, is_out, message, sizeof(message));
    return tg_event_tell(pass->daemon->admin, &event, pass->now_ms, "%s",
                         message);
}

/* All turns of one credential, in a transaction of their own. */
static int
tell_all(struct pass *pass, struct turned *turned)
{
    struct tg_daemon *daemon = pass->daemon;
    struct tg_pool_row *row = row_of(daemon, turned->row);
    uint32_t told = atomic_load(&row->told), turns = turned->view.turns;
    uint32_t n = (turns - told) % TG_POOL_TURNS;
    int err = tg_daemon_begin(daemon, daemon->admin);

    if (err != 0)
        return err;
    if (n > TURNS_MAX)
        n = TURNS_MAX - n % 2;
    daemon->admin->ops->upstream_get(daemon->admin, turned->upstream_id,
                                     take_name, turned->upstream);
    turned->is_the_last = !has_others(daemon, turned, pass->now_ms);
    while (err == 0 && n > 0) {
        n--;
        err = tell(pass, turned, (turns - n) % TG_POOL_TURNS);
    }
    err = tg_daemon_end(daemon, daemon->admin, err);
    if (err == 0)
        atomic_store(&row->told, turns);
    return err;
}

/* Of a credential that was ended meanwhile nothing is told. */
static void
forget_the_gone(struct pass *pass)
{
    for (uint32_t i = 0; i < TG_CATALOG_CREDENTIALS; i++) {
        if (!pass->is_active[i])
            atomic_store(&row_of(pass->daemon, i)->told,
                         view_of(pass->daemon, i, pass->now_ms).turns);
    }
}

static void
tell_of_all(struct pass *pass)
{
    struct tg_store *store = pass->daemon->admin;
    int err = store->ops->credential_each(store, take_turned, pass);

    for (size_t i = 0; i < pass->count && err == 0; i++)
        err = tell_all(pass, &pass->turned[i]);
    if (err == 0)
        forget_the_gone(pass);
    if (err != 0)
        tg_log(TG_LOG_ERROR, "an event could not be stored: %s",
               store->error.text);
}

void
tg_vigil_pass(struct tg_daemon *daemon, struct tg_store *store, int64_t now_ms)
{
    struct pass pass = {.daemon = daemon, .now_ms = now_ms};

    (void)store;
    if (!has_turned(daemon, now_ms))
        return;
    pthread_mutex_lock(&daemon->admin_lock);
    pass.turned = calloc(TG_CATALOG_CREDENTIALS, sizeof(*pass.turned));
    if (pass.turned != NULL)
        tell_of_all(&pass);
    free(pass.turned);
    pthread_mutex_unlock(&daemon->admin_lock);
}
