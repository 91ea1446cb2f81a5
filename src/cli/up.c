#include "up.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "conf.h"
#include "say.h"
#include "up_home.h"
#include "up_options.h"
#include "up_run.h"

#define DOWN_MAX_MS 60000
#define POLL_MS 20

struct announcement {
    const struct tg_listen *listen;
    int fd; /* the pipe to who detached us; -1: none */
};

/* Writes run/admin.url, where the command line finds us. */
static int
write_url(const struct tg_up_home *home, const char *url)
{
    char temp[TG_PATH_SIZE + 64];

    snprintf(temp, sizeof(temp), "%s.new", home->url_file);
    FILE *out = fopen(temp, "we");
    if (out == NULL) {
        return -1;
    }
    bool failed = fprintf(out, "%s\n", url) < 0;
    failed |= fclose(out) != 0;
    return !failed && rename(temp, home->url_file) == 0 ? 0 : -1;
}

static void
announce(void *arg)
{
    const struct announcement *it = arg;

    printf("tollgate is ready on %s\n", it->listen->url);
    fflush(stdout);
    if (it->fd >= 0) {
        dprintf(it->fd, "%s", it->listen->url);
        close(it->fd);
    }
}

/* What one `up` runs. */
struct service {
    const struct tg_up_home *home;
    struct tg_listen *listen;
    const struct tg_up_options *options;
};

/* From the locks to the last process: the whole life of one `up`. */
static int
serve(const struct service *service, int ready_fd)
{
    const struct tg_up_home *home = service->home;
    struct tg_listen *listen = service->listen;
    struct announcement it = {listen, ready_fd};
    struct tg_up_run run = {
        .home = home,
        .listen = listen,
        .proxies = &service->options->proxies,
        .is_strict = service->options->is_strict,
        .ready = announce,
        .ready_arg = &it,
    };

    if (tg_up_lock(home) < 0) {
        return TG_EXIT_FAILED;
    }
    run.children_fd = tg_up_lock_children(home);
    if (run.children_fd < 0 || tg_listen_hold(listen) != 0) {
        return TG_EXIT_FAILED;
    }
    if (write_url(home, listen->url) != 0) {
        return tg_say_failed("%s cannot be written: %s", home->url_file,
                             strerror(errno));
    }
    return tg_up_run(&run);
}

static void
serve_detached(const struct service *service, int log_fd, int ready_fd)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    dup2(null_fd, STDIN_FILENO);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    dup2(ready_fd, 3);
    close_range(4, ~0U, 0);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    int status = serve(service, 3);
    fflush(NULL);
    _exit(status);
}

/* What was written to the log since offset is the child's error. */
static void
show_log(int log_fd, off_t offset)
{
    char text[4096];
    ssize_t len;

    while ((len = pread(log_fd, text, sizeof(text), offset)) > 0) {
        offset += len;
        fwrite(text, 1, (size_t)len, stderr);
    }
}

static int
await_ready(int ready_fd, int log_fd, off_t offset)
{
    char url[80];
    ssize_t len;

    do {
        len = read(ready_fd, url, sizeof(url));
    } while (len < 0 && errno == EINTR);
    if (len > 0) {
        printf("tollgate is ready on %.*s\n", (int)len, url);
        return TG_EXIT_OK;
    }
    show_log(log_fd, offset);
    return TG_EXIT_FAILED;
}

static int
detach(const struct service *service)
{
    const char *log_file = service->home->log_file;
    int ready[2];
    int log_fd = open(log_file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    if (log_fd < 0) {
        return tg_say_failed("%s cannot be opened: %s", log_file,
                             strerror(errno));
    }
    off_t offset = lseek(log_fd, 0, SEEK_END);
    if (pipe2(ready, O_CLOEXEC) != 0) {
        return tg_say_failed("no pipe can be made: %s", strerror(errno));
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        return tg_say_failed("no process can be started: %s", strerror(errno));
    }
    if (pid == 0) {
        serve_detached(service, log_fd, ready[1]);
    }
    close(ready[1]);
    return await_ready(ready[0], log_fd, offset);
}

/* The file is the daemon's, too: what is wrong with it is said here, once. */
static int
read_conf(const struct tg_up_home *home, struct tg_up_options *options)
{
    struct tg_conf_error error;
    struct tg_conf conf;

    if (tg_conf_read(&conf, home->paths.conf, &error) != 0) {
        return tg_say_failed("%s", error.text);
    }
    if (options->proxies.count == 0) {
        options->proxies = conf.proxies;
    }
    options->is_strict = conf.is_strict != 0;
    return TG_EXIT_OK;
}

int
tg_cli_up(int argc, char **argv)
{
    struct tg_up_options options;
    struct tg_up_home home;
    struct tg_listen listen;
    struct service service = {&home, &listen, &options};
    int exit_status;

    if (!tg_up_options_parse(&options, "hltdp", argc, argv, &exit_status)) {
        return exit_status;
    }
    if (options.is_detached && options.dies_with_parent) {
        tg_say_failed("--detach and --die-with-parent exclude each other");
        return TG_EXIT_USAGE;
    }
    if (options.dies_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    }
    umask(077);
    if (tg_listen_parse(&listen, options.listen) != 0) {
        return TG_EXIT_USAGE;
    }
    if (tg_up_home_open(&home, options.home, true) != 0 ||
        tg_up_home_make_folders(&home) != 0 ||
        read_conf(&home, &options) != TG_EXIT_OK) {
        return TG_EXIT_FAILED;
    }
    return options.is_detached ? detach(&service) : serve(&service, -1);
}

int
tg_cli_down(int argc, char **argv)
{
    struct tg_up_options options;
    struct tg_up_home home;
    int exit_status;

    if (!tg_up_options_parse(&options, "h", argc, argv, &exit_status)) {
        return exit_status;
    }
    if (access(options.home, F_OK) != 0) {
        printf("nothing runs on %s\n", options.home);
        return TG_EXIT_OK;
    }
    if (tg_up_home_open(&home, options.home, false) != 0) {
        return TG_EXIT_FAILED;
    }
    pid_t pid = tg_up_holder(&home);
    if (pid == 0) {
        printf("nothing runs on %s\n", home.paths.home);
        return TG_EXIT_OK;
    }
    if (kill(pid, SIGTERM) != 0 && errno != ESRCH) {
        return tg_say_failed("process %d cannot be told to end: %s", (int)pid,
                             strerror(errno));
    }
    for (int waited_ms = 0; !tg_up_is_gone(&home); waited_ms += POLL_MS) {
        if (waited_ms == 1000 && !options.is_quiet) {
            fprintf(stderr, "waiting for calls in flight to end\n");
        }
        if (waited_ms >= DOWN_MAX_MS) {
            return tg_say_failed("process %d has not ended after %d s",
                                 (int)pid, DOWN_MAX_MS / 1000);
        }
        usleep(POLL_MS * 1000);
    }
    printf("ended\n");
    return TG_EXIT_OK;
}
