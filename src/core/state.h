/*
 * state.h: opening the state file, and reading what the daemon published.
 *
 * A reader never waits: it copies the slot in force and checks that no
 * publication happened meanwhile, else copies again.  One of core's two
 * files that open things.
 */
#ifndef TG_STATE_H
#define TG_STATE_H

#include <stdbool.h>

#include "digest.h"
#include "layout.h"
#include "str.h"

/* A mapped state file.  Every pointer is into the map. */
struct tg_state {
    void *map;
    size_t map_bytes;
    int fd; /* kept for the locks of areas */
    struct tg_state_header *header;
    _Atomic uint64_t *index;
    struct tg_key_record *keys;
    struct tg_account_record *accounts;
    struct tg_catalog *catalogs; /* two */
    struct tg_area *areas;
    struct tg_call_slot *call_slots;
    struct tg_pool_row *pool;     /* TG_CATALOG_CREDENTIALS rows */
    struct tg_bucket *throttle;   /* TG_THROTTLE_BUCKETS */
    struct tg_waiter *waiters;    /* TG_WAITERS */
    struct tg_wanted_row *wanted; /* TG_WANTED_ROWS */
    char *blobs;
};

struct tg_state_size {
    uint32_t key_capacity;     /* 0: 16 million */
    uint32_t account_capacity; /* 0: 1 million */
};

/*
 * Makes a state file at path (mode 0600): written under another name and
 * renamed, so that it is whole or not there.  uuid names this instance.
 * Returns 0, or TG_ERR_SYSTEM with errno.
 */
int tg_state_create(const char *path, const struct tg_state_size *size,
                    const uint8_t uuid[16], int64_t now_ms);

/*
 * Maps the state file name in the folder dir_fd (AT_FDCWD for a path).
 * Every process opens its own.  Returns 0, TG_ERR_SYSTEM with errno,
 * TG_ERR_FORMAT when it is not a state file, TG_ERR_VERSION.
 */
int tg_state_open(struct tg_state *state, int dir_fd, const char *name);

void tg_state_close(struct tg_state *state);

/*
 * Finds the key slot whose policy in force has a secret of this digest.
 * Returns 0, or TG_ERR_NOT_FOUND.  The caller, who reads the policy again,
 * compares again (tg_key_secret_of): the slot may change hands meanwhile.
 */
int tg_state_lookup(const struct tg_state *state,
                    const struct tg_digest *digest, uint32_t *slot);

/*
 * Says that a digest is looked up soon: its place in the index is fetched
 * meanwhile.  And later, when that is likely there: the key it leads to is
 * fetched.  Each takes a trip to memory, which other work hides.
 */
void tg_state_expect(const struct tg_state *state,
                     const struct tg_digest *digest);
void tg_state_expect_key(const struct tg_state *state,
                         const struct tg_digest *digest);

/*
 * Copies the policy in force out of a slot.  *seq names the publication.
 * Returns 0, or TG_ERR_NOT_FOUND when nothing was ever published there, or
 * there is no such slot.
 */
int tg_state_key(const struct tg_state *state, uint32_t slot,
                 struct tg_key_policy *policy, uint64_t *seq);

/* Whether publication seq of a key slot is still the one in force. */
bool tg_state_key_is_current(const struct tg_state *state, uint32_t slot,
                             uint64_t seq);

/* Which of the two secrets has this digest: 0, 1, or -1. */
int tg_key_secret_of(const struct tg_key_policy *policy,
                     const struct tg_digest *digest);

int tg_state_account(const struct tg_state *state, uint32_t slot,
                     struct tg_account_policy *policy);

/*
 * The catalog in force.  The pointer is into the map and may be overwritten
 * by the second publication from now: copy what is needed, then ask
 * tg_state_catalog_is_current(seq), and start again when it says no.
 * Returns NULL when none was published.
 */
const struct tg_catalog *tg_state_catalog(const struct tg_state *state,
                                          uint64_t *seq);
bool tg_state_catalog_is_current(const struct tg_state *state, uint64_t seq);

/* Copies the operator's settings in force; zeros before a catalog is. */
void tg_state_settings(const struct tg_state *state,
                       struct tg_settings *settings);

/*
 * The bytes of a blob, bounded to the arena.  Valid while the publication
 * that named it is in force: check that after reading.  Empty for 0.
 */
struct tg_str tg_state_blob(const struct tg_state *state, uint32_t blob);

/*
 * Walks a blob of texts: takes the next one off *list.  Returns false at the
 * end, or when the bytes are not a list.
 */
bool tg_blob_next(struct tg_str *list, struct tg_str *text);

/* Where in model_index a name is looked for first. */
uint32_t tg_catalog_hash(struct tg_str name);

/* Index of the model of this name in a catalog, or -1. */
int tg_catalog_find(const struct tg_catalog *catalog, struct tg_str name);

#endif
