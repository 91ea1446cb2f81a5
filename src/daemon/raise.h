/*
 * raise.h: a security event of a key, or of an address, and what is done
 * because of it: both, or neither.
 */
#ifndef TG_RAISE_H
#define TG_RAISE_H

#include <jansson.h>

#include "daemon.h"

struct tg_signal {
    const char *once; /* its name: it is told once under it */
    const char *type, *severity;
    const char *key_id;   /* "": of no key; else its account is found */
    const char *subject;  /* of whom it is said, without a key: "1.2.3.4" */
    const char *sentence; /* "tries keys that do not exist: 20 in 3 s" */
    int64_t at;
    json_t *evidence; /* an object, the caller's; "response" is added to it */
};

/*
 * Tells of it in a transaction on daemon->admin, whose lock the caller does
 * not hold, does with the key what its policy chooses, and publishes it.  One
 * that was told before does nothing.  A key that is gone is told of all the
 * same.  Returns 0 or what the store says; nothing is done then.
 */
int tg_signal_raise(struct tg_daemon *daemon, const struct tg_signal *signal);

#endif
