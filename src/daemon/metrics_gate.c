#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "book.h"
#include "budget.h"
#include "disk.h"
#include "health.h"
#include "metrics.h"
#include "ready.h"
#include "trouble.h"

#define KEYS_EVERY_MS 60000
#define READ_LATELY_MS 300000

/* Opened less closed. */
struct open {
    int64_t count[3];
};

static const char *const severities[] = {"info", "warning", "critical"};

static int
take_open(void *arg, const struct tg_metric_count *row)
{
    struct open *open = arg;

    for (int i = 0; i < 3; i++) {
        if (strcmp(row->label, severities[i]) != 0)
            continue;
        if (strcmp(row->name, "alerts_opened") == 0)
            open->count[i] += row->count;
        else if (strcmp(row->name, "alerts_closed") == 0)
            open->count[i] -= row->count;
    }
    return 0;
}

static int
write_open(struct tg_exposition *out, struct tg_store *store)
{
    struct open open = {{0}};
    int err = store->metrics->count_each(store, take_open, &open);

    tg_exposition_family(out, TG_FAMILY_ALERTS_OPEN);
    for (int i = 0; i < 3; i++) {
        const char *const labels[] = {"severity", severities[i], NULL};

        tg_exposition_sample(out, TG_FAMILY_ALERTS_OPEN, "", labels);
        tg_exposition_number(out, open.count[i], 0);
    }
    return err;
}

static void
write_workers(struct tg_exposition *out, struct tg_daemon *daemon,
              int64_t now_ms)
{
    const struct tg_state *state = &daemon->state;
    struct tg_trouble_view view = tg_trouble_look(state);
    struct tg_ready ready;
    int64_t workers = 0;

    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint64_t writer_id = atomic_load(&state->areas[i].writer_id);

        workers += writer_id != 0 && tg_area_is_alive(state, i, writer_id);
    }
    ready = tg_ready_look(state, workers > view.shut, now_ms);
    tg_exposition_plain(out, TG_FAMILY_READY, tg_ready_is_ready(&ready), 0);
    tg_exposition_plain(out, TG_FAMILY_WORKERS, workers, 0);
    tg_exposition_plain(out, TG_FAMILY_WORKERS_SHUT, view.shut, 0);
    tg_exposition_plain(out, TG_FAMILY_JOURNAL_FAILING,
                        view.workers > 0 || tg_disk_is_failing(state), 0);
}

static void
write_ingest(struct tg_exposition *out, struct tg_daemon *daemon,
             int64_t now_ms)
{
    int64_t late_ms = now_ms - atomic_load(&daemon->ingested_at_ms);

    tg_exposition_plain(out, TG_FAMILY_BAD_SEGMENTS,
                        atomic_load(&daemon->bad_segments), 0);
    tg_exposition_plain(out, TG_FAMILY_LAG_BYTES,
                        (int64_t)atomic_load(&daemon->lag_bytes), 0);
    tg_exposition_plain(out, TG_FAMILY_LAG_SECONDS, late_ms > 0 ? late_ms : 0,
                        3);
}

static int64_t
size_of(const char *path, const char *tail)
{
    char name[TG_PATH_SIZE + 8];
    struct stat file;

    snprintf(name, sizeof(name), "%s%s", path, tail);
    return stat(name, &file) == 0 ? (int64_t)file.st_size : 0;
}

static void
write_disks(struct tg_exposition *out, const struct tg_paths *paths)
{
    const struct {
        const char *disk, *path;
    } rows[] = {{"home", paths->home},
                {"journal", paths->journal},
                {"memory", paths->shm}};
    struct statvfs fs;

    tg_exposition_plain(
        out, TG_FAMILY_STORE_BYTES,
        size_of(paths->store, "") + size_of(paths->store, "-wal"), 0);
    for (int is_size = 0; is_size < 2; is_size++) {
        enum tg_metric_family family =
            is_size ? TG_FAMILY_DISK_SIZE : TG_FAMILY_DISK_FREE;

        tg_exposition_family(out, family);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const char *const labels[] = {"disk", rows[i].disk, NULL};

            if (statvfs(rows[i].path, &fs) != 0)
                continue;
            tg_exposition_sample(out, family, "", labels);
            tg_exposition_number(
                out,
                (int64_t)((is_size ? fs.f_blocks : fs.f_bavail) * fs.f_frsize),
                0);
        }
    }
}

/* As they were counted last; nothing before that. */
static void
write_keys(struct tg_exposition *out, struct tg_daemon *daemon, int64_t now_ms)
{
    static const char *const names[] = {"unhealthy", "warning", "healthy"};

    atomic_store(&daemon->metrics.read_at_ms, now_ms);
    tg_exposition_family(out, TG_FAMILY_KEYS);
    if (atomic_load(&daemon->metrics.counted_at_ms) == 0)
        return;
    for (int i = 0; i < 3; i++) {
        const char *const labels[] = {"health", names[i], NULL};

        tg_exposition_sample(out, TG_FAMILY_KEYS, "", labels);
        tg_exposition_number(out, atomic_load(&daemon->metrics.keys[i]), 0);
    }
}

/* Of the first prepaid ones, as many as the operator's file says. */
static void
write_accounts(struct tg_exposition *out, struct tg_daemon *daemon)
{
    struct tg_state *state = &daemon->state;
    uint32_t slots = atomic_load(&state->header->account_high_water);
    uint32_t left = atomic_load(&daemon->metrics.accounts);
    struct tg_account_policy account;
    char id[TG_ID_TEXT_SIZE] = "";
    const char *const labels[] = {"account", id, "currency", TG_BOOK_CURRENCY,
                                  NULL};

    tg_exposition_family(out, TG_FAMILY_ACCOUNT_BALANCE);
    for (uint32_t i = 0; i < slots && left > 0; i++) {
        if (tg_state_account(state, i, &account) != 0 ||
            account.status == TG_ACCOUNT_NONE ||
            account.billing != TG_BILLING_PREPAID)
            continue;
        memcpy(id, account.id, TG_ID_LEN);
        tg_exposition_sample(out, TG_FAMILY_ACCOUNT_BALANCE, "", labels);
        tg_exposition_number(
            out, tg_budget_balance(&account, &state->accounts[i].counters), 9);
        left--;
    }
}

int
tg_metrics_write_gate(struct tg_exposition *out, struct tg_daemon *daemon,
                      struct tg_store *store, int64_t now_ms)
{
    int err = write_open(out, store);

    if (err == 0)
        err = tg_metrics_write_upstreams(out, daemon, store, now_ms);
    write_keys(out, daemon, now_ms);
    write_accounts(out, daemon);
    write_workers(out, daemon, now_ms);
    write_ingest(out, daemon, now_ms);
    write_disks(out, &daemon->paths);
    return err;
}

void
tg_metrics_pass(struct tg_daemon *daemon, struct tg_store *store,
                int64_t now_ms)
{
    static const char *const names[] = {"unhealthy", "warning", "healthy"};
    int64_t read_at = atomic_load(&daemon->metrics.read_at_ms);
    int64_t counted_at = atomic_load(&daemon->metrics.counted_at_ms);
    json_t *keys;

    if (read_at == 0 || now_ms - read_at > READ_LATELY_MS ||
        (counted_at != 0 && now_ms - counted_at >= 0 &&
         now_ms - counted_at < KEYS_EVERY_MS))
        return;
    keys = tg_health_keys(daemon, store, now_ms);
    for (int i = 0; i < 3 && json_is_object(keys); i++)
        atomic_store(&daemon->metrics.keys[i],
                     json_integer_value(json_object_get(keys, names[i])));
    json_decref(keys);
    atomic_store(&daemon->metrics.counted_at_ms, now_ms);
}
