/*
 * watch.h: requests that were refused, added up until it is worth an event.
 *
 * A table of detectors says which refusals, of whom, how many in what time.
 * For each detector and subject (an address, or a key) there is a row that
 * fills with each refusal and leaks away in its time.  When it is full an
 * episode begins, which is told; it is over when no such refusal has come for
 * as long as the detector says.
 *
 * The table is of fixed size.  Where it has no room the emptiest row of which
 * nothing is told gives way, so that many who do little hide nobody who does
 * much; together they are what a detector of all addresses counts.
 *
 * Pure: instants (Unix time in ms) are arguments.
 */
#ifndef TG_WATCH_H
#define TG_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "denial.h"

#define TG_WATCH_ROWS 4096
#define TG_WATCH_ADDRESSES 8 /* of one row, the first ones */
#define TG_WATCH_SAMPLES 4
#define TG_WATCH_SUBJECT 48

enum tg_subject {
    TG_SUBJECT_ADDRESS = 0,
    TG_SUBJECT_EVERYWHERE, /* all addresses together */
    TG_SUBJECT_KEY,
};

struct tg_detector {
    const char *name; /* stands in the store: never changed */
    const char *type; /* of the event */
    const char *severity;
    enum tg_subject subject;
    uint64_t codes; /* bits 1 << enum tg_code */
    int64_t threshold;
    int64_t window_ms;
    int64_t quiet_ms;     /* then the episode is over */
    const char *sentence; /* what is said, behind the subject */
};

/* All of them; ends with a row without a name. */
extern const struct tg_detector tg_detectors[];

/* Fixed width: the store keeps rows as they are. */
struct tg_watch_row {
    char detector[24];
    char subject[TG_WATCH_SUBJECT]; /* key, address; "": all */
    char account_id[TG_ID_TEXT_SIZE + 7];
    int64_t level_ms;                 /* full at the detector's window_ms */
    int64_t count, first_ms, last_ms; /* since it was empty */
    int64_t told_ms;                  /* 0: no episode runs */
    int64_t number; /* of the last refusal it knows of, for its keeper */
    uint32_t address_count, sample_count;
    struct {
        uint8_t ip[16];
        int64_t count;
    } addresses[TG_WATCH_ADDRESSES];
    int64_t elsewhere; /* refusals from addresses beside those */
    struct tg_call_id samples[TG_WATCH_SAMPLES];
    uint64_t codes;                  /* those that were met */
    char agent[TG_DENIAL_AGENT_MAX]; /* the last sample's */
    char model[TG_MODEL_NAME_MAX];
    uint8_t is_dirty; /* the store has another */
    uint8_t is_used;
    uint8_t reserved[6];
};

_Static_assert(sizeof(struct tg_watch_row) == 568, "the store's rows");

struct tg_watch {
    struct tg_watch_row rows[TG_WATCH_ROWS];
    int64_t swept_ms;
};

/*
 * Takes in a row of refusals, of a number that grows; what a row has seen
 * already it does not see again.  tell is called with each detector whose
 * episode begins with it, and ends the walk with what it returns when that is
 * not 0.
 */
int tg_watch_take(struct tg_watch *watch, int64_t number,
                  const struct tg_denial *denial,
                  int (*tell)(void *arg, const struct tg_detector *detector,
                              const struct tg_watch_row *row),
                  void *arg);

/* Whether any detector is of such refusals. */
bool tg_watch_wants(const struct tg_denial *denial);

/* Puts back a row that the store had.  False when it cannot be one. */
bool tg_watch_put(struct tg_watch *watch, const void *data, size_t len);

/*
 * Visits rows that the store has otherwise: changed ones, and with is_gone
 * those that are over.  What was visited is clean, and gone.  The walk ends
 * when visit returns something else than 0, with that.
 */
int tg_watch_each_dirty(struct tg_watch *watch, int64_t now_ms,
                        int (*visit)(void *arg, const struct tg_watch_row *row,
                                     bool is_gone),
                        void *arg);

/* What was visited did not come to the store: all rows are visited again. */
void tg_watch_soil(struct tg_watch *watch);

#endif
