#include "route.h"

/*
 * The table is the whole data plane.  Paths of one length are told apart by
 * memcmp; there are few of them, so a walk is as fast as a hash.
 */
#define UPSTREAM TG_SERVED_UPSTREAM
#define LOCALLY TG_SERVED_LOCALLY
#define OPENAI TG_MANNER_OPENAI
#define POST TG_METHOD_POST
#define GET TG_METHOD_GET

static const struct tg_route routes[] = {
    {TG_ENDPOINT_CHAT, POST, TG_STR_INIT("/chat/completions"), TG_SCOPE_CHAT,
     UPSTREAM, OPENAI, false, "POST /v1/chat/completions"},
    {TG_ENDPOINT_COMPLETIONS, POST, TG_STR_INIT("/completions"), TG_SCOPE_CODE,
     UPSTREAM, OPENAI, false, "POST /v1/completions"},
    {TG_ENDPOINT_FIM, POST, TG_STR_INIT("/beta/completions"), TG_SCOPE_CODE,
     UPSTREAM, OPENAI, false, "POST /v1/beta/completions"},
    {TG_ENDPOINT_EMBEDDINGS, POST, TG_STR_INIT("/embeddings"),
     TG_SCOPE_EMBEDDINGS, UPSTREAM, OPENAI, false, "POST /v1/embeddings"},
    {TG_ENDPOINT_MODELS, GET, TG_STR_INIT("/models"), TG_SCOPE_NONE, LOCALLY,
     OPENAI, false, "GET /v1/models"},
    {TG_ENDPOINT_MODEL, GET, TG_STR_INIT("/models/"), TG_SCOPE_NONE, LOCALLY,
     OPENAI, true, "GET /v1/models/{id}"},
    {TG_ENDPOINT_BALANCE, GET, TG_STR_INIT("/user/balance"), TG_SCOPE_NONE,
     LOCALLY, OPENAI, false, "GET /v1/user/balance"},
    {TG_ENDPOINT_KEY, GET, TG_STR_INIT("/key"), TG_SCOPE_NONE, LOCALLY, OPENAI,
     false, "GET /v1/key"},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct {
    enum tg_scope scope;
    struct tg_str name;
} scopes[] = {
    {TG_SCOPE_CHAT, TG_STR_INIT("chat")},
    {TG_SCOPE_CODE, TG_STR_INIT("code")},
    {TG_SCOPE_IMAGE, TG_STR_INIT("image")},
    {TG_SCOPE_AUDIO, TG_STR_INIT("audio")},
    {TG_SCOPE_EMBEDDINGS, TG_STR_INIT("embeddings")},
    {TG_SCOPE_FILES, TG_STR_INIT("files")},
    {TG_SCOPE_FINE_TUNING, TG_STR_INIT("fine_tuning")},
};

#define SCOPES (sizeof(scopes) / sizeof(scopes[0]))

static bool
matches(const struct tg_route *route, struct tg_str path,
        struct tg_str *argument)
{
    size_t n = route->path.len;

    if (!route->takes_argument)
        return tg_str_eq(route->path, path);
    if (path.len <= n || memcmp(path.data, route->path.data, n) != 0)
        return false;
    *argument = (struct tg_str){path.data + n, path.len - n};
    return true;
}

static struct tg_str
without_v1(struct tg_str path)
{
    if (path.len > 4 && memcmp(path.data, "/v1/", 4) == 0)
        path = (struct tg_str){path.data + 3, path.len - 3};
    return path;
}

const struct tg_route *
tg_route_find(enum tg_method method, struct tg_str path,
              struct tg_str *argument, bool *has_path)
{
    *argument = (struct tg_str){NULL, 0};
    *has_path = false;
    path = without_v1(path);
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(&routes[i], path, argument))
            continue;
        if (routes[i].method == method)
            return &routes[i];
        *has_path = true;
    }
    return NULL;
}

const struct tg_route *
tg_route_of(enum tg_endpoint endpoint)
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (routes[i].endpoint == endpoint)
            return &routes[i];
    }
    return NULL;
}

const struct tg_route *
tg_route_at(size_t i)
{
    return i < ROUTES ? &routes[i] : NULL;
}

enum tg_manner
tg_route_manner(struct tg_str path)
{
    static const struct tg_str theirs = TG_STR_INIT("/anthropic/");
    struct tg_str argument;

    path = without_v1(path);
    if (path.len >= theirs.len &&
        memcmp(path.data, theirs.data, theirs.len) == 0)
        return TG_MANNER_ANTHROPIC;
    for (size_t i = 0; i < ROUTES; i++) {
        if (matches(&routes[i], path, &argument))
            return routes[i].manner;
    }
    return TG_MANNER_OPENAI;
}

const char *
tg_scope_name(enum tg_scope scope)
{
    for (size_t i = 0; i < SCOPES; i++) {
        if (scopes[i].scope == scope)
            return scopes[i].name.data;
    }
    return NULL;
}

enum tg_scope
tg_scope_of(struct tg_str name)
{
    for (size_t i = 0; i < SCOPES; i++) {
        if (tg_str_eq(scopes[i].name, name))
            return scopes[i].scope;
    }
    return TG_SCOPE_NONE;
}
