/*
 * huge_pass.h: large pages, as a row of the daemon's rounds.
 */
#ifndef TG_HUGE_PASS_H
#define TG_HUGE_PASS_H

#include "rounds.h"

/*
 * Goes on with daemon->huge for a twentieth of a second, so that a processor
 * has 19 of 20 parts of its time for others: a million keys take 20 seconds.
 */
void tg_huge_pass(struct tg_daemon *daemon, struct tg_store *store,
                  int64_t now_ms);

#endif
