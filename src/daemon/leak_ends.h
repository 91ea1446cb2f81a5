/*
 * leak_ends.h: those who may have had the leaked key before them.
 */
#ifndef TG_LEAK_ENDS_H
#define TG_LEAK_ENDS_H

#include "request.h"

/*
 * Ends the sessions and tokens of operators that are bound to the account, and
 * tokens of others that are bound to it, but for the one who asks, in a
 * transaction of the caller's.  Ids are added to ended's lists "operators"
 * and "tokens".  Returns 0 or what the store says.
 */
int tg_leak_end_sessions(struct tg_request *request, const char *account_id,
                         json_t *ended);

#endif
