#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "up_home.h"

#define FREE_WAIT_MS 1000
#define POLL_MS 20

/* A decimal port; -1 when it is not one. */
static int
parse_port(const char *text)
{
    char *end;
    size_t len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        return -1;
    }
    long port = strtol(text, &end, 10);
    return port <= 65535 ? (int)port : -1;
}

static bool
set_address(struct tg_listen *listen, const char *host, int port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&listen->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&listen->addr;

    memset(&listen->addr, 0, sizeof(listen->addr));
    if (strcmp(host, "*") == 0) {
        host = "0.0.0.0";
    } else if (strcmp(host, "localhost") == 0) {
        host = "127.0.0.1";
    }
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        listen->addr_len = sizeof(*v4);
        return true;
    }
    size_t len = strlen(host);
    char inner[INET6_ADDRSTRLEN];
    if (len < 4 || len - 2 >= sizeof(inner) || host[0] != '[' ||
        host[len - 1] != ']') {
        return false;
    }
    memcpy(inner, host + 1, len - 2);
    inner[len - 2] = '\0';
    if (inet_pton(AF_INET6, inner, &v6->sin6_addr) != 1) {
        return false;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    listen->addr_len = sizeof(*v6);
    return true;
}

static void
write_texts(struct tg_listen *listen)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&listen->addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&listen->addr;
    char host[INET6_ADDRSTRLEN];

    if (v4->sin_family == AF_INET) {
        bool is_any = v4->sin_addr.s_addr == htonl(INADDR_ANY);
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(listen->text, sizeof(listen->text), "%s:%d", host,
                 ntohs(v4->sin_port));
        snprintf(listen->url, sizeof(listen->url), "http://%s:%d",
                 is_any ? "127.0.0.1" : host, ntohs(v4->sin_port));
        return;
    }
    bool is_any = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
    snprintf(listen->text, sizeof(listen->text), "[%s]:%d", host,
             ntohs(v6->sin6_port));
    snprintf(listen->url, sizeof(listen->url), "http://[%s]:%d",
             is_any ? "::1" : host, ntohs(v6->sin6_port));
}

int
tg_listen_parse(struct tg_listen *listen, const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    int port = colon != NULL ? parse_port(colon + 1) : -1;

    listen->held = -1;
    if (port < 0 || (size_t)(colon - text) >= sizeof(host)) {
        return tg_say_failed("\"%s\" is not an address: write ADDR:PORT, as in "
                             "127.0.0.1:8080 or [::1]:8080",
                             text);
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (!set_address(listen, host, port)) {
        return tg_say_failed(
            "\"%s\" is not an IP address of this machine: write "
            "ADDR:PORT, as in 127.0.0.1:8080 or [::1]:8080",
            host);
    }
    write_texts(listen);
    return 0;
}

static int
fail_bind(const struct tg_listen *listen)
{
    switch (errno) {
    case EADDRINUSE:
        return tg_say_failed("the address %s is in use by another program; "
                             "choose another with --listen ADDR:PORT",
                             listen->text);
    case EACCES:
        return tg_say_failed("the address %s needs root: ports below 1024 are "
                             "not for everybody; choose another with --listen",
                             listen->text);
    case EADDRNOTAVAIL:
        return tg_say_failed("the address %s is not one of this machine's",
                             listen->text);
    default:
        return tg_say_failed("the address %s cannot be used: %s", listen->text,
                             strerror(errno));
    }
}

static void
close_keeping_errno(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

/*
 * Bound as nginx will bind it: v6 only, past connections that linger.  The
 * socket, or -1 with errno.
 */
static int
bind_like_nginx(const struct tg_listen *address)
{
    const int on = 1;
    int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->addr.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, (const struct sockaddr *)&address->addr, address->addr_len) !=
        0) {
        close_keeping_errno(fd);
        return -1;
    }
    return fd;
}

/* Linux lets sockets bind with SO_REUSEADDR until one listens. */
static int
try_to_listen(const struct tg_listen *address)
{
    int fd = bind_like_nginx(address);

    if (fd < 0) {
        return -1;
    }
    int rc = listen(fd, 1);
    close_keeping_errno(fd);
    return rc;
}

static int
try_to_hold(struct tg_listen *address)
{
    struct tg_listen found = *address;
    socklen_t len = sizeof(found.addr);

    found.held = bind_like_nginx(address);
    if (found.held < 0) {
        return -1;
    }
    getsockname(found.held, (struct sockaddr *)&found.addr, &len);
    if (try_to_listen(&found) != 0) {
        close_keeping_errno(found.held);
        return -1;
    }
    write_texts(&found);
    *address = found;
    return 0;
}

/* A worker that was killed may have let go of the lock, but not of this. */
int
tg_listen_hold(struct tg_listen *listen)
{
    int rc = try_to_hold(listen);

    for (int waited_ms = 0;
         rc != 0 && errno == EADDRINUSE && waited_ms < FREE_WAIT_MS;
         waited_ms += POLL_MS) {
        usleep(POLL_MS * 1000);
        rc = try_to_hold(listen);
    }
    return rc == 0 ? 0 : fail_bind(listen);
}

bool
tg_listen_answers(const struct tg_listen *listen)
{
    /* Of no key's endpoints, where it would count as a refused request. */
    static const char request[] = "GET /admin/ HTTP/1.0\r\n\r\n";
    const struct timeval limit = {.tv_usec = 500000};
    int fd = socket(listen->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte;

    if (fd < 0) {
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    bool answers = connect(fd, (const struct sockaddr *)&listen->addr,
                           listen->addr_len) == 0 &&
                   send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
                   recv(fd, &byte, 1, 0) == 1;
    close(fd);
    return answers;
}
