/*
 * alert_sight.h: what of a key or an account the state file says at one
 * moment, as rules of alerts look at it.
 */
#ifndef TG_ALERT_SIGHT_H
#define TG_ALERT_SIGHT_H

#include "calendar.h"
#include "daemon.h"
#include "id.h"

#define TG_SIGHT_NAME_SIZE 401

/* Money is what was settled: what calls in flight hold is not spent. */
struct tg_alert_sight {
    char key_id[TG_ID_TEXT_SIZE]; /* "": of an account */
    char account_id[TG_ID_TEXT_SIZE];
    uint32_t slot;    /* the key's, or the account's */
    uint32_t tallied; /* of a key, for alerts.c alone: alert_tally.h */
    int64_t now_ms;
    struct tg_key_policy policy;
    int32_t day, month; /* of the key's time zone: calendar.h */
    int64_t day_nanos, month_nanos;
    int64_t held_nanos; /* by calls in flight */
    int32_t in_flight;
    bool is_prepaid; /* an account: the rest is of one */
    bool has_had_money;
    int64_t balance_nanos;
};

/* The day and the month where they were asked for last: keys share zones. */
struct tg_sight_zone {
    int64_t now_ms; /* 0: nothing was asked yet */
    int32_t day, month;
    size_t len;
    char bytes[TG_CALENDAR_BYTES_MAX];
};

/* Slot of a key or an account by its id.  0 or TG_ERR_NOT_FOUND. */
int tg_alert_key_slot(struct tg_daemon *daemon, const char *id, uint32_t *slot);
int tg_alert_account_slot(struct tg_daemon *daemon, const char *id,
                          uint32_t *slot);

/*
 * Looks at the key, or the account, in a slot.  0; TG_ERR_NOT_FOUND when there
 * is none, or one that calls no more: disabled or deleted.  zone: zeros before
 * the first look; NULL for a look at a single key.
 */
int tg_alert_sight_key(struct tg_alert_sight *sight, struct tg_daemon *daemon,
                       uint32_t slot, int64_t now_ms,
                       struct tg_sight_zone *zone);
int tg_alert_sight_account(struct tg_alert_sight *sight,
                           struct tg_daemon *daemon, uint32_t slot,
                           int64_t now_ms);

/* The name of what was looked at; "" when it is not there any more. */
void tg_alert_sight_name(const struct tg_alert_sight *sight,
                         struct tg_daemon *daemon,
                         char name[TG_SIGHT_NAME_SIZE]);

/*
 * Say that a key is looked at soon: what it has of memory is fetched meanwhile.
 * First the one and, some keys later, the other, which needs what the first
 * has fetched.  Any slot may be named.
 */
void tg_alert_expect_counters(const struct tg_daemon *daemon, uint32_t slot);
void tg_alert_expect_policy(const struct tg_daemon *daemon, uint32_t slot);

/* Calls visit with the key's slot of each call in flight. */
void tg_alert_in_flight(struct tg_daemon *daemon,
                        void (*visit)(void *, uint32_t key_slot), void *arg);

#endif
