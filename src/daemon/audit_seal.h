/*
 * audit_seal.h: the checkpoint of the audit log: number and digest of its
 * last entry, signed with a key (Ed25519) that follows from the master key.
 *
 * So whoever can write the store but has no master key cannot write the
 * chain anew, and whoever has noted the public key can check a copy of the
 * log without any secret.  docs/audit.md has the bytes.
 */
#ifndef TG_AUDIT_SEAL_H
#define TG_AUDIT_SEAL_H

#include "digest.h"
#include "seal.h"
#include "store.h"

#define TG_AUDIT_SIGNATURE_BYTES 64
#define TG_AUDIT_KEY_BYTES 32 /* a public key */

struct tg_audit_key {
    uint8_t bytes[TG_AUDIT_KEY_BYTES];
};

struct tg_audit_checkpoint {
    int64_t number;
    struct tg_digest digest;
    uint8_t signature[TG_AUDIT_SIGNATURE_BYTES];
};

/*
 * Makes the key that this process signs with; before there are threads.  What
 * is added to the log without one is refused.
 */
void tg_audit_signer_open(const struct tg_master_key *master);
void tg_audit_signer_close(void);

/* The public key of a master key. */
void tg_audit_key_of(const struct tg_master_key *master,
                     struct tg_audit_key *key);

/* That of the process; false when it has no signer. */
bool tg_audit_key_own(struct tg_audit_key *key);

/* Whether its signature is that of key's owner. */
bool tg_audit_is_signed(const struct tg_audit_checkpoint *checkpoint,
                        const struct tg_audit_key *key);

/*
 * Reads the store's.  Returns 0, TG_ERR_NOT_FOUND, TG_ERR_FORMAT when it is
 * not one, or what the store says.
 */
int tg_audit_checkpoint_read(struct tg_store *store,
                             struct tg_audit_checkpoint *checkpoint);

/*
 * Signs number and digest and puts them into the store, in a transaction of
 * the caller's.  Returns 0, TG_ERR_CRYPTO without a signer, or what the store
 * says.
 */
int tg_audit_checkpoint_write(struct tg_store *store, int64_t number,
                              const struct tg_digest *digest);

/* Lower-case hex, with a NUL; and back, exactly so many bytes. */
void tg_audit_hex(const void *bytes, size_t len, char *out);
bool tg_audit_unhex(const char *text, void *bytes, size_t len);

#endif
