/*
 * supervise.h: one child process: started, started again when it dies, ended.
 *
 * All times are milliseconds of the monotonic clock, given by the caller.
 */
#ifndef TG_SUPERVISE_H
#define TG_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TG_BACKOFF_FIRST_MS 100
#define TG_BACKOFF_MAX_MS 30000
#define TG_BACKOFF_FORGET_MS 60000

struct tg_child {
    const char *name;  /* for messages */
    char *const *argv; /* argv[0] is a path */
    char *const *envp;
    int inherit_fd;     /* kept open in the child; -1: none */
    pid_t pid;          /* 0 when it does not run */
    int64_t started_ms; /* the last time */
    int64_t due_ms;     /* when to start it again; INT64_MAX: do not */
    int64_t backoff_ms; /* how long the last wait was; 0: none yet */
};

/*
 * Starts the child in a process group of its own, so that the terminal's
 * Ctrl-C does not reach it; it gets SIGTERM when we die.  Returns 0, or
 * TG_ERR_SYSTEM with errno.  A program that cannot be run shows as a child
 * that ends with status 127.
 */
int tg_child_start(struct tg_child *child, int64_t now_ms);

/*
 * Takes note that the child ended and sets due_ms: the wait doubles from
 * 0.1 s to 30 s, and starts over after a minute of life.  Writes the cause
 * ("killed by signal 9") to cause.
 */
void tg_child_ended(struct tg_child *child, int wait_status, int64_t now_ms,
                    char *cause, size_t cause_size);

/* Sends a signal, if the child runs. */
void tg_child_signal(const struct tg_child *child, int signal_number);

#endif
