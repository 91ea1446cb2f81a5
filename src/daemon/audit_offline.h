/*
 * audit_offline.h: the check of an audit log where no daemon is asked: of a
 * home's store, or of an exported file.
 */
#ifndef TG_AUDIT_OFFLINE_H
#define TG_AUDIT_OFFLINE_H

#include <jansson.h>

#include "options.h"

/*
 * Checks what options name.  *said is the caller's; *is_intact whether there
 * is no problem.  Returns 0; TG_ERR_NOT_FOUND, TG_ERR_FORMAT, TG_ERR_SYSTEM
 * or what opening a store says, and *error says why.
 */
int tg_audit_offline(const struct tg_options *options, json_t **said,
                     bool *is_intact, struct tg_error *error);

#endif
