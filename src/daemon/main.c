/*
 * tollgated: the control daemon.
 */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_offline.h"
#include "audit_seal.h"
#include "alerts.h"
#include "backup_file.h"
#include "channel.h"
#include "civil.h"
#include "checkpoint.h"
#include "clock.h"
#include "alert_deliver.h"
#include "denials.h"
#include "err.h"
#include "first.h"
#include "fresh.h"
#include "home.h"
#include "http.h"
#include "jump.h"
#include "ledger.h"
#include "log.h"
#include "lookout.h"
#include "policy.h"
#include "recover.h"
#include "restore.h"
#include "retention.h"
#include "rounds.h"
#include "settings.h"
#include "signposts.h"
#include "statefile.h"
#include "usher.h"

#define TICK_MS 50
/*
 * Where so many records come in one pass, the next one waits longer: pages of
 * the store that each transaction writes again are written less often.
 */
#define BUSY_RECORDS 100
#define BUSY_TICK_MS 200
#define SECOND_MS 1000

/* What runs, in the order in which it is begun. */
struct program {
    struct tg_daemon daemon;
    int lock_fd;
    int signal_fd;
    struct tg_ingest *ingest;
    struct tg_recovery recovery;
    struct tg_policy_refresh refresh;
    struct tg_jump jump;
    struct tg_http *http;
    struct tg_rounds *rounds[TG_ROUNDS_KINDS];
    struct tg_signposts signposts;
};

/* Every text of the API may be a secret, so none is left in free memory. */
static void
wipe_and_free(void *p)
{
    if (p != NULL)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

static int
count_row(void *arg, const struct tg_store_credential *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static int
count_sealed(void *arg, const struct tg_store_operator *row)
{
    *(int *)arg += row->has_totp;
    return 0;
}

static int
open_stores(struct tg_daemon *daemon, struct tg_error *error)
{
    int err = tg_store_open_sqlite(&daemon->admin, daemon->paths.store, error);

    if (err == 0)
        err =
            tg_store_open_sqlite(&daemon->reports, daemon->paths.store, error);
    if (err == 0)
        err =
            tg_store_open_sqlite(&daemon->exports, daemon->paths.store, error);
    if (err == 0)
        err =
            tg_store_open_sqlite(&daemon->monitor, daemon->paths.store, error);
    return err;
}

/* The two secrets and what a store must hold; see first.h. */
static int
fill_home(struct tg_daemon *daemon, struct tg_error *error)
{
    struct tg_store *store = daemon->admin;
    struct tg_digest token;
    bool is_done = false, has_token;
    int credentials = 0, err; /* how many things are sealed */

    err = tg_first_is_done(store, &is_done);
    if (err == 0)
        err = store->ops->credential_each(store, count_row, &credentials);
    if (err == 0)
        err =
            store->operators->each(store, NULL, 0, count_sealed, &credentials);
    if (err != 0) {
        *error = store->error;
        return err;
    }
    err = tg_home_master_key(&daemon->master_key, &daemon->paths,
                             credentials == 0, error);
    if (err != 0)
        return err;
    tg_audit_signer_open(&daemon->master_key);
    err = tg_home_token(&token, &daemon->paths, !is_done, error);
    if (err != 0 && err != TG_ERR_NOT_FOUND)
        return err;
    has_token = err == 0;
    err = tg_first_fill(store, has_token ? &token : NULL, tg_clock_ms());
    if (err != 0)
        *error = store->error;
    return err;
}

/* Rules from the first start on, and channels that can be used. */
static int
open_alerts(struct tg_daemon *daemon, struct tg_error *error)
{
    int err = tg_alerts_first(daemon->admin, tg_clock_ms());

    if (err != 0) {
        *error = daemon->admin->error;
        return err;
    }
    err = tg_channel_of_conf(daemon, error);
    return err != 0 ? err : tg_channels_check(daemon, error);
}

/* Of a new state file, calls are admitted meanwhile. */
static int
publish(struct tg_daemon *daemon, struct tg_error *error)
{
    struct tg_usher *usher = NULL;
    int err = tg_statefile_admit(daemon, error);

    if (err == 0)
        err = tg_usher_start(&usher, daemon, error);
    if (err == 0)
        err = tg_statefile_publish(daemon, error);
    tg_usher_stop(usher);
    return err;
}

static int
start(struct program *program, struct tg_error *error)
{
    struct tg_daemon *daemon = &program->daemon;
    struct tg_owner workers = {daemon->options.has_worker,
                               daemon->options.worker_uid,
                               daemon->options.worker_gid};
    int err;

    err = tg_home_open(&daemon->paths, &program->lock_fd, daemon->options.home,
                       &workers, error);
    if (err == 0)
        err = tg_settings_read(daemon, error);
    if (err == 0)
        err = open_stores(daemon, error);
    if (err == 0)
        err = fill_home(daemon, error);
    if (err == 0)
        err = open_alerts(daemon, error);
    if (err == 0)
        daemon->fresh = tg_fresh_new();
    if (err == 0)
        err = tg_ingest_open(&program->ingest, daemon, error);
    if (err == 0)
        err = tg_checkpoint_beside(tg_ingest_store(program->ingest),
                                   daemon->paths.store, error);
    if (err == 0)
        err = tg_statefile_open(daemon, program->ingest, error);
    if (err == 0) {
        tg_jump_begin(&program->jump, daemon);
        err = publish(daemon, error);
    }
    if (err != 0)
        return err;
    atomic_store(&daemon->ingested_at_ms, tg_clock_ms());
    program->refresh.next_at_ms = tg_clock_ms() + TG_MS_PER_DAY;
    tg_recovery_init(&program->recovery, daemon, program->ingest);
    if (tg_ledger_new(&daemon->ledger, daemon) != 0 ||
        tg_alerts_new(&daemon->alerts, daemon) != 0 ||
        tg_courier_new(&daemon->courier) != 0)
        return tg_error_set(error, TG_ERR_SYSTEM, "out of memory");
    err = tg_http_start(&program->http, daemon, error);
    tg_signposts_note(&program->signposts, &daemon->paths);
    for (int i = 0; i < TG_ROUNDS_KINDS && err == 0; i++)
        err = tg_rounds_start(&program->rounds[i], daemon,
                              (enum tg_rounds_kind)i, error);
    return err;
}

/*
 * Whether workers and programs to come would find what they need.  With "up"
 * above us a state file is its affair: calls are ended first.  Without it,
 * workers that have one without a name admit no more: the next daemon makes
 * another, and what is revoked there they would not know.
 */
static bool
can_be_found(struct program *program)
{
    struct tg_daemon *daemon = &program->daemon;
    const char *lost = tg_signposts_lost(&program->signposts);
    bool is_state = lost == daemon->paths.state;

    if (lost == NULL || (is_state && daemon->options.dies_with_parent))
        return true;
    tg_log(TG_LOG_ERROR,
           "%s was removed: the daemon ends, to be started again and make it "
           "anew%s",
           lost, is_state ? "; nginx must be restarted too" : "");
    if (is_state)
        tg_publish_over(daemon->publisher);
    return false;
}

/* Each second; false when it cannot go on. */
static bool
beat(struct program *program, int64_t now_ms)
{
    struct tg_daemon *daemon = &program->daemon;

    if (!can_be_found(program))
        return false;
    pthread_mutex_lock(&daemon->publish_lock);
    tg_publish_seen(daemon->publisher, tg_clock_wall_ms());
    pthread_mutex_unlock(&daemon->publish_lock);
    tg_recovery_pass(&program->recovery, now_ms);
    tg_policy_refresh(daemon, &program->refresh, now_ms);
    tg_jump_pass(&program->jump, daemon);
    tg_denials_expire(daemon, tg_ingest_store(program->ingest), now_ms);
    return true;
}

/* One pass of ingest; false when it failed. */
static bool
take_in(struct program *program, bool is_due)
{
    uint64_t pass = tg_daemon_pass_begin(&program->daemon);
    bool is_fine = is_due && tg_ingest_pass(program->ingest) == 0;

    tg_daemon_pass_end(&program->daemon, pass, is_fine);
    return is_fine || !is_due;
}

/* Takes what came in; false when it says that it is over. */
static bool
obey_signals(struct program *program)
{
    struct signalfd_siginfo info;

    while (read(program->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo != SIGHUP)
            return false;
        tg_settings_read_again(&program->daemon);
        tg_ingest_retry(program->ingest);
        tg_jump_believe(&program->jump, &program->daemon);
    }
    return true;
}

/* Whether it ended because it was told to. */
static bool
run(struct program *program)
{
    struct pollfd events[] = {
        {.fd = program->signal_fd, .events = POLLIN},
        {.fd = program->daemon.wake_fd, .events = POLLIN},
    };
    int64_t next_beat_ms = 0, retry_ms = 0;
    int tick_ms = TICK_MS;

    while (poll(events, 2, tick_ms) <= 0 || obey_signals(program)) {
        int64_t now_ms = tg_clock_ms();
        bool is_due = now_ms >= retry_ms || retry_ms - now_ms > SECOND_MS;

        /* A clock that was set back must not stop the heart. */
        if (now_ms >= next_beat_ms || next_beat_ms - now_ms > SECOND_MS) {
            if (!beat(program, now_ms))
                return false;
            next_beat_ms = now_ms + SECOND_MS;
        }
        if (!take_in(program, is_due))
            retry_ms = now_ms + SECOND_MS;
        tick_ms = tg_ingest_taken(program->ingest) >= BUSY_RECORDS
                      ? BUSY_TICK_MS
                      : TICK_MS;
        tg_retention_pass(&program->daemon, tg_ingest_store(program->ingest),
                          now_ms);
    }
    return true;
}

static void
stop(struct program *program)
{
    struct tg_daemon *daemon = &program->daemon;

    tg_http_stop(program->http);
    tg_ledger_free(daemon->ledger);
    for (int i = 0; i < TG_ROUNDS_KINDS; i++)
        tg_rounds_stop(program->rounds[i]);
    tg_lookout_free(daemon);
    tg_alerts_free(daemon->alerts);
    pthread_mutex_lock(&daemon->admin_lock);
    if (program->http != NULL) {
        tg_ingest_pass(program->ingest);
        tg_recovery_pass(&program->recovery, tg_clock_ms());
        tg_ingest_pass(program->ingest);
        tg_recovery_release(&program->recovery);
    }
    tg_ingest_close(program->ingest);
    tg_fresh_free(daemon->fresh);
    tg_statefile_close(daemon);
    if (daemon->reports != NULL)
        daemon->reports->ops->close(daemon->reports);
    if (daemon->exports != NULL)
        daemon->exports->ops->close(daemon->exports);
    if (daemon->monitor != NULL)
        daemon->monitor->ops->close(daemon->monitor);
    if (daemon->admin != NULL)
        daemon->admin->ops->close(daemon->admin);
    tg_audit_signer_close();
    sodium_memzero(&daemon->master_key, sizeof(daemon->master_key));
}

/* Before any thread: they inherit the mask. */
static int
take_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* It is held for a microsecond at a time, less than going to sleep takes. */
static void
init_publish_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

/* A request that depends on what it changes takes it around its handler. */
static void
init_admin_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void
init_passes(struct tg_daemon *daemon)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&daemon->pass_ended, &attr);
    pthread_mutex_init(&daemon->pass_lock, NULL);
    daemon->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int
prepare(struct program *program, struct tg_error *error)
{
    struct tg_daemon *daemon = &program->daemon;
    pid_t parent = getppid();

    umask(077);
    prctl(PR_SET_DUMPABLE, 0);
    if (daemon->options.dies_with_parent) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            return tg_error_set(error, TG_ERR_SYSTEM,
                                "the process that started it is gone");
    }
    program->signal_fd = take_signals();
    json_set_alloc_funcs(malloc, wipe_and_free);
    pthread_mutex_init(&daemon->reports_lock, NULL);
    pthread_mutex_init(&daemon->exports_lock, NULL);
    pthread_mutex_init(&daemon->monitor_lock, NULL);
    init_admin_lock(&daemon->admin_lock);
    pthread_mutex_init(&daemon->write_lock, NULL);
    init_publish_lock(&daemon->publish_lock);
    init_passes(daemon);
    daemon->started_at_ms = tg_clock_ms();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return tg_error_set(error, TG_ERR_SYSTEM, "libcurl does not start");
    if (sodium_init() < 0 ||
        tg_random(&daemon->own_writer_id, sizeof(daemon->own_writer_id)) != 0)
        return tg_error_set(error, TG_ERR_CRYPTO,
                            "the cryptographic libraries do not start");
    daemon->own_writer_id |= 1;
    return program->signal_fd < 0 || daemon->wake_fd < 0
               ? tg_error_set(error, TG_ERR_SYSTEM,
                              "no signalfd or eventfd: %s", strerror(errno))
               : 0;
}

/* Instead of serving: one thing is done, and said on standard output. */
static int
run_once(const struct tg_options *options)
{
    struct tg_error error;
    json_t *said = NULL;
    bool agrees = true;
    int err;

    umask(077);
    prctl(PR_SET_DUMPABLE, 0);
    if (sodium_init() < 0)
        err = tg_error_set(&error, TG_ERR_CRYPTO,
                           "the cryptographic libraries do not start");
    else if (options->backup != NULL)
        err = tg_backup_make(options, &said, &error);
    else if (options->verifies_audit)
        err = tg_audit_offline(options, &said, &agrees, &error);
    else if (options->restore != NULL)
        err = tg_restore_make(options, &said, &error);
    else
        err = tg_ledger_offline(options, &said, &agrees, &error);
    if (err != 0) {
        fprintf(stderr, "tollgated: %s\n", error.text);
        return 1;
    }
    json_dumpf(said, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(said);
    return fflush(stdout) == 0 && agrees ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static struct program program = {.lock_fd = -1};
    struct tg_error error;
    int status;

    if (tg_options_read(&program.daemon.options, argc, argv, &error) != 0) {
        fprintf(stderr, "tollgated: %s\n", error.text);
        return 2;
    }
    if (program.daemon.options.shows_help) {
        fputs(tg_options_usage, stdout);
        return 0;
    }
    if (program.daemon.options.shows_version) {
        puts("tollgated " TG_VERSION);
        return 0;
    }
    if (program.daemon.options.backup != NULL ||
        program.daemon.options.restore != NULL ||
        program.daemon.options.verifies ||
        program.daemon.options.verifies_audit)
        return run_once(&program.daemon.options);
    if (prepare(&program, &error) != 0 || start(&program, &error) != 0) {
        fprintf(stderr, "tollgated: %s\n", error.text);
        stop(&program);
        return 1;
    }
    tg_log(TG_LOG_INFO, "version %s serves %s on %s", TG_VERSION,
           program.daemon.paths.home, program.daemon.paths.admin_socket);
    status = run(&program) ? 0 : 1;
    stop(&program);
    tg_log(TG_LOG_INFO, "ended");
    return status;
}
