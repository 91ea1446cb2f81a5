/*
 * access.h: who asks: from a token to an operator and what that one may.
 */
#ifndef TG_ACCESS_H
#define TG_ACCESS_H

#include "request.h"

/* What tokens begin with, and how long they are. */
#define TG_TOKEN_PREFIX "tgo_"
#define TG_TOKEN_LEN 44
#define TG_TOKEN_SIZE (TG_TOKEN_LEN + 1)

/*
 * Makes a token, 4 characters of prefix and 40 of base62, and its digest.
 * Returns 0 or TG_ERR_CRYPTO; wipe text when it was sent.
 */
int tg_access_mint(char text[TG_TOKEN_SIZE], const char *prefix,
                   struct tg_digest *digest);

/*
 * Fills request->operator.  Returns false with the reply made, 401, when it
 * is nobody who may ask anything.
 */
bool tg_access_know(struct tg_request *request, struct tg_reply *reply);

#endif
