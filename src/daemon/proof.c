#include "proof.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "members.h"
#include "totp.h"

_Static_assert(TG_TOTP_SEED_LEN == 20, "as its headers say");
_Static_assert(TG_PROOF_SEALED_SIZE >= TG_TOTP_SEED_LEN + TG_SEAL_OVERHEAD,
               "a sealed seed has room");

bool
tg_proof_read(const struct tg_request *request, struct tg_reply *reply,
              struct tg_proof_sent *sent)
{
    return tg_members_text(reply, request->body, "password", 0,
                           TG_PASSWORD_MOST, &sent->password) &&
           tg_members_text(reply, request->body, "code", 0, 64, &sent->code) &&
           tg_members_text(reply, request->body, "recovery_code", 0, 64,
                           &sent->recovery_code);
}

/* A seal is bound to whose it is. */
static struct tg_str
name_of(const char *operator_id, char name[48])
{
    int len = snprintf(name, 48, "totp:%s", operator_id);

    return (struct tg_str){name, (size_t)len};
}

long
tg_proof_seal(struct tg_daemon *daemon, const char *operator_id,
              const uint8_t seed[20], uint8_t out[TG_PROOF_SEALED_SIZE])
{
    char name[48];

    return tg_seal(&daemon->master_key, name_of(operator_id, name),
                   (struct tg_str){(const char *)seed, TG_TOTP_SEED_LEN}, out,
                   TG_PROOF_SEALED_SIZE);
}

int
tg_proof_unseal(struct tg_daemon *daemon, const char *operator_id,
                struct tg_str sealed, uint8_t seed[20])
{
    char name[48];

    return tg_seal_open(&daemon->master_key, name_of(operator_id, name),
                        (const uint8_t *)sealed.data, sealed.len, (char *)seed,
                        TG_TOTP_SEED_LEN) == TG_TOTP_SEED_LEN
               ? 0
               : TG_ERR_CRYPTO;
}

struct loading {
    struct tg_daemon *daemon;
    struct tg_proof *proof;
};

static int
take(void *arg, const struct tg_store_proof *row)
{
    struct loading *loading = arg;
    struct tg_proof *proof = loading->proof;
    int err = 0;

    snprintf(proof->password, sizeof(proof->password), "%s", row->password);
    proof->has_totp = row->totp.len != 0;
    if (proof->has_totp)
        err = tg_proof_unseal(loading->daemon, proof->operator_id, row->totp,
                              proof->seed);
    if (err != 0)
        tg_log(TG_LOG_ERROR,
               "the TOTP seed of %s does not open under the master key",
               proof->operator_id);
    return err;
}

int
tg_proof_load(struct tg_daemon *daemon, const char *operator_id,
              struct tg_proof *proof)
{
    struct loading loading = {daemon, proof};
    struct tg_store *store = daemon->admin;

    *proof = (struct tg_proof){0};
    snprintf(proof->operator_id, sizeof(proof->operator_id), "%s", operator_id);
    return store->operators->proof(store, operator_id, take, &loading);
}

int
tg_proof_use_code(struct tg_store *store, const struct tg_proof *proof,
                  const struct tg_proof_sent *sent, int64_t now_ms,
                  bool *is_right)
{
    struct tg_digest digest;
    int64_t step;

    *is_right = false;
    if (!proof->has_totp)
        return 0;
    if (sent->code != NULL &&
        tg_totp_step(proof->seed, sent->code, tg_clock_wall_ms(), &step))
        return store->operators->use_totp(store, proof->operator_id, step,
                                          is_right);
    if (sent->recovery_code != NULL &&
        tg_recovery_read(sent->recovery_code, &digest))
        return store->operators->use_recovery(store, proof->operator_id,
                                              &digest, now_ms, is_right);
    return 0;
}

bool
tg_proof_busy(struct tg_reply *reply)
{
    reply->retry_after_s = 1;
    return tg_reply_error(reply, 503, "login_busy", NULL,
                          "%d passwords are being looked at, which is as many "
                          "as may be at once; try again in a second",
                          TG_PASSWORD_PLACES);
}
