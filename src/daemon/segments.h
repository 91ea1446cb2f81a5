/*
 * segments.h: the journal's folder: which segments are there, how far each
 * has been taken in, and which of them nobody will write to again.
 */
#ifndef TG_SEGMENTS_H
#define TG_SEGMENTS_H

#include "journal.h"
#include "kept.h"
#include "state.h"
#include "store.h"

#define TG_SEGMENT_WHY_SIZE 64

struct tg_segment {
    uint64_t writer_id;
    uint32_t number;
    int fd;             /* -1: could not be opened */
    uint64_t offset;    /* taken in, in this transaction too */
    uint64_t committed; /* as the store has it */
    uint64_t size;      /* when it was last looked at */
    bool is_here;       /* the last scan saw its file */
    bool was_kept;      /* as the store has it */
    bool is_bad;        /* the rest cannot be read */
    bool is_final;      /* nobody will append to it: it can go when read */
    uint8_t doubts;     /* passes in a row that found it corrupt */
    uint8_t searches;   /* for holds in what was taken in; see holds.h */
    bool is_searched;
    bool is_spoilt; /* since it was taken in: it stays */
    char why[TG_SEGMENT_WHY_SIZE]; /* it is bad, or ""; cut */
};

/* By writer, then by number. */
struct tg_segments {
    int dir_fd;
    int kept_fd; /* where those that are done go; -1: nowhere */
    struct tg_segment *list;
    size_t count, room;
};

/*
 * Begins with the offsets that the store has; rows whose file is gone, and not
 * kept either, are removed from it, and those that were given up are looked at
 * once more. Descriptors stay the caller's; kept_fd is -1 when nothing is kept.
 * Returns 0, TG_ERR_SYSTEM, or what the store says.
 */
int tg_segments_open(struct tg_segments *segments, int dir_fd, int kept_fd,
                     struct tg_store *store);

/*
 * Looks which files are there and how long they are.  state tells whose
 * writers live; NULL when it is not known.  own is the daemon's writer.
 * Returns 0 or TG_ERR_SYSTEM.
 */
int tg_segments_scan(struct tg_segments *segments, const struct tg_state *state,
                     uint64_t own);

/* Whether some process has it open to write to it, where that can be known. */
bool tg_segments_is_written_to(const struct tg_segment *segment);

/* Keeps or removes the file of a final segment that has been read. */
void tg_segments_remove(struct tg_segments *segments, size_t index,
                        const struct tg_kept_limit *limit, int64_t now_ms);

/*
 * Removes the store's rows of segments whose file is neither in the folder nor
 * kept, and marks those whose file is.  While it is kept, a row says that its
 * calls were taken in, should the segment come back: they may have gone by age.
 * Returns what the store says.
 */
int tg_segments_forget(struct tg_segments *segments, struct tg_store *store);

void tg_segments_close(struct tg_segments *segments);

#endif
