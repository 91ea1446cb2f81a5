/*
 * store_operators.h: what a store keeps of those who operate the gate.
 *
 * As in store.h: rows' texts are somebody else's, instants are Unix time in
 * ms with 0 for never, and every function returns 0 or an enum tg_err.
 */
#ifndef TG_STORE_OPERATORS_H
#define TG_STORE_OPERATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "str.h"

struct tg_store;

struct tg_store_operator {
    const char *id, *name, *role; /* owner, admin, auditor, billing */
    const char *status;           /* active, suspended, disabled */
    const char *accounts;         /* JSON list of ids; [] is all */
    int64_t created_at, ended_at;
    bool has_password, has_totp;
};

/* A token or a session: by what an operator is known. */
struct tg_store_access {
    const char *id; /* tok_…, ses_… */
    struct tg_digest digest;
    const char *operator_id, *operator_name;
    const char *kind;         /* token, bearer, cookie */
    const char *name, *last4; /* of a token */
    const char *scopes;       /* JSON list of permissions; [] is all */
    const char *account_id;   /* "", or the only one */
    int64_t created_at, expires_at, ended_at;
    int64_t last_used_at;
    const char *last_used_ip, *last_used_agent;
    int64_t fresh_until; /* who uses it has proved himself until then */
};

/* By what an operator proves himself. */
struct tg_store_proof {
    const char *password;             /* argon2id's text; "": none */
    struct tg_str totp, totp_pending; /* sealed; empty: none */
    int64_t totp_next;                /* the first step not used yet */
};

/* NULL and 0 mean any. */
struct tg_store_access_filter {
    const char *operator_id;
    bool is_session;
    int64_t alive_at;      /* sessions: not expired then, and not idle */
    int64_t used_since[2]; /* of bearer and cookie sessions: since then */
    const char *after;     /* id of the last one seen */
    uint32_t limit;
};

typedef int tg_operator_visit(void *arg, const struct tg_store_operator *row);
typedef int tg_access_visit(void *arg, const struct tg_store_access *row,
                            const struct tg_store_operator *who);
typedef int tg_proof_visit(void *arg, const struct tg_store_proof *row);

struct tg_store_operator_ops {
    int (*add)(struct tg_store *store, const struct tg_store_operator *row);
    int (*get)(struct tg_store *store, const char *id_or_name,
               tg_operator_visit *visit, void *arg);
    /* Oldest first; after is the id of the last one seen, or NULL. */
    int (*each)(struct tg_store *store, const char *after, uint32_t limit,
                tg_operator_visit *visit, void *arg);
    /* Sets name, role, status, accounts and ended_at of the one of this id. */
    int (*set)(struct tg_store *store, const struct tg_store_operator *row);
    /* Owners that are active. */
    int (*count_owners)(struct tg_store *store, int64_t *count);

    int (*proof)(struct tg_store *store, const char *operator_id,
                 tg_proof_visit *visit, void *arg);
    int (*set_password)(struct tg_store *store, const char *operator_id,
                        const char *password);
    /* Both; an empty one is none. */
    int (*set_totp)(struct tg_store *store, const char *operator_id,
                    struct tg_str totp, struct tg_str pending, int64_t next);
    /* Uses a time step up; *is_new is false when it was, or a later one. */
    int (*use_totp)(struct tg_store *store, const char *operator_id,
                    int64_t step, bool *is_new);
    /* Puts these in the place of all there were. */
    int (*set_recovery)(struct tg_store *store, const char *operator_id,
                        const struct tg_digest *codes, size_t count);
    /* *is_new is false when there is none such, or it was used. */
    int (*use_recovery)(struct tg_store *store, const char *operator_id,
                        const struct tg_digest *code, int64_t at, bool *is_new);
    int (*count_recovery)(struct tg_store *store, const char *operator_id,
                          int64_t *count);

    /* Adds a token; one of this digest, revoked or not, is left alone. */
    int (*token_add)(struct tg_store *store, const struct tg_store_access *row);
    /* And takes away those that were last used 90 days before it. */
    int (*session_add)(struct tg_store *store,
                       const struct tg_store_access *row);
    /* One that has not been ended, whatever else of it; by its digest. */
    int (*token_known)(struct tg_store *store, const struct tg_digest *digest,
                       tg_access_visit *visit, void *arg);
    int (*session_known)(struct tg_store *store, const struct tg_digest *digest,
                         tg_access_visit *visit, void *arg);
    /* By id; a session only while it has not been ended. */
    int (*access_get)(struct tg_store *store, const char *id,
                      tg_access_visit *visit, void *arg);
    /* Newest first.  Of sessions, those that are in use. */
    int (*access_each)(struct tg_store *store,
                       const struct tg_store_access_filter *filter,
                       tg_access_visit *visit, void *arg);
    int (*access_used)(struct tg_store *store, const char *id, int64_t at,
                       const char *ip, const char *agent);
    int (*access_fresh)(struct tg_store *store, const char *id, int64_t until);
    int (*access_end)(struct tg_store *store, const char *id, int64_t at);
    /* All sessions of an operator, and with has_tokens its tokens. */
    int (*end_all)(struct tg_store *store, const char *operator_id,
                   bool has_tokens, int64_t at);
    /* Whether the operator had a session from that address since then. */
    int (*was_here)(struct tg_store *store, const char *operator_id,
                    const char *ip, int64_t since, bool *was);

    /* The instant by which attempts under this name are paid for; 0: none. */
    int (*attempts)(struct tg_store *store, const char *name, int64_t *paid_at);
    /* Sets it, and forgets names that were paid for before old. */
    int (*set_attempts)(struct tg_store *store, const char *name,
                        int64_t paid_at, int64_t old);
};

extern const struct tg_store_operator_ops tg_sqlite_operator_ops;

#endif
