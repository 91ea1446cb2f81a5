/*
 * rotation.h: a second secret in a key's place of one, and the end of the
 * first: docs/rotation.md.
 *
 * A key has one secret in force, or two while a rotation is under way: the
 * newest, and the old one until its end.  While the newest is being delivered,
 * the old one has no end; the grace is counted from the delivery.
 */
#ifndef TG_ROTATION_H
#define TG_ROTATION_H

#include "daemon.h"
#include "mint.h"

/* A grace of more than this is no rotation. */
#define TG_GRACE_DAYS_MAX 365

/* What secrets a key has; zeros before the first of them is taken. */
struct tg_rotation {
    bool is_under_way;
    bool is_awaited;              /* and the newest is not delivered yet */
    bool has_delivery;            /* it was not, whether or not it still is */
    char newest[TG_ID_TEXT_SIZE]; /* in force; "": none is */
    char old[TG_ID_TEXT_SIZE];    /* too, while it is under way */
    char prefix[16], last4[8];    /* of the newest */
    char old_last4[8];
    int64_t begun_at;  /* when the newest was made */
    int64_t grace_ms;  /* of the old one */
    int64_t old_until; /* 0: no end yet */
    int64_t ordinal;   /* of the last one made */
};

/* Takes one of the key's secrets; the newest comes first. */
void tg_rotation_take(struct tg_rotation *rotation,
                      const struct tg_store_secret *row, int64_t now_ms);

/* All of them.  0, TG_ERR_NOT_FOUND when none is in force, or TG_ERR_*. */
int tg_rotation_look(struct tg_store *store, const char *key_id, int64_t now_ms,
                     struct tg_rotation *rotation);

/*
 * These change the store in a transaction of the caller's, who publishes the
 * key afterwards.  They return 0 or what the store says.
 *
 * begin adds minted, of a key without a rotation under way: the old secret
 * ends a grace later, or, with is_awaited, that long after the delivery.
 * finish sets the old one's end.  undo ends the newest one, and the old one
 * goes on as if nothing had been.  delivered counts the grace from now on.
 */
int tg_rotation_begin(struct tg_store *store, const struct tg_store_key *row,
                      const struct tg_rotation *rotation,
                      struct tg_minted *minted, int64_t grace_ms,
                      bool is_awaited, int64_t now_ms);
int tg_rotation_finish(struct tg_store *store,
                       const struct tg_rotation *rotation, int64_t until_ms);
int tg_rotation_undo(struct tg_store *store, const struct tg_store_key *row,
                     const struct tg_rotation *rotation, int64_t now_ms);

/*
 * What the courier says of a new secret: it is verified to be in all places
 * that it goes to, so the old one's grace begins; or it could not be brought
 * to one, and is tried again, so the old one goes on.  Of a secret that was
 * taken back meanwhile nothing is done.  They take the admin lock.
 */
void tg_rotation_delivered(struct tg_daemon *daemon, const char *key_id,
                           const char *secret_id);
void tg_rotation_undelivered(struct tg_daemon *daemon, const char *key_id,
                             const char *secret_id);

#endif
