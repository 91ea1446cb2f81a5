/*
 * respond.h: what is done with a key because of an event: nothing more
 * (alert), fewer requests for a time (throttle), or none until a person lets
 * it go on (pause).  The key's policy chooses, else its account's, else
 * tollgate.conf, by its kind and for all; else it is alert.
 */
#ifndef TG_RESPOND_H
#define TG_RESPOND_H

#include <jansson.h>

#include "daemon.h"

/* alert, throttle, pause, NULL; types are tg_conf_response_types. */
extern const char *const tg_respond_actions[];

/* The action for an event of this type: a constant of the table. */
const char *tg_respond_choice(struct tg_daemon *daemon,
                              const struct tg_store_key *key, const char *type);

/*
 * Does it, within the transaction that adds the event: the key's row and the
 * entry in the audit log.  Adds "response" to evidence.  Nothing is done with
 * a key that is not active, or is throttled already for as long.  Sets
 * *is_done when the key is to be published once that is committed.
 */
int tg_respond(struct tg_daemon *daemon, const struct tg_store_key *key,
               const char *type, const char *event_id, json_t *evidence,
               bool *is_done);

/*
 * The requests a minute of a throttled key that has this limit (0: none).
 */
uint32_t tg_respond_rate(const struct tg_daemon *daemon, int64_t per_minute);

/* Whether a key is throttled now. */
bool tg_respond_is_throttled(const struct tg_store_key *key, int64_t now_ms);

/* A round (rounds.h): lets go on what was throttled for long enough. */
void tg_respond_pass(struct tg_daemon *daemon, struct tg_store *store,
                     int64_t now_ms);

/* A key's response as an object of the API, or null. */
json_t *tg_respond_object(const struct tg_store_key *key, int64_t now_ms);

/* And responses, of each type what is said, or null: of a key's or an
 * account's JSON. */
json_t *tg_respond_policy(const char *responses);

#endif
