#include <arpa/inet.h>
#include <string.h>

#include "admin.h"
#include "admin_key.h"
#include "check_reply.h"
#include "clock.h"
#include "draft_text.h"

static bool
read_ip(const struct tg_request *request, struct tg_reply *reply,
        struct tg_check_question *q)
{
    const char *text = tg_request_argument(request, "ip");
    struct in_addr ip;

    if (text == NULL)
        return true;
    q->has_ip = true;
    if (inet_pton(AF_INET, text, &ip) == 1) {
        q->ip[10] = q->ip[11] = 0xff;
        memcpy(q->ip + 12, &ip, sizeof(ip));
        return true;
    }
    return inet_pton(AF_INET6, text, q->ip) == 1 ||
           tg_reply_invalid(reply, "ip", "'%s' is no IPv4 or IPv6 address",
                            text);
}

static bool
read_use(const struct tg_request *request, struct tg_reply *reply,
         struct tg_check_question *q)
{
    const char *scope = tg_request_argument(request, "scope");
    const char *endpoint = tg_request_argument(request, "endpoint");

    if (scope != NULL && !tg_draft_scope(reply, "scope", scope))
        return false;
    if (endpoint != NULL && !tg_draft_endpoint(reply, "endpoint", endpoint))
        return false;
    if (scope != NULL)
        q->scope = tg_scope_of((struct tg_str){scope, strlen(scope)});
    if (endpoint != NULL)
        q->route = tg_draft_route(endpoint);
    if (q->route == NULL || q->scope == TG_SCOPE_NONE ||
        q->route->scope == q->scope)
        return true;
    return tg_reply_invalid(
        reply, "endpoint", "%s is not of the scope %s but of %s", endpoint,
        scope,
        q->route->scope == TG_SCOPE_NONE ? "none"
                                         : tg_scope_name(q->route->scope));
}

static bool
read_question(const struct tg_request *request, struct tg_reply *reply,
              struct tg_check_question *q)
{
    const char *model = tg_request_argument(request, "model");
    const char *referrer = tg_request_argument(request, "referrer");

    *q = (struct tg_check_question){.now_ms = tg_clock_ms()};
    if (model != NULL)
        q->model = (struct tg_str){model, strlen(model)};
    if (referrer != NULL)
        q->referrer = (struct tg_str){referrer, strlen(referrer)};
    if (q->model.len > TG_MODEL_NAME_MAX)
        return tg_reply_invalid(reply, "model",
                                "a model's name has up to %d bytes",
                                TG_MODEL_NAME_MAX);
    return read_use(request, reply, q) && read_ip(request, reply, q) &&
           tg_request_instant(request, reply, "at", &q->now_ms);
}

/* The state file has a key by its slot; one that is in none is gone. */
static json_t *
check(struct tg_daemon *daemon, struct tg_check_question *q, const json_t *key,
      const char *id)
{
    json_t *object;

    pthread_mutex_lock(&daemon->publish_lock);
    if (tg_publisher_key_slot(daemon->publisher, id, &q->key_slot) != 0)
        q->key_slot = TG_CHECK_NO_KEY;
    object = tg_check_reply(&daemon->state, q, key);
    pthread_mutex_unlock(&daemon->publish_lock);
    return object;
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       struct tg_check_question *q)
{
    json_t *key = tg_admin_key_read(request, reply, request->subject);

    reply->etag[0] = '\0'; /* that of the key, not of the answer */
    if (key == NULL)
        return;
    tg_reply_json(reply, 200, check(request->daemon, q, key, request->subject));
    json_decref(key);
}

void
tg_admin_key_check(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_check_question question;

    if (!read_question(request, reply, &question))
        return;
    pthread_mutex_lock(&request->daemon->admin_lock);
    answer(request, reply, &question);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}
