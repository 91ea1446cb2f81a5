/*
 * leak_plan.h: the key that takes a leaked one's place, with the least that
 * what it was really used for needs.
 */
#ifndef TG_LEAK_PLAN_H
#define TG_LEAK_PLAN_H

#include "advice_rules.h"
#include "leak_usage.h"

/* Requests a minute are never limited to fewer than these by a plan. */
#define TG_LEAK_RATE_FLOOR TG_ADVICE_REQUESTS_FLOOR

/* So many addresses of one /24 stand for all of it. */
#define TG_LEAK_NEIGHBOURS 3

/*
 * The networks of the trusted ones among addresses: each by itself, or the /24
 * of neighbours; IPv6 by its /64.  The caller's; NULL when there are none, or
 * more than a key can name.
 */
json_t *tg_leak_networks(const struct tg_tally *addresses);

/*
 * The object of a new key, as POST /keys takes it, from the old one's object
 * of the API and what was used of it.  Sentences about what was decided are
 * added to notes.  The caller's.
 */
json_t *tg_leak_plan(const json_t *key, const struct tg_leak_usage *usage,
                     int64_t created_at, json_t *notes);

#endif
