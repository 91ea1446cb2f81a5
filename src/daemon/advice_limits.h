/*
 * advice_limits.h: the limits that are suggested for a key, from what it used
 * and what it was refused.
 */
#ifndef TG_ADVICE_LIMITS_H
#define TG_ADVICE_LIMITS_H

#include "advice_peaks.h"

/* With fewer calls nothing is suggested. */
#define TG_ADVICE_CALLS_MIN 10

enum tg_advised_limit {
    TG_ADVISED_SECOND = 0,
    TG_ADVISED_MINUTE,
    TG_ADVISED_DAY,
    TG_ADVISED_TOKENS,
    TG_ADVISED_AT_ONCE,
    TG_ADVISED_LIMITS,
};

/* Requests of the key that were refused because of a rate. */
struct tg_throttled {
    int64_t requests;
    int64_t a_minute; /* of the worst quarter-hour, spread over it */
    int64_t first_at, last_at;
};

struct tg_limit_facts {
    const struct tg_peaks *peaks;
    const struct tg_throttled *throttled;
    int64_t lasted_ms;              /* the time in which these were */
    int64_t now[TG_ADVISED_LIMITS]; /* the key's; 0: none */
};

enum tg_limit_change {
    TG_LIMIT_UNCHANGED = 0,
    TG_LIMIT_ENOUGH, /* now it is below the floor, and above what was used */
    TG_LIMIT_TIGHTENED,
    TG_LIMIT_LOOSENED,
};

struct tg_limit_advice {
    int64_t now, suggested;
    int64_t peak, peak_at; /* what was used; at 0: there is no instant */
    int64_t asked;         /* the same with what was refused */
    enum tg_limit_change change;
};

/*
 * Adds the refusals of a quarter-hour, of the first and the last of which the
 * instants are known: of one minute, the mean of those that it lasted.
 */
void tg_throttled_add(struct tg_throttled *throttled, int64_t requests,
                      int64_t first_at, int64_t last_at);

void tg_advice_limits(const struct tg_limit_facts *facts,
                      struct tg_limit_advice advice[TG_ADVISED_LIMITS]);

#endif
