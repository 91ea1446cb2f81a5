/*
 * storm.c: calls a gate over many connections at once, and notes what each
 * call came to.  For the tests in this folder, which kill what answers.
 *
 *     storm ADDRESS PORT CALLS KEYS OUT [name=NUMBER ...]
 *
 * CALLS has a call a line, "PATH<tab>BODY"; KEYS a key a line; which are used
 * is drawn from seed (1).  connections (32) of them are open at once, until
 * count (0: no end) calls were made or SIGTERM comes; then those in flight
 * are waited for, and "made N" is printed.  each=1 makes one call on each
 * connection and leaves it open.
 *
 * OUT gets a line a call, tab-separated:
 *
 *     request id, status, end, call's line, key's line, cost, error code
 *
 * with "-" for what did not come.  The end is "whole" (the message is, and of
 * a stream its last event, too), "short" (the message is whole, its stream was
 * ended before), "cut" (in the message), "none" (nothing came).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <http_parser.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    TAIL_BYTES = 512, /* of a body, to find its end or its code in */
    TEXT_BYTES = 64,
    EVENTS = 512,
    CONNECTING_MAX = 256, /* more would overflow the listener's queue */
    AGAIN_MS = 20,        /* after a connection that was refused */
};

struct lines {
    char **of;
    size_t count;
};

struct connection {
    int fd; /* -1: none */
    bool is_connecting, is_calling, is_over;
    char *request;
    size_t sent, bytes;
    size_t line, key; /* what was drawn */
    int64_t again_ms; /* when to connect once more */
    http_parser parser;
    char id[TEXT_BYTES], cost[TEXT_BYTES], header[TEXT_BYTES];
    bool is_stream, has_head, is_whole;
    char tail[TAIL_BYTES];
    size_t tail_bytes;
};

static struct {
    struct sockaddr_in to;
    struct lines calls, keys;
    FILE *out;
    uint64_t seed, connections, count, each;
    struct connection *all;
    uint64_t begun, ended, connecting;
    int epoll;
} storm = {.seed = 1, .connections = 32};

static volatile sig_atomic_t is_over;

static void
die(const char *what)
{
    fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* SplitMix64: the draws of a seed are the same everywhere. */
static uint64_t
draw(void)
{
    uint64_t z = storm.seed += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void
read_lines(struct lines *lines, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (file == NULL)
        die(path);
    while ((len = getline(&line, &size, file)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        lines->of = realloc(lines->of, (lines->count + 1) * sizeof(char *));
        lines->of[lines->count++] = strdup(line);
    }
    free(line);
    fclose(file);
    if (lines->count == 0)
        die("nothing to call, or no key");
}

static bool
has_more(void)
{
    return !is_over && (storm.count == 0 || storm.begun < storm.count);
}

/* Whether the last bytes of the body have the text. */
static const char *
in_tail(const struct connection *c, const char *text)
{
    return memmem(c->tail, c->tail_bytes, text, strlen(text));
}

static const char *
end_of(const struct connection *c)
{
    if (!c->has_head)
        return "none";
    if (!c->is_whole)
        return "cut";
    return c->is_stream && !in_tail(c, "[DONE]") && !in_tail(c, "message_stop")
               ? "short"
               : "whole";
}

static void
note_end(struct connection *c)
{
    const char *code = in_tail(c, "\"code\":\"");
    size_t len = 0;

    if (code != NULL) {
        code += 8;
        while (code + len < c->tail + c->tail_bytes && code[len] != '"')
            len++;
    }
    fprintf(storm.out, "%s\t%d\t%s\t%zu\t%zu\t%s\t%.*s\n",
            c->id[0] ? c->id : "-",
            c->has_head ? (int)c->parser.status_code : 0, end_of(c), c->line,
            c->key, c->cost[0] ? c->cost : "-", len ? (int)len : 1,
            len ? code : "-");
    c->is_calling = false;
    storm.ended++;
}

static int
on_header_field(http_parser *parser, const char *at, size_t len)
{
    struct connection *c = parser->data;

    snprintf(c->header, sizeof(c->header), "%.*s", (int)len, at);
    return 0;
}

static int
on_header_value(http_parser *parser, const char *at, size_t len)
{
    struct connection *c = parser->data;

    if (strcasecmp(c->header, "x-request-id") == 0)
        snprintf(c->id, sizeof(c->id), "%.*s", (int)len, at);
    else if (strcasecmp(c->header, "x-tollgate-cost") == 0)
        snprintf(c->cost, sizeof(c->cost), "%.*s", (int)len, at);
    else if (strcasecmp(c->header, "content-type") == 0)
        c->is_stream = memmem(at, len, "event-stream", 12) != NULL;
    return 0;
}

static int
on_headers_complete(http_parser *parser)
{
    ((struct connection *)parser->data)->has_head = true;
    return 0;
}

static int
on_body(http_parser *parser, const char *at, size_t len)
{
    struct connection *c = parser->data;
    size_t keep = len < TAIL_BYTES ? TAIL_BYTES - len : 0;

    if (keep > c->tail_bytes)
        keep = c->tail_bytes;
    memmove(c->tail, c->tail + c->tail_bytes - keep, keep);
    if (len > TAIL_BYTES) {
        at += len - TAIL_BYTES;
        len = TAIL_BYTES;
    }
    memcpy(c->tail + keep, at, len);
    c->tail_bytes = keep + len;
    return 0;
}

static int
on_message_complete(http_parser *parser)
{
    struct connection *c = parser->data;

    c->is_whole = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void
hang_up(struct connection *c)
{
    if (c->is_calling)
        note_end(c);
    storm.connecting -= c->is_connecting;
    c->is_connecting = false;
    close(c->fd);
    c->fd = -1;
    c->again_ms = clock_ms() + AGAIN_MS;
}

static void
begin_call(struct connection *c)
{
    const char *call, *body;

    c->line = draw() % storm.calls.count;
    c->key = draw() % storm.keys.count;
    call = storm.calls.of[c->line];
    body = strchr(call, '\t') + 1;
    free(c->request);
    c->bytes = (size_t)asprintf(
        &c->request,
        "POST %.*s HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
        (int)(body - 1 - call), call, storm.keys.of[c->key], strlen(body),
        body);
    c->sent = 0;
    http_parser_init(&c->parser, HTTP_RESPONSE);
    c->parser.data = c;
    c->id[0] = c->cost[0] = '\0';
    c->is_stream = c->has_head = c->is_whole = false;
    c->tail_bytes = 0;
    c->is_calling = true;
    storm.begun++;
}

/* Sends what is left; false when the connection is gone. */
static bool
send_rest(struct connection *c)
{
    while (c->sent < c->bytes) {
        ssize_t n =
            send(c->fd, c->request + c->sent, c->bytes - c->sent, MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN;
        c->sent += (size_t)n;
    }
    return true;
}

/* What follows a whole answer; false when the connection is of no more use. */
static bool
go_on(struct connection *c, bool is_reusable)
{
    note_end(c);
    if (storm.each) {
        c->is_over = true;
        return is_reusable;
    }
    if (!is_reusable || !has_more())
        return false;
    begin_call(c);
    return send_rest(c);
}

/* Reads what came, to the last byte; false when the connection is gone. */
static bool
receive(struct connection *c)
{
    static char buf[65536];
    ssize_t n;

    while ((n = recv(c->fd, buf, sizeof(buf), 0)) > 0) {
        size_t used;

        if (!c->is_calling)
            return false; /* nobody asked */
        used = http_parser_execute(&c->parser, &settings, buf, (size_t)n);
        if (c->is_whole) {
            if (!go_on(c, http_should_keep_alive(&c->parser) != 0 &&
                              used == (size_t)n))
                return false;
        } else if (HTTP_PARSER_ERRNO(&c->parser) != HPE_OK) {
            return false;
        }
    }
    if (n == 0 && c->is_calling)
        http_parser_execute(&c->parser, &settings, buf, 0);
    return n < 0 && errno == EAGAIN;
}

static void
open_connection(struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || epoll_ctl(storm.epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("no socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->is_connecting = true;
    storm.connecting++;
    if (connect(c->fd, (struct sockaddr *)&storm.to, sizeof(storm.to)) != 0 &&
        errno != EINPROGRESS)
        hang_up(c);
}

/* The first event of a connection says whether it is one. */
static bool
has_connected(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        error != 0 || !has_more())
        return false;
    c->is_connecting = false;
    storm.connecting--;
    begin_call(c);
    return send_rest(c);
}

static void
handle(struct connection *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (c->is_connecting && !has_connected(c)) {
        hang_up(c);
        return;
    }
    if (((events & EPOLLOUT) && c->is_calling && !send_rest(c)) || !receive(c))
        hang_up(c);
}

static void
connect_due(void)
{
    int64_t now_ms = clock_ms();

    for (uint64_t i = 0; i < storm.connections; i++) {
        struct connection *c = &storm.all[i];

        if (storm.connecting >= CONNECTING_MAX || !has_more())
            return;
        if (c->fd < 0 && !c->is_over && c->again_ms <= now_ms)
            open_connection(c);
    }
}

static void
run(void)
{
    struct epoll_event events[EVENTS];
    int64_t due_ms = 0;

    while (has_more() || storm.ended < storm.begun) {
        int n = epoll_wait(storm.epoll, events, EVENTS, 10);

        for (int i = 0; i < n; i++)
            handle(events[i].data.ptr, events[i].events);
        if (clock_ms() >= due_ms) {
            connect_due();
            due_ms = clock_ms() + 5;
        }
    }
}

static void
on_term(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static void
read_option(const char *text)
{
    static const struct {
        const char *name;
        uint64_t *value;
    } options[] = {
        {"seed", &storm.seed},
        {"connections", &storm.connections},
        {"count", &storm.count},
        {"each", &storm.each},
    };

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t len = strlen(options[i].name);

        if (strncmp(text, options[i].name, len) == 0 && text[len] == '=') {
            *options[i].value = strtoull(text + len + 1, NULL, 10);
            return;
        }
    }
    errno = EINVAL;
    die(text);
}

static void
start(int argc, char **argv)
{
    struct rlimit files;

    if (argc < 6) {
        errno = EINVAL;
        die("ADDRESS PORT CALLS KEYS OUT");
    }
    storm.to.sin_family = AF_INET;
    storm.to.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &storm.to.sin_addr) != 1)
        die(argv[1]);
    read_lines(&storm.calls, argv[3]);
    read_lines(&storm.keys, argv[4]);
    storm.out = fopen(argv[5], "we");
    if (storm.out == NULL)
        die(argv[5]);
    for (int i = 6; i < argc; i++)
        read_option(argv[i]);
    if (storm.each)
        storm.count = storm.connections;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    storm.all = calloc(storm.connections, sizeof(*storm.all));
    storm.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (storm.all == NULL || storm.epoll < 0)
        die("no memory");
    for (uint64_t i = 0; i < storm.connections; i++)
        storm.all[i].fd = -1;
    signal(SIGTERM, on_term);
}

int
main(int argc, char **argv)
{
    start(argc, argv);
    run();
    if (fclose(storm.out) != 0)
        die(argv[5]);
    printf("made %llu\n", (unsigned long long)storm.ended);
    return 0;
}
