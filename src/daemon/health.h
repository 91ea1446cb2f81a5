/*
 * health.h: what is well, and what is not: one row a check, with a sentence
 * for people, and a command that mends what is not well.
 *
 * A report reads what is there already: the state file, the store, what
 * upstreams said when they were last asked.  It changes nothing.
 */
#ifndef TG_HEALTH_H
#define TG_HEALTH_H

#include <jansson.h>

#include "daemon.h"

/* From worst to best; the safe value is no good news. */
enum tg_health_status {
    TG_UNHEALTHY = 0, /* calls fail, or will within a day */
    TG_WARNING,       /* somebody should look at it */
    TG_HEALTHY,
};

struct tg_health {
    json_t *checks; /* an array */
    enum tg_health_status worst;
    int64_t now_ms;
};

/* The shares from which on something is no longer well. */
#define TG_HEALTH_USED_PERCENT 80
#define TG_HEALTH_ERROR_PERCENT 5
#define TG_HEALTH_CALLS_MIN 20 /* fewer say nothing */
#define TG_HEALTH_ERROR_MS INT64_C(3600000)

void tg_health_begin(struct tg_health *health, int64_t now_ms);

/* "healthy", "warning", "unhealthy". */
const char *tg_health_name(enum tg_health_status status);

/*
 * Adds a row.  cure is what to do about it, or NULL; it is left out where all
 * is well.  Returns the row, the array's, so that figures can be set in it.
 */
__attribute__((format(printf, 5, 6))) json_t *
tg_health_say(struct tg_health *health, const char *name,
              enum tg_health_status status, const char *cure, const char *fmt,
              ...);

/*
 * Of calls that ended in the last hour: how many failed.  Reads the store.
 * key_id NULL: all of them.  0, or what the store says.
 */
int tg_health_errors(struct tg_health *health, struct tg_store *store,
                     const char *key_id);

/* Whether the gate itself answers and takes calls, asked over HTTP. */
void tg_health_gate(struct tg_health *health, const struct tg_daemon *daemon);

/* Upstreams and their credentials, of all or of those in a set of rows. */
struct tg_health_upstreams {
    bool is_of_some;
    bool has[TG_CATALOG_UPSTREAMS];
};

int tg_health_upstreams(struct tg_health *health, struct tg_daemon *daemon,
                        struct tg_store *store,
                        const struct tg_health_upstreams *which);

/* A key's schedule; 0: none. */
struct tg_health_rotation {
    const char *key_id;
    int64_t due_at, every_days;
};

/* Whether it is overdue, whether the second secret is used, its delivery. */
int tg_health_rotation(struct tg_health *health, struct tg_store *store,
                       const struct tg_health_rotation *key);

/* Alerts that are open about no key, channels, and new secrets' deliveries. */
int tg_health_told(struct tg_health *health, struct tg_store *store);

/*
 * Keys that are not healthy, as their limits, budgets, ends and open alerts
 * say: an object with how many, and the first ones.  A pass over all keys of
 * the state file, a thousand at a time under the publish lock.
 */
json_t *tg_health_keys(struct tg_daemon *daemon, struct tg_store *store,
                       int64_t now_ms);

/* "3 d 4 h", "12 min", "5 s"; of less than nothing, that of its amount. */
#define TG_HEALTH_TEXT_SIZE 48
const char *tg_health_span(int64_t ms, char text[TG_HEALTH_TEXT_SIZE]);

/* "1.5 GiB". */
const char *tg_health_bytes(uint64_t bytes, char text[TG_HEALTH_TEXT_SIZE]);

/* "12.34 USD". */
const char *tg_health_money(int64_t nanos, char text[TG_HEALTH_TEXT_SIZE]);

/* Hundredths of a percent, rounded down; 0 of nothing. */
int64_t tg_health_share(int64_t part, int64_t whole);

#endif
