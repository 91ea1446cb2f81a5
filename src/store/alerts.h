/*
 * alerts.h: rows of alerts, as store.h hands them in and out: rules, channels,
 * episodes and notices.
 */
#ifndef TG_STORE_ALERTS_H
#define TG_STORE_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "str.h"

struct tg_store_rule {
    const char *id, *name, *kind;
    bool is_on;
    const char *severity; /* info, warning, critical */
    const char *scope;  /* "all", "account:ID", "key:ID", "label:NAME=VALUE" */
    const char *params; /* JSON object, as its kind has them */
    const char *channels; /* JSON list of ids; empty: all */
    bool tells_recovery;
    int64_t created_at, updated_at;
};

struct tg_store_channel {
    const char *id, *name, *kind;
    bool is_on;
    const char *shown; /* of where it goes, what is no secret */
    struct tg_str sealed;
    const char *min_severity;
    const char *quiet_hours; /* as hours.h; "": none */
    int64_t created_at, updated_at;
};

/* Something a rule has found, from its beginning to its end. */
struct tg_store_episode {
    const char *id, *rule_id, *rule, *kind, *severity;
    const char *once; /* what it is about */
    bool is_single;   /* of this name there is never another */
    const char *key_id, *account_id, *upstream_id, *credential_id; /* or "" */
    const char *message;
    const char *evidence; /* JSON object */
    int64_t threshold, value, count;
    int64_t opened_at, last_at, closed_at; /* closed_at 0: it is open */
    const char *closed_by;                 /* "recovered", … */
};

/* Something to be told to a channel. */
struct tg_store_notice {
    int64_t number; /* given by the store: the order of a channel */
    const char *id, *channel_id, *channel, *episode_id;
    const char *what; /* opened, recovered, summary */
    const char *severity;
    const char *body;   /* JSON object */
    const char *status; /* pending, held, delivered, summarised, given_up */
    int64_t attempts, next_at, last_status;
    const char *last_error;
    int64_t created_at, ended_at;
};

/* NULL and false mean any. */
struct tg_store_episode_filter {
    bool is_open;
    const char *rule_id, *key_id;
    const char *after; /* id of the last one seen */
    uint32_t limit;    /* 0: no limit */
};

struct tg_store_notice_filter {
    const char *channel_id, *status;
    const char *after;
    uint32_t limit;
};

/* What of a call rules look at. */
struct tg_store_tally {
    int64_t seq, at;
    const char *key_id, *account_id;
    bool is_error; /* as usage counts them */
    int64_t tokens;
    const char *soon; /* the key of a call some further on; "": not known */
};

/* How a notice fared; status as in a row. */
struct tg_store_fate {
    const char *status;
    int64_t attempts, next_at, last_status;
    const char *last_error;
    int64_t ended_at; /* 0: it goes on */
};

#endif
