/*
 * clock.c: clocks that a test sets, for the processes that preload this
 * (LD_PRELOAD).
 *
 * The file "offsets" beside the library is mapped: two int64, nanoseconds
 * that are added to the wall clock and to those that only go forward.  A
 * process that was started without it has the real clocks.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct offsets {
    _Atomic int64_t wall_ns, monotonic_ns;
};

static struct offsets none;
static struct offsets *offsets = &none;
static int (*real_clockwait)(pthread_cond_t *, pthread_mutex_t *, clockid_t,
                             const struct timespec *);

/* Workers give up the right to read the folder: mapped once, before that. */
__attribute__((constructor)) static void
open_offsets(void)
{
    Dl_info info;
    char path[PATH_MAX];
    void *map;
    int fd;

    real_clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    if (dladdr((void *)open_offsets, &info) == 0)
        return;
    snprintf(path, sizeof(path), "%s", info.dli_fname);
    snprintf(strrchr(path, '/') + 1, 8, "offsets");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        offsets = map;
}

static int64_t
offset_of(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return offsets->wall_ns;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return offsets->monotonic_ns;
    default:
        return 0;
    }
}

static struct timespec
moved(const struct timespec *at, int64_t by_ns)
{
    int64_t ns = at->tv_nsec + by_ns % 1000000000;
    struct timespec to = {at->tv_sec + by_ns / 1000000000, 0};

    to.tv_sec += ns < 0 ? -1 : ns / 1000000000;
    to.tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    return to;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    /* Other libraries begin before this one, so nothing is looked up. */
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0)
        *now = moved(now, offset_of(clock));
    return result;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    *now = (struct timeval){at.tv_sec, at.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *at)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL)
        *at = now.tv_sec;
    return now.tv_sec;
}

/* The kernel waits for its own clock. */
int
pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                       clockid_t clock, const struct timespec *until)
{
    struct timespec real = moved(until, -offset_of(clock));

    return real_clockwait(cond, mutex, clock, &real);
}

/* Not told which clock it is of; ours are all monotonic. */
int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
                       pthread_mutex_t *restrict mutex,
                       const struct timespec *restrict until)
{
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, until);
}
