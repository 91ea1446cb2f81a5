/*
 * audit.h: the operators' log, each entry chained to the one before.
 */
#ifndef TG_AUDIT_H
#define TG_AUDIT_H

#include <jansson.h>

#include "digest.h"
#include "store.h"

/*
 * The digest of an entry behind one of the digest before: SHA-256 of its 32
 * bytes and of the entry's texts in the order of struct tg_store_audit, each
 * as its length in bytes, a ':', the text and a ','; number and at are
 * decimal texts.  Returns 0, or TG_ERR_SYSTEM without memory.
 */
int tg_audit_digest(const struct tg_digest *before,
                    const struct tg_store_audit *row, struct tg_digest *digest);

/*
 * Adds an entry behind the last, within a transaction that the caller has
 * begun.  All of row but number, id, details and digest are the caller's;
 * details, an object or NULL for an empty one, holds no secret and is taken
 * over.  Returns 0, TG_ERR_CRYPTO, or what the store says.
 */
int tg_audit_add(struct tg_store *store, struct tg_store_audit *row,
                 json_t *details);

#endif
