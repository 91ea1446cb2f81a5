#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "err.h"
#include "http_response.h"
#include "lanes.h"
#include "log.h"
#include "router.h"
#include "routes.h"

#define BODY_MAX (1u << 20)
#define THREADS 4
#define IDLE_S 60
#define CONNECTIONS 256

#define BUSY_S 5
#define END_STEPS 200 /* of 5 ms */

struct tg_http {
    struct MHD_Daemon *server;
    struct tg_daemon *daemon;
    struct tg_lanes *lanes;
    _Atomic int waiting; /* for a lane, or for what it answered to be sent */
};

/*
 * A request, until it is answered.  While it is in a lane its connection is
 * suspended, and all of it is the lane's.
 */
struct exchange {
    struct tg_http *http;
    struct MHD_Connection *connection;
    char *path;
    char *body;
    size_t body_len, body_cap;
    bool is_too_large, is_waiting, is_answered;
    struct tg_lane_job job;
    struct tg_request request;
    struct tg_reply reply;
    struct MHD_Response *response; /* made of reply; NULL: not yet */
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
    json_decref(exchange->request.body);
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
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

/* Of what is much, it takes long, too. */
static void
make_response(struct exchange *exchange)
{
    exchange->response =
        tg_http_response(exchange->connection, exchange->http->lanes,
                         &exchange->reply, exchange->request.id);
    exchange->is_answered = true;
}

static enum MHD_Result
send_response(struct exchange *exchange)
{
    if (exchange->response == NULL)
        return MHD_NO;
    return MHD_queue_response(exchange->connection, exchange->reply.status,
                              exchange->response);
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

static void
read_headers(struct tg_request *request, struct MHD_Connection *connection,
             const char *method)
{
    *request = (struct tg_request){
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
    take_address(request, header(connection, "X-Forwarded-For"));
}

static void
refuse_busy(struct tg_reply *reply)
{
    reply->retry_after_s = BUSY_S;
    tg_reply_error(reply, 503, "busy", NULL,
                   "too many requests that take long are under way; this one "
                   "was not begun: send it again in %d seconds",
                   BUSY_S);
}

/* In the lane's thread. */
static void
run_in_lane(struct tg_lane_job *job, bool is_late)
{
    struct exchange *exchange =
        (struct exchange *)((char *)job - offsetof(struct exchange, job));

    if (is_late)
        refuse_busy(&exchange->reply);
    else
        tg_router_handle(&exchange->request, &exchange->reply);
    make_response(exchange);
    MHD_resume_connection(exchange->connection);
}

/* Returns whether it is answered now. */
static bool
answer(struct exchange *exchange)
{
    struct tg_request *request = &exchange->request;
    struct tg_reply *reply = &exchange->reply;

    if (exchange->is_too_large)
        return !tg_reply_error(reply, 413, "request_too_large", NULL,
                               "the body is longer than %u bytes", BODY_MAX);
    if (!read_arguments(exchange->connection, request, reply) ||
        !tg_router_take(request, exchange->path,
                        (struct tg_str){exchange->body, exchange->body_len},
                        reply))
        return true;
    if (request->route->lane == TG_LANE_NONE) {
        tg_router_handle(request, reply);
        return true;
    }
    exchange->job =
        (struct tg_lane_job){.lane = request->route->lane, .run = run_in_lane};
    exchange->is_waiting = true;
    atomic_fetch_add(&exchange->http->waiting, 1);
    MHD_suspend_connection(exchange->connection);
    if (tg_lanes_offer(exchange->http->lanes, &exchange->job))
        return false;
    refuse_busy(reply);
    make_response(exchange);
    MHD_resume_connection(exchange->connection);
    return false;
}

static enum MHD_Result
take_request(struct exchange *exchange, const char *method)
{
    struct tg_http *http = exchange->http;
    struct tg_request *request = &exchange->request;
    struct tg_call_id random;

    if (tg_random(&random, sizeof(random)) != 0)
        return MHD_NO;
    read_headers(request, exchange->connection, method);
    request->daemon = http->daemon;
    tg_request_id_text(&random, request->id);
    if (!answer(exchange))
        return MHD_YES;
    make_response(exchange);
    return send_response(exchange);
}

static struct exchange *
begin_exchange(struct tg_http *http, struct MHD_Connection *connection,
               const char *url)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL)
        return NULL;
    exchange->http = http;
    exchange->connection = connection;
    exchange->path = strdup(url);
    if (exchange->path != NULL)
        return exchange;
    free_exchange(exchange);
    return NULL;
}

static enum MHD_Result
handle(void *arg, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *data, size_t *len,
       void **state)
{
    struct exchange *exchange = *state;

    (void)version;
    if (exchange == NULL) {
        *state = begin_exchange(arg, connection, url);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        enum MHD_Result result =
            add_body(exchange, data, *len) ? MHD_YES : MHD_NO;

        *len = 0;
        return result;
    }
    return exchange->is_answered ? send_response(exchange)
                                 : take_request(exchange, method);
}

static void
completed(void *arg, struct MHD_Connection *connection, void **state,
          enum MHD_RequestTerminationCode code)
{
    struct tg_http *http = arg;
    struct exchange *exchange = *state;

    (void)connection;
    (void)code;
    if (exchange != NULL && exchange->is_waiting)
        atomic_fetch_sub(&http->waiting, 1);
    free_exchange(exchange);
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
    if (tg_lanes_start(&self->lanes, error) != 0) {
        close(fd);
        free(self);
        return TG_ERR_SYSTEM;
    }
    self->server = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG |
            MHD_ALLOW_SUSPEND_RESUME,
        0, NULL, NULL, handle, self, MHD_OPTION_EXTERNAL_LOGGER, server_log,
        NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
        completed, self, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (self->server == NULL) {
        close(fd);
        tg_lanes_stop(self->lanes);
        tg_lanes_free(self->lanes);
        free(self);
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "cannot start the admin API's server");
    }
    *http = self;
    return 0;
}

/* What the lanes answered at their end is sent, to those who take it. */
static void
wait_for_answers(struct tg_http *http)
{
    static const struct timespec step = {.tv_nsec = 5000000};

    for (int i = 0; i < END_STEPS && atomic_load(&http->waiting) > 0; i++)
        nanosleep(&step, NULL);
}

void
tg_http_stop(struct tg_http *http)
{
    if (http == NULL)
        return;
    /* First, as what is suspended cannot end. */
    tg_lanes_stop(http->lanes);
    wait_for_answers(http);
    MHD_stop_daemon(http->server);
    tg_lanes_free(http->lanes);
    unlink(http->daemon->paths.admin_socket);
    free(http);
}
