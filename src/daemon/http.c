#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "err.h"
#include "http_stream.h"
#include "log.h"
#include "router.h"

#define BODY_MAX (1u << 20)
#define THREADS 4
#define IDLE_S 60
#define CONNECTIONS 256

/* As a person writes a share: 0.3333, not 0.33329999999999999. */
#define FORM (JSON_COMPACT | JSON_REAL_PRECISION(15))

struct tg_http {
    struct MHD_Daemon *server;
    struct tg_daemon *daemon;
};

/* What is kept of a request until all of it is here. */
struct exchange {
    char *path;
    char *body;
    size_t body_len, body_cap;
    bool is_too_large;
};

static void
free_exchange(struct exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->body != NULL)
        sodium_memzero(exchange->body, exchange->body_cap);
    free(exchange->body);
    free(exchange->path);
    free(exchange);
}

/* Bodies hold secrets: no realloc, which leaves copies behind. */
static bool
add_body(struct exchange *exchange, const char *data, size_t len)
{
    size_t cap = exchange->body_cap ? exchange->body_cap : 4096;
    char *body;

    if (exchange->body_len + len > BODY_MAX)
        exchange->is_too_large = true;
    if (exchange->is_too_large)
        return true;
    while (cap < exchange->body_len + len)
        cap *= 2;
    if (cap > exchange->body_cap) {
        body = malloc(cap);
        if (body == NULL)
            return false;
        if (exchange->body != NULL) {
            memcpy(body, exchange->body, exchange->body_len);
            sodium_memzero(exchange->body, exchange->body_cap);
            free(exchange->body);
        }
        exchange->body = body;
        exchange->body_cap = cap;
    }
    memcpy(exchange->body + exchange->body_len, data, len);
    exchange->body_len += len;
    return true;
}

/* A response's text, wiped when it was sent: it may hold a new key. */
struct text {
    size_t len;
    char data[];
};

static void
free_text(void *arg)
{
    struct text *text = arg;

    sodium_memzero(text->data, text->len);
    free(text);
}

static struct text *
text_of(const json_t *body)
{
    size_t len = json_dumpb(body, NULL, 0, FORM);
    struct text *text = malloc(sizeof(*text) + len + 1);

    if (text == NULL || body == NULL) {
        free(text);
        return NULL;
    }
    text->len = len + 1;
    json_dumpb(body, text->data, len, FORM);
    text->data[len] = '\n';
    return text;
}

/* NULL without memory; the reply's own is given back. */
static struct MHD_Response *
response_of(struct tg_reply *reply)
{
    struct MHD_Response *response;
    struct text *text;

    if (reply->bytes != NULL) {
        response = MHD_create_response_from_buffer(reply->len, reply->bytes,
                                                   MHD_RESPMEM_MUST_FREE);
        if (response == NULL)
            free(reply->bytes);
        reply->bytes = NULL;
        return response;
    }
    text = text_of(reply->body);
    json_decref(reply->body);
    reply->body = NULL;
    if (text == NULL)
        return NULL;
    response = MHD_create_response_from_buffer_with_free_callback_cls(
        text->len, text->data, free_text, text);
    if (response == NULL)
        free_text(text);
    return response;
}

static void
add_headers(struct MHD_Response *response, struct tg_reply *reply,
            const char *type, const char *id)
{
    char seconds[16];

    MHD_add_response_header(response, "x-request-id", id);
    MHD_add_response_header(response, "Content-Type", type);
    /* No browser takes it for something else, or runs what is in it. */
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; "
                            "img-src data:; sandbox");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (reply->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (reply->etag[0] != '\0' && reply->status < 300)
        MHD_add_response_header(response, "ETag", reply->etag);
    if (reply->is_replayed)
        MHD_add_response_header(response, "Idempotency-Replayed", "true");
    if (reply->allow[0] != '\0')
        MHD_add_response_header(response, "Allow", reply->allow);
    if (reply->set_cookie[0] != '\0')
        MHD_add_response_header(response, "Set-Cookie", reply->set_cookie);
    sodium_memzero(reply->set_cookie, sizeof(reply->set_cookie));
    if (reply->retry_after_s != 0) {
        snprintf(seconds, sizeof(seconds), "%u", reply->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
}

static enum MHD_Result
send_reply(struct MHD_Connection *connection, struct tg_reply *reply,
           const char *id)
{
    const char *type = reply->stream.read != NULL ? reply->stream.type
                       : reply->bytes != NULL     ? reply->type
                                                  : "application/json";
    struct MHD_Response *response = reply->stream.read != NULL
                                        ? tg_http_stream(connection, reply)
                                        : response_of(reply);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    add_headers(response, reply, type, id);
    result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
take_argument(void *arg, enum MHD_ValueKind kind, const char *name,
              const char *value)
{
    struct tg_request *request = arg;
    size_t n = request->argument_count++;

    (void)kind;
    if (n >= TG_REQUEST_ARGUMENTS)
        return MHD_NO;
    request->arguments[n].name = name;
    request->arguments[n].value = value ? value : "";
    return MHD_YES;
}

/* The server's memory is ours to decode in until the request ends. */
static bool
read_arguments(struct MHD_Connection *connection, struct tg_request *request,
               struct tg_reply *reply)
{
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_argument,
                              request);
    if (request->argument_count > TG_REQUEST_ARGUMENTS) {
        request->argument_count = 0;
        return tg_reply_invalid(reply, NULL, "too many arguments");
    }
    for (size_t i = 0; i < request->argument_count; i++) {
        if (!tg_request_decode((char *)request->arguments[i].name) ||
            !tg_request_decode((char *)request->arguments[i].value))
            return tg_reply_invalid(reply, NULL,
                                    "the query is not well encoded");
    }
    return true;
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* nginx sends one address, the one that it saw. */
static void
take_address(struct tg_request *request, const char *value)
{
    if (value != NULL && strlen(value) < sizeof(request->ip) &&
        value[strspn(value, "0123456789abcdefABCDEF.:")] == '\0')
        strcpy(request->ip, value);
}

static enum MHD_Result
answer(struct tg_http *http, struct MHD_Connection *connection,
       const char *method, struct exchange *exchange)
{
    struct tg_reply reply = {0};
    struct tg_request request = {
        .daemon = http->daemon,
        .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
        .authorization = header(connection, "Authorization"),
        .if_match = header(connection, "If-Match"),
        .idempotency_key = header(connection, "Idempotency-Key"),
        .user_agent = header(connection, "User-Agent"),
        .cookie = header(connection, "Cookie"),
        .origin = header(connection, "Origin"),
        .host = header(connection, "X-Forwarded-Host"),
        .csrf = header(connection, "X-CSRF-Token"),
        .github_key = header(connection, "Github-Public-Key-Identifier"),
        .github_signature = header(connection, "Github-Public-Key-Signature"),
    };
    struct tg_call_id random;

    if (tg_random(&random, sizeof(random)) != 0)
        return MHD_NO;
    tg_request_id_text(&random, request.id);
    take_address(&request, header(connection, "X-Forwarded-For"));
    if (exchange->is_too_large)
        tg_reply_error(&reply, 413, "request_too_large", NULL,
                       "the body is longer than %u bytes", BODY_MAX);
    else if (read_arguments(connection, &request, &reply))
        tg_router_dispatch(&request, exchange->path,
                           (struct tg_str){exchange->body, exchange->body_len},
                           &reply);
    json_decref(request.body);
    /* Of these threads nobody is told when they end. */
    tg_digest_release();
    return send_reply(connection, &reply, request.id);
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *data, size_t *len,
       void **state)
{
    struct exchange *exchange = *state;

    (void)version;
    if (exchange == NULL) {
        exchange = calloc(1, sizeof(*exchange));
        if (exchange == NULL)
            return MHD_NO;
        *state = exchange;
        exchange->path = strdup(url);
        return exchange->path ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        enum MHD_Result result =
            add_body(exchange, data, *len) ? MHD_YES : MHD_NO;

        *len = 0;
        return result;
    }
    return answer(arg, connection, method, exchange);
}

static void
completed(void *arg, struct MHD_Connection *connection, void **state,
          enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    free_exchange(*state);
    *state = NULL;
}

/* Paths and queries are decoded by us, after they are taken apart. */
static size_t
keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void
server_log(void *arg, const char *fmt, va_list ap)
{
    char text[256];

    (void)arg;
    vsnprintf(text, sizeof(text), fmt, ap);
    text[strcspn(text, "\r\n")] = '\0';
    tg_log(TG_LOG_WARNING, "admin API: %s", text);
}

static int
listen_on(const struct tg_daemon *daemon, struct tg_error *error)
{
    const char *path = daemon->paths.admin_socket;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (unlink(path) == 0 || errno == ENOENT) &&
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        chmod(path, 0660) == 0 &&
        (!daemon->options.has_worker ||
         lchown(path, daemon->options.worker_uid, daemon->options.worker_gid) ==
             0) &&
        listen(fd, 128) == 0)
        return fd;
    tg_error_set(error, TG_ERR_SYSTEM, "cannot listen on %s: %s", path,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int
tg_http_start(struct tg_http **http, struct tg_daemon *daemon,
              struct tg_error *error)
{
    struct tg_http *self = calloc(1, sizeof(*self));
    int fd;

    if (self == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    self->daemon = daemon;
    fd = listen_on(daemon, error);
    if (fd < 0) {
        free(self);
        return TG_ERR_SYSTEM;
    }
    self->server = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, handle, self, MHD_OPTION_EXTERNAL_LOGGER, server_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, completed,
        NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (self->server == NULL) {
        close(fd);
        free(self);
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "cannot start the admin API's server");
    }
    *http = self;
    return 0;
}

void
tg_http_stop(struct tg_http *http)
{
    if (http == NULL)
        return;
    MHD_stop_daemon(http->server);
    unlink(http->daemon->paths.admin_socket);
    free(http);
}
