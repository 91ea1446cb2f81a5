#include "clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "steady.h"

static _Atomic int64_t believed_ahead_ms;

static int64_t
read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
tg_clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t
tg_clock_ms(void)
{
    return tg_steady_ms(atomic_load(&believed_ahead_ms), tg_clock_wall_ms(),
                        tg_clock_forward_ms());
}

void
tg_clock_believe(int64_t ahead_ms)
{
    atomic_store(&believed_ahead_ms, ahead_ms);
}

/* It goes on while the machine sleeps, as the wall clock does. */
int64_t
tg_clock_forward_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int
tg_random(void *buf, size_t len)
{
    char *p = buf;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}
