#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"

static void
run_program(const struct tg_child *child, pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1); /* it died before the line above */
    }
    if (child->inherit_fd >= 0) {
        fcntl(child->inherit_fd, F_SETFD, 0);
    }
    execve(child->argv[0], child->argv, child->envp);
    dprintf(STDERR_FILENO, "tollgate: %s cannot be run: %s\n", child->argv[0],
            strerror(errno));
    _exit(127);
}

int
tg_child_start(struct tg_child *child, int64_t now_ms)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        return TG_ERR_SYSTEM;
    }
    if (pid == 0) {
        run_program(child, parent);
    }
    child->pid = pid;
    child->started_ms = now_ms;
    child->due_ms = INT64_MAX;
    return 0;
}

static int64_t
next_backoff_ms(const struct tg_child *child, int64_t lived_ms)
{
    if (child->backoff_ms == 0 || lived_ms >= TG_BACKOFF_FORGET_MS) {
        return TG_BACKOFF_FIRST_MS;
    }
    int64_t doubled_ms = child->backoff_ms * 2;
    return doubled_ms < TG_BACKOFF_MAX_MS ? doubled_ms : TG_BACKOFF_MAX_MS;
}

void
tg_child_ended(struct tg_child *child, int wait_status, int64_t now_ms,
               char *cause, size_t cause_size)
{
    if (WIFSIGNALED(wait_status)) {
        snprintf(cause, cause_size, "killed by signal %d",
                 WTERMSIG(wait_status));
    } else {
        snprintf(cause, cause_size, "exited with status %d",
                 WEXITSTATUS(wait_status));
    }
    child->backoff_ms = next_backoff_ms(child, now_ms - child->started_ms);
    child->due_ms = now_ms + child->backoff_ms;
    child->pid = 0;
}

void
tg_child_signal(const struct tg_child *child, int signal_number)
{
    if (child->pid > 0) {
        kill(child->pid, signal_number);
    }
}
