/*
 * store.h: what Tollgate keeps for good, as one table of functions.
 *
 * A struct tg_store is one connection: one thread at a time uses it.  Rows go
 * in and come out as structs whose texts are UTF-8, NUL-terminated, and
 * somebody else's: the caller's on the way in, the store's on the way out,
 * where they are valid until the visitor returns.  Instants are Unix time in
 * ms, 0 meaning never; money is in nano-units; lists are JSON text.
 *
 * Every function returns 0 or an enum tg_err:
 *   TG_ERR_NOT_FOUND  no such row, or a row it refers to does not exist
 *   TG_ERR_DUPLICATE  a row with this id or name exists
 *   TG_ERR_BUSY       another process kept the store locked for 10 s
 *   TG_ERR_CORRUPT    the store's file is damaged
 *   TG_ERR_SYSTEM     disk full, an I/O error, or no memory
 * and but for the first two store->error says which way.  A visitor that
 * returns other than 0 ends the walk with that value.  It may call any
 * function but the one that visits.
 */
#ifndef TG_STORE_H
#define TG_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts.h"
#include "digest.h"
#include "error.h"
#include "journal.h"
#include "price.h"
#include "store_calls.h"
#include "store_leaks.h"
#include "store_metrics.h"
#include "store_operators.h"
#include "store_reports.h"
#include "store_rows.h"
#include "store_sinks.h"
#include "usage.h"

struct tg_fresh;
struct tg_store;

struct tg_store_ops {
    void (*close)(struct tg_store *store);

    /* Changes between begin and commit are made whole or not at all. */
    int (*begin)(struct tg_store *store);
    /* What is read until rollback is of one moment; nothing is changed. */
    int (*begin_reading)(struct tg_store *store);
    int (*commit)(struct tg_store *store);
    void (*rollback)(struct tg_store *store);

    /* Single values by name; get cuts to cap and NUL-terminates. */
    int (*meta_get)(struct tg_store *store, const char *name, char *value,
                    size_t cap);
    int (*meta_set)(struct tg_store *store, const char *name,
                    const char *value);

    int (*account_add)(struct tg_store *store,
                       const struct tg_store_account *row);
    int (*account_get)(struct tg_store *store, const char *id_or_name,
                       int (*visit)(void *, const struct tg_store_account *),
                       void *arg);
    int (*account_each)(struct tg_store *store,
                        const struct tg_store_page *page,
                        int (*visit)(void *, const struct tg_store_account *),
                        void *arg);
    /*
     * Sets name, plan, billing, status and verification of the row with this
     * id; NULL keeps the one it has.  TG_ERR_DUPLICATE: another has the name.
     */
    int (*account_set)(struct tg_store *store,
                       const struct tg_store_account *row);
    /*
     * Adds money, in a transaction of the caller's.  TG_ERR_RANGE when all
     * that the account was given would not fit.
     */
    int (*account_credit)(struct tg_store *store, const char *id,
                          int64_t granted_nanos, int64_t topped_up_nanos);
    /* Sets every account's base_nanos to the cost of all its calls. */
    int (*account_rebase)(struct tg_store *store);

    int (*key_add)(struct tg_store *store, const struct tg_store_key *row);
    int (*key_get)(struct tg_store *store, const char *id,
                   int (*visit)(void *, const struct tg_store_key *),
                   void *arg);
    /* Newest first. */
    int (*key_each)(struct tg_store *store,
                    const struct tg_store_key_filter *filter,
                    const struct tg_store_page *page,
                    int (*visit)(void *, const struct tg_store_key *),
                    void *arg);
    /*
     * Newest first, in one statement: a visit for each secret of a key, the
     * newest first, or one with NULL.  page->limit counts keys.
     */
    int (*key_list)(struct tg_store *store,
                    const struct tg_store_key_filter *filter,
                    const struct tg_store_page *page,
                    int (*visit)(void *, const struct tg_store_key *,
                                 const struct tg_store_secret *),
                    void *arg);
    /* How many keys there are, deleted ones too. */
    int (*key_count)(struct tg_store *store, uint32_t *count);
    /*
     * All keys, deleted ones too, oldest first, in one statement: a visit
     * for each secret of a key, the newest first, or one with NULL.  Of a
     * secret only digest, prefix, last4, valid_until and ordinal are read.
     * The part of parts of them, from 0 on, so that several connections share
     * them.
     */
    int (*key_all)(struct tg_store *store, uint32_t part, uint32_t parts,
                   int (*visit)(void *, const struct tg_store_key *,
                                const struct tg_store_secret *),
                   void *arg);
    /* Changes all of the row with this id but account, kind and birth. */
    int (*key_set)(struct tg_store *store, const struct tg_store_key *row);
    /* And what was done with it because of an event is over. */
    int (*key_end)(struct tg_store *store, const char *id, const char *status,
                   int64_t ended_at);
    /* Notes what was done with a key because of an event. */
    int (*key_respond)(struct tg_store *store, const char *id,
                       const struct tg_store_response *response);
    /* Keys of which that was to end by now. */
    int (*key_respite)(struct tg_store *store, int64_t now_ms, uint32_t limit,
                       int (*visit)(void *, const char *id), void *arg);

    int (*secret_add)(struct tg_store *store,
                      const struct tg_store_secret *row);
    /* Newest first. */
    int (*secret_each)(struct tg_store *store, const char *key_id,
                       int (*visit)(void *, const struct tg_store_secret *),
                       void *arg);
    /*
     * The same with the last use of each, exactly: what was noted, and the
     * calls.  Reads several calls of the key.
     */
    int (*secret_uses)(struct tg_store *store, const char *key_id,
                       int (*visit)(void *, const struct tg_store_secret *),
                       void *arg);
    /* Sets valid_until, grace_ms and is_awaited of the row with this id. */
    int (*secret_set)(struct tg_store *store,
                      const struct tg_store_secret *row);

    /* Adds an errand, or moves it to its instant; at 0 it goes. */
    int (*errand_put)(struct tg_store *store,
                      const struct tg_store_errand *row);
    /* Those whose instant has come by now_ms, the oldest first. */
    int (*errand_due)(struct tg_store *store, int64_t now_ms, uint32_t limit,
                      int (*visit)(void *, const struct tg_store_errand *),
                      void *arg);

    int (*upstream_add)(struct tg_store *store,
                        const struct tg_store_upstream *row);
    int (*upstream_get)(struct tg_store *store, const char *id_or_name,
                        int (*visit)(void *, const struct tg_store_upstream *),
                        void *arg);
    int (*upstream_each)(struct tg_store *store,
                         int (*visit)(void *, const struct tg_store_upstream *),
                         void *arg);
    /* Changes dialect, base_url and addresses of the row with this id. */
    int (*upstream_set)(struct tg_store *store,
                        const struct tg_store_upstream *row);
    int (*upstream_addresses)(struct tg_store *store, const char *id,
                              const char *addresses);

    /* Adds it as an active one; no other active one has its position. */
    int (*credential_add)(struct tg_store *store,
                          const struct tg_store_credential *row);
    /* Of an active one; status becomes replaced or disabled. */
    int (*credential_end)(struct tg_store *store, const char *id,
                          const char *status, int64_t ended_at);
    /* Sets concurrency, expires_at and balance_alert_nanos of the id. */
    int (*credential_set)(struct tg_store *store,
                          const struct tg_store_credential *row);
    /* An active one goes to another place, where it ends some time. */
    int (*credential_retire)(struct tg_store *store, const char *id,
                             int64_t position, int64_t retire_at);
    int (*check_put)(struct tg_store *store, const struct tg_store_check *row);
    int (*check_get)(struct tg_store *store, const char *credential_id,
                     int (*visit)(void *, const struct tg_store_check *),
                     void *arg);
    int (*credential_each)(struct tg_store *store,
                           int (*visit)(void *,
                                        const struct tg_store_credential *),
                           void *arg);

    /* Adds or changes all but who serves it. */
    int (*model_put)(struct tg_store *store, const struct tg_store_model *row);
    int (*model_each)(struct tg_store *store,
                      int (*visit)(void *, const struct tg_store_model *),
                      void *arg);
    /* Says who serves it: a JSON list as in upstream_ids. */
    int (*model_serve)(struct tg_store *store, const char *name,
                       const char *upstream_ids);

    /* Adds, or replaces the one of the same model and instant. */
    int (*price_put)(struct tg_store *store, const struct tg_store_price *row);
    /* By model, oldest first; model NULL: of all. */
    int (*price_each)(struct tg_store *store, const char *model,
                      int (*visit)(void *, const struct tg_store_price *),
                      void *arg);

    /* *is_new is false when one of its name was told already. */
    int (*event_add)(struct tg_store *store, const struct tg_store_event *row,
                     bool *is_new);
    /* Newest first.  TG_ERR_NOT_FOUND when there is none of after's id. */
    int (*event_each)(struct tg_store *store,
                      const struct tg_store_event_filter *filter,
                      int (*visit)(void *, const struct tg_store_event *),
                      void *arg);

    /*
     * Adds denials to the row of their quarter-hour, key, code and address;
     * where the quarter has as many as it may, to that of any.
     */
    int (*denial_add)(struct tg_store *store, const struct tg_denial *row);
    /*
     * Notes that a segment's denials were taken in up to this record;
     * *is_new is false when they were before.
     */
    int (*denial_mark)(struct tg_store *store, uint64_t writer_id,
                       uint32_t number, uint64_t sequence, int64_t at,
                       bool *is_new);
    /*
     * Removes rows of quarter-hours that ended before, oldest first, so many
     * at most, and marks as old.  *gone says how many it were.
     */
    int (*denial_expire)(struct tg_store *store, int64_t before, uint32_t limit,
                         uint32_t *gone);
    /*
     * Newest first.  What spans more than its quarter-hour is of the one in
     * which it ended.  TG_ERR_NOT_FOUND when there is none of after's number.
     */
    int (*denial_each)(struct tg_store *store,
                       const struct tg_store_denial_filter *filter,
                       int (*visit)(void *, const struct tg_store_denial *),
                       void *arg);

    /* Adds one behind the last, in the transaction of what it tells of. */
    int (*audit_add)(struct tg_store *store, const struct tg_store_audit *row);
    /* Number and digest of the last; 0 and zeros when there is none. */
    int (*audit_last)(struct tg_store *store, int64_t *number,
                      struct tg_digest *digest);
    /* Behind number after, oldest first, at most limit of them; 0: all. */
    int (*audit_each)(struct tg_store *store, int64_t after, uint32_t limit,
                      int (*visit)(void *, const struct tg_store_audit *),
                      void *arg);

    /* Newest first.  TG_ERR_NOT_FOUND when there is none of after's id. */
    int (*audit_list)(struct tg_store *store,
                      const struct tg_store_audit_filter *filter,
                      int (*visit)(void *, const struct tg_store_audit *),
                      void *arg);
    /*
     * What the watch over calls and refusals reads and remembers.  A refusal
     * stays in its feed, under a number never used twice, until watched_set
     * takes away those up to it.
     */
    int (*feed_add)(struct tg_store *store, const struct tg_denial *row);
    int (*feed_each)(struct tg_store *store, int64_t after, uint32_t limit,
                     int (*visit)(void *, int64_t number,
                                  const struct tg_denial *),
                     void *arg);
    /* Calls behind number seq, in the order in which they were taken in. */
    int (*glance_each)(struct tg_store *store, int64_t after, uint32_t limit,
                       int (*visit)(void *, const struct tg_store_glance *),
                       void *arg);
    int (*watched)(struct tg_store *store, int64_t *seq);
    int (*watched_set)(struct tg_store *store, int64_t seq, int64_t denial);
    int (*watch_put)(struct tg_store *store, const char *detector,
                     const char *subject, struct tg_str row);
    int (*watch_drop)(struct tg_store *store, const char *detector,
                      const char *subject);
    int (*watch_each)(struct tg_store *store,
                      int (*visit)(void *, struct tg_str row), void *arg);
    int (*habit_get)(struct tg_store *store, const char *key_id,
                     int (*visit)(void *, struct tg_str habit), void *arg);
    int (*habit_put)(struct tg_store *store, const char *key_id,
                     struct tg_str habit);

    /* Adds one, in the transaction of its change; one that is there stays. */
    int (*repeat_add)(struct tg_store *store,
                      const struct tg_store_repeat *row);
    /* Sets status, etag and sealed of the one with operator and key. */
    int (*repeat_answer)(struct tg_store *store,
                         const struct tg_store_repeat *row);
    int (*repeat_get)(struct tg_store *store, const char *operator_id,
                      const struct tg_digest *key,
                      int (*visit)(void *, const struct tg_store_repeat *),
                      void *arg);
    /*
     * The number of the last one that is too old, made before an instant or
     * before so many others; 0: none is.  And away with all up to a number.
     */
    int (*repeat_old)(struct tg_store *store, int64_t before, uint32_t keep,
                      int64_t *last);
    int (*repeat_forget)(struct tg_store *store, int64_t last);

    int (*segment_each)(struct tg_store *store,
                        int (*visit)(void *, const struct tg_store_segment *),
                        void *arg);
    int (*segment_put)(struct tg_store *store,
                       const struct tg_store_segment *row);
    int (*segment_gone)(struct tg_store *store, uint64_t writer_id,
                        uint32_t number);

    /* Adds a call; *is_new is false when one of its id is there already. */
    int (*call_add)(struct tg_store *store, const struct tg_record *record,
                    bool *is_new);

    /* Adds up to TG_CALLS_AT_ONCE calls, quicker than one by one when there
       are so many; those whose id is there already are left out. */
    int (*calls_add)(struct tg_store *store, const struct tg_record *records,
                     size_t count);
    int (*call_has)(struct tg_store *store, const struct tg_call_id *id,
                    bool *has);
    /*
     * Newest first, by at and then as they were taken in, from behind the
     * call after (NULL: the newest).
     * TG_ERR_NOT_FOUND when there is no such call.
     */
    int (*call_each)(struct tg_store *store,
                     const struct tg_store_filter *filter,
                     const struct tg_call_id *after, uint32_t limit,
                     int (*visit)(void *, const struct tg_store_call *),
                     void *arg);
    /*
     * All calls of filter->key_id since and until, newest first, as
     * call_each has them; what else the filter says is not asked.  *list is
     * the caller's to free.  Reads no call by itself, but those of blocks
     * that were rolled up before migration 22.
     */
    int (*key_loads)(struct tg_store *store,
                     const struct tg_store_filter *filter,
                     struct tg_store_load **list, size_t *count);
    /*
     * Goes on with a walk over calls by a slice: store_calls.h.  All that it
     * reads is of one moment.
     */
    int (*call_slice)(struct tg_store *store,
                      const struct tg_store_call_filter *filter,
                      struct tg_store_call_slice *slice,
                      int (*visit)(void *, const struct tg_store_call *),
                      void *arg);
    /* Gives back what a slice has kept; it may be one of zeros. */
    void (*call_slice_end)(struct tg_store_call_slice *slice);
    /* When the oldest call was admitted; 0 when there is none. */
    int (*call_oldest)(struct tg_store *store, int64_t *at);
    /* Where a call stands; TG_ERR_NOT_FOUND. */
    int (*call_where)(struct tg_store *store, const struct tg_call_id *id,
                      struct tg_call_place *place);
    /*
     * The calls behind number seq, in the order in which they were taken in,
     * at most limit of them.  Of a call, what the store keeps of it: no slots
     * and no bounds.
     */
    int (*call_scan)(struct tg_store *store, int64_t seq, uint32_t limit,
                     int (*visit)(void *, int64_t seq, const struct tg_call *),
                     void *arg);
    /* One of them, and its number.  TG_ERR_NOT_FOUND. */
    int (*call_get)(struct tg_store *store, const struct tg_call_id *id,
                    int64_t *seq, struct tg_call *call);
    /* Numbers of the first and the last one; 0 when there is none. */
    int (*call_span)(struct tg_store *store, int64_t *first, int64_t *last);
    /*
     * What the store's file itself says is wrong with it: damaged pages and
     * indexes, rows that refer to none.  A sentence each; reads all of it.
     */
    int (*check)(struct tg_store *store,
                 int (*visit)(void *, const char *sentence), void *arg);
    /* Ends what another thread is doing with it, which fails then. */
    void (*interrupt)(struct tg_store *store);
    /*
     * Makes a full block of calls into rollups, or goes on with one: keys
     * until rows of them are written, in a transaction of the caller's.
     * *has_more: call it again.
     */
    int (*roll_up)(struct tg_store *store, uint32_t rows, bool *has_more);
    /*
     * Sorts the block that is next, outside of a transaction, so that roll_up
     * has not to; where its calls were not added by this connection it reads
     * them, which takes a quarter of a second, or half of one.  *is_ready:
     * there is one that is full, as far as it is committed.
     */
    int (*roll_up_ahead)(struct tg_store *store, bool *is_ready);
    /*
     * Takes away what is older than age says, about so many rows of it, in a
     * transaction of the caller's; of calls only those that are rolled up,
     * as they were taken in, up to one that is not old.  *has_more: call it
     * again.
     */
    int (*forget)(struct tg_store *store, const struct tg_store_age *age,
                  uint32_t rows, bool *has_more);
    /*
     * Visits what was spent from the quarter-hour of an instant to before
     * that of another (INT64_MAX: to the end), in any order and in parts, of
     * which one can be less than nothing.  What is in packs comes day by day,
     * each in the order of keys' ids.
     */
    int (*spend_each)(struct tg_store *store, int64_t since, int64_t until,
                      int (*visit)(void *, const struct tg_store_spend *),
                      void *arg);
    /*
     * The same to the end, in two parts: of one key what is in packs, and of
     * all keys what is not, or has moved.
     */
    int (*spend_of)(struct tg_store *store, const char *key_id, int64_t since,
                    int (*visit)(void *, const struct tg_store_spend *),
                    void *arg);
    int (*spend_recent)(struct tg_store *store, int64_t since,
                        int (*visit)(void *, const struct tg_store_spend *),
                        void *arg);
    /*
     * Sums over calls, as rows ordered by span and then by group; total and
     * visit may be NULL.  TG_ERR_RANGE when a sum does not fit, TG_ERR_LIMIT
     * when there are more rows than the question lets be.
     */
    int (*usage)(struct tg_store *store, struct tg_usage_question *question,
                 struct tg_store_usage *total,
                 int (*visit)(void *, const struct tg_store_usage *),
                 void *arg);

    /* Rules of alerts, in the order of their names. */
    int (*rule_add)(struct tg_store *store, const struct tg_store_rule *row);
    /* Changes all of the row with this id but its kind and birth. */
    int (*rule_set)(struct tg_store *store, const struct tg_store_rule *row);
    int (*rule_delete)(struct tg_store *store, const char *id);
    int (*rule_get)(struct tg_store *store, const char *id_or_name,
                    int (*visit)(void *, const struct tg_store_rule *),
                    void *arg);
    int (*rule_each)(struct tg_store *store,
                     int (*visit)(void *, const struct tg_store_rule *),
                     void *arg);

    /* Channels, in the order of their names.  A deleted one's notices go. */
    int (*channel_add)(struct tg_store *store,
                       const struct tg_store_channel *row);
    int (*channel_set)(struct tg_store *store,
                       const struct tg_store_channel *row);
    int (*channel_delete)(struct tg_store *store, const char *id);
    int (*channel_get)(struct tg_store *store, const char *id_or_name,
                       int (*visit)(void *, const struct tg_store_channel *),
                       void *arg);
    int (*channel_each)(struct tg_store *store,
                        int (*visit)(void *, const struct tg_store_channel *),
                        void *arg);

    /* *is_new is false when one of its name is open, or single and was. */
    int (*episode_open)(struct tg_store *store,
                        const struct tg_store_episode *row, bool *is_new);
    /* It has gone on: one more, at an instant. */
    int (*episode_again)(struct tg_store *store, const char *once, int64_t at);
    int (*episode_close)(struct tg_store *store, const char *id, int64_t at,
                         const char *closed_by);
    int (*episode_get)(struct tg_store *store, const char *id,
                       int (*visit)(void *, const struct tg_store_episode *),
                       void *arg);
    /* Newest first. */
    int (*episode_each)(struct tg_store *store,
                        const struct tg_store_episode_filter *filter,
                        int (*visit)(void *, const struct tg_store_episode *),
                        void *arg);

    int (*notice_add)(struct tg_store *store,
                      const struct tg_store_notice *row);
    /* Newest first. */
    int (*notice_each)(struct tg_store *store,
                       const struct tg_store_notice_filter *filter,
                       int (*visit)(void *, const struct tg_store_notice *),
                       void *arg);
    /* A channel's that wait, the oldest first: pending, or held. */
    int (*notice_waiting)(struct tg_store *store, const char *channel_id,
                          const char *status, uint32_t limit,
                          int (*visit)(void *, const struct tg_store_notice *),
                          void *arg);
    int (*notice_set)(struct tg_store *store, const char *id,
                      const struct tg_store_fate *fate);
    /* Takes away notices and episodes that ended before. */
    int (*alerts_forget)(struct tg_store *store, int64_t before,
                         uint32_t limit);

    /* Events behind a number, the oldest first. */
    int (*event_behind)(struct tg_store *store, int64_t number, uint32_t limit,
                        int (*visit)(void *, int64_t number,
                                     const struct tg_store_event *),
                        void *arg);
    /* Calls behind a number, in the order in which they were taken in. */
    int (*call_tally)(struct tg_store *store, int64_t seq, uint32_t limit,
                      int (*visit)(void *, const struct tg_store_tally *),
                      void *arg);
    /* Number of the last call before an instant; 0 when there is none. */
    int (*call_before)(struct tg_store *store, int64_t at, int64_t *seq);
    /*
     * How many requests of a key the rollups have of whole quarter-hours,
     * from one up to another; and calls that are in none yet, of all keys.
     */
    int (*key_requests)(struct tg_store *store, const char *key_id,
                        int64_t first, int64_t end, int64_t *requests);
    int (*recent_each)(struct tg_store *store, int64_t since, int64_t until,
                       int (*visit)(void *, const char *key_id), void *arg);
};

struct tg_store {
    const struct tg_store_ops *ops;
    const struct tg_store_operator_ops *operators;
    const struct tg_store_leak_ops *leaks;
    const struct tg_store_sink_ops *sinks;
    const struct tg_store_report_ops *reports;
    const struct tg_store_metric_ops *metrics;
    struct tg_error error;
    /* Calls that this connection adds, and those that one adds whose new calls
       this one follows: fresh.h.  NULL: all are read from the store. */
    struct tg_fresh *adds_to, *follows;
};

/*
 * Opens the SQLite store at path, making it or bringing it up to this
 * version.  Returns 0; TG_ERR_FORMAT when the file is something else and
 * TG_ERR_VERSION when a newer Tollgate made it (the file is untouched in both
 * cases); TG_ERR_SYSTEM, TG_ERR_BUSY, TG_ERR_CORRUPT.  *error then says why.
 */
int tg_store_open_sqlite(struct tg_store **store, const char *path,
                         struct tg_error *error);

#endif
