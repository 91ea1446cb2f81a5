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
    bool is_login;          /* which needs none */
    json_t **error;         /* takes what the API refuses with */
};

/*
 * Reads a body.  Returns TG_EXIT_OK and the object (the caller's) for 2xx;
 * TG_EXIT_FAILED with the API's error, unsaid, where it refused; else it says
 * what is wrong and returns TG_EXIT_FAILED, or TG_EXIT_UNREACHABLE when it was
 * not the daemon that answered.
 */
int tg_verdict_read(const struct tg_verdict *answer, const char *data,
                    size_t len, json_t **object);

/*
 * Says an error of the API: its message, the member and the option it is
 * about.  Returns TG_EXIT_FAILED.
 */
int tg_verdict_refuse(const struct tg_cli *cli, const json_t *error);

#endif
