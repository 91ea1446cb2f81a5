#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

static int
fail(struct tg_error *error, const char *doing, const char *path)
{
    return tg_error_set(error, TG_ERR_SYSTEM, "cannot %s %s: %s", doing, path,
                        strerror(errno));
}

static int
write_all(int fd, struct tg_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes.data += n;
        bytes.len -= (size_t)n;
    }
    return fsync(fd);
}

static int
sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    int fd, result;

    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s",
                 (int)(slash == path ? 1 : slash - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    result = fsync(fd);
    close(fd);
    return result;
}

int
tg_files_write(const char *path, struct tg_str bytes, struct tg_error *error)
{
    char temp[PATH_MAX];
    int fd, result;

    if ((size_t)snprintf(temp, sizeof(temp), "%s.tmp", path) >= sizeof(temp))
        return tg_error_set(error, TG_ERR_SYSTEM, "%s: name too long", path);
    fd =
        open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(error, "write", temp);
    result = fchmod(fd, 0600) == 0 ? write_all(fd, bytes) : -1;
    close(fd);
    if (result != 0 || rename(temp, path) != 0 || sync_folder_of(path) != 0) {
        fail(error, "write", path);
        unlink(temp);
        return TG_ERR_SYSTEM;
    }
    return 0;
}

void
tg_files_remove_leftover(const char *path)
{
    char temp[PATH_MAX];

    if ((size_t)snprintf(temp, sizeof(temp), "%s.tmp", path) < sizeof(temp))
        unlink(temp);
}

long
tg_files_read_secret(const char *path, void *buf, size_t cap,
                     struct tg_error *error)
{
    struct stat st;
    ssize_t n;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TG_ERR_NOT_FOUND : fail(error, "read", path);
    if (fstat(fd, &st) != 0) {
        n = fail(error, "read", path);
    } else if ((st.st_mode & 077) != 0) {
        n = tg_error_set(error, TG_ERR_FORMAT,
                         "%s can be read by others (mode %04o); run: chmod "
                         "600 %s",
                         path, (unsigned)(st.st_mode & 07777), path);
    } else if ((size_t)st.st_size > cap) {
        n = tg_error_set(error, TG_ERR_LIMIT, "%s is too long", path);
    } else {
        n = read(fd, buf, cap);
        if (n < 0)
            n = fail(error, "read", path);
    }
    close(fd);
    return n;
}

int
tg_files_make_folder(const char *path, mode_t mode, struct tg_error *error)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof(part))
        return tg_error_set(error, TG_ERR_SYSTEM, "%s: name too long", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        bool is_last = part[i] == '\0';

        if (!is_last && part[i] != '/')
            continue;
        part[i] = '\0';
        if (mkdir(part, is_last ? mode : 0755) != 0 && errno != EEXIST)
            return fail(error, "make the folder", part);
        part[i] = is_last ? '\0' : '/';
    }
    return 0;
}

int
tg_files_make_private(const char *path, const struct tg_owner *owner,
                      struct tg_error *error)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(error, "make the folder", path);
    if (lstat(path, &st) != 0)
        return fail(error, "look at", path);
    if (!S_ISDIR(st.st_mode))
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "%s is not a folder; remove it", path);
    if (st.st_uid != geteuid() && !(owner->is_set && st.st_uid == owner->uid))
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "%s belongs to another user (uid %u); remove it",
                            path, (unsigned)st.st_uid);
    if (owner->is_set && lchown(path, owner->uid, owner->gid) != 0)
        return fail(error, "give away", path);
    if ((st.st_mode & 07777) != 0700 && chmod(path, 0700) != 0)
        return fail(error, "close", path);
    return 0;
}
