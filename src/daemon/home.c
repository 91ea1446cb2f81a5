#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base62.h"
#include "clock.h"
#include "err.h"
#include "restore.h"

#define TOKEN_PREFIX "tgo_"
#define TOKEN_LEN (sizeof(TOKEN_PREFIX) - 1 + 40)

static int
lock_home(const struct tg_paths *paths, int *lock_fd, struct tg_error *error)
{
    char path[TG_PATH_SIZE + 16], pid[32] = "";
    int fd;

    snprintf(path, sizeof(path), "%s/tollgated.lock", paths->run);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot open %s: %s", path,
                            strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

        close(fd);
        return tg_error_set(
            error, TG_ERR_BUSY, "another tollgated runs on %s, pid %.*s",
            paths->home, n > 0 ? (int)strspn(pid, "0123456789") : 7,
            n > 0 ? pid : "unknown");
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        close(fd);
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot write %s: %s", path,
                            strerror(errno));
    }
    *lock_fd = fd;
    return 0;
}

int
tg_home_find(struct tg_paths *paths, const char *home, struct tg_error *error)
{
    char real[PATH_MAX];

    if (realpath(home, real) == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "cannot use --home %s: %s",
                            home, strerror(errno));
    if (tg_paths_init(paths, real) != 0)
        return tg_error_set(error, TG_ERR_RANGE, "--home %s: name too long",
                            home);
    return 0;
}

static const struct tg_owner nobody = {.is_set = false};

int
tg_home_lock(struct tg_paths *paths, int *lock_fd, const char *home,
             struct tg_error *error)
{
    int err = tg_files_make_folder(home, 0700, error);

    if (err == 0)
        err = tg_home_find(paths, home, error);
    if (err == 0)
        err = tg_files_make_private(paths->run, &nobody, error);
    return err == 0 ? lock_home(paths, lock_fd, error) : err;
}

int
tg_home_open(struct tg_paths *paths, int *lock_fd, const char *home,
             const struct tg_owner *workers, struct tg_error *error)
{
    int err = tg_home_lock(paths, lock_fd, home, error);

    if (err == 0)
        err = tg_restore_check(paths, error);
    if (err != 0)
        return err;
    tg_files_remove_leftover(paths->master_key);
    tg_files_remove_leftover(paths->admin_token);
    err = tg_files_make_private(paths->journal, workers, error);
    if (err == 0)
        err = tg_files_make_private(paths->kept, &nobody, error);
    if (err == 0)
        err = tg_files_make_private(paths->shm, workers, error);
    return err;
}

int
tg_home_master_key(struct tg_master_key *key, const struct tg_paths *paths,
                   bool may_make, struct tg_error *error)
{
    long n = tg_files_read_secret(paths->master_key, key->bytes,
                                  sizeof(key->bytes), error);

    if (n == (long)sizeof(key->bytes))
        return 0;
    if (n >= 0 || n == TG_ERR_LIMIT)
        return tg_error_set(error, TG_ERR_FORMAT,
                            "%s is not a master key (32 bytes); put the right "
                            "one back from a backup",
                            paths->master_key);
    if (n != TG_ERR_NOT_FOUND)
        return (int)n;
    if (!may_make)
        return tg_error_set(error, TG_ERR_NOT_FOUND,
                            "%s is missing, and the store has upstream "
                            "credentials sealed under it; put it back from a "
                            "backup",
                            paths->master_key);
    if (tg_random(key->bytes, sizeof(key->bytes)) != 0)
        return tg_error_set(error, TG_ERR_CRYPTO,
                            "the kernel gives no random bytes");
    return tg_files_write(
        paths->master_key,
        (struct tg_str){(const char *)key->bytes, sizeof(key->bytes)}, error);
}

static int
make_token(char token[TOKEN_LEN + 1], const struct tg_paths *paths,
           struct tg_error *error)
{
    size_t n = sizeof(TOKEN_PREFIX) - 1;

    memcpy(token, TOKEN_PREFIX, n);
    if (tg_base62_random(token + n, TOKEN_LEN - n, tg_random) != 0)
        return tg_error_set(error, TG_ERR_CRYPTO,
                            "the kernel gives no random bytes");
    token[TOKEN_LEN] = '\n';
    return tg_files_write(paths->admin_token,
                          (struct tg_str){token, TOKEN_LEN + 1}, error);
}

int
tg_home_token(struct tg_digest *digest, const struct tg_paths *paths,
              bool may_make, struct tg_error *error)
{
    char token[256];
    int err = 0;
    long n =
        tg_files_read_secret(paths->admin_token, token, sizeof(token), error);

    if (n == TG_ERR_NOT_FOUND && may_make) {
        err = make_token(token, paths, error);
        n = TOKEN_LEN;
    } else if (n < 0) {
        err = (int)n;
    }
    while (err == 0 && n > 0 && strchr(" \t\r\n", token[n - 1]) != NULL)
        n--;
    if (err == 0 && n < 20)
        err = tg_error_set(error, TG_ERR_FORMAT,
                           "%s does not hold a token; remove it if it is not "
                           "needed",
                           paths->admin_token);
    if (err == 0)
        tg_digest_of((struct tg_str){token, (size_t)n}, digest);
    sodium_memzero(token, sizeof(token));
    return err;
}
