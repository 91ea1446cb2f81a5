/*
 * leak_keys.h: the public keys by which GitHub's reports of leaks are known,
 * from a file or from where GitHub has them.
 *
 * Without [leaks] github_keys in tollgate.conf there are none, and no report is
 * taken.  Keys of a URL are asked for by the courier, each day, and when
 * a report names one that is not known, at most every ten minutes; until they
 * have come no report is taken.
 */
#ifndef TG_LEAK_KEYS_H
#define TG_LEAK_KEYS_H

#include "daemon.h"

/*
 * Sets where they are: a file, as seen from the home, or a URL; "": nowhere.
 * A file is read now.  Returns 0, or TG_ERR_* with *error, and what was set
 * before stays.
 */
int tg_leak_keys_set(struct tg_daemon *daemon, const char *source,
                     struct tg_error *error);

bool tg_leak_keys_are_on(struct tg_daemon *daemon);

/* As tg_leak_ring_verify, any thread. */
int tg_leak_keys_verify(struct tg_daemon *daemon, const char *name,
                        const char *signature, struct tg_str body);

/* A row of the courier: asks for them when it is time. */
void tg_leak_keys_pass(struct tg_daemon *daemon, struct tg_store *store,
                       int64_t now_ms);

#endif
