/*
 * sqlite.h: inside the SQLite store: statements, and the entities' functions.
 *
 * Every statement is a string constant, prepared once a connection.
 */
#ifndef TG_SQLITE_H
#define TG_SQLITE_H

#include <sqlite3.h>
#include <stdarg.h>

#include "err.h"
#include "names.h"
#include "sqlite_access.h"
#include "store.h"

#define TG_SQLITE_STATEMENTS 256
#define TG_CALL_INSERTS 3 /* statements that add calls; see sqlite_calls.c */

struct tg_metric_batch; /* see sqlite_metrics.h */
struct tg_rollup;       /* see sqlite_rollup.h */
struct tg_recent;       /* see sqlite_recent.h */
struct tg_gather;       /* see sqlite_gather.h */
struct tg_call_kinds;   /* see sqlite_call_kinds.h */
struct tg_checkpoint;   /* see checkpoint.h */

extern const struct tg_store_metric_ops tg_sqlite_metric_ops;

struct tg_sqlite {
    struct tg_store store;
    sqlite3 *db;
    bool is_reading;          /* of the transaction: begun to read alone */
    int64_t next_seq;         /* of the next call; 0: not asked yet */
    bool is_behind_last;      /* the last row of call_rows is just before it */
    struct tg_rollup *rollup; /* NULL: none is begun */
    struct tg_gather *gather; /* NULL: none were added */
    struct tg_recent *recent; /* NULL: none were asked for */
    struct tg_call_kinds *call_kinds;          /* NULL: none are known */
    struct tg_names pack_kinds, pack_accounts; /* see sqlite_pack.h */
    struct tg_bound_call *bound_calls[TG_CALL_INSERTS]; /* NULL: none added */
    struct tg_metric_batch *metrics;  /* of this transaction; NULL: none */
    struct tg_checkpoint *checkpoint; /* NULL: it copies for itself */
    struct {
        bool is_known; /* what follows is of the store's quarter */
        int64_t quarter, strangers, holders;
    } denials;
    const struct tg_store_key_filter *listing; /* of the list that is read */
    const struct tg_store_call_filter *calls_asked; /* of the slice */
    size_t statement_count;
    struct {
        const char *sql; /* compared by address */
        sqlite3_stmt *stmt;
    } statements[TG_SQLITE_STATEMENTS];
};

static inline struct tg_sqlite *
tg_sqlite_of(struct tg_store *store)
{
    return (struct tg_sqlite *)store;
}

/* Makes SQL's was_used(), which asks the filter that lists keys. */
int tg_sqlite_key_functions(struct tg_sqlite *db);

/* Makes SQL's wanted(), whether the filter of a slice wants a call. */
int tg_sqlite_call_functions(struct tg_sqlite *db);

/* Turns a SQLite result into an enum tg_err and sets the store's sentence. */
int tg_sqlite_fail(struct tg_sqlite *db, int result);

/* The statement of that constant, prepared once. */
int tg_sql_prepare(struct tg_sqlite *db, sqlite3_stmt **stmt, const char *sql);

/*
 * Begins a statement.  types has a letter for each value that follows: t a
 * text (const char *, NULL is NULL), i an int64_t, b bytes (struct tg_str).
 * Values are not copied: they outlive the statement.
 */
int tg_sql_begin(struct tg_sqlite *db, sqlite3_stmt **stmt, const char *sql,
                 const char *types, ...);

/* The next row: 1 when there is one, 0 at the end, or an enum tg_err. */
int tg_sql_next(struct tg_sqlite *db, sqlite3_stmt *stmt);

/* Ends a statement, of whose last tg_sql_next or visitor result is. */
int tg_sql_end(sqlite3_stmt *stmt, int result);

/* A statement without rows; *changes, if not NULL, counts rows changed. */
int tg_sql_run(struct tg_sqlite *db, int *changes, const char *sql,
               const char *types, ...);

/* Texts of a column: "" for NULL. */
const char *tg_sql_text(sqlite3_stmt *stmt, int column);
struct tg_str tg_sql_bytes(sqlite3_stmt *stmt, int column);

int tg_sqlite_account_add(struct tg_store *, const struct tg_store_account *);
int tg_sqlite_account_get(struct tg_store *, const char *,
                          int (*)(void *, const struct tg_store_account *),
                          void *);
int tg_sqlite_account_each(struct tg_store *, const struct tg_store_page *,
                           int (*)(void *, const struct tg_store_account *),
                           void *);
int tg_sqlite_account_set(struct tg_store *, const struct tg_store_account *);
int tg_sqlite_account_credit(struct tg_store *, const char *, int64_t, int64_t);
int tg_sqlite_account_rebase(struct tg_store *);

int tg_sqlite_key_add(struct tg_store *, const struct tg_store_key *);
int tg_sqlite_key_get(struct tg_store *, const char *,
                      int (*)(void *, const struct tg_store_key *), void *);
int tg_sqlite_key_each(struct tg_store *, const struct tg_store_key_filter *,
                       const struct tg_store_page *,
                       int (*)(void *, const struct tg_store_key *), void *);
int tg_sqlite_key_list(struct tg_store *, const struct tg_store_key_filter *,
                       const struct tg_store_page *,
                       int (*)(void *, const struct tg_store_key *,
                               const struct tg_store_secret *),
                       void *);
int tg_sqlite_key_count(struct tg_store *, uint32_t *);
int tg_sqlite_key_all(struct tg_store *, uint32_t, uint32_t,
                      int (*)(void *, const struct tg_store_key *,
                              const struct tg_store_secret *),
                      void *);
int tg_sqlite_key_set(struct tg_store *, const struct tg_store_key *);
int tg_sqlite_key_end(struct tg_store *, const char *, const char *, int64_t);
int tg_sqlite_key_respond(struct tg_store *, const char *,
                          const struct tg_store_response *);
int tg_sqlite_key_respite(struct tg_store *, int64_t, uint32_t,
                          int (*)(void *, const char *), void *);
int tg_sqlite_secret_add(struct tg_store *, const struct tg_store_secret *);
int tg_sqlite_secret_each(struct tg_store *, const char *,
                          int (*)(void *, const struct tg_store_secret *),
                          void *);

int tg_sqlite_secret_uses(struct tg_store *, const char *,
                          int (*)(void *, const struct tg_store_secret *),
                          void *);
int tg_sqlite_secret_set(struct tg_store *, const struct tg_store_secret *);

int tg_sqlite_errand_put(struct tg_store *, const struct tg_store_errand *);
int tg_sqlite_errand_due(struct tg_store *, int64_t, uint32_t,
                         int (*)(void *, const struct tg_store_errand *),
                         void *);

int tg_sqlite_upstream_add(struct tg_store *, const struct tg_store_upstream *);
int tg_sqlite_upstream_get(struct tg_store *, const char *,
                           int (*)(void *, const struct tg_store_upstream *),
                           void *);
int tg_sqlite_upstream_each(struct tg_store *,
                            int (*)(void *, const struct tg_store_upstream *),
                            void *);
int tg_sqlite_upstream_set(struct tg_store *, const struct tg_store_upstream *);
int tg_sqlite_upstream_addresses(struct tg_store *, const char *, const char *);
int tg_sqlite_credential_add(struct tg_store *,
                             const struct tg_store_credential *);
int tg_sqlite_credential_end(struct tg_store *, const char *, const char *,
                             int64_t);
int tg_sqlite_credential_set(struct tg_store *,
                             const struct tg_store_credential *);
int tg_sqlite_credential_retire(struct tg_store *, const char *, int64_t,
                                int64_t);
int tg_sqlite_check_put(struct tg_store *, const struct tg_store_check *);
int tg_sqlite_check_get(struct tg_store *, const char *,
                        int (*)(void *, const struct tg_store_check *), void *);
int tg_sqlite_credential_each(struct tg_store *,
                              int (*)(void *,
                                      const struct tg_store_credential *),
                              void *);
int tg_sqlite_model_put(struct tg_store *, const struct tg_store_model *);
int tg_sqlite_model_each(struct tg_store *,
                         int (*)(void *, const struct tg_store_model *),
                         void *);
int tg_sqlite_model_serve(struct tg_store *, const char *, const char *);
int tg_sqlite_price_put(struct tg_store *, const struct tg_store_price *);
int tg_sqlite_price_each(struct tg_store *, const char *,
                         int (*)(void *, const struct tg_store_price *),
                         void *);

int tg_sqlite_event_add(struct tg_store *, const struct tg_store_event *,
                        bool *);
int tg_sqlite_event_each(struct tg_store *,
                         const struct tg_store_event_filter *,
                         int (*)(void *, const struct tg_store_event *),
                         void *);

int tg_sqlite_denial_add(struct tg_store *, const struct tg_denial *);
int tg_sqlite_denial_mark(struct tg_store *, uint64_t, uint32_t, uint64_t,
                          int64_t, bool *);
int tg_sqlite_denial_expire(struct tg_store *, int64_t, uint32_t, uint32_t *);
int tg_sqlite_denial_each(struct tg_store *,
                          const struct tg_store_denial_filter *,
                          int (*)(void *, const struct tg_store_denial *),
                          void *);

int tg_sqlite_audit_add(struct tg_store *, const struct tg_store_audit *);
int tg_sqlite_audit_last(struct tg_store *, int64_t *, struct tg_digest *);
int tg_sqlite_audit_each(struct tg_store *, int64_t, uint32_t,
                         int (*)(void *, const struct tg_store_audit *),
                         void *);

int tg_sqlite_audit_list(struct tg_store *,
                         const struct tg_store_audit_filter *,
                         int (*)(void *, const struct tg_store_audit *),
                         void *);
int tg_sqlite_feed_add(struct tg_store *, const struct tg_denial *);
int tg_sqlite_feed_each(struct tg_store *, int64_t, uint32_t,
                        int (*)(void *, int64_t, const struct tg_denial *),
                        void *);
int tg_sqlite_glance_each(struct tg_store *, int64_t, uint32_t,
                          int (*)(void *, const struct tg_store_glance *),
                          void *);
int tg_sqlite_watched(struct tg_store *, int64_t *);
int tg_sqlite_watched_set(struct tg_store *, int64_t, int64_t);
int tg_sqlite_watch_put(struct tg_store *, const char *, const char *,
                        struct tg_str);
int tg_sqlite_watch_drop(struct tg_store *, const char *, const char *);
int tg_sqlite_watch_each(struct tg_store *, int (*)(void *, struct tg_str),
                         void *);
int tg_sqlite_habit_get(struct tg_store *, const char *,
                        int (*)(void *, struct tg_str), void *);
int tg_sqlite_habit_put(struct tg_store *, const char *, struct tg_str);

int tg_sqlite_repeat_add(struct tg_store *, const struct tg_store_repeat *);
int tg_sqlite_repeat_answer(struct tg_store *, const struct tg_store_repeat *);
int tg_sqlite_repeat_get(struct tg_store *, const char *,
                         const struct tg_digest *,
                         int (*)(void *, const struct tg_store_repeat *),
                         void *);
int tg_sqlite_repeat_old(struct tg_store *, int64_t, uint32_t, int64_t *);
int tg_sqlite_repeat_forget(struct tg_store *, int64_t);

int tg_sqlite_segment_each(struct tg_store *,
                           int (*)(void *, const struct tg_store_segment *),
                           void *);
int tg_sqlite_segment_put(struct tg_store *, const struct tg_store_segment *);
int tg_sqlite_segment_gone(struct tg_store *, uint64_t, uint32_t);

int tg_sqlite_call_add(struct tg_store *, const struct tg_record *, bool *);
int tg_sqlite_calls_add(struct tg_store *, const struct tg_record *, size_t);
/* Finds out next_seq, if it is not known. */
int tg_sqlite_number(struct tg_sqlite *);
int tg_sqlite_roll_up(struct tg_store *, uint32_t, bool *);
int tg_sqlite_roll_up_ahead(struct tg_store *, bool *);
int tg_sqlite_forget(struct tg_store *, const struct tg_store_age *, uint32_t,
                     bool *);
int tg_sqlite_call_has(struct tg_store *, const struct tg_call_id *, bool *);
int tg_sqlite_call_each(struct tg_store *, const struct tg_store_filter *,
                        const struct tg_call_id *, uint32_t,
                        int (*)(void *, const struct tg_store_call *), void *);
int tg_sqlite_key_call_each(struct tg_store *, const struct tg_store_filter *,
                            const struct tg_call_id *, uint32_t,
                            int (*)(void *, const struct tg_store_call *),
                            void *);
int tg_sqlite_key_loads(struct tg_store *, const struct tg_store_filter *,
                        struct tg_store_load **, size_t *);
int tg_sqlite_call_slice(struct tg_store *, const struct tg_store_call_filter *,
                         struct tg_store_call_slice *,
                         int (*)(void *, const struct tg_store_call *), void *);
void tg_sqlite_call_slice_end(struct tg_store_call_slice *);
int tg_sqlite_call_oldest(struct tg_store *, int64_t *);
int tg_sqlite_call_where(struct tg_store *, const struct tg_call_id *,
                         struct tg_call_place *);
int tg_sqlite_call_scan(struct tg_store *, int64_t, uint32_t,
                        int (*)(void *, int64_t, const struct tg_call *),
                        void *);
int tg_sqlite_call_get(struct tg_store *, const struct tg_call_id *, int64_t *,
                       struct tg_call *);
int tg_sqlite_call_span(struct tg_store *, int64_t *, int64_t *);
int tg_sqlite_check(struct tg_store *, int (*)(void *, const char *), void *);
void tg_sqlite_interrupt(struct tg_store *);
int tg_sqlite_spend_each(struct tg_store *, int64_t, int64_t,
                         int (*)(void *, const struct tg_store_spend *),
                         void *);
int tg_sqlite_spend_of(struct tg_store *, const char *, int64_t,
                       int (*)(void *, const struct tg_store_spend *), void *);
int tg_sqlite_spend_recent(struct tg_store *, int64_t,
                           int (*)(void *, const struct tg_store_spend *),
                           void *);
int tg_sqlite_usage(struct tg_store *, struct tg_usage_question *,
                    struct tg_store_usage *,
                    int (*)(void *, const struct tg_store_usage *), void *);

int tg_sqlite_schedule_add(struct tg_store *, const struct tg_store_schedule *);
int tg_sqlite_schedule_set(struct tg_store *, const struct tg_store_schedule *,
                           bool);
int tg_sqlite_schedule_delete(struct tg_store *, const char *);
int tg_sqlite_schedule_get(struct tg_store *, const char *,
                           int (*)(void *, const struct tg_store_schedule *),
                           void *);
int tg_sqlite_schedule_each(struct tg_store *,
                            int (*)(void *, const struct tg_store_schedule *),
                            void *);
int tg_sqlite_schedule_sent(struct tg_store *, const struct tg_store_sent *);
int tg_sqlite_rule_add(struct tg_store *, const struct tg_store_rule *);
int tg_sqlite_rule_set(struct tg_store *, const struct tg_store_rule *);
int tg_sqlite_rule_delete(struct tg_store *, const char *);
int tg_sqlite_rule_get(struct tg_store *, const char *,
                       int (*)(void *, const struct tg_store_rule *), void *);
int tg_sqlite_rule_each(struct tg_store *,
                        int (*)(void *, const struct tg_store_rule *), void *);
int tg_sqlite_channel_add(struct tg_store *, const struct tg_store_channel *);
int tg_sqlite_channel_set(struct tg_store *, const struct tg_store_channel *);
int tg_sqlite_channel_delete(struct tg_store *, const char *);
int tg_sqlite_channel_get(struct tg_store *, const char *,
                          int (*)(void *, const struct tg_store_channel *),
                          void *);
int tg_sqlite_channel_each(struct tg_store *,
                           int (*)(void *, const struct tg_store_channel *),
                           void *);
int tg_sqlite_episode_open(struct tg_store *, const struct tg_store_episode *,
                           bool *);
int tg_sqlite_episode_again(struct tg_store *, const char *, int64_t);
int tg_sqlite_episode_close(struct tg_store *, const char *, int64_t,
                            const char *);
int tg_sqlite_episode_get(struct tg_store *, const char *,
                          int (*)(void *, const struct tg_store_episode *),
                          void *);
int tg_sqlite_episode_each(struct tg_store *,
                           const struct tg_store_episode_filter *,
                           int (*)(void *, const struct tg_store_episode *),
                           void *);
int tg_sqlite_notice_add(struct tg_store *, const struct tg_store_notice *);
int tg_sqlite_notice_each(struct tg_store *,
                          const struct tg_store_notice_filter *,
                          int (*)(void *, const struct tg_store_notice *),
                          void *);
int tg_sqlite_notice_waiting(struct tg_store *, const char *, const char *,
                             uint32_t,
                             int (*)(void *, const struct tg_store_notice *),
                             void *);
int tg_sqlite_notice_set(struct tg_store *, const char *,
                         const struct tg_store_fate *);
int tg_sqlite_alerts_forget(struct tg_store *, int64_t, uint32_t);
int tg_sqlite_event_behind(struct tg_store *, int64_t, uint32_t,
                           int (*)(void *, int64_t,
                                   const struct tg_store_event *),
                           void *);
int tg_sqlite_call_tally(struct tg_store *, int64_t, uint32_t,
                         int (*)(void *, const struct tg_store_tally *),
                         void *);
int tg_sqlite_call_before(struct tg_store *, int64_t, int64_t *);
int tg_sqlite_key_requests(struct tg_store *, const char *, int64_t, int64_t,
                           int64_t *);
int tg_sqlite_recent_each(struct tg_store *, int64_t, int64_t,
                          int (*)(void *, const char *), void *);

#endif
