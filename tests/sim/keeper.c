#include "keeper.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "clock.h"
#include "disk.h"
#include "log.h"
#include "model_store.h"
#include "oracle.h"
#include "policy.h"
#include "recover.h"
#include "statefile.h"
#include "world.h"

char keeper_state_path[80];

static struct sim_process process = {.name = "daemon", .keeps_memory = true};
static bool lives;
static struct tg_daemon daemon_;
static struct tg_ingest *ingest;
static struct tg_recovery recovery;

/* What the product takes from elsewhere. */

pid_t __wrap_getpid(void);
int __real_tg_publish_open(struct tg_publisher *publisher, uint32_t slot);
int __wrap_tg_publish_open(struct tg_publisher *publisher, uint32_t slot);
int __wrap_usleep(useconds_t us);

int
__wrap_usleep(useconds_t us)
{
    (void)us;
    return 0;
}

int
__wrap_tg_publish_open(struct tg_publisher *publisher, uint32_t slot)
{
    int err;

    sim_point("a key's cells are loaded");
    err = __real_tg_publish_open(publisher, slot);
    sim_point("a key is open");
    return err;
}

pid_t
__wrap_getpid(void)
{
    return 1;
}

int64_t
tg_clock_ms(void)
{
    return sim.now_ms;
}

int64_t
tg_clock_wall_ms(void)
{
    return sim.now_ms;
}

int
tg_random(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)sim_random();
    return 0;
}

void
tg_log(enum tg_log_level level, const char *fmt, ...)
{
    char line[600];
    va_list ap;

    (void)level;
    if (!sim.is_traced)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    sim_trace("log: %s", line);
}

int
tg_policy_accounts(struct tg_daemon *daemon, struct tg_store *store)
{
    (void)store;
    return world_publish_accounts(daemon->publisher);
}

int
tg_policy_keys(struct tg_daemon *daemon, struct tg_store *store)
{
    (void)store;
    return world_publish_keys(daemon->publisher);
}

int
tg_catalog_publish(struct tg_daemon *daemon, struct tg_store *store)
{
    uint64_t seq;

    /* One that is the same is not published again. */
    (void)store;
    return tg_state_catalog(&daemon->state, &seq) != NULL
               ? 0
               : world_publish_catalog(daemon->publisher);
}

void
keeper_begin(void)
{
    lives = false;
}

bool
keeper_lives(void)
{
    return lives;
}

void
keeper_kill(void)
{
    if (lives && recovery.journal.writer_id != 0)
        sim_trace("the daemon is gone");
    lives = false;
    disk_leave(&process);
    model_store_leave();
    sim_free_all();
    if (daemon_.state.map != NULL)
        tg_state_close(&daemon_.state);
    daemon_.state.map = NULL;
}

static void
init(void)
{
    struct tg_daemon *d = &daemon_;

    memset(d, 0, sizeof(*d));
    memset(&recovery, 0, sizeof(recovery));
    ingest = NULL;
    snprintf(d->paths.journal, sizeof(d->paths.journal), "%s", DISK_FOLDER);
    snprintf(d->paths.state, sizeof(d->paths.state), "%s", keeper_state_path);
    pthread_mutex_init(&d->write_lock, NULL);
    pthread_mutex_init(&d->publish_lock, NULL);
    d->admin = model_store();
    d->own_writer_id = sim_random() | 1;
}

/* As main.c does. */
static void
start(void *arg)
{
    struct tg_error error;
    int err = tg_ingest_open(&ingest, &daemon_, &error);

    if (err == 0)
        err = tg_statefile_open(&daemon_, ingest, &error);
    if (err == 0)
        err = tg_statefile_admit(&daemon_, &error);
    if (err == 0) {
        oracle_attach(keeper_state_path);
        sim_point("calls are admitted");
        err = tg_statefile_publish(&daemon_, &error);
    }
    if (err == 0)
        tg_recovery_init(&recovery, &daemon_, ingest);
    *(int *)arg = err;
}

static enum sim_death
run(void (*piece)(void *), void *arg)
{
    enum sim_death death = sim_run(&process, piece, arg);

    if (death != SIM_LIVES)
        keeper_kill();
    return death;
}

enum sim_death
keeper_start(void)
{
    enum sim_death death;
    int err = -1;

    if (process.is_running)
        return SIM_LIVES;
    init();
    lives = true;
    death = run(start, &err);
    if (death == SIM_LIVES && err != 0) {
        sim_trace("the daemon does not start: %d", err);
        keeper_kill();
    } else if (death == SIM_LIVES) {
        sim_trace("the daemon runs");
    }
    return death;
}

static void
beat(void *arg)
{
    (void)arg;
    sim_trace("looks for the dead");
    tg_recovery_pass(&recovery, sim.now_ms);
}

static void
take_in(void *arg)
{
    (void)arg;
    sim_trace("takes in");
    (void)tg_ingest_pass(ingest);
}

static void
stop(void *arg)
{
    (void)arg;
    tg_ingest_pass(ingest);
    tg_recovery_release(&recovery);
    tg_ingest_close(ingest);
    tg_statefile_close(&daemon_);
}

enum sim_death
keeper_step(void)
{
    enum sim_death death;

    if (process.is_running)
        return SIM_LIVES;
    if (!sim.is_calm && sim_chance(40)) {
        death = run(stop, NULL);
        sim_trace("the daemon ends");
        keeper_kill();
        return death;
    }
    return run(sim_chance(300) ? beat : take_in, NULL);
}

/* Three looks at what is damaged, and one more. */
#define LAST_PASSES 4

void
keeper_finish(void)
{
    for (int i = 0; i < LAST_PASSES && lives; i++) {
        run(take_in, NULL);
        run(beat, NULL);
    }
    run(stop, NULL);
    keeper_kill();
}
