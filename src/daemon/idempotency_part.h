/*
 * idempotency_part.h: what idempotency.c is made of: the list of requests
 * under way, and the texts of a row.
 */
#ifndef TG_IDEMPOTENCY_PART_H
#define TG_IDEMPOTENCY_PART_H

#include "idempotency.h"

/* Whether nobody else was at it; it is under way until it leaves. */
bool tg_idempotency_enter(const struct tg_request *request,
                          const struct tg_digest *key);
void tg_idempotency_leave(const struct tg_request *request,
                          const struct tg_digest *key);

/*
 * Digests the request (method, route, subject, arguments, bytes of the body)
 * and its key into state.  Returns 0, or TG_ERR_SYSTEM without memory.
 */
int tg_idempotency_digest(const struct tg_request *request, struct tg_str body,
                          struct tg_idempotency *state);

/*
 * A value as sealed text of *len bytes, for the caller to free; NULL, and
 * *len as it was, for none and for one that is longer than 32 KiB.
 */
uint8_t *tg_idempotency_seal(const struct tg_request *request,
                             const struct tg_digest *key, const json_t *value,
                             size_t *len);

/* And back, for the caller to release; NULL when it is not that. */
json_t *tg_idempotency_unseal(const struct tg_request *request,
                              const struct tg_digest *key,
                              struct tg_str sealed);

#endif
