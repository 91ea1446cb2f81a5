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

/* A report that is sent by itself. */
struct tg_store_schedule {
    const char *id, *name;
    bool is_on;
    const char *period; /* daily, weekly, monthly */
    int64_t at_minutes; /* after midnight */
    const char *timezone;
    const char *channel_id, *account_id, *key_id; /* the last two may be "" */
    const char *format, *lang;
    int64_t next_day; /* on which one is due: the first behind its period */
    int64_t last_at;  /* when one went to the outbox; 0: never */
    const char *last_period, *last_notice_id;
    int64_t created_at, updated_at;
};

/* A report was made for the outbox, or left out: notice_id "" then. */
struct tg_store_sent {
    const char *schedule_id;
    int64_t updated_at;    /* of the schedule that it was made by */
    int64_t day, next_day; /* on which it was due, and the next one is */
    int64_t at;
    const char *period, *notice_id;
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

    /* Schedules, in the order in which they were made. */
    int (*schedule_add)(struct tg_store *store,
                        const struct tg_store_schedule *row);
    /*
     * Changes the row with this id: all but its birth, what was last, and
     * next_day, which changes only when sets_next is true.  Then it is
     * TG_ERR_NOT_FOUND, too, when another one than last_notice_id was last.
     */
    int (*schedule_set)(struct tg_store *store,
                        const struct tg_store_schedule *row, bool sets_next);
    int (*schedule_delete)(struct tg_store *store, const char *id);
    int (*schedule_get)(struct tg_store *store, const char *id_or_name,
                        int (*visit)(void *, const struct tg_store_schedule *),
                        void *arg);
    int (*schedule_each)(struct tg_store *store,
                         int (*visit)(void *, const struct tg_store_schedule *),
                         void *arg);
    /*
     * Notes that a report was sent, in the transaction that puts it into the
     * outbox.  TG_ERR_NOT_FOUND when another is due by now, or none: then
     * nothing is to be sent.
     */
    int (*schedule_sent)(struct tg_store *store,
                         const struct tg_store_sent *sent);
};

extern const struct tg_store_report_ops tg_sqlite_report_ops;

#endif
