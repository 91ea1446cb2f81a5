/*
 * ngx_http_tollgate_turn.c: with sync = strict, how soon a worker that has
 * something to do gets a processor that others are busy on.
 *
 * A call waits for two syncs, and each wakes its thread three or four times.
 * Each time the slice of another process may have to end first, some 3 ms.
 * Whose own slices are short is let in at once, for no larger share of the
 * processor: sched_setattr(2), Linux 6.12.  An older kernel leaves all as it
 * is; so does one that lets us ask nothing, as in some containers.
 */

#include "ngx_http_tollgate_module.h"

#include <sys/syscall.h>

/* The shortest that the kernel knows. */

#define NGX_HTTP_TOLLGATE_SLICE_NS  100000

/* As the kernel has it; older C libraries have no name for it. */
typedef struct {
    uint32_t  size;
    uint32_t  policy;
    uint64_t  flags;
    int32_t   nice;
    uint32_t  priority;
    uint64_t  runtime_ns;
    uint64_t  deadline_ns;
    uint64_t  period_ns;
} ngx_http_tollgate_turn_t;

_Static_assert(sizeof(ngx_http_tollgate_turn_t) == 48, "sched(7)");


/* In the master, from which workers and their threads have it.  What the
   operator has set, a policy or a niceness, stays; and where no call waits for
   a sync, larger slices cost less. */

void
ngx_http_tollgate_take_turns(ngx_uint_t is_strict)
{
    ngx_http_tollgate_turn_t  turn = { .size = sizeof(turn) };

    if (syscall(SYS_sched_getattr, 0, &turn, sizeof(turn), 0) != 0
        || turn.policy != SCHED_OTHER)
    {
        return;
    }

    if (is_strict) {
        turn.runtime_ns = NGX_HTTP_TOLLGATE_SLICE_NS;

    } else if (turn.runtime_ns == NGX_HTTP_TOLLGATE_SLICE_NS) {
        turn.runtime_ns = 0;

    } else {
        return;
    }

    (void) syscall(SYS_sched_setattr, 0, &turn, 0);
}
