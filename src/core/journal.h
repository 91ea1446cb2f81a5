/*
 * journal.h: the append-only record of calls, and of requests that were
 * refused, counted; format in docs/journal.md.
 *
 * A segment file has one writer (a worker, or the daemon for the dead) and
 * is named by it: 16 hex digits of the writer's id, '.', 8 hex digits of the
 * segment's number, ".tgj".  journal.c and journal_sync.c open files.
 */
#ifndef TG_JOURNAL_H
#define TG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "denial.h"
#include "str.h"

#define TG_JOURNAL_VERSION 2
#define TG_JOURNAL_HEADER_SIZE 64
#define TG_JOURNAL_NAME_SIZE 30 /* with the NUL */
#define TG_JOURNAL_DRAFT                                                       \
    ".new" /* behind the name of one that is being made                        \
            */
#define TG_JOURNAL_SEGMENT_BYTES (64u << 20)
#define TG_JOURNAL_AGENT_MAX 256
#define TG_JOURNAL_TRACE_MAX 64

/* The longest record: a call, its agent, its trace id. */
#define TG_JOURNAL_RECORD_MAX                                                  \
    (24 + sizeof(struct tg_call) + TG_JOURNAL_AGENT_MAX + TG_JOURNAL_TRACE_MAX)

enum tg_record_type {
    TG_RECORD_NONE = 0,
    TG_RECORD_CALL = 1,   /* a settled call */
    TG_RECORD_HOLD = 2,   /* a call as it was admitted, or holds by now */
    TG_RECORD_DENIAL = 3, /* refused requests, counted */
};

struct tg_segment_header {
    uint64_t writer_id;
    uint32_t number; /* 0, 1, 2 … of this writer */
    int64_t created_at_ms;
};

/* A record as read; its texts and rows point into the reader's buffer. */
struct tg_record {
    enum tg_record_type type;
    uint64_t sequence; /* 0, 1, 2 … of this writer, over its segments */
    struct tg_call call;
    struct tg_str agent;
    struct tg_str trace_id;
    size_t denial_count; /* 1 or more; 0 for a call */
    const char *denials; /* for tg_record_denial */
};

/* A writer.  What keeps it durable is journal_sync.h's. */
struct tg_journal {
    int dir_fd;
    int fd; /* -1: the next append opens a segment */
    uint64_t writer_id;
    uint64_t sequence;
    uint32_t segment;
    uint64_t segment_bytes; /* written so far */
    uint64_t segment_limit;
    uint64_t overdue_bytes; /* beyond the limit: no new one can be begun */

    uint64_t reserve_bytes; /* wanted ahead of what is written; 0: none is */
    uint64_t placed_bytes;  /* of the segment, that have their place on disk */
    uint32_t promised;      /* calls in flight, whose records have a place */

    char *kept; /* records that are written and not yet durable */
    size_t kept_size, kept_len;
    uint64_t written, durable; /* records; the first ones are durable */
    int syncing_fd;            /* -1: no sync is under way */
    int left_fd;               /* left by its writer while it was synced */
    bool is_new;               /* its name is not durable */
    uint32_t failures;         /* of syncs, in a row */

    char *added; /* calls that are to be written together */
    size_t added_len;
    uint32_t added_count;
};

/*
 * Begins a writer in the folder dir_fd (which stays the caller's).  No file
 * is made before it is needed.  Every writer_id is used by one writer.
 */
void tg_journal_init(struct tg_journal *journal, int dir_fd,
                     uint64_t writer_id);

/*
 * Appends one call with one write(2); agent and trace_id are cut to their
 * limits.  Opens or rotates the segment when needed.  now_ms is Unix time.
 * Returns 0 or TG_ERR_SYSTEM with errno; after a failure the segment is
 * closed and the next append begins a new one, so that a torn record is
 * always the last of its segment.  ENOBUFS: nothing was written, as too much
 * is not durable yet.
 */
int tg_journal_append(struct tg_journal *journal, const struct tg_call *call,
                      struct tg_str agent, struct tg_str trace_id,
                      int64_t now_ms);

/* So many calls are written together at most, in so much memory. */
#define TG_JOURNAL_ADDED_MAX 64
#define TG_JOURNAL_ADDED_BYTES (TG_JOURNAL_ADDED_MAX * TG_JOURNAL_RECORD_MAX)

/* Hands over TG_JOURNAL_ADDED_BYTES for calls that are to be written
   together; they stay the caller's. */
void tg_journal_gather(struct tg_journal *journal, void *buf);

/*
 * Adds a call to those that tg_journal_write will write, of which there are
 * fewer than TG_JOURNAL_ADDED_MAX.  Until it has, nothing else is appended,
 * and the call is the caller's to keep.
 */
void tg_journal_add(struct tg_journal *journal, const struct tg_call *call,
                    struct tg_str agent, struct tg_str trace_id);

/*
 * Appends all that were added with one write(2), in their order.  Returns 0,
 * or what tg_journal_append does: then they are still to be written, and some
 * of them may stand in the segment that was left, too.
 */
int tg_journal_write(struct tg_journal *journal, int64_t now_ms);

/* Forgets those that were added, as they cannot be written. */
void tg_journal_drop(struct tg_journal *journal);

/* The same as tg_journal_append for a call in flight; its last such record
   counts. */
int tg_journal_append_hold(struct tg_journal *journal,
                           const struct tg_call *call, struct tg_str agent,
                           int64_t now_ms);

/*
 * Appends denials, of which there are 1 to TG_DENIAL_ROWS, as one record with
 * one write(2).  Else as tg_journal_append.
 */
int tg_journal_append_denials(struct tg_journal *journal,
                              const struct tg_denial *rows, size_t count,
                              int64_t now_ms);

/*
 * Takes the table's rows into the journal and empties it.  Calls come first:
 * while the disk has little room, or for TG_JOURNAL_RETRY_MS after a failed
 * write, nothing is written.  Then the rows are folded, and TG_ERR_FULL or
 * TG_ERR_SYSTEM with errno is returned.  An empty table is taken at once.
 */
int tg_journal_take_denials(struct tg_journal *journal,
                            struct tg_denial_table *table, int64_t now_ms);

#define TG_JOURNAL_RETRY_MS 10000

void tg_journal_close(struct tg_journal *journal);

/* Writes the file's name into name[TG_JOURNAL_NAME_SIZE]. */
void tg_journal_name(char *name, uint64_t writer_id, uint32_t segment);

/* Reads a file's name.  Returns 0 or TG_ERR_FORMAT when it is not one. */
int tg_journal_parse_name(const char *name, uint64_t *writer_id,
                          uint32_t *segment);

/*
 * Reads a segment's first TG_JOURNAL_HEADER_SIZE bytes.  Returns 0,
 * TG_ERR_NOT_FOUND when len is too short, TG_ERR_FORMAT, TG_ERR_VERSION or
 * TG_ERR_CORRUPT.
 */
int tg_journal_read_header(const void *buf, size_t len,
                           struct tg_segment_header *header);

/*
 * Reads the record at buf; *size becomes its length in bytes.  Returns 0,
 * TG_ERR_NOT_FOUND when buf holds no whole record yet (the tail of a segment
 * that is being written, or of a writer that was killed), TG_ERR_VERSION for
 * a record of an unknown type, *size being set, or TG_ERR_CORRUPT.
 */
int tg_journal_read(const void *buf, size_t len, struct tg_record *record,
                    size_t *size);

/* The i-th denial of a record that has more than i; as it was written. */
struct tg_denial tg_record_denial(const struct tg_record *record, size_t i);

#endif
