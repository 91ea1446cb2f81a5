/*
 * audit_check.h: whether the audit log is what was written: each entry's
 * digest, no gap, and the signed checkpoint at its end.
 */
#ifndef TG_AUDIT_CHECK_H
#define TG_AUDIT_CHECK_H

#include <jansson.h>

#include "audit_seal.h"

/* So many problems are shown; the others are counted. */
#define TG_AUDIT_PROBLEMS_MAX 500

/* Where a public key is from. */
enum tg_audit_key_from {
    TG_AUDIT_KEY_NONE = 0, /* there is none: signatures are not checked */
    TG_AUDIT_KEY_MASTER,   /* follows from the master key */
    TG_AUDIT_KEY_GIVEN,    /* by whoever asks */
    TG_AUDIT_KEY_FILE,     /* the file's own word */
};

/* One pass over a log.  What stands first is the caller's to fill. */
struct tg_audit_check {
    bool has_checkpoint;
    struct tg_audit_checkpoint checkpoint; /* of the store or file */
    enum tg_audit_key_from key_from;
    struct tg_audit_key key;
    bool has_noted;
    struct tg_digest noted; /* a digest that the log once had */

    int64_t entries, last_number, last_at;
    struct tg_digest last;     /* digest of the last entry, as it stands */
    struct tg_digest computed; /* and as it should be */
    bool is_checkpoint_met, is_noted_met;
    json_t *problems;
    uint64_t problem_count;
};

/* Begins; the members that are the caller's are filled. */
void tg_audit_check_begin(struct tg_audit_check *check);

/* Takes the next entry; a visitor of audit_each.  0 or TG_ERR_CRYPTO. */
int tg_audit_check_take(void *check, const struct tg_store_audit *row);

/* Reads the checkpoint of a store.  0, or what the store says. */
int tg_audit_check_open(struct tg_audit_check *check, struct tg_store *store);

/*
 * Takes up to a thousand entries of a store, none behind number last: entries
 * are never changed, only added, so the store may be another's between two
 * of these.  *is_over: there are no more.  0, or what the store says.
 */
int tg_audit_check_some(struct tg_audit_check *check, struct tg_store *store,
                        int64_t last, bool *is_over);

/* Adds a problem that somebody else found. */
__attribute__((format(printf, 4, 5))) void
tg_audit_check_say(struct tg_audit_check *check, const char *kind,
                   int64_t number, const char *fmt, ...);

/*
 * Ends it.  Returns its object, for the caller to release; *is_intact says
 * whether there is no problem.
 */
json_t *tg_audit_check_end(struct tg_audit_check *check, bool *is_intact);

#endif
