/*
 * trace_test.h: a traced child is brought just before an instruction that an
 * earlier run has found by single steps.  Both runs must do the same.
 *
 * On x86-64 a breakpoint brings it there, elsewhere as many single steps.
 */
#ifndef TRACE_TEST_H
#define TRACE_TEST_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

/*
 * An instruction of a run: where it stands, how often the process has come
 * there by then, which of its own repetitions it is (of rep movs each is a
 * step), and which of all steps.
 */
struct mark {
    unsigned long at;
    int visits, repetition, steps;
};

/* How often a run came to each place: open addressing. */
static struct visits {
    unsigned long at;
    int count;
} visits[1 << 16];

static int
count_visit(unsigned long at)
{
    size_t i = at % (sizeof(visits) / sizeof(visits[0]));

    while (visits[i].at != at && visits[i].at != 0)
        i = (i + 1) % (sizeof(visits) / sizeof(visits[0]));
    visits[i].at = at;
    return ++visits[i].count;
}

/* Goes on, by one instruction or to a breakpoint; false when it has stopped
 * itself by SIGSTOP, which is its end. */
static bool
go_on(pid_t pid, enum __ptrace_request how)
{
    int status = 0;

    if (ptrace(how, pid, NULL, NULL) != 0 || waitpid(pid, &status, 0) != pid ||
        !WIFSTOPPED(status)) {
        printf("Bail out! lost the traced process\n");
        exit(1);
    }
    return WSTOPSIG(status) != SIGSTOP;
}

#if defined(__x86_64__)

static unsigned long
place(pid_t pid)
{
    return (unsigned long)ptrace(PTRACE_PEEKUSER, pid,
                                 offsetof(struct user, regs.rip), NULL);
}

static bool
step_past(pid_t pid, unsigned long at)
{
    do {
        if (!go_on(pid, PTRACE_SINGLESTEP))
            return false;
    } while (place(pid) == at);
    return true;
}

/* False when it does not come there so often. */
static bool
come_to(pid_t pid, const struct mark *mark)
{
    long text = ptrace(PTRACE_PEEKTEXT, pid, mark->at, NULL);
    long trap = (long)(((unsigned long)text & ~0xfful) | 0xcc);

    for (int visit = 1;; visit++) {
        ptrace(PTRACE_POKETEXT, pid, mark->at, trap);
        if (!go_on(pid, PTRACE_CONT) || place(pid) != mark->at + 1)
            return false;
        ptrace(PTRACE_POKETEXT, pid, mark->at, text);
        ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rip), mark->at);
        if (visit == mark->visits)
            break;
        if (!step_past(pid, mark->at))
            return false;
    }
    for (int i = 0; i < mark->repetition; i++) {
        if (!go_on(pid, PTRACE_SINGLESTEP))
            return false;
    }
    return true;
}

#else

static unsigned long
place(pid_t pid)
{
    (void)pid;
    return 1;
}

static bool
come_to(pid_t pid, const struct mark *mark)
{
    for (int i = 0; i < mark->steps; i++) {
        if (!go_on(pid, PTRACE_SINGLESTEP))
            return false;
    }
    return true;
}

#endif

/* A run that is marked begins where the process stands. */
static void
mark_begin(struct mark *mark)
{
    memset(visits, 0, sizeof(visits));
    *mark = (struct mark){.at = 0, .steps = -1};
}

/* Makes one step; *mark is of the instruction that it did.  False at the
 * end. */
static bool
mark_step(pid_t pid, struct mark *mark)
{
    unsigned long at = place(pid);

    if (at == mark->at) {
        mark->repetition++;
    } else {
        mark->at = at;
        mark->visits = count_visit(at);
        mark->repetition = 0;
    }
    mark->steps++;
    return go_on(pid, PTRACE_SINGLESTEP);
}

#endif
