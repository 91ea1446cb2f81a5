/*
 * daemon.h: what the threads of tollgated share.
 *
 * Threads: the main one (ingest, recovery, heartbeat), those of the admin
 * API, and those that go their rounds (rounds.h).  Locks are taken in the
 * order in which they stand here.
 */
#ifndef TG_DAEMON_H
#define TG_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "huge.h"
#include "kept.h"
#include "options.h"
#include "paths.h"
#include "publish.h"
#include "seal.h"
#include "store.h"

#define TG_RESPONSE_TYPES 7 /* as in conf.h */

struct tg_egress_rules;
struct tg_fresh;
struct tg_folders;
struct tg_leak_keys;
struct tg_alerts;
struct tg_courier;
struct tg_ledger;
struct tg_lookout;

struct tg_daemon {
    struct tg_options options;
    struct tg_paths paths;
    struct tg_master_key master_key; /* constant once it is read */
    int64_t started_at_ms;

    /* The connection for reports: usage and calls.  Only reads. */
    pthread_mutex_t reports_lock;
    struct tg_store *reports;

    /* The one of exports, which read for long, so that no report waits. */
    pthread_mutex_t exports_lock;
    struct tg_store *exports;
    _Atomic int exports_open;

    /* The connection for health and metrics, which wait for no report. */
    pthread_mutex_t monitor_lock;
    struct tg_store *monitor;

    /* The connection for all else, so one change at a time; recursive. */
    pthread_mutex_t admin_lock;
    struct tg_store *admin;

    /*
     * Held in a transaction, because SQLite's own waiting is too coarse;
     * ingest lets those who wait for it go first.
     */
    pthread_mutex_t write_lock;
    _Atomic int writers_waiting;

    /* The state file and its writer. */
    pthread_mutex_t publish_lock;
    struct tg_state state;
    struct tg_publisher *publisher;
    struct tg_huge huge; /* the reporter's */
    struct tg_catalog *catalog;     /* as last published */
    struct tg_settings settings;    /* of the next catalog */
    struct tg_egress_rules *egress; /* never NULL once it is read */
    struct tg_folders *folders;     /* the same: where sinks write files */
    struct tg_leak_keys *leak_keys; /* with a lock of its own: leak_keys.h */

    /* Passes of ingest, and who waits for one; see tg_daemon_catch_up. */
    pthread_mutex_t pass_lock;
    pthread_cond_t pass_ended;
    uint64_t passes_begun;
    uint64_t passes_ended;
    uint64_t last_fine; /* the last one that took in all there was */
    int wake_fd;        /* an eventfd: the main thread begins a pass at once */

    /* Calls that were just taken in, from the main thread to the clockwork;
       NULL: they are read from the store. */
    struct tg_fresh *fresh;

    struct tg_ledger *ledger; /* whether the books agree: ledger.h */

    /* What calls and refusals show of keys; clockwork's: lookout.h */
    struct tg_lookout *lookout;

    /* Of tollgate.conf: see conf.h. */
    struct {
        _Atomic uint32_t actions[4][TG_RESPONSE_TYPES];
        _Atomic uint32_t throttle_percent, throttle_minutes;
        _Atomic uint32_t learning_days, learning_calls;
        _Atomic uint32_t check_seconds;
    } responses;
    struct tg_alerts *alerts;           /* the clockwork's: alerts.h */
    struct tg_courier *courier;         /* the courier's: alert_deliver.h */
    _Atomic uint32_t alerts_generation; /* of their rules */

    uint64_t own_writer_id; /* in the journal; constant */

    /* Of segments that were taken in; the main thread's. */
    struct tg_kept_limit keep;

    /* How long denials stand in the store; the main thread's, too. */
    struct {
        int64_t days;       /* 0: for ever */
        int64_t look_at_ms; /* for old ones, not before */
    } denials;

    /* And calls, and their sums; see retention.h. */
    struct {
        uint32_t calls_days, rollups_days; /* 0: for ever */
        int64_t look_at_ms;
        int64_t begun_at_ms; /* the machine, by the clock; 0: not asked yet */
        int64_t sure_up_ms;  /* when the clock is believed again */
    } retention;

    /* For metrics.h: accounts that are told apart, and keys as last counted. */
    struct {
        _Atomic uint32_t accounts;
        _Atomic int64_t read_at_ms, counted_at_ms; /* 0: never */
        _Atomic int64_t keys[3]; /* by enum tg_health_status */
    } metrics;

    /* For the health report; see ingest.h. */
    _Atomic uint64_t lag_bytes;
    _Atomic uint32_t bad_segments;
    int64_t disk_quiet_at_ms; /* disk.h; of its round alone */
    _Atomic int64_t ingested_at_ms;
};

/*
 * Waits until ingest has taken in all that the journal held when this was
 * called, so that whoever got an answer finds its call; for a second at
 * most.  Returns whether it has.  Not for the main thread.
 */
bool tg_daemon_catch_up(struct tg_daemon *daemon);

/* The main thread begins a pass of ingest; the number is for _pass_end. */
uint64_t tg_daemon_pass_begin(struct tg_daemon *daemon);
void tg_daemon_pass_end(struct tg_daemon *daemon, uint64_t pass, bool is_fine);

/* Begins a change of the store: the write lock and a transaction. */
int tg_daemon_begin(struct tg_daemon *daemon, struct tg_store *store);

/*
 * Ends it: commits when err is 0, else rolls back.  Returns err, or what the
 * commit said.
 */
int tg_daemon_end(struct tg_daemon *daemon, struct tg_store *store, int err);

#endif
