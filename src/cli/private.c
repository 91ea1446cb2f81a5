#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "say.h"

bool
tg_private_is_open_to_others(int fd)
{
    struct stat st;

    return fstat(fd, &st) != 0 || (st.st_mode & 077) != 0 ||
           (st.st_uid != geteuid() && geteuid() != 0);
}

int
tg_private_refuse(const char *path)
{
    return tg_say_failed("%s holds a secret and is not yours alone: make it "
                         "so with: chmod 600 %s",
                         path, path);
}

static int
read_some(int fd, const char *path, char *out, size_t cap)
{
    size_t len = 0;
    ssize_t n;

    while (len < cap && (n = read(fd, out + len, cap - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tg_say_failed("cannot read %s: %s", path, strerror(errno));
        len += (size_t)n;
    }
    if (len == cap)
        return tg_say_failed("%s is too long to be what it should", path);
    out[len] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return TG_EXIT_OK;
}

int
tg_private_read_line(const char *path, bool is_secret, char *out, size_t cap,
                     bool *is_there)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    *is_there = fd >= 0;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return TG_EXIT_OK;
    if (fd < 0)
        return tg_say_failed("cannot read %s: %s", path, strerror(errno));
    if (is_secret && tg_private_is_open_to_others(fd))
        rc = tg_private_refuse(path);
    else
        rc = read_some(fd, path, out, cap);
    close(fd);
    return rc;
}
