/*
 * lanes.h: threads for requests that take long.
 *
 * The server's own threads answer what is done at once, and each of them has
 * many connections: one that waited would hold all of these.  So a row of the
 * route table whose handler waits, for a lock that reports hold, for a
 * picture or for others' servers, names a lane, and its requests wait there.
 * No number of them takes a thread from a revocation.
 *
 * Any thread may call these functions but where something else is said.
 */
#ifndef TG_LANES_H
#define TG_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

enum tg_lane {
    TG_LANE_NONE = 0, /* the server's own threads */
    TG_LANE_LEAK,     /* answers a leak: nothing else is before it */
    TG_LANE_READ,     /* reads a little, with the connection for reports */
    TG_LANE_LONG,     /* reads much, or draws */
    TG_LANE_EXPORT,   /* a part of an export */
    TG_LANE_OUTSIDE,  /* waits for others' servers, or for DNS */
    TG_LANES
};

/* What is to be done; the caller's memory, as it was until it is run. */
struct tg_lane_job {
    enum tg_lane lane;
    /* In the lane's thread, once; is_late: it is not to be done any more. */
    void (*run)(struct tg_lane_job *job, bool is_late);
    int64_t asked_at_ms; /* the lanes' own, as next */
    struct tg_lane_job *next;
};

struct tg_lanes;

/* Returns 0 or TG_ERR_SYSTEM, and *error says why. */
int tg_lanes_start(struct tg_lanes **lanes, struct tg_error *error);

/*
 * Has it run when those before it are; or late, when that is not within half
 * a minute.  Returns false, and does nothing, when as many wait as may.
 */
bool tg_lanes_offer(struct tg_lanes *lanes, struct tg_lane_job *job);

/* Has the next part run of what was taken before: never refused, or late. */
void tg_lanes_go_on(struct tg_lanes *lanes, struct tg_lane_job *job);

/* How many of a lane may wait. */
unsigned tg_lanes_room(enum tg_lane lane);

/*
 * Waits for what runs; all else, also what is asked for from now on, is late.
 * Memory stays for tg_lanes_free, which comes last.  Both take NULL.
 */
void tg_lanes_stop(struct tg_lanes *lanes);
void tg_lanes_free(struct tg_lanes *lanes);

#endif
