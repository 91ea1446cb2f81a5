/*
 * up_health.h: how the daemon of a home is, asked over its own socket.
 */
#ifndef TG_UP_HEALTH_H
#define TG_UP_HEALTH_H

#include <jansson.h>

#include "paths.h"

/*
 * Asks GET /admin/v1/health with the owner's token.  Returns the object,
 * which the caller releases, or NULL and a cause without a full stop.
 */
json_t *tg_up_health(const struct tg_paths *paths, char *cause,
                     size_t cause_size);

#endif
