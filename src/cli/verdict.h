/*
 * verdict.h: what the admin API answered, as an object or as a sentence.
 */
#ifndef TG_VERDICT_H
#define TG_VERDICT_H

#include <jansson.h>

#include "cli.h"

struct tg_verdict {
    long status;
    const char *from;       /* the address, for sentences */
    const char *token_from; /* NULL: no token was sent */
};

/*
 * Reads a body.  Returns TG_EXIT_OK and the object (the caller's) for 2xx;
 * else says the API's message, the member and the option it is about, and
 * returns TG_EXIT_FAILED, or TG_EXIT_UNREACHABLE when it was not the daemon
 * that answered.
 */
int tg_verdict_read(const struct tg_cli *cli, const struct tg_verdict *answer,
                    const char *data, size_t len, json_t **object);

#endif
