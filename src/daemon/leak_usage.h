/*
 * leak_usage.h: what a key was really used for: for the one that replaces it,
 * and for those who want to know what somebody else did with it.
 */
#ifndef TG_LEAK_USAGE_H
#define TG_LEAK_USAGE_H

#include <jansson.h>

#include "daemon.h"
#include "leak_tally.h"
#include "minutes.h"

#define TG_LEAK_WEEK_MS INT64_C(604800000) /* 7 × 24 h */

/* Calls that are read at most: about three microseconds each. */
#define TG_LEAK_CALLS_MAX 1000000

struct tg_leak_span {
    int64_t since, until;  /* of the report */
    int64_t leaked_at;     /* calls from then on are not trusted; 0: unknown */
    int64_t trusted_since; /* calls that say what the key is for: */
    int64_t trusted_until; /* from, and before */
};

/* About 450 KiB: on the heap.  Zeros but for span. */
struct tg_leak_usage {
    struct tg_leak_span span;
    int64_t read;                  /* calls, in all */
    int64_t calls, ok, cost_nanos; /* within since and until */
    int64_t cost_after_nanos;      /* of it, from leaked_at on */
    int64_t trusted_calls;         /* whatever became of them */
    struct tg_minutes minutes;     /* of those */
    uint32_t scopes;               /* enum tg_scope, of those that were ok */
    struct tg_tally agents, addresses, models, statuses;
    bool is_cut; /* there were more calls than are read */
};

/*
 * The span of a report that ends now.  With leaked_at the week before it is
 * trusted, else the last one.
 */
struct tg_leak_span tg_leak_span(int64_t now_ms, int64_t leaked_at);

/*
 * Reads a key's calls, and looks whether its agents and addresses were seen
 * before.  The caller holds the lock of store's connection.  Returns 0 or what
 * the store says.
 */
int tg_leak_usage_read(struct tg_leak_usage *usage, struct tg_store *store,
                       const char *key_id);

/* The report, with denials and the key's networks (JSON text). */
json_t *tg_leak_usage_object(struct tg_leak_usage *usage,
                             struct tg_store *store, const char *key_id,
                             const char *allowed_ips);

#endif
