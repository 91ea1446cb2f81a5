#include "route.h"

#define ROW(row_endpoint, row_method, row_path, row_name, ...)                 \
    {                                                                          \
        .endpoint = TG_ENDPOINT_##row_endpoint,                                \
        .method = TG_METHOD_##row_method, .path = TG_STR_INIT(row_path),       \
        .name = row_name, __VA_ARGS__                                          \
    }

/* What goes upstream: endpoint, method, path, scope, and more. */
#define CALL(endpoint, method, path, in_scope, ...)                            \
    ROW(endpoint, method, path, #method " /v1" path,                           \
        .scope = TG_SCOPE_##in_scope, .served = TG_SERVED_UPSTREAM,            \
        __VA_ARGS__)

/* Objects of the upstream, which calls name by an id, or not at all. */
#define OBJECT(endpoint, method, path, in_scope, of_service, with, ...)        \
    CALL(endpoint, method, path, in_scope, .family = TG_FAMILY_OBJECTS,        \
         .service = TG_STR_INIT(of_service), .payload = TG_PAYLOAD_##with,     \
         __VA_ARGS__)
#define BY_ID(endpoint, method, before, behind, in_scope, of_service, with,    \
              ...)                                                             \
    OBJECT(endpoint, method, before "{id}" behind, in_scope, of_service, with, \
           .id_at = sizeof(before) - 1, __VA_ARGS__)

/* What the gate answers itself, for any key. */
#define OWN(endpoint, path)                                                    \
    ROW(endpoint, GET, path, "GET /v1" path, .served = TG_SERVED_LOCALLY)

/*
 * The table is the whole data plane.  Paths of one length are told apart by
 * memcmp; there are few of them, so a walk is as fast as a hash.
 */
static const struct tg_route routes[] = {
    CALL(CHAT, POST, "/chat/completions", CHAT),
    CALL(COMPLETIONS, POST, "/completions", CODE),
    CALL(FIM, POST, "/beta/completions", CODE),
    CALL(EMBEDDINGS, POST, "/embeddings", EMBEDDINGS,
         .family = TG_FAMILY_VECTORS),
    CALL(RESPONSES, POST, "/responses", CHAT),
    CALL(MESSAGES, POST, "/messages", CHAT, .manner = TG_MANNER_ANTHROPIC),
    ROW(MESSAGES, POST, "/anthropic/v1/messages", "POST /anthropic/v1/messages",
        .scope = TG_SCOPE_CHAT, .served = TG_SERVED_UPSTREAM,
        .manner = TG_MANNER_ANTHROPIC),
    CALL(IMAGES, POST, "/images/generations", IMAGE,
         .family = TG_FAMILY_IMAGES),
    CALL(IMAGE_EDITS, POST, "/images/edits", IMAGE, .family = TG_FAMILY_IMAGES,
         .payload = TG_PAYLOAD_FORM),
    CALL(IMAGE_VARIATIONS, POST, "/images/variations", IMAGE,
         .family = TG_FAMILY_IMAGES, .payload = TG_PAYLOAD_FORM),
    CALL(SPEECH, POST, "/audio/speech", AUDIO, .family = TG_FAMILY_SPEECH,
         .answer = TG_ANSWER_ANY, .is_flow = true),
    CALL(TRANSCRIPTIONS, POST, "/audio/transcriptions", AUDIO,
         .family = TG_FAMILY_LISTENING, .payload = TG_PAYLOAD_FORM,
         .answer = TG_ANSWER_ANY),
    CALL(TRANSLATIONS, POST, "/audio/translations", AUDIO,
         .family = TG_FAMILY_LISTENING, .payload = TG_PAYLOAD_FORM,
         .answer = TG_ANSWER_ANY),
    OBJECT(FILES, POST, "/files", FILES, "files", FORM),
    OBJECT(FILE_LIST, GET, "/files", FILES, "files", NONE),
    BY_ID(FILE, GET, "/files/", "", FILES, "files", NONE),
    BY_ID(FILE_DELETE, DELETE, "/files/", "", FILES, "files", NONE),
    BY_ID(FILE_CONTENT, GET, "/files/", "/content", FILES, "files", NONE,
          .answer = TG_ANSWER_FILE, .is_flow = true),
    OBJECT(UPLOADS, POST, "/uploads", FILES, "files", JSON),
    BY_ID(UPLOAD_PARTS, POST, "/uploads/", "/parts", FILES, "files", FORM),
    BY_ID(UPLOAD_COMPLETE, POST, "/uploads/", "/complete", FILES, "files",
          JSON),
    BY_ID(UPLOAD_CANCEL, POST, "/uploads/", "/cancel", FILES, "files", MAYBE),
    OBJECT(BATCHES, POST, "/batches", FILES, "batches", JSON),
    OBJECT(BATCH_LIST, GET, "/batches", FILES, "batches", NONE),
    BY_ID(BATCH, GET, "/batches/", "", FILES, "batches", NONE),
    BY_ID(BATCH_CANCEL, POST, "/batches/", "/cancel", FILES, "batches", MAYBE),
    OBJECT(JOBS, POST, "/fine_tuning/jobs", FINE_TUNING, "fine_tuning", JSON),
    OBJECT(JOB_LIST, GET, "/fine_tuning/jobs", FINE_TUNING, "fine_tuning",
           NONE),
    BY_ID(JOB, GET, "/fine_tuning/jobs/", "", FINE_TUNING, "fine_tuning", NONE),
    BY_ID(JOB_CANCEL, POST, "/fine_tuning/jobs/", "/cancel", FINE_TUNING,
          "fine_tuning", MAYBE),
    BY_ID(JOB_PAUSE, POST, "/fine_tuning/jobs/", "/pause", FINE_TUNING,
          "fine_tuning", MAYBE),
    BY_ID(JOB_RESUME, POST, "/fine_tuning/jobs/", "/resume", FINE_TUNING,
          "fine_tuning", MAYBE),
    BY_ID(JOB_EVENTS, GET, "/fine_tuning/jobs/", "/events", FINE_TUNING,
          "fine_tuning", NONE),
    BY_ID(JOB_CHECKPOINTS, GET, "/fine_tuning/jobs/", "/checkpoints",
          FINE_TUNING, "fine_tuning", NONE),
    OWN(MODELS, "/models"),
    ROW(MODEL, GET, "/models/", "GET /v1/models/{id}",
        .served = TG_SERVED_LOCALLY, .takes_argument = true),
    OWN(BALANCE, "/user/balance"),
    OWN(KEY, "/key"),
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

static const struct {
    enum tg_method method;
    struct tg_str name;
} methods[] = {
    {TG_METHOD_GET, TG_STR_INIT("GET")},
    {TG_METHOD_POST, TG_STR_INIT("POST")},
    {TG_METHOD_DELETE, TG_STR_INIT("DELETE")},
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static bool
begins_with(struct tg_str s, const char *prefix, size_t len)
{
    return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static bool
is_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

/* A path with an id in the place of the row's. */
static bool
matches_id(const struct tg_route *route, struct tg_str path,
           struct tg_str *argument)
{
    static const size_t id_len = sizeof("{id}") - 1;
    struct tg_str tail = {route->path.data + route->id_at + id_len,
                          route->path.len - route->id_at - id_len};
    struct tg_str id;

    if (!begins_with(path, route->path.data, route->id_at))
        return false;
    id = (struct tg_str){path.data + route->id_at, 0};
    path = (struct tg_str){id.data, path.len - route->id_at};
    while (id.len < path.len && is_id_char(path.data[id.len]))
        id.len++;
    if (id.len == 0 || id.len > TG_ROUTE_ID_MAX ||
        !tg_str_eq(tail,
                   (struct tg_str){path.data + id.len, path.len - id.len}))
        return false;
    *argument = id;
    return true;
}

static bool
matches(const struct tg_route *route, struct tg_str path,
        struct tg_str *argument)
{
    size_t n = route->path.len;

    if (route->id_at != 0)
        return matches_id(route, path, argument);
    if (!route->takes_argument)
        return tg_str_eq(route->path, path);
    if (path.len <= n || !begins_with(path, route->path.data, n))
        return false;
    *argument = (struct tg_str){path.data + n, path.len - n};
    return true;
}

struct tg_str
tg_route_path(struct tg_str path)
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
    path = tg_route_path(path);
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(&routes[i], path, argument))
            continue;
        if (routes[i].method == method)
            return &routes[i];
        *has_path = true;
    }
    return NULL;
}

const char *
tg_route_allow(struct tg_str path)
{
    static const char *const names[] = {
        "",       "GET",         "POST",         "GET, POST",
        "DELETE", "GET, DELETE", "POST, DELETE", "GET, POST, DELETE"};
    struct tg_str argument;
    unsigned found = 0;

    path = tg_route_path(path);
    for (size_t i = 0; i < ROUTES; i++) {
        if (matches(&routes[i], path, &argument))
            found |= 1u << (routes[i].method - TG_METHOD_GET);
    }
    return names[found];
}

const struct tg_route *
tg_route_named(struct tg_str name)
{
    const char *blank = memchr(name.data, ' ', name.len);
    size_t len = blank == NULL ? name.len : (size_t)(blank - name.data);
    struct tg_str method = {name.data, len}, path = {NULL, 0};

    if (blank == NULL)
        return NULL;
    path = tg_route_path((struct tg_str){blank + 1, name.len - len - 1});
    for (size_t i = 0; i < ROUTES; i++) {
        const char *own = strchr(routes[i].name, '/');

        if (routes[i].method == tg_method_of(method) &&
            tg_str_eq(path, tg_route_path((struct tg_str){own, strlen(own)})))
            return &routes[i];
    }
    return NULL;
}

enum tg_method
tg_method_of(struct tg_str name)
{
    for (size_t i = 0; i < METHODS; i++) {
        if (tg_str_eq(methods[i].name, name))
            return methods[i].method;
    }
    return TG_METHOD_OTHER;
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

    path = tg_route_path(path);
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
