/*
 * sink_credentials.h: the credentials of a sink, read from where no other
 * user sees them.
 */
#ifndef TG_SINK_CREDENTIALS_H
#define TG_SINK_CREDENTIALS_H

#include <jansson.h>

#include "cli.h"

/*
 * Reads them from a file that is its owner's alone, or from standard input for
 * NULL or "-": a JSON object, such as Google's own file, or the one secret of
 * a kind that has one alone.  Returns TG_EXIT_OK and *credentials, an object
 * that the caller releases; else an exit code after it said why.
 */
int tg_sink_credentials(const char *kind, const char *file,
                        json_t **credentials);

#endif
