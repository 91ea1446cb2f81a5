#include "backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "home.h"
#include "reply.h"

#define SECOND_MS 1000

static void
say(void *arg, int64_t done, int64_t total)
{
    struct tg_backup_progress *progress = arg;
    int64_t now_ms = tg_clock_ms();

    if (now_ms < progress->next_at_ms || total <= 0)
        return;
    progress->next_at_ms = now_ms + SECOND_MS;
    fprintf(stderr, "%s: %lld %%\n", progress->what,
            (long long)(done * 100 / total));
}

struct tg_store_progress
tg_backup_progress(struct tg_backup_progress *progress, const char *what)
{
    progress->what = what;
    progress->next_at_ms = tg_clock_ms() + SECOND_MS;
    return (struct tg_store_progress){say, progress};
}

static int
fail(struct tg_error *error, const char *what, const char *path)
{
    return tg_error_set(error, TG_ERR_SYSTEM, "cannot %s %s: %s", what, path,
                        strerror(errno));
}

/* The folder is synced, so that the name is there after a power cut. */
static int
give_name(const char *temp, const char *path, bool replaces,
          struct tg_error *error)
{
    char folder[PATH_MAX];
    int fd;

    if ((replaces ? rename(temp, path)
                  : renameat2(AT_FDCWD, temp, AT_FDCWD, path,
                              RENAME_NOREPLACE)) != 0)
        return errno == EEXIST
                   ? tg_error_set(error, TG_ERR_DUPLICATE,
                                  "%s is there already; it was left as it is",
                                  path)
                   : fail(error, "make", path);
    snprintf(folder, sizeof(folder), "%s", path);
    fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        if (fd >= 0)
            close(fd);
        return fail(error, "sync the folder of", path);
    }
    close(fd);
    return 0;
}

/* Asked before the work; renameat2 decides. */
static int
look_first(const struct tg_options *options, struct tg_error *error)
{
    struct stat st;

    if (lstat(options->backup, &st) != 0)
        return 0;
    if (!S_ISREG(st.st_mode))
        return tg_error_set(error, TG_ERR_SYSTEM, "%s is not a file",
                            options->backup);
    return options->replaces
               ? 0
               : tg_error_set(error, TG_ERR_DUPLICATE,
                              "%s is there already; --yes replaces it",
                              options->backup);
}

/*
 * Who is not the store's owner would leave files beside it that its owner
 * cannot write; root's SQLite gives them to the owner.
 */
static int
check_owner(const struct tg_paths *paths, struct tg_error *error)
{
    struct stat st;

    if (stat(paths->store, &st) != 0)
        return fail(error, "read", paths->store);
    if (geteuid() != 0 && geteuid() != st.st_uid)
        return tg_error_set(error, TG_ERR_SYSTEM,
                            "%s belongs to another user (uid %u): only that "
                            "one and root make a backup",
                            paths->store, (unsigned)st.st_uid);
    return 0;
}

static json_t *
object_of(const char *path, const struct tg_store_facts *facts)
{
    struct stat st = {0};

    (void)stat(path, &st);
    return json_pack("{s:s,s:o,s:o,s:I,s:i,s:I,s:o}", "object", "backup",
                     "file", tg_reply_text(path), "at",
                     tg_reply_instant(facts->backup_at), "bytes",
                     (json_int_t)st.st_size, "store_version", facts->version,
                     "calls", (json_int_t)facts->calls, "last_call_at",
                     tg_reply_instant(facts->last_call_at));
}

int
tg_backup_make(const struct tg_options *options, json_t **said,
               struct tg_error *error)
{
    struct tg_backup_progress shown;
    struct tg_store_progress progress = tg_backup_progress(&shown, "copied");
    struct tg_store_facts facts;
    struct tg_paths paths;
    char temp[PATH_MAX];
    int fd, err = tg_home_find(&paths, options->home, error);

    if (err == 0)
        err = look_first(options, error);
    if (err == 0)
        err = check_owner(&paths, error);
    if (err != 0)
        return err;
    if (snprintf(temp, sizeof(temp), "%s.XXXXXX", options->backup) >=
        (int)sizeof(temp))
        return tg_error_set(error, TG_ERR_RANGE, "%s: name too long",
                            options->backup);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return fail(error, "make", temp);
    close(fd);
    err = tg_store_copy(paths.store, temp, tg_clock_ms(), &progress, &facts,
                        error);
    if (err == 0)
        err = give_name(temp, options->backup, options->replaces, error);
    if (err != 0)
        unlink(temp);
    else
        *said = object_of(options->backup, &facts);
    return err;
}
