/*
 * credential.h: from a request's headers to the one credential in it.
 *
 *     struct tg_credential credential = {0};
 *     for each header that is one of three:
 *         tg_credential_add(&credential, its source, its value);
 *     if (tg_credential_verdict(&credential) != TG_CREDENTIAL_FOUND) ...
 *     tg_key_parse(credential.key, ...), else tg_key_diagnose
 */
#ifndef TG_CREDENTIAL_H
#define TG_CREDENTIAL_H

#include <stdbool.h>

#include "str.h"

/* Which header: Authorization, x-api-key, api-key. */
enum tg_credential_source {
    TG_SOURCE_NONE = 0,
    TG_SOURCE_AUTHORIZATION,
    TG_SOURCE_X_API_KEY,
    TG_SOURCE_API_KEY,
};

enum tg_credential_verdict {
    TG_CREDENTIAL_MISSING = 0, /* missing_api_key: no header */
    TG_CREDENTIAL_FOUND,
    TG_CREDENTIAL_EMPTY,     /* missing_api_key: a header with nothing in it */
    TG_CREDENTIAL_NO_BEARER, /* malformed_api_key, as all that follow */
    TG_CREDENTIAL_OTHER_SCHEME,
    TG_CREDENTIAL_CONFLICT, /* two that differ */
    TG_CREDENTIAL_IN_URL,   /* never from headers: see tg_credential_in_url */
    TG_CREDENTIAL_COUNT
};

/* Zeros before the first header. */
struct tg_credential {
    struct tg_str key; /* into the header's value; what was sent as a key */
    enum tg_credential_source source;   /* where key came from */
    enum tg_credential_verdict verdict; /* so far */
};

/*
 * Takes one more header in.  value may have any bytes and must live as long
 * as the credential; blanks around it do not count (RFC 9110, 5.5).  A header
 * with nothing in it counts only when there is no other.
 */
void tg_credential_add(struct tg_credential *credential,
                       enum tg_credential_source source, struct tg_str value);

/*
 * What the headers came to.  With FOUND, credential->key is what to check;
 * with NO_BEARER and OTHER_SCHEME it is the header's value, for
 * tg_key_mask.
 */
enum tg_credential_verdict
tg_credential_verdict(const struct tg_credential *credential);

/* What is wrong and what to do; static.  "" for FOUND. */
const char *tg_credential_sentence(enum tg_credential_verdict verdict);

/*
 * Whether a path or a query string (without '?') carries a key: one of ours
 * anywhere in it, also percent-encoded, or any value of a parameter that is
 * named like a key (key, api_key, apikey, access_token ...).  When a
 * whole key of ours stands there unescaped, *ours is it, else it is empty;
 * ours may be NULL.  O(len).
 */
bool tg_credential_in_url(struct tg_str path, struct tg_str query,
                          struct tg_str *ours);

#endif
