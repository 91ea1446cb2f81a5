/*
 * store_calls.h: what lists and exports of calls ask for, slice by slice.
 *
 * As in store.h: texts are the caller's, instants Unix time in ms.
 */
#ifndef TG_STORE_CALLS_H
#define TG_STORE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "id.h"
#include "where.h"

#define TG_CALL_STATUSES 16

/* HTTP statuses from one to another, both included. */
struct tg_status_span {
    int64_t first, last;
};

/*
 * Which calls.  NULL and 0 mean any; since is inclusive, until is not.  Only
 * key_id, id, since and until are found by an index: for all else the calls
 * of that time are looked at, one by one.
 */
struct tg_store_call_filter {
    const char *key_id, *account_id, *model, *upstream_id, *trace_id;
    const char *agent;           /* contained, case of ASCII letters apart */
    const struct tg_call_id *id; /* this one */
    int64_t since, until;
    int64_t seq_end; /* only those that were taken in before this number */
    int64_t code, min_latency_ms;
    uint64_t endpoints; /* bits 1 << enum tg_endpoint */
    struct tg_status_span statuses[TG_CALL_STATUSES];
    uint32_t status_count;
    bool is_not_ok; /* only calls that failed */
    bool has_network;
    uint8_t network[TG_WHERE_NETWORK_BYTES];
};

/* Where a call stands in the order of lists: the larger, the newer. */
struct tg_call_place {
    int64_t at, seq;
};

/*
 * A part of a walk, newest first.  The next part begins where this one ended,
 * with the same struct.
 */
struct tg_store_call_slice {
    uint32_t look;  /* so many calls at most are looked at */
    uint32_t limit; /* so many of them are visited */
    /* Only calls before this one; becomes that of the last one looked at. */
    struct tg_call_place place;
    struct tg_call_id id; /* of that one, where one was looked at */
    bool is_over;         /* there is none behind it */
    /*
     * A walk of many parts over a key's calls is quicker when it keeps what
     * it has found: the filter stays as it is, with seq_end, and
     * call_slice_end is called at the end.
     */
    bool is_kept;
    struct tg_key_walk *walk;
};

/* A walk that begins with the newest call. */
#define TG_CALLS_FROM_NEWEST                                                   \
    (struct tg_call_place)                                                     \
    {                                                                          \
        .at = INT64_MAX                                                        \
    }

#endif
