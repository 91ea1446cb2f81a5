#include "router.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "routes.h"

/* What each role may do, as bits 1 << enum tg_permission. */
#define BIT(permission) (1u << (permission))
#define READS (BIT(TG_MAY_READ) | BIT(TG_MAY_READ_USAGE))
#define CHANGES                                                                \
    (BIT(TG_MAY_CHANGE_KEYS) | BIT(TG_MAY_CHANGE_ACCOUNTS) |                   \
     BIT(TG_MAY_ADMIT_ACCOUNTS) | BIT(TG_MAY_CHANGE_CATALOG) |                 \
     BIT(TG_MAY_CHANGE_CREDENTIALS))

static const struct {
    const char *name;
    unsigned permissions;
} roles[] = {
    [TG_ROLE_NONE] = {"none", 0},
    [OWNER] = {"owner", READS | CHANGES},
    [ADMIN] = {"admin", READS | CHANGES},
    [AUDITOR] = {"auditor", READS},
    [BILLING] = {"billing", READS | BIT(TG_MAY_CHANGE_ACCOUNTS)},
};

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

static int
take_operator(void *arg, const struct tg_store_operator *row)
{
    struct tg_operator *operator= arg;

    strncpy(operator->id, row->id, sizeof(operator->id) - 1);
    strncpy(operator->name, row->name, sizeof(operator->name) - 1);
    strcpy(operator->via, "token");
    for (size_t i = 1; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, row->role) == 0)
            operator->role =(enum tg_role) i;
    }
    return 0;
}

static bool
know(struct tg_request *request, struct tg_reply *reply)
{
    static const char scheme[] = "Bearer ";
    const char *value = request->authorization;
    struct tg_daemon *daemon = request->daemon;
    struct tg_digest digest;
    int err;

    if (value == NULL)
        return tg_reply_error(reply, 401, "missing_token", NULL,
                              "send an operator's token: Authorization: "
                              "Bearer tgo_…; the owner's is in admin.token "
                              "in the gate's home");
    if (strncasecmp(value, scheme, sizeof(scheme) - 1) != 0)
        return tg_reply_error(reply, 401, "malformed_token", NULL,
                              "the Authorization header is not 'Bearer' and "
                              "an operator's token");
    value += sizeof(scheme) - 1;
    value += strspn(value, " ");
    if (tg_digest_init() != 0 ||
        tg_digest_of((struct tg_str){value, strlen(value)}, &digest) != 0)
        return tg_reply_error(reply, 500, "internal_error", NULL,
                              "SHA-256 is not available");
    pthread_mutex_lock(&daemon->admin_lock);
    err = daemon->admin->ops->token_get(daemon->admin, &digest, take_operator,
                                        &request->operator);
    pthread_mutex_unlock(&daemon->admin_lock);
    if (err == TG_ERR_NOT_FOUND)
        return tg_reply_error(reply, 401, "invalid_token", NULL,
                              "this is no operator's token, or it was "
                              "revoked");
    return err == 0 || tg_reply_store(reply, daemon->admin, err, "token");
}

static bool
permit(const struct tg_request *request, const struct tg_admin_route *route,
       struct tg_reply *reply)
{
    unsigned may = roles[request->operator.role].permissions;

    if (may & BIT(route->permission))
        return true;
    return tg_reply_error(reply, 403, "permission_denied", NULL,
                          "the role '%s' may not do this; ask an owner or "
                          "admin",
                          roles[request->operator.role].name);
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
    if (!json_is_object(request->body))
        return tg_reply_invalid(reply, NULL, "the body must be a JSON object");
    return true;
}

void
tg_router_dispatch(struct tg_request *request, char *path, struct tg_str body,
                   struct tg_reply *reply)
{
    const struct tg_admin_route *route;
    char allow[TG_REPLY_ALLOW_SIZE], *subject;

    if (!know(request, reply))
        return;
    route = find(request->method, path, &subject, allow);
    if (route == NULL && allow[0] == '\0') {
        tg_reply_error(reply, 404, "not_found", NULL,
                       "there is no %s in the admin API", path);
        return;
    }
    if (route == NULL) {
        memcpy(reply->allow, allow, sizeof(allow));
        tg_reply_error(reply, 405, "method_not_allowed", NULL,
                       "%s takes %s, not %s", path, allow, request->method);
        return;
    }
    request->route = route;
    if (!permit(request, route, reply) ||
        !check_arguments(request, route, reply))
        return;
    if (subject != NULL) {
        subject[strcspn(subject, "/")] = '\0';
        if (!tg_request_decode(subject)) {
            tg_reply_invalid(reply, NULL, "the path is not well encoded");
            return;
        }
        request->subject = subject;
    }
    if (read_body(request, body, reply))
        route->handle(request, reply);
}
