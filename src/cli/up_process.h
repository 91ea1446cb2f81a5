/*
 * up_process.h: which processes there are, from /proc.
 */
#ifndef TG_UP_PROCESS_H
#define TG_UP_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Children of a process: up to size pids.  Returns how many there are. */
size_t tg_process_children(pid_t parent, pid_t *pids, size_t size);

/*
 * Processes of a process group that run nginx or tollgated; the number of a
 * group that is gone may have become another's.  Up to size pids; returns
 * how many there are.
 */
size_t tg_process_members(pid_t group, pid_t *pids, size_t size);

/* Whether the command line of a process starts with this text. */
bool tg_process_is(pid_t pid, const char *start);

#endif
