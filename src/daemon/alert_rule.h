/*
 * alert_rule.h: a rule of alerts as it stands in the store, read.
 *
 * What a kind of rule is about, and what can be set of it, is a row of one
 * table in alert_rule.c.
 */
#ifndef TG_ALERT_RULE_H
#define TG_ALERT_RULE_H

#include <jansson.h>

#include "id.h"
#include "reply.h"

enum tg_alert_kind {
    TG_ALERT_NONE = 0,
    TG_ALERT_REQUESTS,    /* of a key, above a percentage of its average */
    TG_ALERT_ERROR_RATE,  /* of a key's calls */
    TG_ALERT_COST,        /* of a key's day */
    TG_ALERT_BUDGET,      /* of a key, day and month, at percentages */
    TG_ALERT_UTILISATION, /* of a key's limits */
    TG_ALERT_EVENT,
    TG_ALERT_BALANCE, /* of a prepaid account */
    TG_ALERT_KINDS
};

enum tg_severity { TG_INFO = 0, TG_WARNING, TG_CRITICAL };

enum tg_scope_kind {
    TG_ALERTS_ALL = 0,
    TG_ALERTS_ACCOUNT,
    TG_ALERTS_KEY,
    TG_ALERTS_LABEL
};

#define TG_ALERT_NAME_SIZE 401 /* 100 characters */
#define TG_ALERT_PERCENTS 8
#define TG_ALERT_TYPES 16
#define TG_ALERT_TYPE_SIZE 48
#define TG_ALERT_CHANNELS 16
#define TG_ALERT_SCOPE_SIZE 520

/* What can be set; a kind has only some of it, and 0 where it has not. */
struct tg_alert_params {
    int64_t percent;
    int64_t percents[TG_ALERT_PERCENTS]; /* rising; 0: no more */
    int64_t window_minutes, min_requests, for_seconds, quiet_minutes;
    int64_t amount_nanos;
    char types[TG_ALERT_TYPES][TG_ALERT_TYPE_SIZE]; /* "": no more */
};

struct tg_alert_rule {
    char id[TG_ID_TEXT_SIZE], name[TG_ALERT_NAME_SIZE];
    enum tg_alert_kind kind;
    enum tg_severity severity;
    bool is_on, tells_recovery;
    enum tg_scope_kind scope_kind;
    char scope[TG_ALERT_SCOPE_SIZE]; /* id, or "name=value" of a label */
    char channels[TG_ALERT_CHANNELS][TG_ID_TEXT_SIZE]; /* none: all */
    struct tg_alert_params params;
};

/* "requests", "error_rate" …; the other way NONE for what is no name. */
const char *tg_alert_kind_name(enum tg_alert_kind kind);
enum tg_alert_kind tg_alert_kind_of(const char *name);
extern const char tg_alert_kinds[]; /* all names, separated by blanks */

const char *tg_severity_name(enum tg_severity severity);
enum tg_severity tg_severity_of(const char *name);

/* Reads a row, which was checked when it came into the store. */
void tg_alert_rule_read(struct tg_alert_rule *rule,
                        const struct tg_store_rule *row);

/*
 * Reads params as a request has them into what is there: a kind's defaults
 * (tg_alert_params_init), or a rule's.  Returns false with the reply made.
 */
void tg_alert_params_init(struct tg_alert_params *params,
                          enum tg_alert_kind kind);
bool tg_alert_params_read(struct tg_alert_params *params,
                          enum tg_alert_kind kind, const json_t *object,
                          struct tg_reply *reply);

/* Of a kind, as the API shows them. */
json_t *tg_alert_params_object(const struct tg_alert_params *params,
                               enum tg_alert_kind kind);

/* Whether an event of this type and severity is one of the rule's. */
bool tg_alert_rule_wants(const struct tg_alert_rule *rule, const char *type,
                         enum tg_severity severity);

/* Whether it is told to a channel. */
bool tg_alert_rule_tells(const struct tg_alert_rule *rule,
                         const char *channel_id);

#endif
