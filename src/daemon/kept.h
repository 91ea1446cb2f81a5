/*
 * kept.h: segments of the journal that were taken in, kept for a while, so
 * that a store restored from a backup finds in them what is newer.
 *
 * They stand in a folder of their own beside the journal's, under their
 * names, and are moved there, never copied.  A file named "gone" says up to
 * when what was taken in is there no more.  Only the main thread calls these.
 */
#ifndef TG_KEPT_H
#define TG_KEPT_H

#include <stdbool.h>
#include <stdint.h>

/* How much is kept: for how long, and how much at most; 0: nothing. */
struct tg_kept_limit {
    uint32_t days, megabytes;
};

/* What is left of the disk is more than this, or nothing is kept. */
#define TG_KEPT_FREE_BYTES (UINT64_C(256) << 20)

/*
 * Moves the segment name from the folder journal_fd, whose writer has gone
 * and all of which is committed, to the folder kept_fd; removes it where
 * that cannot be done or nothing is to be kept.  Returns 0, or TG_ERR_SYSTEM
 * with errno when it is still in its place.
 */
int tg_kept_take(int kept_fd, int journal_fd, const char *name,
                 const struct tg_kept_limit *limit, int64_t now_ms);

/*
 * Removes what is beyond the limits, the oldest first.  Reads the folder
 * and the size of every file in it.  Errors are logged.
 */
void tg_kept_trim(int kept_fd, const struct tg_kept_limit *limit,
                  int64_t now_ms);

/* Up to when what was taken in may be gone; 0: all of it is kept. */
int64_t tg_kept_gone_until(int kept_fd);

/*
 * Moves every kept segment back to the journal's folder; *count becomes how
 * many.  Returns 0, or TG_ERR_SYSTEM with errno: then some were not moved.
 */
int tg_kept_return(int kept_fd, int journal_fd, uint32_t *count);

#endif
