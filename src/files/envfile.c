#include "envfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "compose.h"
#include "dotenv.h"
#include "err.h"

#define NEW_MODE 0600
#define LOCK_TRIES 250 /* five seconds */

/* A file that is open, its folder locked, while it is changed. */
struct opened {
    const struct tg_envfile *file;
    struct tg_fault *fault;
    int dir_fd, fd; /* -1: none */
    char name[NAME_MAX + 1];
    struct stat st; /* of fd */
    char *text;
    size_t len;
    struct tg_spot spot;
};

__attribute__((format(printf, 2, 3))) static int
fail(struct opened *opened, const char *fmt, ...)
{
    char why[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return tg_fault_set(opened->fault, TG_ERR_SYSTEM, 0, "%s", why);
}

static int
fail_errno(struct opened *opened, const char *what)
{
    return fail(opened, "%s: %s", what, strerror(errno));
}

static void
close_all(struct opened *opened)
{
    if (opened->fd >= 0)
        close(opened->fd);
    if (opened->dir_fd >= 0)
        close(opened->dir_fd);
    if (opened->text != NULL)
        explicit_bzero(opened->text, opened->len);
    free(opened->text);
    opened->fd = opened->dir_fd = -1;
    opened->text = NULL;
}

/* Splits a path: the folder into dir, the rest into the opened's name. */
static int
split(struct opened *opened, const char *path, char dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;

    if (*name == '\0' || strlen(name) > NAME_MAX || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0 || strlen(path) >= PATH_MAX)
        return fail(opened, "this is no file's name");
    strcpy(opened->name, name);
    if (slash == NULL)
        strcpy(dir, ".");
    else if (slash == path)
        strcpy(dir, "/");
    else
        snprintf(dir, PATH_MAX, "%.*s", (int)(slash - path), path);
    return 0;
}

/* Anywhere: a link is followed to the file itself, whose folder counts. */
static int
open_dir(struct opened *opened)
{
    char real[PATH_MAX], dir[PATH_MAX];
    const char *path = opened->file->path;

    if (realpath(path, real) != NULL)
        path = real;
    else if (errno != ENOENT)
        return fail_errno(opened, "it cannot be found");
    if (split(opened, path, dir) != 0)
        return TG_ERR_SYSTEM;
    opened->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return opened->dir_fd < 0
               ? fail_errno(opened, "its folder cannot be opened")
               : 0;
}

/* Below a folder, and by no link. */
static int
open_dir_below(struct opened *opened)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    size_t len = strlen(opened->file->folder);
    const char *path = opened->file->path;
    char dir[PATH_MAX];
    int folder_fd;

    if (strncmp(path, opened->file->folder, len) != 0 || path[len] != '/')
        return fail(opened, "it does not lie in %.100s", opened->file->folder);
    path += len + 1;
    if (split(opened, path, dir) != 0)
        return TG_ERR_SYSTEM;
    folder_fd = open(opened->file->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return fail_errno(opened, "its folder cannot be opened");
    opened->dir_fd =
        (int)syscall(SYS_openat2, folder_fd, dir, &how, sizeof(how));
    close(folder_fd);
    return opened->dir_fd < 0
               ? fail_errno(opened, "its folder cannot be opened")
               : 0;
}

/* Whether what was read is still what stands under the name. */
static bool
is_current(const struct opened *opened)
{
    struct stat now;

    return fstatat(opened->dir_fd, opened->name, &now, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           now.st_ino == opened->st.st_ino && now.st_dev == opened->st.st_dev;
}

static int
check_kind(struct opened *opened)
{
    if (!S_ISREG(opened->st.st_mode))
        return fail(opened, "it is no plain file");
    if (opened->st.st_nlink > 1)
        return fail(opened, "it has other names, too (hard links), which "
                            "would keep the old text");
    if (opened->st.st_size > TG_ENVFILE_MAX)
        return fail(opened, "it is larger than %u bytes", TG_ENVFILE_MAX);
    return 0;
}

/*
 * Who changes files of a folder locks the folder: the file itself is another
 * one afterwards, or is none yet.
 */
static int
lock(struct opened *opened)
{
    struct timespec pause = {.tv_nsec = 20000000};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(opened->dir_fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno(opened, "its folder cannot be locked");
        nanosleep(&pause, NULL);
    }
    return tg_fault_set(opened->fault, TG_ERR_BUSY, 0,
                        "somebody else changes files of its folder");
}

static int
open_file(struct opened *opened)
{
    opened->fd = openat(opened->dir_fd, opened->name,
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (opened->fd < 0 && errno == ENOENT && opened->file->service == NULL)
        return 0; /* a dotenv file may be new */
    if (opened->fd < 0)
        return fail_errno(opened, "it cannot be opened");
    if (fstat(opened->fd, &opened->st) != 0)
        return fail_errno(opened, "it cannot be looked at");
    return check_kind(opened);
}

static int
read_text(struct opened *opened)
{
    size_t size = opened->fd >= 0 ? (size_t)opened->st.st_size : 0;
    ssize_t n = 0;

    opened->text = malloc(size + 1);
    if (opened->text == NULL)
        return fail(opened, "out of memory");
    while (opened->len < size &&
           (n = read(opened->fd, opened->text + opened->len,
                     size - opened->len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(opened, "it cannot be read");
        opened->len += (size_t)n;
    }
    opened->text[opened->len] = '\0';
    return 0;
}

static int
find(const struct tg_envfile *file, struct tg_str text, struct tg_spot *spot,
     struct tg_fault *fault)
{
    return file->service != NULL
               ? tg_compose_find(text, file->service, file->name, spot, fault)
               : tg_dotenv_find(text, file->name, spot, fault);
}

/* All up to knowing where the value goes; close_all ends it in any case. */
static int
open_all(struct opened *opened)
{
    int err = opened->file->folder != NULL ? open_dir_below(opened)
                                           : open_dir(opened);

    if (err == 0)
        err = lock(opened);
    if (err == 0)
        err = open_file(opened);
    if (err == 0)
        err = read_text(opened);
    if (err == 0)
        err = find(opened->file, (struct tg_str){opened->text, opened->len},
                   &opened->spot, opened->fault);
    return err;
}

int
tg_envfile_check(const struct tg_envfile *file, mode_t *mode,
                 struct tg_fault *fault)
{
    struct opened opened = {
        .file = file, .fault = fault, .dir_fd = -1, .fd = -1};
    int err = open_all(&opened);

    *mode = opened.fd >= 0 ? opened.st.st_mode & 07777 : 0;
    if (err == 0 && faccessat(opened.dir_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        err = fail_errno(&opened, "its folder cannot be written to");
    close_all(&opened);
    return err;
}

static int
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Owner and mode as they were; the secret is nobody else's until then. */
static int
dress(struct opened *opened, int fd)
{
    struct stat st;

    if (opened->fd < 0)
        return 0;
    if (fstat(fd, &st) != 0)
        return fail_errno(opened, "the new file cannot be looked at");
    if ((st.st_uid != opened->st.st_uid || st.st_gid != opened->st.st_gid) &&
        fchown(fd, opened->st.st_uid, opened->st.st_gid) != 0)
        return fail_errno(opened, "its owner cannot be kept");
    return fchmod(fd, opened->st.st_mode & 07777) != 0
               ? fail_errno(opened, "its mode cannot be kept")
               : 0;
}

/* The text that was read is still the file's. */
static bool
is_unchanged(const struct opened *opened)
{
    struct stat now;

    if (opened->fd < 0)
        return fstatat(opened->dir_fd, opened->name, &now,
                       AT_SYMLINK_NOFOLLOW) != 0;
    return fstat(opened->fd, &now) == 0 && is_current(opened) &&
           now.st_size == opened->st.st_size &&
           now.st_mtim.tv_sec == opened->st.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == opened->st.st_mtim.tv_nsec;
}

static int
put_in_place(struct opened *opened, const char *temporary)
{
    if (!is_unchanged(opened))
        return tg_fault_set(opened->fault, TG_ERR_BUSY, 0,
                            "somebody else changed it meanwhile");
    if (renameat(opened->dir_fd, temporary, opened->dir_fd, opened->name) != 0)
        return fail_errno(opened, "it cannot be replaced");
    return fsync(opened->dir_fd) != 0
               ? fail_errno(opened, "its folder cannot be made durable")
               : 0;
}

static int
fill(struct opened *opened, const char *temporary, const char *text, size_t len)
{
    int fd =
        openat(opened->dir_fd, temporary,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, NEW_MODE);
    int err = 0;

    if (fd < 0)
        return fail_errno(opened, "no file can be made beside it");
    if (write_all(fd, text, len) != 0)
        err = fail_errno(opened, "it cannot be written");
    if (err == 0)
        err = dress(opened, fd);
    if (err == 0 && fsync(fd) != 0)
        err = fail_errno(opened, "it cannot be made durable");
    if (close(fd) != 0 && err == 0)
        err = fail_errno(opened, "it cannot be written");
    if (err == 0)
        err = put_in_place(opened, temporary);
    if (err != 0)
        unlinkat(opened->dir_fd, temporary, 0);
    return err;
}

/*
 * The name beside it is always the same, so that what a killed writer left is
 * found and taken away: whoever comes has the lock.
 */
static int
replace(struct opened *opened, const char *text, size_t len)
{
    char temporary[NAME_MAX + 1];

    if (snprintf(temporary, sizeof(temporary), ".%s.tollgate-new",
                 opened->name) >= (int)sizeof(temporary))
        return fail(opened, "its name is too long");
    if (unlinkat(opened->dir_fd, temporary, 0) != 0 && errno != ENOENT)
        return fail_errno(opened, "what a killed writer left stays");
    return fill(opened, temporary, text, len);
}

static bool
stands(struct tg_str text, const struct tg_spot *spot, struct tg_str value)
{
    return spot->is_there && spot->to - spot->from == value.len &&
           sodium_memcmp(text.data + spot->from, value.data, value.len) == 0;
}

/* The new text, once it is sure that the value is found in it. */
static int
compose_text(struct opened *opened, struct tg_str value, char **text,
             size_t *len)
{
    struct tg_spot again;
    struct tg_fault why;

    *text = tg_spot_fill((struct tg_str){opened->text, opened->len},
                         &opened->spot, value, len);
    if (*text == NULL)
        return fail(opened, "out of memory");
    if (find(opened->file, (struct tg_str){*text, *len}, &again, &why) == 0 &&
        stands((struct tg_str){*text, *len}, &again, value))
        return 0;
    return tg_fault_set(opened->fault, TG_ERR_FORMAT, 0,
                        "it is written in a way that is not changed safely");
}

int
tg_envfile_write(const struct tg_envfile *file, struct tg_str value,
                 struct tg_fault *fault)
{
    struct opened opened = {
        .file = file, .fault = fault, .dir_fd = -1, .fd = -1};
    char *text = NULL;
    size_t len = 0;
    int err;

    if (!tg_spot_is_value(value))
        return tg_fault_set(fault, TG_ERR_FORMAT, 0,
                            "the value would need quotes");
    err = open_all(&opened);
    if (err == 0)
        err = compose_text(&opened, value, &text, &len);
    if (err == 0)
        err = replace(&opened, text, len);
    if (text != NULL)
        explicit_bzero(text, len);
    free(text);
    close_all(&opened);
    return err;
}

int
tg_envfile_has(const struct tg_envfile *file, struct tg_str value, bool *has,
               struct tg_fault *fault)
{
    struct opened opened = {
        .file = file, .fault = fault, .dir_fd = -1, .fd = -1};
    int err = open_all(&opened);

    if (err == 0)
        *has = stands((struct tg_str){opened.text, opened.len}, &opened.spot,
                      value);
    close_all(&opened);
    return err;
}

int
tg_envfile_read(const struct tg_envfile *file, char *out, size_t cap,
                size_t *len, struct tg_fault *fault)
{
    struct opened opened = {
        .file = file, .fault = fault, .dir_fd = -1, .fd = -1};
    int err = open_all(&opened);
    size_t found = opened.spot.to - opened.spot.from;

    if (err == 0 && (!opened.spot.is_there || found == 0 || found > cap))
        err =
            tg_fault_set(fault, TG_ERR_NOT_FOUND, 0,
                         "%.128s has no value there that is a key", file->name);
    if (err == 0) {
        memcpy(out, opened.text + opened.spot.from, found);
        *len = found;
    }
    close_all(&opened);
    return err;
}
