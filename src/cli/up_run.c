#include "up_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "say.h"
#include "supervise.h"
#include "up_process.h"
#include "up_programs.h"
#include "up_ready.h"

#define POLL_MS 10 /* while something is waited for */
#define PROGRESS_MS 1000
#define READY_MS 120000
#define CALLS_MS 10000 /* how long calls in flight have to end */
#define TERM_MS 5000
#define DAEMON_TERM_MS 10000
#define WORKERS_CHECK_MS 5000
#define WORKERLESS_MS 2000 /* a master that begins has none yet */
#define STATE_CHECK_MS 50
#define NAME_CHECK_MS 1000

enum phase {
    PHASE_DAEMON_STARTS,
    PHASE_NGINX_STARTS,
    PHASE_FILLS, /* calls are served, and tollgated loads keys */
    PHASE_SERVES,
    PHASE_CALLS_END,
    PHASE_NGINX_ENDS,
    PHASE_DAEMON_ENDS,
    PHASE_OVER,
};

struct supervisor {
    const struct tg_up_run *run;
    struct tg_up_programs programs;
    struct tg_child daemon;
    struct tg_child nginx;
    enum phase phase;
    int64_t deadline_ms; /* of the phase */
    int64_t progress_ms; /* when to say that it takes long */
    int64_t since_ms;    /* Unix time of the daemon's first start */
    int64_t workers_ms;  /* when to see whether nginx has workers */
    pid_t begun_pid;     /* of the nginx that was seen to have begun */
    int64_t begun_ms;    /* and when */
    uint8_t state[16];   /* which file nginx's workers have */
    int64_t again_ms;    /* Unix time when the daemon was started again; 0: it
                            was seen since which file it has */
    int64_t state_ms;    /* when to look at that */
    int64_t name_ms;     /* when to see whether the state file is there */
    bool is_renewing;    /* what ends is started again then */
    bool is_announced;   /* that it serves */
    int stop_count;
    int exit_status;
};

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
enter(struct supervisor *up, enum phase phase, int64_t now_ms, int64_t limit_ms)
{
    up->phase = phase;
    up->deadline_ms = now_ms + limit_ms;
    up->progress_ms = now_ms + PROGRESS_MS;
}

static void
report_progress(struct supervisor *up, int64_t now_ms, const char *text)
{
    if (now_ms >= up->progress_ms) {
        up->progress_ms = INT64_MAX;
        tg_say_failed("%s", text);
    }
}

/* Children that are neither of the two: workers whose master was killed. */
static size_t
signal_orphans(struct supervisor *up, int signal_number)
{
    pid_t pids[256];
    size_t count = tg_process_children(getpid(), pids, 256);
    size_t orphans = 0;

    for (size_t i = 0; i < count && i < 256; i++) {
        if (pids[i] != up->daemon.pid && pids[i] != up->nginx.pid) {
            kill(pids[i], signal_number);
            orphans++;
        }
    }
    return orphans;
}

static void
end_calls(struct supervisor *up, int64_t now_ms)
{
    tg_child_signal(&up->nginx, SIGQUIT);
    signal_orphans(up, SIGQUIT);
    enter(up, PHASE_CALLS_END, now_ms, CALLS_MS);
}

static void
end_nginx(struct supervisor *up, int64_t now_ms)
{
    tg_child_signal(&up->nginx, SIGTERM);
    signal_orphans(up, SIGTERM);
    enter(up, PHASE_NGINX_ENDS, now_ms, TERM_MS);
}

static void
end_daemon(struct supervisor *up, int64_t now_ms)
{
    tg_child_signal(&up->daemon, SIGTERM);
    enter(up, PHASE_DAEMON_ENDS, now_ms, DAEMON_TERM_MS);
}

/* A start that does not come to its end is one, with this status. */
static void
give_up(struct supervisor *up, int64_t now_ms)
{
    up->exit_status = TG_EXIT_FAILED;
    end_nginx(up, now_ms);
}

static void
start_child(struct tg_child *child, int64_t now_ms)
{
    if (tg_child_start(child, now_ms) != 0) {
        tg_say_failed("%s cannot be started: %s; trying again in 1 s",
                      child->name, strerror(errno));
        child->due_ms = now_ms + 1000;
        return;
    }
    tg_up_note_child(child->inherit_fd, child->pid);
}

static void
start_nginx(struct supervisor *up, int64_t now_ms)
{
    start_child(&up->nginx, now_ms);
    enter(up, PHASE_NGINX_STARTS, now_ms, READY_MS);
}

static void
child_ended(struct supervisor *up, struct tg_child *child, int wait_status,
            int64_t now_ms)
{
    char cause[64];

    tg_child_ended(child, wait_status, now_ms, cause, sizeof(cause));
    if (up->phase >= PHASE_CALLS_END) {
        return;
    }
    if (up->phase < PHASE_FILLS ||
        (up->phase == PHASE_FILLS && WIFEXITED(wait_status))) {
        tg_say_failed("%s %s at its start: see its message above", child->name,
                      cause);
        give_up(up, now_ms);
        return;
    }
    tg_say_failed("%s %s; starting it again in %.1f s", child->name, cause,
                  (double)child->backoff_ms / 1000);
    if (child == &up->nginx) {
        signal_orphans(up, SIGQUIT);
    }
}

static void
reap(struct supervisor *up, int64_t now_ms)
{
    int wait_status;
    pid_t pid;

    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0) {
        if (pid == up->daemon.pid) {
            child_ended(up, &up->daemon, wait_status, now_ms);
        } else if (pid == up->nginx.pid) {
            child_ended(up, &up->nginx, wait_status, now_ms);
        }
    }
}

static void
stop(struct supervisor *up, int64_t now_ms)
{
    up->stop_count++;
    if (up->phase < PHASE_CALLS_END) {
        end_calls(up, now_ms);
    } else if (up->phase == PHASE_CALLS_END && up->stop_count > 1) {
        end_nginx(up, now_ms);
    }
}

static void
take_signals(struct supervisor *up, int fd, int64_t now_ms)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGCHLD:
            reap(up, now_ms);
            break;
        case SIGHUP:
            if (up->phase == PHASE_FILLS || up->phase == PHASE_SERVES) {
                tg_child_signal(&up->nginx, SIGHUP);
                tg_child_signal(&up->daemon, SIGHUP);
            }
            break;
        default:
            stop(up, now_ms);
        }
    }
}

static void
start_due(struct tg_child *child, int64_t now_ms)
{
    if (child->pid == 0 && child->due_ms <= now_ms) {
        start_child(child, now_ms);
    }
}

/*
 * Whether nginx has read its configuration: it writes its pid before it makes
 * workers.  What stands there of an earlier one is another pid.
 */
static bool
has_begun(const struct supervisor *up)
{
    char path[TG_PATH_SIZE + 16];
    int pid = 0;
    FILE *file;

    snprintf(path, sizeof(path), "%s/nginx.pid", up->run->home->paths.run);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    if (fscanf(file, "%d", &pid) != 1) {
        pid = 0;
    }
    fclose(file);
    return pid == up->nginx.pid;
}

/*
 * A worker that cannot begin is not started again by its master, which then
 * listens for nobody.  The reason is in nginx's log.
 */
static bool
is_workerless(struct supervisor *up, int64_t now_ms)
{
    pid_t worker;

    if (up->nginx.pid == 0) {
        return false;
    }
    if (up->begun_pid != up->nginx.pid && has_begun(up)) {
        up->begun_pid = up->nginx.pid;
        up->begun_ms = now_ms;
    }
    return up->begun_pid == up->nginx.pid &&
           now_ms - up->begun_ms > WORKERLESS_MS &&
           tg_process_children(up->nginx.pid, &worker, 1) == 0;
}

static void
check_workers(struct supervisor *up, int64_t now_ms)
{
    if (now_ms < up->workers_ms) {
        return;
    }
    up->workers_ms = now_ms + WORKERS_CHECK_MS;
    if (is_workerless(up, now_ms)) {
        tg_say_failed("nginx has no workers left, see the end of %s",
                      up->programs.nginx_log);
        tg_child_signal(&up->nginx, SIGTERM);
    }
}

/*
 * A daemon that finds no state file that it can use makes one.  Workers go on
 * with theirs, in which nobody publishes: no key would be revoked there.
 */
static void
check_state(struct supervisor *up, int64_t now_ms)
{
    uint8_t state[sizeof(up->state)];

    if (up->again_ms == 0 || now_ms < up->state_ms) {
        return;
    }
    up->state_ms = now_ms + STATE_CHECK_MS;
    if (!tg_daemon_has_state(&up->run->home->paths, up->again_ms, state)) {
        return;
    }
    up->again_ms = 0;
    if (memcmp(state, up->state, sizeof(state)) != 0) {
        memcpy(up->state, state, sizeof(state));
        tg_say_failed("tollgated has a new state file; nginx's workers are "
                      "replaced");
        tg_child_signal(&up->nginx, SIGHUP);
    }
}

/*
 * A state file that was removed, as by a login manager when its user leaves,
 * serves on, but no worker to come could open it.  A daemon that made another
 * would not know of the calls that are under way in this one; so all ends, as
 * if it were told to, with each call settled, and starts anew.
 */
static bool
begins_anew(struct supervisor *up, int64_t now_ms)
{
    const char *state = up->run->home->paths.state;
    bool starts_daemon = up->daemon.pid == 0 && up->daemon.due_ms <= now_ms;

    if (now_ms < up->name_ms && !starts_daemon) {
        return false;
    }
    up->name_ms = now_ms + NAME_CHECK_MS;
    if (access(state, F_OK) == 0 || errno != ENOENT) {
        return false;
    }
    tg_say_failed("%s was removed: calls are ended, and all starts anew",
                  state);
    up->is_renewing = true;
    end_calls(up, now_ms);
    return true;
}

static void
start_daemon_due(struct supervisor *up, int64_t now_ms)
{
    if (up->daemon.pid != 0 || up->daemon.due_ms > now_ms) {
        return;
    }
    up->again_ms = clock_ms(CLOCK_REALTIME);
    up->state_ms = now_ms;
    start_child(&up->daemon, now_ms);
}

static void
check_start(struct supervisor *up, int64_t now_ms)
{
    const struct tg_up_run *run = up->run;

    if (now_ms >= up->deadline_ms) {
        tg_say_failed("%s did not become ready within %d s",
                      up->phase == PHASE_DAEMON_STARTS ? "tollgated" : "nginx",
                      READY_MS / 1000);
        give_up(up, now_ms);
    } else if (up->phase == PHASE_DAEMON_STARTS) {
        report_progress(up, now_ms, "waiting for tollgated");
        if (tg_daemon_has_state(&run->home->paths, up->since_ms, up->state)) {
            start_nginx(up, now_ms);
        }
    } else {
        report_progress(up, now_ms, "waiting for nginx");
        if (up->nginx.pid != 0 && tg_listen_answers(run->listen)) {
            enter(up, PHASE_FILLS, now_ms, 0);
        } else if (is_workerless(up, now_ms)) {
            tg_say_failed("nginx's workers do not begin, see the end of %s",
                          up->programs.nginx_log);
            give_up(up, now_ms);
        }
    }
}

/* However long it takes: calls are served. */
static void
check_filling(struct supervisor *up, int64_t now_ms)
{
    const struct tg_up_run *run = up->run;

    report_progress(up, now_ms, "calls are served; waiting for tollgated");
    if (tg_daemon_is_ready(&run->home->paths, up->since_ms)) {
        up->phase = PHASE_SERVES;
        if (!up->is_announced) {
            run->ready(run->ready_arg);
        }
        up->is_announced = true;
    }
}

static void
start_daemon(struct supervisor *up, int64_t now_ms)
{
    up->since_ms = clock_ms(CLOCK_REALTIME);
    start_child(&up->daemon, now_ms);
    enter(up, PHASE_DAEMON_STARTS, now_ms, READY_MS);
}

/* All has ended: for good, or to begin anew. */
static void
end(struct supervisor *up, int64_t now_ms)
{
    if (!up->is_renewing || up->stop_count > 0) {
        up->phase = PHASE_OVER;
        return;
    }
    up->is_renewing = false;
    up->again_ms = 0;
    start_daemon(up, now_ms);
}

static bool
nginx_is_gone(struct supervisor *up)
{
    return up->nginx.pid == 0 && signal_orphans(up, 0) == 0;
}

static void
check_end(struct supervisor *up, int64_t now_ms)
{
    bool is_late = now_ms >= up->deadline_ms;

    switch (up->phase) {
    case PHASE_CALLS_END:
        report_progress(up, now_ms,
                        "waiting up to 10 s for calls to end; a second "
                        "signal ends them now");
        if (nginx_is_gone(up)) {
            end_daemon(up, now_ms);
        } else if (is_late) {
            end_nginx(up, now_ms);
        }
        break;
    case PHASE_NGINX_ENDS:
        if (nginx_is_gone(up)) {
            end_daemon(up, now_ms);
        } else if (is_late) {
            tg_child_signal(&up->nginx, SIGKILL);
            signal_orphans(up, SIGKILL);
        }
        break;
    default:
        report_progress(up, now_ms, "waiting for tollgated to end");
        if (up->daemon.pid == 0) {
            end(up, now_ms);
        } else if (is_late) {
            tg_child_signal(&up->daemon, SIGKILL);
        }
    }
}

static void
tick(struct supervisor *up, int64_t now_ms)
{
    if (up->phase == PHASE_FILLS) {
        check_filling(up, now_ms);
    }
    if (up->phase < PHASE_FILLS) {
        check_start(up, now_ms);
    } else if (up->phase > PHASE_SERVES) {
        check_end(up, now_ms);
    } else if (!begins_anew(up, now_ms)) {
        start_daemon_due(up, now_ms);
        start_due(&up->nginx, now_ms);
        check_state(up, now_ms);
        check_workers(up, now_ms);
    }
}

static int64_t
earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* How long poll may sleep. */
static int
sleep_ms(const struct supervisor *up, int64_t now_ms)
{
    int64_t due_ms = earlier(earlier(up->daemon.due_ms, up->nginx.due_ms),
                             earlier(up->workers_ms, up->name_ms));

    if (up->again_ms != 0) {
        due_ms = earlier(due_ms, up->state_ms);
    }
    if (up->phase != PHASE_SERVES) {
        return POLL_MS;
    }
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static int
open_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
init(struct supervisor *up, const struct tg_up_run *run)
{
    up->run = run;
    up->daemon = (struct tg_child){
        .name = "tollgated",
        .argv = up->programs.daemon.argv,
        .envp = up->programs.envp,
        .inherit_fd = run->children_fd,
        .due_ms = INT64_MAX,
    };
    up->nginx = up->daemon;
    up->nginx.name = "nginx";
    up->nginx.argv = up->programs.nginx.argv;
}

/* From the daemon's start to its end; or returns at once, after it said why. */
static int
supervise(struct supervisor *up)
{
    int signals_fd = open_signals();

    if (signals_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return tg_say_failed("signals cannot be received: %s", strerror(errno));
    }
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    start_daemon(up, now_ms);
    while (up->phase != PHASE_OVER) {
        struct pollfd wait = {.fd = signals_fd, .events = POLLIN};
        poll(&wait, 1, sleep_ms(up, now_ms));
        now_ms = clock_ms(CLOCK_MONOTONIC);
        take_signals(up, signals_fd, now_ms);
        tick(up, now_ms);
    }
    close(signals_fd);
    return up->exit_status;
}

int
tg_up_run(const struct tg_up_run *run)
{
    struct supervisor up = {.exit_status = TG_EXIT_OK};
    int status = TG_EXIT_FAILED;

    if (tg_up_programs_find(&up.programs, run->home) == 0 &&
        tg_up_programs_configure(&up.programs, run) == 0) {
        init(&up, run);
        status = supervise(&up);
    }
    tg_up_programs_release(&up.programs);
    return status;
}
