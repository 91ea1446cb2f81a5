#include "journal_sync.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "journal_part.h"

/* Records of a call: that it was admitted, and how it ended. */
#define CALL_BYTES (2 * TG_JOURNAL_RECORD_MAX)

/* One that fails may be followed by a good one, in the next segment. */
#define FAILURES_STUCK 2

void
tg_journal_keep(struct tg_journal *journal, void *buf, size_t size,
                uint64_t reserve_bytes)
{
    journal->kept = buf;
    journal->kept_size = size;
    journal->reserve_bytes = reserve_bytes;
}

uint64_t
tg_journal_share(uint32_t writers)
{
    uint64_t share = TG_JOURNAL_RESERVE_BYTES / (writers == 0 ? 1 : writers);

    return share < TG_JOURNAL_RESERVE_LEAST ? TG_JOURNAL_RESERVE_LEAST : share;
}

int
tg_journal_place(int fd, uint64_t at, uint64_t bytes)
{
    int err;

    if (bytes == 0)
        return 0;
    do {
        err = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)bytes);
    } while (err != 0 && errno == EINTR);
    return err == 0 || errno == EOPNOTSUPP || errno == ENOSYS ? 0
                                                              : TG_ERR_SYSTEM;
}

uint64_t
tg_journal_wanted(const struct tg_journal *journal)
{
    uint64_t promised = (uint64_t)journal->promised * CALL_BYTES;

    if (journal->reserve_bytes == 0 || journal->reserve_bytes > promised)
        return journal->reserve_bytes;
    return promised;
}

/* Half of the reserve may be gone before it is filled up. */
static int
place_ahead(struct tg_journal *journal, uint64_t needed)
{
    uint64_t at = journal->segment_bytes;
    uint64_t ahead =
        journal->placed_bytes > at ? journal->placed_bytes - at : 0;
    uint64_t whole = journal->reserve_bytes;

    if (ahead >= whole / 2 && ahead >= needed)
        return 0;
    if (whole < 2 * needed)
        whole = 2 * needed;
    if (tg_journal_place(journal->fd, at, whole) != 0)
        return TG_ERR_SYSTEM;
    journal->placed_bytes = at + whole;
    return 0;
}

int
tg_journal_make_room(struct tg_journal *journal, int64_t now_ms)
{
    uint64_t needed = ((uint64_t)journal->promised + 1) * CALL_BYTES;

    if (journal->reserve_bytes == 0)
        return 0;
    if (tg_journal_is_stuck(journal)) {
        errno = EIO;
        return TG_ERR_SYSTEM;
    }
    if (journal->kept_size - journal->kept_len < needed)
        return TG_ERR_FULL;
    if (journal->fd == -1 && tg_journal_begin_segment(journal, 0, now_ms) != 0)
        return TG_ERR_SYSTEM;
    return place_ahead(journal, needed);
}

int
tg_journal_place_beside(struct tg_journal *journal, uint64_t bytes)
{
    if (journal->reserve_bytes == 0 || journal->fd == -1)
        return 0;
    return place_ahead(journal, journal->promised * CALL_BYTES + bytes);
}

void
tg_journal_promise(struct tg_journal *journal)
{
    journal->promised++;
}

void
tg_journal_take_back(struct tg_journal *journal)
{
    assert(journal->promised > 0);
    journal->promised--;
}

bool
tg_journal_is_stuck(const struct tg_journal *journal)
{
    return journal->failures >= FAILURES_STUCK;
}

bool
tg_journal_is_behind(const struct tg_journal *journal)
{
    return journal->durable < journal->written;
}

int
tg_journal_sync_begin(struct tg_journal *journal, struct tg_journal_sync *sync,
                      int64_t now_ms)
{
    assert(journal->syncing_fd == -1);
    if (!tg_journal_is_behind(journal))
        return TG_ERR_NOT_FOUND;
    if (journal->fd == -1 && tg_journal_begin_segment(journal, 0, now_ms) != 0)
        return TG_ERR_SYSTEM;
    *sync = (struct tg_journal_sync){
        .fd = journal->fd,
        .dir_fd = journal->is_new ? journal->dir_fd : -1,
        .kept_len = journal->kept_len,
        .written = journal->written,
    };
    journal->syncing_fd = journal->fd;
    return 0;
}

/* The folder may be known as a place only, and such a one has no fsync(2). */
static int
sync_folder(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int saved, err;

    if (fd == -1)
        return -1;
    err = fsync(fd);
    saved = errno;
    close(fd);
    errno = saved;
    return err;
}

void
tg_journal_sync_run(struct tg_journal_sync *sync)
{
    sync->error = 0;
    if (fdatasync(sync->fd) != 0 ||
        (sync->dir_fd != -1 && sync_folder(sync->dir_fd) != 0))
        sync->error = errno;
}

/* What became durable is kept no longer. */
static void
forget(struct tg_journal *journal, const struct tg_journal_sync *sync)
{
    size_t rest = journal->kept_len - sync->kept_len;

    if (rest > 0 && sync->kept_len > 0)
        memmove(journal->kept, journal->kept + sync->kept_len, rest);
    journal->kept_len = rest;
    journal->durable = sync->written;
}

int
tg_journal_sync_end(struct tg_journal *journal,
                    const struct tg_journal_sync *sync, int64_t now_ms)
{
    bool is_current = journal->fd == sync->fd;

    journal->syncing_fd = -1;
    if (journal->left_fd != -1)
        close(journal->left_fd);
    journal->left_fd = -1;
    journal->failures = sync->error == 0 ? 0 : journal->failures + 1;
    if (sync->error == 0) {
        forget(journal, sync);
        if (is_current)
            journal->is_new = false;
        return 0;
    }
    if (is_current) {
        tg_journal_give_up(journal);
        (void)tg_journal_begin_segment(journal, 0, now_ms);
    }
    errno = sync->error;
    return TG_ERR_SYSTEM;
}

int
tg_journal_sync(struct tg_journal *journal, int64_t now_ms)
{
    struct tg_journal_sync sync;
    int err = tg_journal_sync_begin(journal, &sync, now_ms);

    if (err != 0)
        return err == TG_ERR_NOT_FOUND ? 0 : err;
    tg_journal_sync_run(&sync);
    return tg_journal_sync_end(journal, &sync, now_ms);
}
