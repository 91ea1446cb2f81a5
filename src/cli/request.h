/*
 * request.h: a command's options as the admin API takes them.
 */
#ifndef TG_REQUEST_H
#define TG_REQUEST_H

#include <jansson.h>

#include "cli.h"

/*
 * The given options that name a member, as an object: the body of a request.
 * Never NULL; the caller releases it.
 */
json_t *tg_request_body(const struct tg_cli *cli);

/*
 * path, which may have a query already, and the same options as a query.  Returns TG_EXIT_OK and *target, which
 * the caller frees, or TG_EXIT_USAGE after saying which option does not hold
 * an instant or a time zone.
 */
int tg_request_target(const struct tg_cli *cli, const char *path,
                      char **target);

/* "/noun/ID" with the operand escaped, then tail; the caller frees it. */
char *tg_request_path(const char *noun, const char *operand, const char *tail);

#endif
