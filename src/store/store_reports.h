/*
 * store_reports.h: what reports tell beside usage, added up.
 *
 * As in store.h: rows' texts are the store's, valid until the visitor
 * returns, and every function returns 0 or an enum tg_err.
 */
#ifndef TG_STORE_REPORTS_H
#define TG_STORE_REPORTS_H

#include <stdbool.h>
#include <stdint.h>

struct tg_store;

/* NULL means any; since is inclusive, until is not. */
struct tg_store_note_filter {
    const char *key_id, *account_id;
    int64_t since, until;
};

/* How often something was. */
struct tg_store_note {
    const char *name; /* a code's number, a type of events, an alert's name */
    const char *kind; /* of an alert; else "" */
    const char *severity; /* "" of refusals */
    int64_t count;
    int64_t open; /* of alerts: how many are not over */
};

/* A budget of a key that was used up to a part. */
struct tg_store_touch {
    const char *key_id, *message, *severity;
    int64_t at;
};

struct tg_store_report_ops {
    /* Most first, each.  Refusals are of whole quarter-hours. */
    int (*refusals)(struct tg_store *store,
                    const struct tg_store_note_filter *filter,
                    int (*visit)(void *, const struct tg_store_note *),
                    void *arg);
    int (*events)(struct tg_store *store,
                  const struct tg_store_note_filter *filter,
                  int (*visit)(void *, const struct tg_store_note *),
                  void *arg);
    /* Those that began then, but for budgets. */
    int (*alerts)(struct tg_store *store,
                  const struct tg_store_note_filter *filter,
                  int (*visit)(void *, const struct tg_store_note *),
                  void *arg);
    /* Budgets that alerts told of, the newest first, at most limit. */
    int (*touched)(struct tg_store *store,
                   const struct tg_store_note_filter *filter, uint32_t limit,
                   int (*visit)(void *, const struct tg_store_touch *),
                   void *arg);
};

extern const struct tg_store_report_ops tg_sqlite_report_ops;

#endif
