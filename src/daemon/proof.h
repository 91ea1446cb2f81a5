/*
 * proof.h: whether somebody is the operator he says: by password, by a code
 * of his telephone, or by a recovery code.
 */
#ifndef TG_PROOF_H
#define TG_PROOF_H

#include "operators.h"
#include "password.h"

/* How long a proof is fresh. */
#define TG_PROOF_FRESH_MS INT64_C(300000)

/* What was sent; NULL where nothing was. */
struct tg_proof_sent {
    const char *password, *code, *recovery_code;
};

/* By what an operator proves himself, out of the store; zeros: nobody. */
struct tg_proof {
    char operator_id[TG_ID_TEXT_SIZE];
    char password[TG_PASSWORD_TEXT_SIZE];
    bool has_totp;
    uint8_t seed[20];
};

/* Reads the members password, code and recovery_code of the body. */
bool tg_proof_read(const struct tg_request *request, struct tg_reply *reply,
                   struct tg_proof_sent *sent);

/*
 * Takes an operator's proof out of the store and unseals it.  Returns 0,
 * what the store says, or TG_ERR_CRYPTO, logged, when the seal is broken.  The
 * caller holds the admin lock, and wipes it.
 */
int tg_proof_load(struct tg_daemon *daemon, const char *operator_id,
                  struct tg_proof *proof);

/*
 * Uses a code up within a transaction of the caller's: *is_right is false
 * when it is wrong or was used.  With neither code *is_right is false.
 */
int tg_proof_use_code(struct tg_store *store, const struct tg_proof *proof,
                      const struct tg_proof_sent *sent, int64_t now_ms,
                      bool *is_right);

/* Seals a seed for its operator.  Returns the length, or an enum tg_err. */
#define TG_PROOF_SEALED_SIZE 80
long tg_proof_seal(struct tg_daemon *daemon, const char *operator_id,
                   const uint8_t seed[20], uint8_t out[TG_PROOF_SEALED_SIZE]);

/* The other way; 0 or TG_ERR_CRYPTO. */
int tg_proof_unseal(struct tg_daemon *daemon, const char *operator_id,
                    struct tg_str sealed, uint8_t seed[20]);

/* Answers that both places are taken: 503, and when to come again. */
bool tg_proof_busy(struct tg_reply *reply);

#endif
