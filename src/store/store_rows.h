/*
 * store_rows.h: the rows of the store as structs, and what lists of them are
 * narrowed by.
 *
 * Texts, instants, money and lists are as store.h says.
 */
#ifndef TG_STORE_ROWS_H
#define TG_STORE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "journal.h"
#include "price.h"

struct tg_store_account {
    const char *id, *name, *plan;
    const char *status;       /* active, suspended */
    const char *verification; /* unverified, pending, verified */
    const char *billing;      /* prepaid, postpaid */
    int64_t granted_nanos, topped_up_nanos;
    int64_t base_nanos; /* settled before the state file was made */
    int64_t created_at;
    const char *responses; /* as of a key, for keys that do not say it */
};

struct tg_store_key {
    const char *id, *account_id, *name, *description, *owner;
    const char *labels; /* JSON object */
    const char *kind;   /* production, development, restricted */
    const char *status; /* active, inactive, disabled, deleted */
    const char *scopes, *models, *endpoints;
    int64_t requests_per_second, requests_per_minute, requests_per_day;
    int64_t tokens_per_minute, concurrency, max_queue_ms; /* 0: none */
    int64_t daily_nanos, monthly_nanos;                   /* 0: none */
    const char *timezone, *allowed_ips, *allowed_referrers;
    const char *hours; /* "": always */
    int64_t created_at, expires_at, ended_at;
    int64_t rotate_days;   /* its schedule; 0: none */
    int64_t grace_days;    /* that a replaced secret stays valid */
    int64_t rotated_at;    /* from when on the schedule counts */
    const char *responses; /* JSON object: event type to what is done; NULL:
                              none.  What follows only key_respond changes */
    const char *response;  /* "", throttle, pause: what was done */
    const char *response_event;
    int64_t response_at, response_until;
};

/* What the daemon did with a key because of an event. */
struct tg_store_response {
    const char *action;   /* throttle, pause; "": it is over */
    const char *event_id; /* or "" */
    int64_t at, until;    /* until 0: a person ends it */
};

/* A call, as far as the watch over calls looks at it. */
struct tg_store_glance {
    int64_t seq, at, cost_nanos;
    struct tg_call_id id;
    const char *key_id, *account_id, *model, *ip, *user_agent;
    const char *soon; /* the key of a call some further on; "": not known */
};

struct tg_store_secret {
    const char *id, *key_id;
    struct tg_digest digest;
    const char *prefix, *last4;
    int64_t created_at, valid_until;
    int64_t last_used_at; /* before the oldest call that is kept */
    const char *last_used_ip, *last_used_agent;
    int64_t ordinal;  /* among its key's, from 1 on */
    int64_t grace_ms; /* of the one it replaces; counted from its delivery */
    bool is_awaited;  /* it is being delivered, so that one has no end yet */
};

/* Something that is to be done about a key at an instant. */
struct tg_store_errand {
    const char *key_id;
    const char *what; /* of a key, one of each: src/daemon/agenda.h */
    int64_t at;
};

struct tg_store_upstream {
    const char *id, *name;
    int64_t position; /* its row in the catalog, kept while it exists */
    const char *dialect, *base_url;
    const char *addresses; /* JSON list of "ip", as last resolved */
    int64_t created_at;
};

struct tg_store_credential {
    int64_t number; /* given by the store, never used twice */
    const char *id, *upstream_id;
    struct tg_str sealed;
    const char *last4, *status; /* active, replaced, disabled */
    int64_t position;    /* its row in the catalog, kept while it is active */
    int64_t concurrency; /* 0: any number of calls at once */
    int64_t created_at, ended_at;
    int64_t expires_at;          /* the provider says; 0: never */
    int64_t balance_alert_nanos; /* below it somebody is told; 0: not */
    const char *replaces;        /* the one that it took over from; or "" */
    int64_t retire_at;           /* one takes over from it, and then it ends */
};

/* What a credential's upstream said when it was asked: credential_check.h. */
struct tg_store_check {
    const char *credential_id;
    int64_t at;
    const char *result; /* ok, rejected, failed */
    int64_t http_status, latency_ms;
    const char *message;
    const char *balances; /* JSON list */
    int64_t failures, next_at;
    int64_t refused_since, low_since; /* 0: it is not */
    int64_t error_at, error_status;
    const char *error; /* the last one; or "" */
};

struct tg_store_model {
    const char *name, *scopes;
    const char *upstream_ids; /* JSON list, the first choice first */
    bool is_development;
    int64_t max_context_tokens, max_output_tokens, max_fim_tokens;
    int64_t max_image_tokens; /* 0: not known */
    int64_t created_at;
};

struct tg_store_price {
    const char *model, *source;
    struct tg_price price;
};

/* What an operator changed.  Texts are "" where there is none. */
struct tg_store_audit {
    int64_t number; /* 1, 2, 3, …, without gaps */
    const char *id;
    int64_t at;
    const char *operator_id, *operator; /* "" and "tollgated": itself */
    const char *via;                    /* its token's or session's id */
    const char *ip, *request_id;
    const char *action;      /* "key.create" */
    const char *subject;     /* id of what was changed */
    const char *details;     /* JSON object */
    struct tg_digest digest; /* of the one before and of this: docs/audit.md */
};

/* NULL and 0 mean any; since is inclusive, until is not. */
struct tg_store_audit_filter {
    const char *operator; /* id or name */
    const char *action;   /* "key.create", or a noun: "key" */
    const char *subject;
    int64_t since, until;
    const char *after; /* id of the last one seen */
    uint32_t limit;
};

/* A request that was made under an Idempotency-Key. */
struct tg_store_repeat {
    const char *operator_id;
    struct tg_digest key, request;
    int64_t created_at;
    const char *subject; /* id of what it changed, or "" */
    int64_t status;      /* of its answer; 0: it has none yet, -1: in parts */
    const char *etag;
    struct tg_str sealed; /* its answer, or what of it is told once */
};

struct tg_store_segment {
    uint64_t writer_id;
    uint32_t number;
    uint64_t offset; /* bytes taken in */
    const char *bad; /* "": fine; else why the rest cannot be read */
    bool is_kept;    /* taken in to its end, and moved aside */
};

/* A call as read back; the members of the journal's that queries show. */
struct tg_store_call {
    struct tg_call_id id;
    int64_t at;
    const char *key_id, *account_id, *upstream_id, *model, *ip, *user_agent,
        *trace_id;
    int64_t endpoint, flags, status, code, basis, latency_ms;
    int64_t ttft_ms; /* -1: no token came */
    int64_t prompt_tokens, prompt_cache_hit_tokens, completion_tokens;
    int64_t reasoning_tokens, cost_nanos;
    int64_t unit, units; /* enum tg_unit */
};

/* What a call was to the limits of its key. */
struct tg_store_load {
    int64_t seq, at;
    int64_t latency_ms, tokens; /* of the prompt and the completion */
};

/* Bytes of a name that is searched for, at most. */
#define TG_STORE_NAME_BYTES 400

struct tg_store_key_filter {
    const char *account_id; /* NULL: of any account */
    /*
     * As it is shown: active, inactive, disabled, expired, deleted.  An
     * active key whose end has come by now_ms is expired, not active.  NULL:
     * all but deleted.
     */
    const char *status;
    int64_t now_ms;

    /* What follows is of key_list alone; NULL and 0 mean any. */
    const char *name; /* contained in its name, case of ASCII letters apart */
    const char *kind, *owner;
    /* A label's JSON, as in the row: "\"team\":" or "\"team\":\"blue\"". */
    const char *label;
    int64_t expires_before; /* of those that expire at all */
    /*
     * A key is left out when one of its secrets is known to be used since, or
     * was_used says that it was.
     */
    int64_t used_before;
    bool (*was_used)(void *arg, const char *id);
    void *arg;
};

struct tg_store_event {
    const char *id;
    int64_t at;
    const char *type, *severity; /* info, warning, critical */
    const char *key_id, *account_id, *upstream_id, *credential_id; /* or "" */
    const char *message;
    const char *evidence; /* JSON object */
    const char *once;     /* NULL, or its name: told once under it */
};

/* NULL and 0 mean any; since is inclusive, until is not. */
struct tg_store_event_filter {
    const char *type, *severity;
    const char *key_id, *account_id;
    const char *id; /* this one */
    int64_t since, until;
    const char *after; /* id of the last one seen */
    uint32_t limit;
};

/* Refused requests of a quarter-hour by key, code and address. */
struct tg_store_denial {
    int64_t number;                  /* given by the store */
    const char *key_id, *account_id; /* "": without a key, or of any */
    int64_t code;
    const char
        *ip; /* "203.0.113.7", "2001:db8::/64"; "": any key and address */
    int64_t count, first_at, last_at;
    int64_t sample_at; /* of one of them; so all below */
    struct tg_call_id request_id;
    int64_t endpoint; /* 0: none */
    const char *model, *user_agent;
};

/* NULL and 0 mean any; since is inclusive, until is not. */
struct tg_store_denial_filter {
    const char *key_id, *account_id;
    int64_t code;
    int64_t since, until;
    int64_t after; /* number of the last one seen */
    uint32_t limit;
};

/* At most, for calls_add. */
#define TG_CALLS_AT_ONCE 32

/* Rows of a quarter-hour, of requests without a key and with one. */
#define TG_STORE_DENIAL_STRANGERS 1000
#define TG_STORE_DENIAL_HOLDERS 10000

struct tg_store_page {
    const char *after; /* id of the last row seen; NULL: from the start */
    uint32_t limit;    /* 0: no limit */
};

/* NULL and 0 mean any; since is inclusive, until is not. */
struct tg_store_filter {
    const char *key_id, *account_id, *model;
    int64_t since, until;
    int64_t status;
    bool is_not_ok; /* only calls that failed */
};

/* From which instant on things are kept; 0: all are. */
struct tg_store_age {
    int64_t now_ms;
    int64_t calls_before;
    int64_t rollups_before; /* quarter-hours that ended by then go */
    int64_t moved_before;   /* calls that moved: no new state file asks */
};

/*
 * What a key spent in a quarter-hour: at is in it, or the instant of a call.
 * It counts in day and month, or, where they are 0, in those of at.
 */
struct tg_store_spend {
    const char *key_id;
    int64_t at, day, month;
    int64_t cost_nanos;
};

#endif
