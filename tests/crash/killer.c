/*
 * killer.c: kills the process that preloads it (LD_PRELOAD) at a system call
 * that a test chooses.
 *
 * The file "kill" beside the library is mapped: three int32, which call (its
 * place in the list below, from 1 on; 0: none), how many of them are let
 * through, and whether it dies behind the call rather than before it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct order {
    _Atomic int32_t call, left, is_behind;
};

enum call { NONE, PWRITE, FDATASYNC, WRITE, SEND, FTRUNCATE };

static struct order nothing;
static struct order *order = &nothing;

__attribute__((constructor)) static void
open_order(void)
{
    Dl_info info;
    char path[PATH_MAX];
    void *map;
    int fd;

    if (dladdr((void *)open_order, &info) == 0)
        return;
    snprintf(path, sizeof(path), "%s", info.dli_fname);
    snprintf(strrchr(path, '/') + 1, 5, "kill");
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        order = map;
}

/* Whether this is the call that it dies of; counts it. */
static int
is_last(enum call call)
{
    return order->call == (int32_t)call && order->left-- == 0;
}

static void
die(void)
{
    kill(getpid(), SIGKILL);
    pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(call, type, name, parameters, arguments)                          \
    type name parameters                                                       \
    {                                                                          \
        static __typeof__(&name) real;                                         \
        int is_it = is_last(call);                                             \
        type result;                                                           \
                                                                               \
        if (real == NULL)                                                      \
            real = REAL(name);                                                 \
        if (is_it && !order->is_behind)                                        \
            die();                                                             \
        result = real arguments;                                               \
        if (is_it)                                                             \
            die();                                                             \
        return result;                                                         \
    }

WRAP(PWRITE, ssize_t, pwrite64,
     (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
WRAP(FDATASYNC, int, fdatasync, (int fd), (fd))
WRAP(WRITE, ssize_t, write, (int fd, const void *data, size_t len),
     (fd, data, len))
WRAP(SEND, ssize_t, send, (int fd, const void *data, size_t len, int flags),
     (fd, data, len, flags))
WRAP(SEND, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(FTRUNCATE, int, ftruncate64, (int fd, off64_t len), (fd, len))
