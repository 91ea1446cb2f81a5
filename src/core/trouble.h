/*
 * trouble.h: a disk that does not take the journal, as workers leave word of
 * it in the state file for the daemon: each what it is in now, and all
 * together how often something failed.
 */
#ifndef TG_TROUBLE_H
#define TG_TROUBLE_H

#include "area.h"

/* Of a worker; a later one is worse. */
enum tg_trouble {
    TG_TROUBLE_NONE = 0,
    TG_TROUBLE_SYNC, /* what was not durable is written once more */
    TG_TROUBLE_SHUT, /* it takes no records: no call is admitted */
};

/*
 * For a worker: something failed, with this errno; 0: the disk is behind.
 * Changes errno of nobody.
 */
void tg_trouble_note(struct tg_area_claim *claim, enum tg_trouble trouble,
                     int error);

/* It is out of trouble, or still in what is worse than this. */
void tg_trouble_end(struct tg_area_claim *claim, enum tg_trouble trouble);

/* What is known of all workers that there are. */
struct tg_trouble_view {
    uint32_t workers; /* in any trouble */
    uint32_t shut;    /* of these, that admit no call */
    int error;        /* of what failed last; 0: the disk is behind */
    uint64_t faults;  /* since the state file was made */
};

struct tg_trouble_view tg_trouble_look(const struct tg_state *state);

#endif
