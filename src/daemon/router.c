#include "router.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "err.h"

/* A permission that is not one makes an array of negative size. */
#define PERMIT(p) ((p) + 0 * sizeof(char[(p) > TG_MAY_NOTHING ? 1 : -1]))
#define ROUTE(method, path, permission, arguments, handle)                     \
    {                                                                          \
        method, "/admin/v1" path, PERMIT(permission), arguments, handle        \
    }

#define PAGE " limit after"

static const struct tg_admin_route routes[] = {
    ROUTE("GET", "/accounts", TG_MAY_READ, PAGE, tg_admin_account_list),
    ROUTE("POST", "/accounts", TG_MAY_CHANGE_ACCOUNTS, "",
          tg_admin_account_create),
    ROUTE("GET", "/accounts/{}", TG_MAY_READ, "", tg_admin_account_show),
    ROUTE("POST", "/accounts/{}/top-up", TG_MAY_CHANGE_ACCOUNTS, "",
          tg_admin_account_top_up),
    ROUTE("POST", "/accounts/{}/grant", TG_MAY_CHANGE_ACCOUNTS, "",
          tg_admin_account_grant),
    ROUTE("POST", "/accounts/{}/verify", TG_MAY_ADMIT_ACCOUNTS, "",
          tg_admin_account_verify),
    ROUTE("POST", "/accounts/{}/suspend", TG_MAY_ADMIT_ACCOUNTS, "",
          tg_admin_account_suspend),
    ROUTE("POST", "/accounts/{}/resume", TG_MAY_ADMIT_ACCOUNTS, "",
          tg_admin_account_resume),
    ROUTE("GET", "/keys", TG_MAY_READ, PAGE " account status",
          tg_admin_key_list),
    ROUTE("POST", "/keys", TG_MAY_CHANGE_KEYS, "", tg_admin_key_create),
    ROUTE("GET", "/keys/{}", TG_MAY_READ, "", tg_admin_key_show),
    ROUTE("GET", "/keys/{}/check", TG_MAY_READ,
          " scope model endpoint ip referrer at", tg_admin_key_check),
    ROUTE("PATCH", "/keys/{}", TG_MAY_CHANGE_KEYS, "", tg_admin_key_update),
    ROUTE("DELETE", "/keys/{}", TG_MAY_CHANGE_KEYS, "", tg_admin_key_delete),
    ROUTE("POST", "/keys/{}/pause", TG_MAY_CHANGE_KEYS, "", tg_admin_key_pause),
    ROUTE("POST", "/keys/{}/resume", TG_MAY_CHANGE_KEYS, "",
          tg_admin_key_resume),
    ROUTE("POST", "/keys/{}/disable", TG_MAY_CHANGE_KEYS, "",
          tg_admin_key_disable),
    ROUTE("GET", "/models", TG_MAY_READ, "", tg_admin_model_list),
    ROUTE("POST", "/models", TG_MAY_CHANGE_CATALOG, "", tg_admin_model_put),
    ROUTE("GET", "/models/{}", TG_MAY_READ, "", tg_admin_model_show),
    ROUTE("GET", "/prices", TG_MAY_READ, " model current", tg_admin_price_list),
    ROUTE("POST", "/prices", TG_MAY_CHANGE_CATALOG, " dry_run",
          tg_admin_price_add),
    ROUTE("GET", "/upstreams", TG_MAY_READ, "", tg_admin_upstream_list),
    ROUTE("POST", "/upstreams", TG_MAY_CHANGE_CATALOG, "",
          tg_admin_upstream_put),
    ROUTE("GET", "/upstreams/{}", TG_MAY_READ, "", tg_admin_upstream_show),
    ROUTE("POST", "/upstreams/{}/test", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_upstream_test),
    ROUTE("GET", "/credentials", TG_MAY_READ, "", tg_admin_credential_list),
    ROUTE("POST", "/credentials", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_credential_add),
    ROUTE("GET", "/credentials/{}", TG_MAY_READ, "", tg_admin_credential_show),
    ROUTE("PATCH", "/credentials/{}", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_credential_update),
    ROUTE("POST", "/credentials/{}/rotate", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_credential_rotate),
    ROUTE("POST", "/credentials/{}/disable", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_credential_disable),
    ROUTE("POST", "/credentials/{}/reopen", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_credential_reopen),
    ROUTE("GET", "/usage", TG_MAY_READ_USAGE,
          " key account model since until by timezone", tg_admin_usage),
    ROUTE("GET", "/calls", TG_MAY_READ_USAGE,
          PAGE " key account model since until status not_ok",
          tg_admin_call_list),
    ROUTE("GET", "/denials", TG_MAY_READ, PAGE " key account code since until",
          tg_admin_denial_list),
    ROUTE("GET", "/events", TG_MAY_READ, PAGE " since type",
          tg_admin_event_list),
    ROUTE("POST", "/ledger/verify", TG_MAY_READ_USAGE, "",
          tg_admin_ledger_begin),
    ROUTE("GET", "/ledger/verify", TG_MAY_READ_USAGE, "", tg_admin_ledger_show),
    ROUTE("POST", "/ledger/reconcile", TG_MAY_CHANGE_CREDENTIALS, "",
          tg_admin_reconcile),
    ROUTE("GET", "/health", TG_MAY_READ, "", tg_admin_health),
};

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

const struct tg_admin_route *
tg_router_table(size_t *n)
{
    *n = sizeof(routes) / sizeof(routes[0]);
    return routes;
}

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
    size_t len = 0;

    allow[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
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
