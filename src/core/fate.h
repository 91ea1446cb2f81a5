/*
 * fate.h: what became of one try of a call at an upstream: whose fault a
 * failure is, what follows from it, and whether another upstream may be tried.
 *
 * An upstream that answers with a refusal has not done the work, so the call
 * may go on to another one.  One that was sent the request and then fell
 * silent may have: it is never sent again.
 */
#ifndef TG_FATE_H
#define TG_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

enum tg_fate {
    TG_FATE_NOTHING = 0, /* the request's fault, the client's, or nobody's */
    TG_FATE_FINE,        /* an answer began */
    TG_FATE_UNWELCOME,   /* this credential may not do this; others may */
    TG_FATE_CROWDED,     /* more calls at once than its account takes */
    TG_FATE_BUSY,        /* asked too often */
    TG_FATE_OVERLOADED,  /* the upstream has too much to do */
    TG_FATE_FAILED,      /* it says that it failed */
    TG_FATE_BROKEN,      /* sent, and no answer, or not a whole one */
    TG_FATE_UNREACHED,   /* nothing was sent */
    TG_FATE_REJECTED,    /* the credential is not valid */
    TG_FATE_UNPAID,      /* its account has no money */
    TG_FATE_COUNT
};

/* What follows. */
struct tg_fate_row {
    bool goes_on;      /* to another credential or upstream */
    bool is_upstreams; /* other credentials there would fare the same */
    bool closes;       /* the credential is taken out, not only put last */
    uint8_t tolerated; /* failures in a row that have no effect */
    int64_t first_ms;  /* how long the first time; 0: not at all */
    int64_t most_ms;   /* each further failure doubles it, up to this */
};

/* The row of a fate; that of TG_FATE_NOTHING for an unknown one. */
const struct tg_fate_row *tg_fate_row(enum tg_fate fate);

/* What is known of a try that is over. */
struct tg_try {
    enum tg_fate fate;
    uint16_t status;  /* the upstream's; 0: none came */
    uint32_t limit;   /* of TG_FATE_CROWDED: calls at once that it takes */
    int64_t retry_ms; /* that it asks to wait; 0: it does not */
};

/*
 * A try that was answered with a status other than 2xx.  text is what is known
 * of the body, in whatever shape; retry_ms is left to the caller.
 *
 * A request can make an upstream repeat its words, so no words make a matter
 * worse than its status does, but for some that stand in 429 alone.
 */
struct tg_try tg_fate_of_answer(uint16_t status, struct tg_str text);

/*
 * A try without an answer: refused, timed out, broken off, or no HTTP at all.
 * was_sent: the upstream may have seen something of the request.
 */
struct tg_try tg_fate_of_silence(bool was_sent);

/*
 * How long an upstream asks to wait, by its headers retry-after-ms and
 * Retry-After (in seconds; a date is not read): 0 when it does not.
 */
int64_t tg_fate_retry_ms(struct tg_str ms, struct tg_str seconds);

#endif
