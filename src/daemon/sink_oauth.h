/*
 * sink_oauth.h: access tokens of OAuth 2, fetched anew for each delivery.
 */
#ifndef TG_SINK_OAUTH_H
#define TG_SINK_OAUTH_H

#include "sink.h"

#define TG_SINK_TOKEN_SIZE 8000

/*
 * Posts a form, which may hold secrets, to url.  Returns 0 with access_token,
 * to be wiped, or as write of sink.h.
 */
int tg_sink_oauth(struct tg_sink_work *work, const char *url, const char *form,
                  char token[TG_SINK_TOKEN_SIZE]);

/* text with all but letters, digits and "-._~" as %XX; wipe it, free it. */
char *tg_sink_escape(const char *text);

/*
 * A JSON Web Token signed with RS256: header and claims are objects, pem a
 * private key of RSA.  Returns 0 with *jwt, to be wiped and freed; or
 * TG_ERR_CRYPTO when pem is none.
 */
int tg_sink_jwt(const json_t *header, const json_t *claims, const char *pem,
                char **jwt);

#endif
