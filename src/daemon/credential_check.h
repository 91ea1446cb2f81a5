/*
 * credential_check.h: asks upstreams whether they know our credentials, and
 * what is left on their accounts: DeepSeek for its balance, all others for
 * their models.
 *
 * Each credential in use is asked every [upstreams] check_seconds, one that
 * fails sooner, at first after a minute and then after twice as long each
 * time.  It goes where the credential's calls go, so the rules of egress.h are
 * not asked.  What comes of it changes nothing for calls: those find out by
 * themselves (pool.h).
 */
#ifndef TG_CREDENTIAL_CHECK_H
#define TG_CREDENTIAL_CHECK_H

#include <jansson.h>

#include "daemon.h"
#include "id.h"
#include "layout.h"
#include "probe.h"
#include "secret.h"

#define TG_CHECK_BALANCES 4

/* One account of an upstream may have money in several currencies. */
struct tg_check_balance {
    char currency[9];
    int64_t total_nanos, granted_nanos, topped_up_nanos;
};

/* What is asked, and what was answered; wiped by tg_check_end. */
struct tg_check {
    char id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
    char upstream[32], last4[8], base_url[256];
    enum tg_dialect dialect;
    struct tg_secret secret;
    bool is_found, is_open; /* the credential; its secret */
    int64_t balance_alert_nanos;
    struct tg_probe probe;
    struct tg_check_balance balances[TG_CHECK_BALANCES];
    int balance_count;
    bool is_out_of_money; /* the upstream says so */
};

/*
 * Reads what is to be asked of an active credential.  check is zeros.
 * TG_ERR_NOT_FOUND; or what the store says.
 */
int tg_check_begin(struct tg_check *check, struct tg_daemon *daemon,
                   struct tg_store *store, const char *id);

/* The same for a secret that is not in the store yet. */
int tg_check_begin_with(struct tg_check *check, struct tg_store *store,
                        const char *upstream_id, struct tg_str secret);

/* Asks, and waits; no lock is held meanwhile. */
void tg_check_ask(struct tg_check *check, long timeout_ms);

/*
 * Keeps what came of it and tells what is new, in a transaction of its own.
 */
int tg_check_keep(struct tg_check *check, struct tg_daemon *daemon,
                  struct tg_store *store);

void tg_check_end(struct tg_check *check);

/* A round of the courier: asks one of those that are due. */
void tg_check_pass(struct tg_daemon *daemon, struct tg_store *store,
                   int64_t now_ms);

/* The member check of a credential's object, and its last error or null. */
json_t *tg_check_object(const struct tg_store_check *row);

#endif
