/*
 * alert_part.h: what the parts of alerts share; for alert*.c alone.
 *
 * All of it is the clockwork thread's.
 */
#ifndef TG_ALERT_PART_H
#define TG_ALERT_PART_H

#include "alert_baseline.h"
#include "alert_rule.h"
#include "alert_sight.h"
#include "alert_tally.h"
#include "alert_track.h"
#include "daemon.h"

#define TG_ALERT_MESSAGE_SIZE 1024
#define TG_ALERT_EVIDENCE_SIZE 4096
#define TG_ALERT_FINDINGS 64
#define TG_ALERT_SEEN 4096

/* An episode that begins or ends, not yet in the store. */
struct tg_alert_finding {
    bool is_end;
    const struct tg_alert_rule *rule; /* NULL: an end without a notice */
    struct tg_track track;
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    char upstream_id[TG_ID_TEXT_SIZE], credential_id[TG_ID_TEXT_SIZE];
    char message[TG_ALERT_MESSAGE_SIZE];
    char evidence[TG_ALERT_EVIDENCE_SIZE]; /* JSON object */
    int64_t value;
    const char *closed_by; /* of an end */
};

struct tg_alerts {
    struct tg_daemon *daemon;
    struct tg_store *store; /* during a pass */
    int64_t now_ms;         /* the same */

    char currency[9];    /* of the ledger */
    uint32_t generation; /* of the rules that were read */
    struct tg_alert_rule *rules;
    size_t rule_count;
    struct tg_tally *tally;               /* NULL: not yet; notes keys' slots */
    int64_t windows_ms[TG_TALLY_WINDOWS]; /* its; the first is a minute */
    size_t window_count;
    int64_t longest_ms; /* of them */

    bool has_tracks; /* they are as the store has them */
    struct tg_tracks *tracks;
    struct tg_baselines *baselines;
    int64_t seq;    /* the last call that was counted; -1: none yet */
    bool is_filled; /* the windows have all that they are of */
    uint32_t round;
    struct tg_sight_zone zone;
    uint32_t next_key, next_account, next_track; /* of the sweeps */
    int64_t trim_at_ms, forget_at_ms;

    struct tg_alert_finding findings[TG_ALERT_FINDINGS];
    size_t finding_count;

    struct {
        uint32_t round, slot;
    } seen[TG_ALERT_SEEN]; /* keys with calls in flight */
};

/* What a rule has measured of a subject. */
struct tg_alert_measure {
    const char *about;
    int64_t value, threshold;
    bool is_enough;  /* to begin an episode */
    bool is_strict;  /* above the threshold, not at it */
    bool is_single;  /* once told, never again under this name */
    int64_t back_at; /* percent of the threshold: then it is over; 0: when
                        there is nothing of its name any more */
    int64_t for_ms;  /* it must hold so long */
    enum tg_severity severity;
    const char *message;
    const char *evidence;
};

/* Looks at a key or an account by one rule. */
void tg_alert_look(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                   const struct tg_alert_sight *sight,
                   struct tg_track *watched);

/* What a key has in a window; zeros for a window that is not counted. */
struct tg_tally_sums tg_alert_sums(struct tg_alerts *alerts,
                                   const struct tg_alert_sight *sight,
                                   int64_t window_ms);

/* Whether a key or an account is in a rule's scope. */
bool tg_alert_covers(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                     const char *key_id, const char *account_id);

/* Notes that an episode begins, or that one ends. */
void tg_alert_begins(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                     const struct tg_alert_sight *sight,
                     const struct tg_alert_measure *measure);
void tg_alert_ends(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
                   struct tg_track *track, const char *closed_by);

/* Writes what was found, with its notices, in one transaction. */
int tg_alert_flush(struct tg_alerts *alerts);

/* Follows the events that are new, in one transaction with how far. */
int tg_alert_events(struct tg_alerts *alerts);

/* The rule of an id, or NULL. */
const struct tg_alert_rule *tg_alert_rule_of(const struct tg_alerts *alerts,
                                             const char *id);

/*
 * Writes one episode's beginning or end and its notices, within a transaction.
 * told is a list of channels that have it already, added to; NULL: none.
 */
int tg_alert_write(struct tg_alerts *alerts,
                   const struct tg_alert_finding *finding, json_t *told,
                   bool *is_new);

#endif
