/* tollgate-sim: a simulated model upstream. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "record.h"
#include "worker.h"

enum { URL_BYTES = 96, BACKLOG = 16384 };

__attribute__((format(printf, 1, 2), noreturn)) static void
fail(const char *format, ...)
{
    va_list ap;

    fputs("tollgate-sim: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void
die_with_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM))
        fail("--die-with-parent: %s", strerror(errno));
    if (getppid() != parent)
        exit(0);
}

static void
raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t
read_address(const struct sim_options *options, union address *address)
{
    *address = (union address){0};
    if (inet_pton(AF_INET, options->address, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(options->port);
        return sizeof(address->v4);
    }
    if (inet_pton(AF_INET6, options->address, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(options->port);
        return sizeof(address->v6);
    }
    fprintf(stderr,
            "tollgate-sim: --listen takes a numeric address, not '%s'\n",
            options->address);
    exit(2);
}

static int
listen_on(const struct sim_options *options, char url[URL_BYTES])
{
    union address address;
    socklen_t len = read_address(options, &address);
    bool is_v6 = address.any.sa_family == AF_INET6;
    int one = 1, fd = socket(address.any.sa_family,
                             SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fail("cannot make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, &address.any, len) || listen(fd, BACKLOG) ||
        getsockname(fd, &address.any, &len))
        fail("cannot listen on %s port %u: %s", options->address, options->port,
             strerror(errno));
    snprintf(url, URL_BYTES, is_v6 ? "http://[%s]:%u" : "http://%s:%u",
             options->address,
             ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port));
    return fd;
}

/* Whoever reads the file finds the whole URL or no file. */
static void
write_url(const char *path, const char *url)
{
    char *fresh = NULL;
    FILE *file = NULL;
    int fd = -1;

    if (asprintf(&fresh, "%s.%d.new", path, (int)getpid()) > 0)
        fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        file = fdopen(fd, "w");
    if (!file || fprintf(file, "%s\n", url) < 0 || fclose(file) ||
        rename(fresh, path))
        fail("--url-file: cannot write '%s': %s", path, strerror(errno));
    free(fresh);
}

static struct sim_worker *
start_workers(const struct sim_options *options, int listen_fd, int stop_fd)
{
    struct sim_worker *workers =
        calloc((size_t)options->workers, sizeof(*workers));

    for (int i = 0; i < options->workers; i++)
        if (!workers ||
            sim_worker_start(&workers[i], options, listen_fd, stop_fd))
            fail("cannot start a worker: %s", strerror(errno));
    return workers;
}

int
main(int argc, char **argv)
{
    static struct sim_options options;
    pid_t parent = getppid();
    char url[URL_BYTES];
    struct sim_worker *workers;
    sigset_t signals;
    int listen_fd, stop_fd, signal;

    sim_options_read(&options, argc, argv);
    if (options.dies_with_parent)
        die_with_parent(parent);
    raise_descriptor_limit();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (sim_record_init(options.log_file, !options.keeps_no_records))
        fail("--log: cannot open '%s': %s", options.log_file, strerror(errno));
    listen_fd = listen_on(&options, url);
    stop_fd = eventfd(0, EFD_CLOEXEC);
    if (stop_fd < 0)
        fail("cannot make an eventfd: %s", strerror(errno));
    workers = start_workers(&options, listen_fd, stop_fd);
    if (options.url_file)
        write_url(options.url_file, url);
    printf("listening on %s\n", url);
    fflush(stdout);

    sigwait(&signals, &signal);
    if (eventfd_write(stop_fd, 1))
        fail("cannot stop the workers: %s", strerror(errno));
    for (int i = 0; i < options.workers; i++)
        sim_worker_join(&workers[i]);
    sim_record_reset();
    free(workers);
    return 0;
}
