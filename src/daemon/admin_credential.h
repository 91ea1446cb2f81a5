/*
 * admin_credential.h: a credential as the admin API shows it; never its
 * secret.
 */
#ifndef TG_ADMIN_CREDENTIAL_H
#define TG_ADMIN_CREDENTIAL_H

#include "request.h"

#define TG_CONCURRENCY_MAX 1000000

/*
 * The object "credential", with how it fares (health; null: not in use).  The
 * caller holds the admin lock.
 */
json_t *tg_admin_credential_object(struct tg_daemon *daemon,
                                   const struct tg_store_credential *row);

/* Whether it is in use and its upstream refuses it. */
bool tg_admin_credential_is_out(struct tg_daemon *daemon,
                                const struct tg_store_credential *row);

/* One that is in use. */
struct tg_admin_credential {
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    int64_t number, position, concurrency;
    int64_t expires_at, balance_alert_nanos, retire_at;
};

/*
 * Reads expires_at and balance_alert of a body into a row; what is absent
 * stays, null is none.  Returns false with the reply made.
 */
bool tg_admin_credential_life(struct tg_reply *reply, const json_t *body,
                              struct tg_store_credential *row);

/*
 * Finds the one that the request names, zero-filled *found by the caller.
 * Returns false with the reply made when it is not there, or not in use.
 */
bool tg_admin_credential_find(struct tg_request *request,
                              struct tg_reply *reply,
                              struct tg_admin_credential *found);

/* Answers with the object of an id. */
void tg_admin_credential_reply(struct tg_request *request,
                               struct tg_reply *reply, unsigned status,
                               const char *id);

#endif
