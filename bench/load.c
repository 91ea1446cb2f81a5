/*
 * load.c: calls one after the other on sixteen connections.
 *
 * Each connection pauses after an answer, PAUSE_US on average or not at all:
 * for any time up to twice that, to the nanosecond, since with timers of whole
 * milliseconds calls come several at once, and what is measured is how long
 * they wait for each other.  What a connection's first call takes is not
 * counted.
 *
 * REQUEST is a file: header lines, an empty line, the body.  KEYS is one of
 * secrets, one a line: each call has another one, at random, and costs no more
 * to be sent than if all were the same.  Prints one line of JSON when the time
 * is over, or at SIGINT.
 *
 *     bench-load PORT PATH REQUEST PAUSE_US MILLISECONDS [KEYS]
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LINKS 16
#define ANSWER_SIZE 65536
#define MOST_CALLS (1 << 24)
#define PATIENCE_NS INT64_C(10000000000)

struct text {
    char *data;
    size_t len;
};

struct link {
    int fd;
    int64_t due_ns;  /* of its next call, while it pauses */
    int64_t sent_ns; /* of the call that runs; 0: it pauses */
    size_t len;
    char answer[ANSWER_SIZE + 1];
};

static struct link links[LINKS];
static struct text front, back; /* of a request, around its key if it has one */
static struct text keys;
static int64_t pause_ns;
static int64_t taken_ns[MOST_CALLS];
static size_t calls, refused;
static volatile sig_atomic_t is_told_to_end;

static int64_t
now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static uint64_t
any(uint64_t count)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % count;
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static struct text
read_file(const char *path)
{
    struct text text;
    struct stat is;
    FILE *file;

    if (!(file = fopen(path, "rb")) || fstat(fileno(file), &is) < 0 ||
        !(text.data = malloc((size_t)is.st_size + 1)))
        err(1, "%s", path);
    text.len = fread(text.data, 1, (size_t)is.st_size, file);
    text.data[text.len] = '\0';
    fclose(file);
    return text;
}

__attribute__((format(printf, 2, 3))) static void
add(FILE *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vfprintf(to, format, args) < 0)
        err(1, "request");
    va_end(args);
}

/* Headers in lines, as HTTP has them; where keys are given, the request is cut
 * where its key goes. */
static void
make_request(const char *port, const char *path, const char *file)
{
    struct text given = read_file(file);
    char *body = strstr(given.data, "\n\n"), *line, *rest = given.data;
    FILE *to = open_memstream(&front.data, &front.len);

    if (!to || !body)
        errx(1, "%s: no headers and an empty line", file);
    *body = '\0';
    body += 2;
    add(to, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Length: %zu\r\n",
        path, port, given.len - (size_t)(body - given.data));
    while ((line = strsep(&rest, "\n")))
        if (!keys.data || strncasecmp(line, "authorization:", 14) != 0)
            add(to, "%s\r\n", line);
    if (keys.data) {
        add(to, "Authorization: Bearer ");
        if (fclose(to) != 0 || !(to = open_memstream(&back.data, &back.len)))
            err(1, "request");
        add(to, "\r\n");
    }
    add(to, "\r\n%s", body);
    if (fclose(to) != 0)
        err(1, "request");
    free(given.data);
}

static struct text
any_key(void)
{
    struct text key = {NULL, 0};

    if (keys.data) {
        key.data = keys.data + any(keys.len);
        while (key.data > keys.data && key.data[-1] != '\n')
            key.data--;
        key.len = strcspn(key.data, "\n");
    }
    return key;
}

static void
begin(struct link *link)
{
    struct text key = any_key();
    struct iovec parts[] = {
        {front.data, front.len}, {key.data, key.len}, {back.data, back.len}};

    link->len = 0;
    link->sent_ns = now_ns();
    if (writev(link->fd, parts, 3) != (ssize_t)(front.len + key.len + back.len))
        err(1, "a request was not sent");
}

/* Whether all of an answer is there. */
static bool
is_whole(struct link *link)
{
    const char *end, *length;

    link->answer[link->len] = '\0';
    if (!(end = strstr(link->answer, "\r\n\r\n")))
        return false;
    end += 4;
    length = strcasestr(link->answer, "\r\ncontent-length:");
    if (length && length < end)
        return link->len - (size_t)(end - link->answer) >=
               strtoul(length + 17, NULL, 10);
    return link->len >= 5 &&
           strcmp(link->answer + link->len - 5, "0\r\n\r\n") == 0;
}

/* Reads what has come; true when the call has ended. */
static bool
take(struct link *link)
{
    ssize_t len =
        read(link->fd, link->answer + link->len, ANSWER_SIZE - link->len);

    if (len <= 0)
        errx(1, "a connection ended within a call");
    link->len += (size_t)len;
    return is_whole(link);
}

static void
open_link(struct link *link, const char *port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int yes = 1;

    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (link->fd < 0 || connect(link->fd, (void *)&to, sizeof(to)) < 0 ||
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
        err(1, "port %s", port);
    begin(link);
    while (!take(link))
        ;
    link->sent_ns = 0;
}

/* Its first call waits too, so that they do not all begin at once. */
static void
pause_link(struct link *link, int64_t now)
{
    link->sent_ns = 0;
    link->due_ns = now;
    if (pause_ns > 0)
        link->due_ns += (int64_t)any((uint64_t)(2 * pause_ns));
}

static void
end_early(int number)
{
    (void)number;
    is_told_to_end = true;
}

/* Begins the calls whose time has come; returns when the next one is due. */
static int64_t
begin_due(bool is_over)
{
    int64_t next_ns = now_ns() + PATIENCE_NS;
    int i;

    for (i = 0; i < LINKS; i++) {
        if (links[i].sent_ns || is_over)
            continue;
        if (links[i].due_ns <= now_ns())
            begin(&links[i]);
        else if (links[i].due_ns < next_ns)
            next_ns = links[i].due_ns;
    }
    return next_ns;
}

static bool
is_any_running(void)
{
    int i;

    for (i = 0; i < LINKS; i++)
        if (links[i].sent_ns)
            return true;
    return false;
}

static void
run(int queue, int64_t end_ns)
{
    struct epoll_event events[LINKS];
    struct timespec wait;
    struct link *link;
    int64_t next_ns, now;
    int count, i;

    for (;;) {
        if (is_told_to_end)
            end_ns = 0;
        next_ns = begin_due(now_ns() >= end_ns);
        if ((now = now_ns()) >= end_ns && !is_any_running())
            return;
        next_ns = next_ns > now ? next_ns - now : 0;
        wait.tv_sec = next_ns / 1000000000;
        wait.tv_nsec = next_ns % 1000000000;
        count = epoll_pwait2(queue, events, LINKS, &wait, NULL);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_pwait2");
        for (i = 0; i < count; i++) {
            link = events[i].data.ptr;
            if (!take(link))
                continue;
            now = now_ns();
            if (calls == MOST_CALLS)
                errx(1, "more than %d calls", MOST_CALLS);
            taken_ns[calls++] = now - link->sent_ns;
            refused += strncmp(link->answer, "HTTP/1.1 2", 10) != 0;
            pause_link(link, now);
            if (pause_ns == 0 && now < end_ns && !is_told_to_end)
                begin(link);
        }
        for (i = 0; i < LINKS; i++)
            if (links[i].sent_ns && now_ns() - links[i].sent_ns > PATIENCE_NS)
                errx(1, "a call was not answered");
    }
}

int
main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN};
    int queue = epoll_create1(0), i;

    if (argc < 6 || argc > 7)
        errx(2, "usage: bench-load PORT PATH REQUEST PAUSE_US MILLISECONDS "
                "[KEYS]");
    pause_ns = atol(argv[4]) * 1000;
    if (argc == 7 && (keys = read_file(argv[6])).len == 0)
        errx(2, "%s: no keys", argv[6]);
    make_request(argv[1], argv[2], argv[3]);
    for (i = 0; i < LINKS; i++) {
        open_link(&links[i], argv[1]);
        event.data.ptr = &links[i];
        if (epoll_ctl(queue, EPOLL_CTL_ADD, links[i].fd, &event) < 0)
            err(1, "epoll_ctl");
    }
    sigaction(SIGINT, &(struct sigaction){.sa_handler = end_early}, NULL);
    for (i = 0; i < LINKS; i++)
        pause_link(&links[i], now_ns());
    run(queue, now_ns() + atol(argv[5]) * INT64_C(1000000));
    if (calls == 0)
        errx(1, "no call within %s ms", argv[5]);
    qsort(taken_ns, calls, sizeof(taken_ns[0]), compare);
    printf("{\"calls\":%zu,\"refused\":%zu,\"broken\":0,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           calls, refused, (double)taken_ns[calls / 2] / 1e3,
           (double)taken_ns[calls * 99 / 100] / 1e3);
    return 0;
}
