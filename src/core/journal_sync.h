/*
 * journal_sync.h: what a writer's records need to be durable: a place on the
 * disk before they are written, and fdatasync(2) behind them.
 *
 * The writer belongs to one thread, and never waits: it begins a sync, another
 * thread runs it, and the writer's thread ends it.  A sync that failed is never
 * tried again on its descriptor, as the kernel may have dropped what it could
 * not write: what is not durable was kept, and a new segment begins with it.
 * So a record can stand in the journal twice; its call's id is the same.
 */
#ifndef TG_JOURNAL_SYNC_H
#define TG_JOURNAL_SYNC_H

#include "journal.h"

/* The place ahead that all writers together have, if there are not many. */
#define TG_JOURNAL_RESERVE_BYTES (64u << 20)
/* The least of one. */
#define TG_JOURNAL_RESERVE_LEAST (1u << 20)

/* Enough for what a busy worker has not yet synced, and its calls in flight. */
#define TG_JOURNAL_KEPT_BYTES (32u << 20)

/*
 * From now on records are kept until they are durable, in size bytes at buf
 * (the caller's, until the writer is closed), and there is a place on the disk
 * for reserve_bytes ahead of what is written.  Before the first record.
 */
void tg_journal_keep(struct tg_journal *journal, void *buf, size_t size,
                     uint64_t reserve_bytes);

/* The share of one of so many writers. */
uint64_t tg_journal_share(uint32_t writers);

/*
 * Before a call is admitted: has a place for its records, a hold and its end,
 * beside those of all calls in flight, on the disk and among what is kept.
 * Costs a comparison, but for one call in some thousands.  Returns 0; or, and
 * then no call may be admitted, TG_ERR_SYSTEM with errno when the disk has no
 * place or syncs fail, TG_ERR_FULL when too much is not durable yet.
 */
int tg_journal_make_room(struct tg_journal *journal, int64_t now_ms);

/* The call was admitted: its place is its own until tg_journal_append. */
void tg_journal_promise(struct tg_journal *journal);
/* Or until it was taken back, and there is no record of it. */
void tg_journal_take_back(struct tg_journal *journal);

/* One sync, of all that was written before it began. */
struct tg_journal_sync {
    int fd, dir_fd; /* dir_fd -1: the folder needs none */
    size_t kept_len;
    uint64_t written;
    int error; /* errno; 0: all is durable */
};

/* Whether syncs fail, in new segments, too. */
bool tg_journal_is_stuck(const struct tg_journal *journal);

/* Whether a record is not durable. */
bool tg_journal_is_behind(const struct tg_journal *journal);

/*
 * Begins a sync; one at a time.  Returns 0, TG_ERR_NOT_FOUND when all is
 * durable, or TG_ERR_SYSTEM: there is no segment and none can be begun.
 */
int tg_journal_sync_begin(struct tg_journal *journal,
                          struct tg_journal_sync *sync, int64_t now_ms);

/* In any thread.  Takes as long as the disk does. */
void tg_journal_sync_run(struct tg_journal_sync *sync);

/*
 * Ends a sync that was run.  Returns 0, and the first journal->durable records
 * are durable; or TG_ERR_SYSTEM with its errno, and a new segment was begun
 * with what is not, if that could be.
 */
int tg_journal_sync_end(struct tg_journal *journal,
                        const struct tg_journal_sync *sync, int64_t now_ms);

/* All three, for who may wait.  Returns 0 or TG_ERR_SYSTEM. */
int tg_journal_sync(struct tg_journal *journal, int64_t now_ms);

#endif
