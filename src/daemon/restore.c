#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "backup_file.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "home.h"
#include "recover.h"
#include "reply.h"
#include "secret.h"

#define PATH (TG_PATH_SIZE + 64)
#define STAMP_SIZE 17 /* 20261126T203800Z */

struct restore {
    const struct tg_options *options;
    struct tg_paths paths;
    char temp[PATH];    /* the copy, in the home */
    char marker[PATH];  /* it was begun */
    char aside[PATH];   /* where the present store goes */
    bool was_there;     /* there is a present store */
    int64_t gone_until; /* what was taken in until then is kept no more */
    int lock_fd, journal_fd, kept_fd;
    uint32_t segments; /* kept ones that came back */
    uint32_t settled;  /* calls that were left in the state file */
    struct tg_store_facts facts;
};

static int
fail(struct tg_error *error, const char *what, const char *path)
{
    return tg_error_set(error, TG_ERR_SYSTEM, "cannot %s %s: %s", what, path,
                        strerror(errno));
}

static void
name_files(struct restore *restore)
{
    const struct tg_paths *paths = &restore->paths;
    char at[TG_CIVIL_TEXT_SIZE] = "", stamp[STAMP_SIZE], *to = stamp;

    /* "2026-11-26T20:38:00.000Z" without what a file's name need not have. */
    tg_civil_format(tg_clock_ms(), at);
    for (const char *from = at; *from != '\0' && *from != '.'; from++) {
        if (*from != '-' && *from != ':')
            *to++ = *from;
    }
    memcpy(to, "Z", 2);
    snprintf(restore->temp, PATH, "%s/store.restoring", paths->home);
    snprintf(restore->marker, PATH, "%s/restoring", paths->run);
    snprintf(restore->aside, PATH, "%s/store-%s.db", paths->home, stamp);
}

static int
open_folders(struct restore *restore, struct tg_error *error)
{
    const char *journal = restore->paths.journal, *kept = restore->paths.kept;

    /* Of a new home; the daemon gives them to whom they are. */
    (void)mkdir(journal, 0700);
    (void)mkdir(kept, 0700);
    restore->journal_fd = open(journal, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (restore->journal_fd < 0)
        return fail(error, "open", journal);
    restore->kept_fd = open(kept, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (restore->kept_fd < 0)
        return fail(error, "open", kept);
    restore->gone_until = tg_kept_gone_until(restore->kept_fd);
    return 0;
}

/* A worker that runs on would go on with a state file that is gone. */
static int
check_workers(const struct tg_state *state, struct tg_error *error)
{
    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint64_t writer = atomic_load(&state->areas[i].writer_id);

        if (writer != 0 && tg_area_is_alive(state, i, writer))
            return tg_error_set(error, TG_ERR_BUSY,
                                "nginx still runs on this home (worker %u); "
                                "end it first",
                                atomic_load(&state->areas[i].pid));
    }
    return 0;
}

static int
copy_bytes(int from, int to)
{
    ssize_t n;

    do
        n = sendfile(to, from, NULL, 1 << 24);
    while (n > 0);
    return n == 0 ? fsync(to) : -1;
}

/* What is judged is what will be used: a copy of our own. */
static int
take_copy(struct restore *restore, struct tg_error *error)
{
    const char *file = restore->options->restore;
    int from = open(file, O_RDONLY | O_CLOEXEC), to, err = 0;
    struct stat st;

    if (from < 0)
        return fail(error, "read", file);
    if (fstat(from, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(from);
        return tg_error_set(error, TG_ERR_FORMAT, "%s is not a file", file);
    }
    to = open(restore->temp,
              O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0 || copy_bytes(from, to) != 0)
        err = fail(error, "write", restore->temp);
    if (to >= 0)
        close(to);
    close(from);
    return err;
}

static int
check_credential(void *arg, const struct tg_store_credential *row)
{
    const struct tg_master_key *key = arg;
    struct tg_secret secret;
    long n;

    if (strcmp(row->status, "active") != 0)
        return 0;
    n = tg_seal_open(key, (struct tg_str){row->id, strlen(row->id)},
                     (const uint8_t *)row->sealed.data, row->sealed.len,
                     secret.data, sizeof(secret.data));
    explicit_bzero(&secret, sizeof(secret));
    return n >= 0 ? 0 : TG_ERR_CRYPTO;
}

static int
find_credential(void *arg, const struct tg_store_credential *row)
{
    *(bool *)arg = *(bool *)arg || strcmp(row->status, "active") == 0;
    return 0;
}

/* A store whose credentials nobody can read would not serve. */
static int
check_seals(struct restore *restore, struct tg_error *error)
{
    struct tg_master_key key;
    struct tg_store *store;
    bool has_any = false;
    int err = tg_store_open_sqlite(&store, restore->temp, error);

    if (err != 0)
        return err;
    err = store->ops->credential_each(store, find_credential, &has_any);
    if (err != 0)
        *error = store->error;
    if (err == 0 && has_any) {
        err = tg_home_master_key(&key, &restore->paths, false, error);
        if (err == 0 &&
            store->ops->credential_each(store, check_credential, &key) != 0)
            err = tg_error_set(error, TG_ERR_CRYPTO,
                               "%s is not the master key under which the "
                               "credentials in %s are sealed; put that one "
                               "there first",
                               restore->paths.master_key,
                               restore->options->restore);
        explicit_bzero(&key, sizeof(key));
    }
    store->ops->close(store);
    return err;
}

static int
check_gap(struct restore *restore, struct tg_error *error)
{
    char until[TG_CIVIL_TEXT_SIZE] = "", at[TG_CIVIL_TEXT_SIZE] = "";

    if (restore->options->accepts_gap ||
        restore->gone_until <= restore->facts.backup_at)
        return 0;
    tg_civil_format(restore->gone_until, until);
    tg_civil_format(restore->facts.backup_at, at);
    return tg_error_set(error, TG_ERR_NOT_FOUND,
                        "calls that were taken in between %s, when %s was "
                        "made, and %s may be kept nowhere; --accept-gap "
                        "restores it all the same",
                        at, restore->options->restore, until);
}

static int
check(struct restore *restore, struct tg_error *error)
{
    int err = take_copy(restore, error);

    if (err == 0)
        err = tg_store_examine(restore->temp, restore->options->restore,
                               &restore->facts, error);
    if (err == 0)
        err = check_gap(restore, error);
    if (err == 0)
        err = check_seals(restore, error);
    return err;
}

/* From to to, with suffix behind both; nothing when it is not there. */
static int
move(const char *from, const char *to, const char *suffix,
     struct tg_error *error)
{
    char source[PATH + 8], target[PATH + 8];

    snprintf(source, sizeof(source), "%s%s", from, suffix);
    snprintf(target, sizeof(target), "%s%s", to, suffix);
    return rename(source, target) == 0 || errno == ENOENT
               ? 0
               : fail(error, "move", source);
}

static int
sync_folder(const char *path, struct tg_error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd >= 0 && fsync(fd) == 0 ? 0 : fail(error, "sync", path);

    if (fd >= 0)
        close(fd);
    return err;
}

/* A WAL never stands beside a store that is not its own: it goes first. */
static int
swap(struct restore *restore, struct tg_error *error)
{
    const char *store = restore->paths.store;
    int err = tg_files_write(restore->marker, (struct tg_str){"\n", 1}, error);

    restore->was_there = access(store, F_OK) == 0;
    if (err == 0)
        err = move(store, restore->aside, "-wal", error);
    if (err == 0)
        err = move(store, restore->aside, "-shm", error);
    if (err == 0)
        err = move(store, restore->aside, "", error);
    if (err == 0)
        err = move(restore->temp, store, "", error);
    if (err == 0)
        err = sync_folder(restore->paths.home, error);
    return err;
}

static int
bring_back(struct restore *restore, struct tg_error *error)
{
    if (tg_kept_return(restore->kept_fd, restore->journal_fd,
                       &restore->segments) != 0)
        return fail(error, "bring segments back to", restore->paths.journal);
    if (unlink(restore->paths.state) != 0 && errno != ENOENT)
        return fail(error, "remove", restore->paths.state);
    if (unlink(restore->marker) != 0)
        return fail(error, "remove", restore->marker);
    return 0;
}

/* Calls in flight when the gate was killed; no state file: none. */
static int
settle_left(struct restore *restore, struct tg_error *error)
{
    struct tg_state state;
    int err = tg_state_open(&state, AT_FDCWD, restore->paths.state);

    if (err != 0)
        return 0;
    err = check_workers(&state, error);
    if (err == 0 && tg_recovery_flush(&state, restore->journal_fd,
                                      tg_clock_ms(), &restore->settled) != 0)
        err = fail(error, "write to", restore->paths.journal);
    tg_state_close(&state);
    return err;
}

static json_t *
object_of(const struct restore *restore)
{
    const struct tg_store_facts *facts = &restore->facts;
    bool has_gap = restore->gone_until > facts->backup_at;

    return json_pack(
        "{s:s,s:o,s:o,s:I,s:o,s:o,s:i,s:i,s:o}", "object", "restore", "file",
        tg_reply_text(restore->options->restore), "backup_at",
        tg_reply_instant(facts->backup_at), "calls", (json_int_t)facts->calls,
        "last_call_at", tg_reply_instant(facts->last_call_at), "set_aside",
        tg_reply_text(restore->was_there ? restore->aside : ""), "segments",
        (int)restore->segments, "calls_settled", (int)restore->settled,
        "gap_until", tg_reply_instant(has_gap ? restore->gone_until : 0));
}

static int
restore_all(struct restore *restore, struct tg_error *error)
{
    int err = open_folders(restore, error);

    if (err == 0)
        err = check(restore, error);
    if (err == 0)
        err = settle_left(restore, error);
    if (err == 0)
        err = swap(restore, error);
    if (err == 0)
        err = bring_back(restore, error);
    return err;
}

static void
close_all(struct restore *restore)
{
    int fds[] = {restore->lock_fd, restore->journal_fd, restore->kept_fd};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

int
tg_restore_make(const struct tg_options *options, json_t **said,
                struct tg_error *error)
{
    struct restore restore = {
        .options = options, .lock_fd = -1, .journal_fd = -1, .kept_fd = -1};
    int err =
        tg_home_lock(&restore.paths, &restore.lock_fd, options->home, error);

    if (err == 0) {
        name_files(&restore);
        err = restore_all(&restore, error);
        unlink(restore.temp);
    }
    if (err == 0)
        *said = object_of(&restore);
    close_all(&restore);
    return err;
}

int
tg_restore_check(const struct tg_paths *paths, struct tg_error *error)
{
    char marker[PATH];

    snprintf(marker, sizeof(marker), "%s/restoring", paths->run);
    if (access(marker, F_OK) != 0)
        return 0;
    return tg_error_set(error, TG_ERR_BUSY,
                        "a restore of %s was not ended; run tollgate restore "
                        "once more",
                        paths->home);
}
