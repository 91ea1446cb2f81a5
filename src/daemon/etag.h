/*
 * etag.h: which version of an object a request is about (RFC 9110, 8.8.3).
 */
#ifndef TG_ETAG_H
#define TG_ETAG_H

#include "request.h"

/*
 * Puts the tag of a key's object into reply: of its policy and status, not of
 * when it was used.
 */
void tg_etag_of_key(struct tg_reply *reply, const json_t *key);

/* Puts the tag of an object into reply: of all its members. */
void tg_etag_of(struct tg_reply *reply, const json_t *object);

/* The same, but for those that change by themselves, such as health. */
void tg_etag_of_shown(struct tg_reply *reply, const json_t *object);

/*
 * Whether the request is about the object whose tag is in reply: it has no
 * If-Match, or one that names the tag or '*'.  Else answers 412.
 */
bool tg_etag_matches(const struct tg_request *request, struct tg_reply *reply);

#endif
