#include "sqlite.h"

#include <pthread.h>
#include <stdlib.h>

#include "checkpoint.h"
#include "fresh.h"
#include "migrate.h"
#include "sqlite_call_kinds.h"
#include "sqlite_gather.h"
#include "sqlite_metrics.h"
#include "sqlite_recent.h"
#include "sqlite_rollup.h"

#define BUSY_TIMEOUT_MS 10000

static void
close_store(struct tg_store *store)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    if (db == NULL)
        return;
    tg_checkpoint_end(db->checkpoint);
    for (size_t i = 0; i < db->statement_count; i++)
        sqlite3_finalize(db->statements[i].stmt);
    sqlite3_close(db->db);
    for (size_t i = 0; i < TG_CALL_INSERTS; i++)
        free(db->bound_calls[i]);
    tg_rollup_free(db->rollup);
    tg_recent_free(db->recent);
    tg_gather_forget(db);
    tg_pack_names_forget(db);
    tg_call_kinds_forget(db);
    tg_metrics_free(db);
    free(db);
}

static int
begin(struct tg_store *store)
{
    tg_sqlite_of(store)->is_reading = false;
    return tg_sql_run(tg_sqlite_of(store), NULL, "BEGIN IMMEDIATE", "");
}

static int
begin_reading(struct tg_store *store)
{
    tg_sqlite_of(store)->is_reading = true;
    return tg_sql_run(tg_sqlite_of(store), NULL, "BEGIN", "");
}

static int
commit(struct tg_store *store)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    int err = tg_metrics_write(db);

    if (err == 0)
        err = tg_sql_run(db, NULL, "COMMIT", "");
    if (err != 0)
        return err;
    tg_metrics_forget(db);
    if (store->adds_to != NULL)
        tg_fresh_commit(store->adds_to);
    return 0;
}

/* What was taken from the store or counted on the way may not be there. */
static void
rollback(struct tg_store *store)
{
    struct tg_sqlite *db = tg_sqlite_of(store);

    /*
     * What only reads takes nothing from what is not committed.  Whether
     * something was written cannot be asked any more where SQLite has taken it
     * back by itself, as it does when the disk is full.
     */
    if (!db->is_reading ||
        sqlite3_txn_state(db->db, NULL) == SQLITE_TXN_WRITE) {
        tg_recent_free(db->recent);
        db->recent = NULL;
        tg_pack_names_forget(db);
        tg_call_kinds_forget(db);
        tg_gather_forget(db);
        if (store->adds_to != NULL)
            tg_fresh_forget(store->adds_to);
    }
    db->is_reading = false;
    db->next_seq = 0;
    tg_rollup_free(db->rollup);
    db->rollup = NULL;
    db->denials.is_known = false;
    tg_metrics_forget(db);
    if (!sqlite3_get_autocommit(db->db))
        tg_sql_run(db, NULL, "ROLLBACK", "");
}

static int
meta_get(struct tg_store *store, const char *name, char *value, size_t cap)
{
    struct tg_sqlite *db = tg_sqlite_of(store);
    sqlite3_stmt *stmt;
    int err;

    err = tg_sql_begin(db, &stmt, "SELECT value FROM meta WHERE name = ?", "t",
                       name);
    if (err != 0)
        return err;
    err = tg_sql_next(db, stmt);
    if (err > 0)
        sqlite3_snprintf((int)cap, value, "%s", tg_sql_text(stmt, 0));
    return tg_sql_end(stmt, err > 0 ? 0 : err == 0 ? TG_ERR_NOT_FOUND : err);
}

static int
meta_set(struct tg_store *store, const char *name, const char *value)
{
    return tg_sql_run(tg_sqlite_of(store), NULL,
                      "INSERT INTO meta (name, value) VALUES (?, ?) "
                      "ON CONFLICT (name) DO UPDATE SET value = "
                      "excluded.value",
                      "tt", name, value);
}

static const struct tg_store_ops ops = {
    .close = close_store,
    .begin = begin,
    .begin_reading = begin_reading,
    .commit = commit,
    .rollback = rollback,
    .meta_get = meta_get,
    .meta_set = meta_set,
    .account_add = tg_sqlite_account_add,
    .account_get = tg_sqlite_account_get,
    .account_each = tg_sqlite_account_each,
    .account_set = tg_sqlite_account_set,
    .account_credit = tg_sqlite_account_credit,
    .account_rebase = tg_sqlite_account_rebase,
    .key_add = tg_sqlite_key_add,
    .key_get = tg_sqlite_key_get,
    .key_each = tg_sqlite_key_each,
    .key_list = tg_sqlite_key_list,
    .key_count = tg_sqlite_key_count,
    .key_all = tg_sqlite_key_all,
    .key_set = tg_sqlite_key_set,
    .key_end = tg_sqlite_key_end,
    .key_respond = tg_sqlite_key_respond,
    .key_respite = tg_sqlite_key_respite,
    .secret_add = tg_sqlite_secret_add,
    .secret_each = tg_sqlite_secret_each,
    .secret_uses = tg_sqlite_secret_uses,
    .secret_set = tg_sqlite_secret_set,
    .errand_put = tg_sqlite_errand_put,
    .errand_due = tg_sqlite_errand_due,
    .upstream_add = tg_sqlite_upstream_add,
    .upstream_get = tg_sqlite_upstream_get,
    .upstream_each = tg_sqlite_upstream_each,
    .upstream_set = tg_sqlite_upstream_set,
    .upstream_addresses = tg_sqlite_upstream_addresses,
    .credential_add = tg_sqlite_credential_add,
    .credential_end = tg_sqlite_credential_end,
    .credential_set = tg_sqlite_credential_set,
    .credential_retire = tg_sqlite_credential_retire,
    .check_put = tg_sqlite_check_put,
    .check_get = tg_sqlite_check_get,
    .credential_each = tg_sqlite_credential_each,
    .model_put = tg_sqlite_model_put,
    .model_each = tg_sqlite_model_each,
    .model_serve = tg_sqlite_model_serve,
    .price_put = tg_sqlite_price_put,
    .price_each = tg_sqlite_price_each,
    .event_add = tg_sqlite_event_add,
    .event_each = tg_sqlite_event_each,
    .denial_add = tg_sqlite_denial_add,
    .denial_mark = tg_sqlite_denial_mark,
    .denial_expire = tg_sqlite_denial_expire,
    .denial_each = tg_sqlite_denial_each,
    .audit_add = tg_sqlite_audit_add,
    .audit_last = tg_sqlite_audit_last,
    .audit_each = tg_sqlite_audit_each,
    .audit_list = tg_sqlite_audit_list,
    .feed_add = tg_sqlite_feed_add,
    .feed_each = tg_sqlite_feed_each,
    .glance_each = tg_sqlite_glance_each,
    .watched = tg_sqlite_watched,
    .watched_set = tg_sqlite_watched_set,
    .watch_put = tg_sqlite_watch_put,
    .watch_drop = tg_sqlite_watch_drop,
    .watch_each = tg_sqlite_watch_each,
    .habit_get = tg_sqlite_habit_get,
    .habit_put = tg_sqlite_habit_put,
    .repeat_add = tg_sqlite_repeat_add,
    .repeat_answer = tg_sqlite_repeat_answer,
    .repeat_get = tg_sqlite_repeat_get,
    .repeat_old = tg_sqlite_repeat_old,
    .repeat_forget = tg_sqlite_repeat_forget,
    .segment_each = tg_sqlite_segment_each,
    .segment_put = tg_sqlite_segment_put,
    .segment_gone = tg_sqlite_segment_gone,
    .call_add = tg_sqlite_call_add,
    .calls_add = tg_sqlite_calls_add,
    .call_has = tg_sqlite_call_has,
    .roll_up = tg_sqlite_roll_up,
    .roll_up_ahead = tg_sqlite_roll_up_ahead,
    .forget = tg_sqlite_forget,
    .call_each = tg_sqlite_call_each,
    .key_loads = tg_sqlite_key_loads,
    .call_slice = tg_sqlite_call_slice,
    .call_slice_end = tg_sqlite_call_slice_end,
    .call_oldest = tg_sqlite_call_oldest,
    .call_where = tg_sqlite_call_where,
    .call_scan = tg_sqlite_call_scan,
    .call_get = tg_sqlite_call_get,
    .call_span = tg_sqlite_call_span,
    .check = tg_sqlite_check,
    .interrupt = tg_sqlite_interrupt,
    .spend_each = tg_sqlite_spend_each,
    .spend_of = tg_sqlite_spend_of,
    .spend_recent = tg_sqlite_spend_recent,
    .usage = tg_sqlite_usage,
    .rule_add = tg_sqlite_rule_add,
    .rule_set = tg_sqlite_rule_set,
    .rule_delete = tg_sqlite_rule_delete,
    .rule_get = tg_sqlite_rule_get,
    .rule_each = tg_sqlite_rule_each,
    .channel_add = tg_sqlite_channel_add,
    .channel_set = tg_sqlite_channel_set,
    .channel_delete = tg_sqlite_channel_delete,
    .channel_get = tg_sqlite_channel_get,
    .channel_each = tg_sqlite_channel_each,
    .episode_open = tg_sqlite_episode_open,
    .episode_again = tg_sqlite_episode_again,
    .episode_close = tg_sqlite_episode_close,
    .episode_get = tg_sqlite_episode_get,
    .episode_each = tg_sqlite_episode_each,
    .notice_add = tg_sqlite_notice_add,
    .notice_each = tg_sqlite_notice_each,
    .notice_waiting = tg_sqlite_notice_waiting,
    .notice_set = tg_sqlite_notice_set,
    .alerts_forget = tg_sqlite_alerts_forget,
    .event_behind = tg_sqlite_event_behind,
    .call_tally = tg_sqlite_call_tally,
    .call_before = tg_sqlite_call_before,
    .key_requests = tg_sqlite_key_requests,
    .recent_each = tg_sqlite_recent_each,
};

/*
 * SQLite counts its memory under one lock for all threads, for figures that
 * nobody asks for; and Debian's has no lookaside, so that is each allocation.
 */
static void
begin_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static int
set_up(struct tg_sqlite *db)
{
    static const char *const pragmas[] = {
        "PRAGMA journal_mode = WAL",  "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",   "PRAGMA trusted_schema = OFF",
        "PRAGMA cache_size = -32768", "PRAGMA wal_autocheckpoint = 8000",
    };

    int err;

    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
        err = tg_sql_run(db, NULL, pragmas[i], "");

        if (err != 0)
            return err;
    }
    err = tg_sqlite_key_functions(db);
    return err != 0 ? err : tg_sqlite_call_functions(db);
}

int
tg_store_open_sqlite(struct tg_store **store, const char *path,
                     struct tg_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tg_sqlite *db = calloc(1, sizeof(*db));
    int result, version, err;

    pthread_once(&once, begin_sqlite);

    if (db == NULL)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    db->store.ops = &ops;
    db->store.operators = &tg_sqlite_operator_ops;
    db->store.leaks = &tg_sqlite_leak_ops;
    db->store.sinks = &tg_sqlite_sink_ops;
    db->store.reports = &tg_sqlite_report_ops;
    db->store.metrics = &tg_sqlite_metric_ops;
    result = sqlite3_open_v2(path, &db->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (result != SQLITE_OK) {
        err = tg_error_set(error, TG_ERR_SYSTEM, "cannot open the store %s: %s",
                           path, db->db ? sqlite3_errmsg(db->db) : "no memory");
        goto out;
    }
    sqlite3_busy_timeout(db->db, BUSY_TIMEOUT_MS);
    err = tg_migrate_check(db->db, path, &version, error);
    if (err != 0)
        goto out;
    err = set_up(db);
    if (err != 0) {
        *error = db->store.error;
        goto out;
    }
    err = tg_migrate_run(db->db, path, error);
out:
    if (err == 0)
        *store = &db->store;
    else
        close_store(&db->store);
    return err;
}
