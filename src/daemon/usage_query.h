/*
 * usage_query.h: a question about usage as the arguments of a request ask it:
 * of which calls, from when to when, by what, in which time zone.
 */
#ifndef TG_USAGE_QUERY_H
#define TG_USAGE_QUERY_H

#include "request.h"
#include "usage_spans.h"

/* What rows are about, apart from time. */
struct tg_usage_group {
    const char *name;   /* as it is asked for: "key" */
    const char *member; /* that says which one a row is of: "key_id" */
    enum tg_usage_by by;
    const char *name_member; /* "key_name"; NULL: it has no other name */
};

struct tg_usage_query {
    struct tg_usage_question question;
    const struct tg_usage_group *group; /* NULL: by time alone */
    struct tg_usage_spans spans;        /* span NULL: not by time */
    struct tg_zone zone;
    const char *timezone; /* its name */
    const char *scope;    /* whose endpoints alone; NULL: of all */
    bool has_fill;        /* spans without a call have a row, too */
    char account_id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
};

/*
 * Reads the argument timezone, of which name becomes the name; UTC when it is
 * not there.  Returns false with the reply made.  The caller closes the zone
 * in any case.
 */
bool tg_usage_zone_read(struct tg_zone *zone, const struct tg_request *request,
                        struct tg_reply *reply, const char **name);

/*
 * Reads an argument that is an instant, or a date: that day's begin in the
 * zone, or its end.  *at_ms stays as it is when it is not there.  Returns
 * false with the reply made.
 */
bool tg_usage_instant_read(const struct tg_zone *zone,
                           const struct tg_request *request,
                           struct tg_reply *reply, const char *name,
                           bool is_end, int64_t *at_ms);

/*
 * Reads it.  by is one way to divide time, or one group, or both, with a
 * comma; by_default when it is not there.  since is default_days before until
 * when it is not there; a date is that day's begin in the time zone.
 * Quantiles are asked for unless latency is false.  Returns false with the
 * reply made.  The caller holds the lock of store's
 * connection, and closes the query in any case.
 */
bool tg_usage_query_read(struct tg_usage_query *query,
                         const struct tg_request *request,
                         struct tg_store *store, struct tg_reply *reply,
                         const char *by_default, int64_t default_days);

/* {"day":"2026-11-21","key_id":"key_…","key_name":"…"}: what a row is of. */
json_t *tg_usage_query_row(const struct tg_usage_query *query,
                           struct tg_store *store,
                           const struct tg_store_usage *row);

/* The other name of a group, to be freed; NULL when it has none. */
char *tg_usage_query_name(const struct tg_usage_query *query,
                          struct tg_store *store, const char *group);

/* {"key_id":"key_…","key_name":"…"}: the part of it that is not time; name may
 * be NULL. */
json_t *tg_usage_query_group(const struct tg_usage_query *query,
                             const char *group, const char *name);

/* The object usage without rows and total: what the answer is of. */
json_t *tg_usage_query_object(const struct tg_usage_query *query);

void tg_usage_query_close(struct tg_usage_query *query);

#endif
