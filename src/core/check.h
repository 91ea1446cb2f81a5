/*
 * check.h: would a call of this key pass, and what is all in its way?
 *
 * Goes down the same rows as a call does (admit_part.h), in the order of the
 * table of product.md 4, and on after one that refuses.  Takes nothing: no
 * token of a bucket, no money, no slot.
 */
#ifndef TG_CHECK_H
#define TG_CHECK_H

#include "route.h"
#include "state.h"

struct tg_admission; /* admit.h */

enum tg_check_row {
    TG_CHECK_CREDENTIAL, /* the key is known here; nothing follows if not */
    TG_CHECK_STATUS,
    TG_CHECK_EXPIRY, /* of the key and of its secret */
    TG_CHECK_ACCOUNT,
    TG_CHECK_NETWORK,
    TG_CHECK_REFERRER,
    TG_CHECK_HOURS,
    TG_CHECK_ENDPOINT,
    TG_CHECK_SCOPE,
    TG_CHECK_MODEL,
    TG_CHECK_RATES,
    TG_CHECK_BUDGET, /* budgets and balance, for the smallest call */
    TG_CHECK_PRICE,
    TG_CHECK_UPSTREAM,
    TG_CHECK_ROWS
};

enum tg_check_answer {
    TG_CHECK_NO = 0,
    TG_CHECK_YES,
    TG_CHECK_NOT_ASKED, /* the question does not say what it depends on */
};

#define TG_CHECK_NO_KEY UINT32_MAX

struct tg_check_question {
    uint32_t key_slot;            /* or TG_CHECK_NO_KEY: it is gone */
    enum tg_scope scope;          /* NONE: any that the model has */
    const struct tg_route *route; /* NULL: one of the scope */
    struct tg_str model;          /* empty: no model, nor what is one's; of no
                                     matter where the route names its own */
    struct tg_str referrer;       /* a page's URL or origin; empty: none */
    uint8_t ip[16];               /* IPv4 as ::ffff:a.b.c.d */
    bool has_ip;
    int64_t now_ms;
};

/*
 * Hears of each row, in order.  When the answer is no, the admission is the
 * refusal that a call would get for this row alone; else its key, account and
 * head.route (NULL: none is meant) say what was asked of.
 */
typedef void tg_check_hear(void *arg, enum tg_check_row row,
                           enum tg_check_answer answer,
                           const struct tg_admission *admission);

/*
 * Asks the rows.  Returns whether none of them said no.  The caller keeps the
 * daemon from publishing meanwhile.
 */
bool tg_check(const struct tg_state *state,
              const struct tg_check_question *question, tg_check_hear *hear,
              void *arg);

#endif
