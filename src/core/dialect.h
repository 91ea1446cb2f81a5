/*
 * dialect.h: what a provider's API is like, one row a thing: which endpoints
 * it has, where, and how it wants its credential and headers.
 */
#ifndef TG_DIALECT_H
#define TG_DIALECT_H

#include "layout.h"
#include "route.h"
#include "str.h"

/* Where a call goes: path stands behind base. */
struct tg_place {
    struct tg_str base; /* of the upstream, or its beginning */
    struct tg_str path;
};

/* Whether upstreams of a dialect have an endpoint at all. */
bool tg_dialect_serves(enum tg_dialect dialect, enum tg_endpoint endpoint);

/*
 * Finds the place of an endpoint that the dialect serves.  base is the path of
 * the upstream's base URL, without a slash at its end; a "/v1" there is left
 * out before a path that does not stand behind it, so that it never comes
 * twice.  What is found is of base, and of constants.  Of a route with an id in
 * it the path is that of the request, which is not known here.
 */
struct tg_place tg_dialect_place(enum tg_dialect dialect,
                                 enum tg_endpoint endpoint, struct tg_str base);

/* How a credential travels; the safe value is understood almost everywhere. */
enum tg_scheme {
    TG_SCHEME_BEARER = 0, /* Authorization: Bearer … */
    TG_SCHEME_X_API_KEY,  /* x-api-key: …, and anthropic-version */
};

enum tg_scheme tg_dialect_scheme(enum tg_dialect dialect);

/*
 * The version of Anthropic's API to ask for: what the client sent when it is
 * a date, 2023-06-01 otherwise.  Lives as long as sent.
 */
struct tg_str tg_dialect_version(struct tg_str sent);

/*
 * Writes those of the betas in a client's anthropic-beta header that may pass,
 * with a comma between, into out, which has room for sent.len bytes.  Left
 * out is what is no plain token, and what changes prices that the price book
 * does not have.  Returns the length.
 */
size_t tg_dialect_betas(struct tg_str sent, char *out);

#endif
