/*
 * ledger_sight.h: calls in flight around the instant at which figures of the
 * state file are read; a part of the check of the ledger.
 */
#ifndef TG_LEDGER_SIGHT_H
#define TG_LEDGER_SIGHT_H

#include "ledger_part.h"
#include "look.h"

/* A call, once for its key's book and once for its account's. */
struct tg_sight {
    uint32_t book;
    struct tg_sighting seen;
};

/* A call that was taken in behind the books. */
struct tg_late_call {
    int64_t seq;
    struct tg_call call;
};

struct tg_flights {
    struct tg_look *list;
    size_t count, room;
};

struct tg_sights {
    struct tg_ledger_check *check;
    struct tg_flights before, after;
    struct tg_late_call *late;
    size_t late_count, late_room;
    /* Writers, and how many calls each had begun before "before" began. */
    uint64_t writers[TG_AREA_COUNT], begun[TG_AREA_COUNT];
    struct tg_sight *list; /* by book */
    size_t count, room;
};

int tg_sights_open(struct tg_sights *sights, struct tg_ledger_check *check);
void tg_sights_close(struct tg_sights *sights);

/* To be called before the figures are read. */
int tg_sights_before(struct tg_sights *sights);

/*
 * To be called behind them: takes in what was journaled meanwhile, and makes
 * the list of all calls that the books lack.  Returns 0; TG_ERR_BUSY when the
 * journal was not taken in, or the check is to end; what the store says.
 */
int tg_sights_after(struct tg_sights *sights);

#endif
