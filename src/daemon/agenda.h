/*
 * agenda.h: what is to be done about keys by the clock: reminders, expiries,
 * rotations.
 *
 * An errand of the store is one such thing.  It is put there with the change
 * that leads to it, and goes in the transaction that does it: so it is done
 * once, not before its instant, and after a stop of the daemon all the same.
 */
#ifndef TG_AGENDA_H
#define TG_AGENDA_H

#include "daemon.h"

/* Names of errands, and of a key one of each. */
#define TG_ERRAND_EXPIRY                                                       \
    "expiry" /* also "expiry-14", "expiry-7", "expiry-1"                       \
              */
#define TG_ERRAND_ROTATION "rotation"
#define TG_ERRAND_ROTATION_SOON "rotation-soon"

/* How long before a rotation by schedule it is told. */
#define TG_ROTATION_SOON_MS INT64_C(86400000)

/*
 * Puts the errands of a key that is changed from one row to another into the
 * agenda, in a transaction of the caller's: before is NULL for a new key.
 * What has not changed keeps its errands, those that are due, too.
 */
int tg_agenda_change(struct tg_store *store, const struct tg_store_key *before,
                     const struct tg_store_key *after, int64_t now_ms);

/* When a key with that row is rotated next; 0: by nobody's clock. */
int64_t tg_agenda_rotation_at(const struct tg_store_key *row);

/* Does what is due: a row of the clockwork's rounds. */
void tg_agenda_pass(struct tg_daemon *daemon, struct tg_store *store,
                    int64_t now_ms);

/*
 * One errand about a key, in a transaction of the caller's, which has taken it
 * off the agenda.  *is_changed: the key is to be published.  0 or TG_ERR_*.
 */
struct tg_errand_call {
    struct tg_daemon *daemon;
    struct tg_store *store;
    const struct tg_store_errand *errand;
    int64_t now_ms;
    bool is_changed;
};

int tg_errand_expiry(struct tg_errand_call *call,
                     const struct tg_store_key *row);
int tg_errand_rotation_soon(struct tg_errand_call *call,
                            const struct tg_store_key *row);
int tg_errand_rotation(struct tg_errand_call *call,
                       const struct tg_store_key *row);

#endif
