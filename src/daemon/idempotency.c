#include "idempotency_part.h"

#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "routes.h"

#define KEY_MAX 255
#define KEPT_MS TG_MS_PER_DAY
#define KEPT_MAX 20000 /* requests */
#define MINUTE_MS INT64_C(60000)
#define IN_PARTS (-1) /* status of what makes several changes and has begun */

/* A row of the store, as it is needed once its texts are gone. */
struct found {
    struct tg_request *request;
    const struct tg_digest *key;
    bool is_same;
    int64_t status;
    char etag[TG_REPLY_ETAG_SIZE];
    char subject[256];
    json_t *value; /* answer, or what is told once */
};

static int
take_row(void *arg, const struct tg_store_repeat *row)
{
    struct found *found = arg;

    found->is_same = tg_digest_is_equal(&row->request, found->key + 1);
    found->status = row->status;
    strncpy(found->etag, row->etag, sizeof(found->etag) - 1);
    strncpy(found->subject, row->subject, sizeof(found->subject) - 1);
    found->value =
        tg_idempotency_unseal(found->request, found->key, row->sealed);
    return 0;
}

/* The object as it is; else what is known of the change. */
static void
read_anew(struct tg_request *request, struct tg_reply *reply,
          const struct found *found)
{
    const struct tg_admin_route *route = tg_route_showing(request->route);
    struct tg_request reading = *request;
    bool is_new = strstr(request->route->path, "{}") == NULL;

    reading.method = "GET";
    reading.route = route;
    reading.subject = found->subject;
    reading.argument_count = 0;
    reading.body = NULL;
    reading.if_match = NULL;
    if (route != NULL && found->subject[0] != '\0')
        route->handle(&reading, reply);
    if (reply->status != 200)
        tg_reply_json(reply, 200,
                      json_pack("{s:s,s:s,s:o}", "object", "change", "action",
                                request->route->action, "subject",
                                tg_reply_text(found->subject)));
    if (found->value != NULL)
        json_object_update(reply->body, found->value);
    if (is_new)
        reply->status = 201;
}

static void
answer_again(struct tg_request *request, struct tg_reply *reply,
             struct found *found)
{
    if (!found->is_same) {
        tg_reply_error(reply, 409, "idempotency_key_reused", "Idempotency-Key",
                       "this Idempotency-Key was sent with another request; "
                       "take a new one for each thing that is to be done");
        return;
    }
    if (found->status == IN_PARTS) {
        tg_reply_error(reply, 409, "idempotency_interrupted", "Idempotency-Key",
                       "the request with this Idempotency-Key was begun and "
                       "cut short; see what it did in the audit log, and send "
                       "what is left under a new one");
        return;
    }
    if (found->status == 0) {
        read_anew(request, reply, found);
    } else if (found->value == NULL) {
        tg_reply_error(reply, 503, "store_unavailable", NULL,
                       "the first answer cannot be read: is it another "
                       "master key?");
        return;
    } else {
        memcpy(reply->etag, found->etag, sizeof(reply->etag));
        tg_reply_json(reply, (unsigned)found->status,
                      json_incref(found->value));
    }
    reply->is_replayed = true;
}

static bool
is_key(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    }
    return len > 0 && len <= KEY_MAX;
}

/* Whether it was not done before; else the reply is made. */
static bool
look(struct tg_request *request, struct tg_idempotency *state,
     struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    struct tg_digest digests[] = {state->key, state->request};
    struct found found = {.request = request, .key = digests};
    int err;

    pthread_mutex_lock(&daemon->admin_lock);
    err = store->ops->repeat_get(store, request->operator.id, &state->key,
                                 take_row, &found);
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        tg_reply_store(reply, store, err, "request");
    pthread_mutex_unlock(&daemon->admin_lock);
    if (err == 0)
        answer_again(request, reply, &found);
    json_decref(found.value);
    return err == TG_ERR_NOT_FOUND;
}

static struct tg_store_repeat
row_of(const struct tg_request *request, const struct tg_idempotency *state,
       const char *subject)
{
    return (struct tg_store_repeat){
        .operator_id = request->operator.id,
        .key = state->key,
        .request = state->request,
        .created_at = tg_clock_ms(),
        .subject = subject,
        .etag = "",
    };
}

/* Notes that one in parts is begun, before it does anything. */
static bool
note_parts(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_idempotency *state = request->idempotency;
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->admin;
    struct tg_store_repeat row = row_of(request, state, "");
    int err;

    row.status = IN_PARTS;
    row.sealed = (struct tg_str){"", 0};
    pthread_mutex_lock(&daemon->admin_lock);
    err = tg_daemon_begin(daemon, store);
    if (err == 0)
        err = tg_daemon_end(daemon, store, store->ops->repeat_add(store, &row));
    if (err != 0)
        tg_reply_store(reply, store, err, "request");
    pthread_mutex_unlock(&daemon->admin_lock);
    state->is_committed = err == 0;
    return err == 0;
}

bool
tg_idempotency_begin(struct tg_request *request, struct tg_idempotency *state,
                     struct tg_str body, struct tg_reply *reply)
{
    *state = (struct tg_idempotency){.is_on = false};
    request->idempotency = state;
    if (request->idempotency_key == NULL ||
        request->operator.id[0] == '\0' || strcmp(request->method, "POST") != 0)
        return true;
    if (!is_key(request->idempotency_key))
        return tg_reply_invalid(reply, "Idempotency-Key",
                                "an Idempotency-Key is 1 to %d characters of "
                                "ASCII without blanks, such as a UUID",
                                KEY_MAX);
    if (tg_idempotency_digest(request, body, state) != 0)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "out of memory");
    if (!tg_idempotency_enter(request, &state->key)) {
        reply->retry_after_s = 1;
        return tg_reply_error(reply, 409, "idempotency_in_progress",
                              "Idempotency-Key",
                              "the request with this Idempotency-Key is under "
                              "way; send it again in a second");
    }
    state->is_on = look(request, state, reply) &&
                   (!request->route->is_in_parts || note_parts(request, reply));
    if (!state->is_on)
        tg_idempotency_leave(request, &state->key);
    return state->is_on;
}

void
tg_idempotency_tell(struct tg_request *request, const char *member,
                    struct tg_str text)
{
    struct tg_idempotency *state = request->idempotency;

    if (state == NULL || !state->is_on)
        return;
    if (state->told_once == NULL)
        state->told_once = json_object();
    json_object_set_new(state->told_once, member,
                        json_stringn(text.data, text.len));
}

int
tg_idempotency_commit(struct tg_request *request, const char *subject)
{
    struct tg_idempotency *state = request->idempotency;
    struct tg_store *store = request->daemon->admin;
    struct tg_store_repeat row;
    uint8_t *sealed;
    size_t len = 0;
    int err;

    if (state == NULL || !state->is_on || state->is_committed)
        return 0;
    row = row_of(request, state, subject);
    sealed = tg_idempotency_seal(request, &state->key, state->told_once, &len);
    row.sealed = (struct tg_str){sealed ? (const char *)sealed : "", len};
    err = store->ops->repeat_add(store, &row);
    free(sealed);
    state->is_committed = err == 0;
    return err;
}

/* Of what committed nothing, and was not refused, there is no row yet. */
static int
keep_answer(struct tg_request *request, const struct tg_reply *reply)
{
    struct tg_idempotency *state = request->idempotency;
    struct tg_store *store = request->daemon->admin;
    struct tg_store_repeat row = row_of(request, state, "");
    size_t len = 0;
    uint8_t *sealed =
        tg_idempotency_seal(request, &state->key, reply->body, &len);
    int err;

    if (sealed == NULL && !request->route->is_in_parts)
        return 0;
    /* Too long to be kept, but it is over: what is told once remains. */
    row.status = sealed != NULL ? reply->status : 0;
    if (sealed == NULL)
        sealed =
            tg_idempotency_seal(request, &state->key, state->told_once, &len);
    row.etag = reply->etag;
    row.sealed = (struct tg_str){sealed ? (const char *)sealed : "", len};
    err = tg_daemon_begin(request->daemon, store);
    if (err == 0)
        err = tg_daemon_end(request->daemon, store,
                            state->is_committed
                                ? store->ops->repeat_answer(store, &row)
                                : store->ops->repeat_add(store, &row));
    free(sealed);
    return err;
}

void
tg_idempotency_end(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_idempotency *state = request->idempotency;
    struct tg_daemon *daemon = request->daemon;

    if (state == NULL || !state->is_on)
        return;
    /* What was refused has done nothing, but where it was begun in parts. */
    if ((reply->status >= 200 && reply->status < 300) ||
        request->route->is_in_parts) {
        pthread_mutex_lock(&daemon->admin_lock);
        if (keep_answer(request, reply) != 0)
            tg_log(TG_LOG_WARNING,
                   "the answer to %s is not kept under its "
                   "Idempotency-Key: %s",
                   request->id, daemon->admin->error.text);
        pthread_mutex_unlock(&daemon->admin_lock);
    }
    tg_idempotency_leave(request, &state->key);
    json_decref(state->told_once);
    state->told_once = NULL;
    request->idempotency = NULL;
}

void
tg_idempotency_pass(struct tg_daemon *daemon, struct tg_store *store,
                    int64_t now_ms)
{
    static int64_t next_at_ms; /* this thread's alone */
    int64_t last = 0;
    int err;

    if (now_ms < next_at_ms && next_at_ms - now_ms <= MINUTE_MS)
        return;
    next_at_ms = now_ms + MINUTE_MS;
    err = store->ops->repeat_old(store, now_ms - KEPT_MS, KEPT_MAX, &last);
    if (err == 0 && last != 0) {
        err = tg_daemon_begin(daemon, store);
        if (err == 0)
            err = tg_daemon_end(daemon, store,
                                store->ops->repeat_forget(store, last));
    }
    if (err != 0)
        tg_log(TG_LOG_WARNING, "old Idempotency-Keys stay: %s",
               store->error.text);
}
