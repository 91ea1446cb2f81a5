/*
 * sqlite_secrets.h: secrets of keys, and when each was last used.
 *
 * A call says which secret it came with (call.h).  While two are in force its
 * call is in the index calls_in_rotation, which gives the last one of each at
 * once.  A call that came while its key had one only is found by walking the
 * key's calls from the newest on, over times with two in one step.
 */
#ifndef TG_SQLITE_SECRETS_H
#define TG_SQLITE_SECRETS_H

#include "sqlite_calls.h"

/* Columns for tg_sqlite_read_secret, which stand from first on. */
#define TG_SECRET_COLUMNS_OF(s)                                                \
    s "id, " s "digest, " s "prefix, " s "last4, " s "created_at, " s          \
      "valid_until, " s "last_used_at, " s "last_used_ip, " s                  \
      "last_used_agent, " s "ordinal, " s "grace_ms, " s "is_awaited "

void tg_sqlite_read_secret(sqlite3_stmt *stmt, int first, const char *key_id,
                           struct tg_store_secret *row);

struct tg_secret_use {
    char id[TG_ID_TEXT_SIZE];
    int64_t ordinal, created_at, valid_until;
    int64_t at, seq;  /* of its last call that is there; 0, -1: none */
    int64_t noted_at; /* what is known of calls that are gone */
    bool is_settled;  /* while the walk goes on: no later one will be found */
};

struct tg_secret_uses {
    const char *key_id;
    struct tg_secret_use *list; /* the newest first */
    size_t count, room;
};

/* Where calls of the key come from: as tg_key_walk_next. */
struct tg_use_source {
    int (*next)(void *arg, const struct tg_call_place *before,
                struct tg_call_place *place);
    void *arg;
};

/* Reads the key's secrets; release *uses in either case.  0 or TG_ERR_*. */
int tg_secret_uses_load(struct tg_sqlite *db, const char *key_id,
                        struct tg_secret_uses *uses);

/*
 * Fills in at and seq, by the calls that source has, and by the index.  More
 * steps than there are secrets and rotations it needs only for calls of the
 * seconds in which a rotation begins.
 */
int tg_secret_uses_find(struct tg_sqlite *db, struct tg_secret_uses *uses,
                        const struct tg_use_source *source);

/* Notes in secrets what was found, where it is newer. */
int tg_secret_uses_note(struct tg_sqlite *db,
                        const struct tg_secret_uses *uses);

void tg_secret_uses_release(struct tg_secret_uses *uses);

#endif
