#include "change.h"

#include <assert.h>
#include <string.h>

#include "audit.h"
#include "clock.h"
#include "idempotency.h"
#include "routes.h"

int
tg_change_begin(struct tg_request *request)
{
    return tg_daemon_begin(request->daemon, request->daemon->admin);
}

static int
add_entry(struct tg_request *request, const char *subject, json_t *details)
{
    struct tg_store_audit row = {
        .at = tg_clock_ms(),
        .operator_id = request->operator.id,
        .operator= request->operator.name,
        .via = request->operator.via,
        .ip = request->ip,
        .request_id = request->id,
        .action = request->route->action,
        .subject = subject,
    };

    assert(row.action != NULL);
    return tg_audit_add(request->daemon->admin, &row, details);
}

int
tg_change_end(struct tg_request *request, int err, const char *subject,
              json_t *details)
{
    if (err == 0)
        err = add_entry(request, subject, details);
    else
        json_decref(details);
    if (err == 0)
        err = tg_idempotency_commit(request, subject);
    return tg_daemon_end(request->daemon, request->daemon->admin, err);
}

bool
tg_change_note(struct tg_request *request, struct tg_reply *reply,
               const char *subject)
{
    struct tg_daemon *daemon = request->daemon;
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = tg_change_begin(request);
    /* It is not done yet, so it is not done under an Idempotency-Key. */
    if (err == 0)
        err = tg_daemon_end(daemon, daemon->admin,
                            add_entry(request, subject, NULL));
    if (err != 0)
        tg_reply_store(reply, daemon->admin, err, "entry");
    pthread_mutex_unlock(&daemon->admin_lock);
    return err == 0;
}

int
tg_change_own(struct tg_store *store, const char *action, const char *subject,
              json_t *details)
{
    struct tg_store_audit row = {
        .at = tg_clock_ms(),
        .operator_id = "",
        .operator= "tollgated",
        .via = "",
        .ip = "",
        .request_id = "",
        .action = action,
        .subject = subject,
    };

    return tg_audit_add(store, &row, details);
}

static bool
is_named(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = strstr(names, name); at != NULL;
         at = strstr(at + 1, name)) {
        if ((at == names || at[-1] == ' ') &&
            (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

static json_t *
or_null(json_t *value)
{
    return value != NULL ? json_incref(value) : json_null();
}

/* Adds the members of one that differ in the other. */
static void
add_differences(json_t *diff, const json_t *before, const json_t *after,
                const json_t *walked, const char *but)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)walked, name, value)
    {
        json_t *old = json_object_get(before, name);
        json_t *new = json_object_get(after, name);
        bool is_same = old == NULL || json_is_null(old)
                           ? new == NULL || json_is_null(new)
                           : json_equal(old, new);

        if (!is_same && !is_named(but, name))
            json_object_set_new(diff, name,
                                json_pack("[o,o]", or_null(old), or_null(new)));
    }
}

json_t *
tg_change_diff(const json_t *before, const json_t *after, const char *but)
{
    json_t *diff = json_object();

    add_differences(diff, before, after, before, but);
    add_differences(diff, before, after, after, but);
    return diff;
}
