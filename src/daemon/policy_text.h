/*
 * policy_text.h: what a key's policy names and is too long for it: lists,
 * networks and calendars, from the store's texts to blobs of the state file.
 */
#ifndef TG_POLICY_TEXT_H
#define TG_POLICY_TEXT_H

#include "publish.h"
#include "store.h"
#include "zone.h"

#define TG_POLICY_BLOBS 64
#define TG_POLICY_TEXT_MAX 255
#define TG_POLICY_BYTES_MAX 1024

enum tg_policy_kind {
    TG_POLICY_NOTHING = 0,
    TG_POLICY_TEXTS,
    TG_POLICY_NETWORKS,
    TG_POLICY_HOURS,
    TG_POLICY_ZONE,
};

/* What a text was compiled to a moment ago. */
struct tg_policy_blob {
    enum tg_policy_kind kind;
    char text[TG_POLICY_TEXT_MAX + 1];
    size_t len; /* 0: it is no blob */
    char bytes[TG_POLICY_BYTES_MAX];
};

_Static_assert(TG_CALENDAR_BYTES_MAX <= TG_POLICY_BYTES_MAX, "a calendar fits");

/* A list that was read as bits a moment ago; an empty text has none. */
struct tg_policy_bits {
    char text[TG_POLICY_TEXT_MAX + 1];
    uint64_t bits;
};

/*
 * What was read last, since many keys say the same: zeros to begin with, the
 * caller's, about 85 KiB, for keys that are published one after the other.
 */
struct tg_policy_text {
    struct tg_policy_bits scopes, endpoints;
    struct tg_policy_blob blobs[TG_POLICY_BLOBS];
};

/*
 * Publishes what row names and puts the blobs into policy.  The caller holds
 * the publisher's lock.  What cannot be read is logged and admits nothing, or
 * is UTC.  Returns 0, or TG_ERR_FULL.
 */
int tg_policy_blobs(struct tg_policy_text *memory,
                    struct tg_publisher *publisher,
                    const struct tg_store_key *row,
                    struct tg_key_policy *policy);

/* Whether a key has blobs that grow old: they are compiled for some days. */
bool tg_policy_has_calendar(const struct tg_store_key *row);

/* A stored list as bits: enum tg_scope; 1 << enum tg_endpoint. */
uint32_t tg_policy_scopes(struct tg_policy_text *memory, const char *text);
uint64_t tg_policy_endpoints(struct tg_policy_text *memory, const char *text);

#endif
