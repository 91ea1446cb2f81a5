/*
 * journal_part.h: what the journal's files share, and nobody else.
 */
#ifndef TG_JOURNAL_PART_H
#define TG_JOURNAL_PART_H

#include "journal.h"

/*
 * Begins a segment with all that is kept, and a place for so many bytes behind
 * it, and ends the one before.  Returns 0, or TG_ERR_SYSTEM with errno: then
 * the one before goes on, or with EIO, which says nothing, there is none.
 */
int tg_journal_begin_segment(struct tg_journal *journal, uint64_t place_bytes,
                             int64_t now_ms);

/* The place that a new segment needs: the reserve, or more for many calls. */
uint64_t tg_journal_wanted(const struct tg_journal *journal);

/* Leaves a segment whose end cannot be trusted; errno stays. */
void tg_journal_give_up(struct tg_journal *journal);

/*
 * Has a place on the disk for bytes behind at in the file.  Where the file
 * system knows no such thing there always is.  0 or TG_ERR_SYSTEM.
 */
int tg_journal_place(int fd, uint64_t at, uint64_t bytes);

/*
 * Has a place on the disk for bytes that are no call's, beside those that
 * calls in flight were promised.  0 or TG_ERR_SYSTEM.
 */
int tg_journal_place_beside(struct tg_journal *journal, uint64_t bytes);

#endif
