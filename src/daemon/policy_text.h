/*
 * policy_text.h: what a key's policy names and is too long for it: lists,
 * networks and calendars, from the store's texts to blobs of the state file.
 */
#ifndef TG_POLICY_TEXT_H
#define TG_POLICY_TEXT_H

#include "publish.h"
#include "store.h"
#include "zone.h"

#define TG_POLICY_CALENDARS 16

/* A zone or hours that were compiled a moment ago. */
struct tg_policy_calendar {
    bool is_hours;
    char text[TG_CALENDAR_TEXT_MAX + 1]; /* "": none */
    struct tg_zone_blob blob;
};

/* A list of scopes that was read a moment ago; an empty text has none. */
struct tg_policy_scopes {
    char text[128];
    uint32_t scopes;
};

/*
 * What was read last, since many keys say the same: zeros to begin with, the
 * caller's, for keys that are published one after the other.
 */
struct tg_policy_text {
    struct tg_policy_scopes scopes;
    struct tg_policy_calendar calendars[TG_POLICY_CALENDARS];
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
uint64_t tg_policy_endpoints(const char *text);

#endif
