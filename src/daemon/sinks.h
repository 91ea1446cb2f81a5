/*
 * sinks.h: new secrets on their way to where programs read them: which sinks
 * a key has, what waits for delivery, and the courier's round.
 *
 * A secret waits sealed in a row of its own for each place, from the
 * transaction that makes the secret on until the row has ended; then what was
 * sealed is gone.
 */
#ifndef TG_SINKS_H
#define TG_SINKS_H

#include <jansson.h>

#include "daemon.h"
#include "reply.h"
#include "secret.h"
#include "sink.h"

/* Credentials of a sink, sealed, at most. */
#define TG_SINKS_CREDENTIALS_MAX 16384

/*
 * Puts a new secret of a key on its way to every place that the key has, in a
 * transaction of the caller's on store; an older one that waits for the same
 * place gives way.  *count is how many there are; 0: the key has none, and
 * nothing was done.  Returns 0, TG_ERR_CRYPTO, or what the store says.
 */
int tg_sinks_enqueue(struct tg_daemon *daemon, struct tg_store *store,
                     const char *key_id, const char *secret_id,
                     const struct tg_secret *secret, uint32_t *count);

/*
 * The courier's row: delivers what is due, for a few seconds at most, and
 * says what came of it: to rotation.h, in events, and in the audit log.
 */
void tg_sinks_pass(struct tg_daemon *daemon, struct tg_store *store,
                   int64_t now_ms);

/*
 * Seals credentials, an object, to a sink's id: into *out, which the caller
 * frees.  No members are an empty text.  Returns 0, TG_ERR_LIMIT or
 * TG_ERR_CRYPTO.
 */
int tg_sinks_seal(const struct tg_daemon *daemon, const char *id,
                  const json_t *credentials, struct tg_str *out);

/* The object again, for the caller to release; NULL when it does not open. */
json_t *tg_sinks_open(const struct tg_daemon *daemon,
                      const struct tg_store_sink *row);

/* A sink as it is used, copied out of the store. */
struct tg_sinks_loaded {
    const struct tg_sink_kind *kind;
    char id[TG_ID_TEXT_SIZE], name[64];
    json_t *config, *credentials;
};

/*
 * Reads one and opens its credentials.  Returns 0, what the store says, or
 * TG_ERR_CRYPTO; *loaded is released in any case.
 */
int tg_sinks_load(struct tg_daemon *daemon, struct tg_store *store,
                  const char *id_or_name, struct tg_sinks_loaded *loaded);
void tg_sinks_release(struct tg_sinks_loaded *loaded);

#endif
