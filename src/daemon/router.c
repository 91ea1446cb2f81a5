#include "router.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "clock.h"
#include "digest.h"
#include "fields.h"
#include "etag.h"
#include "idempotency.h"
#include "own.h"
#include "roles.h"

/* Whether path is the pattern's; *subject points into path then. */
static bool
matches(const char *pattern, char *path, char **subject)
{
    *subject = NULL;
    while (*pattern != '\0') {
        if (strncmp(pattern, "{}", 2) == 0) {
            size_t len = strcspn(path, "/");

            if (len == 0)
                return false;
            *subject = path;
            path += len;
            pattern += 2;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

/*
 * The row, or NULL; allow then says which methods the path has, "" if none.
 */
static const struct tg_admin_route *
find(const char *method, char *path, char **subject,
     char allow[TG_REPLY_ALLOW_SIZE])
{
    size_t len = 0, count;
    const struct tg_admin_route *routes = tg_routes(&count);

    allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!matches(routes[i].path, path, subject))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        len += (size_t)snprintf(allow + len, TG_REPLY_ALLOW_SIZE - len, "%s%s",
                                len > 0 ? ", " : "", routes[i].method);
        assert(len < TG_REPLY_ALLOW_SIZE);
    }
    return NULL;
}

static bool
may(const struct tg_request *request, enum tg_permission permission)
{
    return (request->operator.permissions & TG_BIT(permission)) != 0;
}

static bool
permit(const struct tg_request *request, const struct tg_admin_route *route,
       struct tg_reply *reply)
{
    enum tg_role role = request->operator.role;

    if (may(request, route->permission) ||
        (route->also != TG_MAY_NOTHING && may(request, route->also)))
        return true;
    if (tg_role_permissions(role) & TG_BIT(route->permission))
        return tg_reply_error(reply, 403, "permission_denied", NULL,
                              "this token is not for '%s'; use another one",
                              tg_permission_name(route->permission));
    return tg_reply_error(reply, 403, "permission_denied", NULL,
                          "the role '%s' may not do this; ask an owner or "
                          "admin",
                          tg_role_name(role));
}

/* Whether all of its members are the operator's to set: fields.h. */
static bool
permit_members(const struct tg_request *request, struct tg_reply *reply)
{
    const char *name;
    json_t *value;

    json_object_foreach(request->body, name, value)
    {
        if (!may(request, tg_field_permission(request->route, name)))
            return tg_reply_error(reply, 403, "permission_denied", name,
                                  "you may not set '%s'; ask an owner or "
                                  "admin",
                                  name);
    }
    return true;
}

static bool
check_arguments(const struct tg_request *request,
                const struct tg_admin_route *route, struct tg_reply *reply)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        const char *name = request->arguments[i].name;
        const char *at = strstr(route->arguments, name);
        size_t len = strlen(name);

        while (at != NULL && !(at > route->arguments && at[-1] == ' ' &&
                               (at[len] == ' ' || at[len] == '\0')))
            at = strstr(at + 1, name);
        if (len == 0 || at == NULL)
            return tg_reply_invalid(
                reply, name,
                "this request takes no argument '%s'; it "
                "takes:%s",
                name, route->arguments[0] ? route->arguments : " none");
        for (size_t j = 0; j < i; j++) {
            if (strcmp(request->arguments[j].name, name) == 0)
                return tg_reply_invalid(reply, name, "'%s' stands twice", name);
        }
    }
    return true;
}

static bool
read_body(struct tg_request *request, struct tg_str body,
          struct tg_reply *reply)
{
    json_error_t error;

    if (strcmp(request->method, "GET") == 0)
        return true;
    if (body.len == 0) {
        request->body = json_object();
        return true;
    }
    request->body =
        json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    if (request->body == NULL)
        return tg_reply_invalid(reply, NULL,
                                "the body is not JSON: %s (line %d, column "
                                "%d)",
                                error.text, error.line, error.column);
    if (request->route->takes_list ? !json_is_array(request->body)
                                   : !json_is_object(request->body))
        return tg_reply_invalid(reply, NULL, "the body must be a JSON %s",
                                request->route->takes_list ? "list" : "object");
    return true;
}

/* A route that lets somebody in, or cannot be undone, asks who it is again. */
static bool
check_proof(const struct tg_request *request, struct tg_reply *reply)
{
    const struct tg_operator *operator= & request->operator;

    if (!request->route->needs_proof ||
        !operator->has_proof || operator->fresh_until> tg_clock_ms())
        return true;
    return tg_reply_error(reply, 403, "step_up_required", NULL,
                          "prove again who you are: send your password, or a "
                          "code as code, to POST /admin/v1/sessions/step-up, "
                          "and then this again; it holds for 5 minutes");
}

/* Who asks; a stranger is not even told which routes there are. */
static bool
know(struct tg_request *request, const struct tg_admin_route *route,
     struct tg_reply *reply)
{
    if (route != NULL && route->know != NULL)
        return route->know(request, reply);
    return (route != NULL && route->is_open) || tg_access_know(request, reply);
}

static bool
find_route(struct tg_request *request, char *path, struct tg_reply *reply)
{
    char allow[TG_REPLY_ALLOW_SIZE], *subject;
    const struct tg_admin_route *route =
        find(request->method, path, &subject, allow);

    if (!know(request, route, reply))
        return false;
    if (route == NULL && allow[0] == '\0')
        return tg_reply_error(reply, 404, "not_found", NULL,
                              "there is no %s in the admin API", path);
    if (route == NULL) {
        memcpy(reply->allow, allow, sizeof(allow));
        return tg_reply_error(reply, 405, "method_not_allowed", NULL,
                              "%s takes %s, not %s", path, allow,
                              request->method);
    }
    request->route = route;
    request->subject = subject;
    return true;
}

static bool
read_subject(struct tg_request *request, struct tg_reply *reply)
{
    char *subject = (char *)request->subject;

    if (subject == NULL)
        return true;
    subject[strcspn(subject, "/")] = '\0';
    return tg_request_decode(subject) ||
           tg_reply_invalid(reply, NULL, "the path is not well encoded");
}

/* Whether the operator may do just this, with these members, now. */
static bool
permit_all(struct tg_request *request, struct tg_reply *reply)
{
    return request->route->is_open ||
           (permit_members(request, reply) && tg_own_check(request, reply) &&
            check_proof(request, reply));
}

/* Whether what a row shows or changes is one object. */
static bool
is_of_one(const struct tg_admin_route *route)
{
    size_t len = strlen(route->path);

    return strcmp(route->path + len - 3, "/{}") == 0;
}

/*
 * Whether the object is still the one that the request has seen.  One that is
 * not there is for the handler to tell.
 */
static bool
is_meant(const struct tg_request *request, struct tg_reply *reply)
{
    const struct tg_admin_route *route = tg_route_showing(request->route);
    struct tg_request showing = *request;
    struct tg_reply shown = {0};
    bool is;

    if (route == NULL)
        return true;
    showing.method = "GET";
    showing.route = route;
    showing.body = NULL;
    showing.argument_count = 0;
    route->handle(&showing, &shown);
    if (shown.status == 200 && shown.etag[0] == '\0')
        tg_etag_of_shown(&shown, shown.body);
    memcpy(reply->etag, shown.etag, sizeof(reply->etag));
    is = shown.status != 200 || tg_etag_matches(request, reply);
    reply->etag[0] = '\0';
    json_decref(shown.body);
    return is;
}

/* Nothing is changed between the look and the change. */
static void
handle_if_meant(struct tg_request *request, struct tg_reply *reply)
{
    pthread_mutex_lock(&request->daemon->admin_lock);
    if (is_meant(request, reply))
        request->route->handle(request, reply);
    pthread_mutex_unlock(&request->daemon->admin_lock);
}

static void
handle(struct tg_request *request, struct tg_reply *reply)
{
    const struct tg_admin_route *route = request->route;
    bool is_one = is_of_one(route);

    if (is_one && route->action != NULL && request->if_match != NULL &&
        !route->has_own_tag)
        handle_if_meant(request, reply);
    else
        route->handle(request, reply);
    if (is_one && reply->status == 200 && reply->etag[0] == '\0')
        tg_etag_of_shown(reply, reply->body);
}

bool
tg_router_take(struct tg_request *request, char *path, struct tg_str body,
               struct tg_reply *reply)
{
    request->raw = body;
    if (!find_route(request, path, reply))
        return false;
    if (!request->route->is_open && !permit(request, request->route, reply))
        return false;
    return check_arguments(request, request->route, reply) &&
           read_subject(request, reply) && read_body(request, body, reply) &&
           permit_all(request, reply);
}

/* What has waited in a lane may have been taken from who asks meanwhile. */
static bool
may_still(struct tg_request *request, struct tg_reply *reply)
{
    const struct tg_admin_route *route = request->route;

    if (route->lane == TG_LANE_NONE)
        return true;
    request->operator=(struct tg_operator){.role = TG_ROLE_NONE};
    return know(request, route, reply) && permit(request, route, reply) &&
           permit_all(request, reply);
}

void
tg_router_handle(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_idempotency idempotency;

    if (!may_still(request, reply) ||
        !tg_idempotency_begin(request, &idempotency, request->raw, reply))
        return;
    handle(request, reply);
    tg_idempotency_end(request, reply);
}
