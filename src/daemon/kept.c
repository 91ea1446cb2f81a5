#include "kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "civil.h"
#include "err.h"
#include "journal.h"
#include "log.h"

#define BLOCK_BYTES 512 /* of st_blocks */
#define GONE "gone"
#define GONE_NEW "gone.new"
#define INSTANT_SIZE 24

struct entry {
    char name[TG_JOURNAL_NAME_SIZE];
    int64_t kept_at_ms; /* when it was moved here: the inode's change time */
    uint64_t bytes;
};

struct folder {
    struct entry *list;
    size_t count, room;
    uint64_t bytes;
};

static int64_t
changed_at_ms(const struct stat *st)
{
    return (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
}

static int
add(struct folder *folder, const struct entry *entry)
{
    if (folder->count == folder->room) {
        size_t room = folder->room != 0 ? folder->room * 2 : 64;
        void *list = realloc(folder->list, room * sizeof(*entry));

        if (list == NULL)
            return TG_ERR_SYSTEM;
        folder->list = list;
        folder->room = room;
    }
    folder->list[folder->count++] = *entry;
    folder->bytes += entry->bytes;
    return 0;
}

static int
by_age(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->kept_at_ms > y->kept_at_ms) - (x->kept_at_ms < y->kept_at_ms);
}

/* The segments in a folder, the oldest first. */
static int
read_folder(struct folder *folder, int fd)
{
    int dir_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
    const struct dirent *row;
    int err = 0;

    if (dir == NULL) {
        if (dir_fd >= 0)
            close(dir_fd);
        return TG_ERR_SYSTEM;
    }
    while (err == 0 && (row = readdir(dir)) != NULL) {
        struct entry entry;
        struct stat st;
        uint64_t writer;
        uint32_t number;

        if (tg_journal_parse_name(row->d_name, &writer, &number) != 0 ||
            fstatat(fd, row->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        tg_journal_name(entry.name, writer, number);
        entry.kept_at_ms = changed_at_ms(&st);
        entry.bytes = (uint64_t)st.st_blocks * BLOCK_BYTES;
        err = add(folder, &entry);
    }
    closedir(dir);
    if (folder->count > 0)
        qsort(folder->list, folder->count, sizeof(folder->list[0]), by_age);
    return err;
}

int64_t
tg_kept_gone_until(int kept_fd)
{
    char text[INSTANT_SIZE] = "";
    int fd = openat(kept_fd, GONE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

/* Before the segment goes: what is said to be gone may still be there. */
static void
note_gone(int kept_fd, int64_t until_ms)
{
    char text[INSTANT_SIZE];
    int len = snprintf(text, sizeof(text), "%lld\n", (long long)until_ms);
    int fd;

    if (until_ms <= tg_kept_gone_until(kept_fd))
        return;
    fd = openat(kept_fd, GONE_NEW,
                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) != 0 ||
        renameat(kept_fd, GONE_NEW, kept_fd, GONE) != 0)
        tg_log(TG_LOG_WARNING,
               "cannot note which segments of the journal are kept no more: "
               "%s",
               strerror(errno));
    if (fd >= 0)
        close(fd);
}

/*
 * A worker that was killed leaves room behind its last record that it had set
 * aside.  What cannot be given back is counted.
 */
static void
give_back_room(int kept_fd, const char *name)
{
    int fd =
        openat(kept_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        ftruncate(fd, st.st_size) != 0)
        tg_log(TG_LOG_WARNING, "cannot give back room behind %s: %s", name,
               strerror(errno));
    if (fd >= 0)
        close(fd);
}

static bool
keeps(const struct tg_kept_limit *limit)
{
    return limit->days > 0 && limit->megabytes > 0;
}

int
tg_kept_take(int kept_fd, int journal_fd, const char *name,
             const struct tg_kept_limit *limit, int64_t now_ms)
{
    if (keeps(limit)) {
        if (renameat(journal_fd, name, kept_fd, name) == 0) {
            give_back_room(kept_fd, name);
            return 0;
        }
        if (errno == ENOENT)
            return 0;
        tg_log(TG_LOG_WARNING, "cannot keep the journal %s: %s", name,
               strerror(errno));
    }
    note_gone(kept_fd, now_ms);
    return unlinkat(journal_fd, name, 0) == 0 || errno == ENOENT
               ? 0
               : TG_ERR_SYSTEM;
}

static bool
is_short_of_room(int fd)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize < TG_KEPT_FREE_BYTES;
}

void
tg_kept_trim(int kept_fd, const struct tg_kept_limit *limit, int64_t now_ms)
{
    struct folder folder = {NULL, 0, 0, 0};
    int64_t oldest_ms = now_ms - (int64_t)limit->days * TG_MS_PER_DAY;
    uint64_t most = keeps(limit) ? (uint64_t)limit->megabytes << 20 : 0;

    if (read_folder(&folder, kept_fd) != 0)
        tg_log(TG_LOG_WARNING, "cannot read the folder of kept segments: %s",
               strerror(errno));
    for (size_t i = 0; i < folder.count; i++) {
        const struct entry *entry = &folder.list[i];

        if (entry->kept_at_ms >= oldest_ms && folder.bytes <= most &&
            !is_short_of_room(kept_fd))
            break;
        note_gone(kept_fd, entry->kept_at_ms);
        if (unlinkat(kept_fd, entry->name, 0) != 0 && errno != ENOENT)
            tg_log(TG_LOG_WARNING, "cannot remove the kept segment %s: %s",
                   entry->name, strerror(errno));
        folder.bytes -= entry->bytes;
    }
    free(folder.list);
}

int
tg_kept_return(int kept_fd, int journal_fd, uint32_t *count)
{
    struct folder folder = {NULL, 0, 0, 0};
    int err = read_folder(&folder, kept_fd);

    *count = 0;
    for (size_t i = 0; i < folder.count && err == 0; i++) {
        const char *name = folder.list[i].name;

        if (renameat(kept_fd, name, journal_fd, name) != 0)
            err = TG_ERR_SYSTEM;
        else
            ++*count;
    }
    free(folder.list);
    return err;
}
