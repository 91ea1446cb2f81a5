/*
 * policy_prices.h: rows of the price book, which are sent many at once.
 */
#ifndef TG_POLICY_PRICES_H
#define TG_POLICY_PRICES_H

#include "policy.h"

/*
 * Sends rows in one transaction, or asks what they would do.  What the gate
 * refuses is said at its place in the file.  Returns an exit code; *answer is
 * the caller's, NULL when it failed.
 */
int tg_policy_send_prices(struct tg_policy *policy,
                          struct tg_wish *const *wishes, size_t count,
                          bool is_dry, json_t **answer);

#endif
