/*
 * leak.h: a key that was found where it should not be, and what becomes of it.
 */
#ifndef TG_LEAK_H
#define TG_LEAK_H

#include "request.h"

#define TG_LEAK_TEXT_MAX 2048 /* of a URL, or a place */

/* What was found, and where.  Texts may be "". */
struct tg_leak_find {
    struct tg_str token;
    const char *source; /* who says so: github, operator */
    const char *place;  /* "commit" */
    const char *url;
    bool shuts; /* disables its key, when the secret is in force */
};

/* What came of it. */
struct tg_leak_result {
    bool is_ours;
    bool was_in_force;        /* the secret could call */
    bool is_new;              /* nobody reported the same before */
    bool is_shut;             /* the key is disabled by now */
    char id[TG_ID_TEXT_SIZE]; /* of the report; "" unless it is new */
    char key_id[TG_ID_TEXT_SIZE], secret_id[TG_ID_TEXT_SIZE];
    char account_id[TG_ID_TEXT_SIZE];
    char hash[65]; /* SHA-256 of the token, in hex */
};

/*
 * Looks the token up by its hash and does what is to be done, event and entry
 * included; no call of the key is admitted then.  The admin lock is
 * taken.  What was reported before adds nothing.  Returns 0, also for a token
 * that is nobody's, or what the store says.
 */
int tg_leak_take(struct tg_request *request, const struct tg_leak_find *find,
                 struct tg_leak_result *result);

/*
 * Disables a key that is not disabled, in a transaction of the caller's on
 * daemon->admin.  *was_open says whether it was: it then has to be published.
 */
int tg_leak_shut(struct tg_store *store, const char *key_id, int64_t now_ms,
                 bool *was_open);

#endif
