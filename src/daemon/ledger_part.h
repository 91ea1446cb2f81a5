/*
 * ledger_part.h: the parts of a check of the ledger, for ledger*.c alone.
 */
#ifndef TG_LEDGER_PART_H
#define TG_LEDGER_PART_H

#include "books.h"
#include "daemon.h"
#include "findings.h"

struct tg_ledger_check {
    struct tg_daemon *daemon;     /* NULL: none runs */
    const struct tg_state *state; /* NULL: the same */
    const struct tg_paths *paths;
    struct tg_store *store;
    struct tg_findings *findings;
    struct tg_books books;
    bool has_state_seq;          /* books->state_seq is known */
    int64_t first_seq;           /* of the calls in the store */
    int64_t first_at_ms;         /* when that was admitted */
    int64_t last_seq;            /* entered up to here */
    const _Atomic bool *is_over; /* it is to end */

    void (*progress)(void *arg, const char *phase, uint64_t done,
                     uint64_t total);
    void *arg;

    /* What was looked at. */
    uint64_t calls, keys, accounts, segments, records, looks;
    uint64_t calls_in_flight;
    int64_t held_nanos;
    uint64_t inexact; /* figures known only to lie around what they should be */
};

/*
 * Each returns 0 when it came to its end, whatever it found; TG_ERR_BUSY when
 * it was told to end; else why it could not go on, and the store says which
 * way.
 */

/* The store's own checks. */
int tg_ledger_check_file(struct tg_ledger_check *check);

/* Every call's cost; enters all of them into the books. */
int tg_ledger_check_calls(struct tg_ledger_check *check);

/* Sums by account: of the rollups, and of what the state file began with. */
int tg_ledger_check_sums(struct tg_ledger_check *check);

/* Segments of the journal, kept ones too, against the store. */
int tg_ledger_check_journal(struct tg_ledger_check *check);

/* Cells and counters of the state file, against books and calls in flight. */
int tg_ledger_check_cells(struct tg_ledger_check *check);

/*
 * Looks at the cost of the calls behind last_seq, at most limit of them, and
 * goes on to the last of them; *count becomes how many.  The first enters
 * them into the books; the second hands them over, in the periods that count.
 */
int tg_ledger_enter(struct tg_ledger_check *check, uint32_t limit,
                    uint32_t *count);
int tg_ledger_late(struct tg_ledger_check *check, uint32_t limit,
                   int (*take)(void *, int64_t seq, const struct tg_call *),
                   void *arg, uint32_t *count);

/* A text of TG_ID_LEN characters, as a text. */
struct tg_ledger_id {
    char text[TG_ID_TEXT_SIZE];
};
struct tg_ledger_id tg_ledger_id(const char id[TG_ID_LEN]);

#endif
