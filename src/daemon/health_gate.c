#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "audit_seal.h"
#include "budget.h"
#include "disk.h"
#include "err.h"
#include "health_report.h"
#include "plural.h"
#include "trouble.h"

#define INGEST_LATE_MS 5000 /* a pass takes milliseconds */
#define INGEST_LOST_MS 60000
#define MIB (UINT64_C(1) << 20)
#define DISK_LOW (1024 * MIB)
#define DISK_LEAST (128 * MIB) /* twice what calls in flight are kept */
#define MEMORY_LOW (32 * MIB)
#define MEMORY_LEAST (8 * MIB)

static void
say_workers(struct tg_health *health, const struct tg_state *state)
{
    uint32_t alive = 0, gone = 0;

    for (uint32_t i = 0; i < state->header->area_count; i++) {
        uint64_t writer_id = atomic_load(&state->areas[i].writer_id);

        if (writer_id == 0)
            continue;
        if (tg_area_is_alive(state, i, writer_id))
            alive++;
        else
            gone++;
    }
    if (alive == 0)
        tg_health_say(health, "workers", TG_UNHEALTHY, "tollgate status",
                      "no worker of nginx has the state file: no call is "
                      "answered");
    else
        tg_health_say(health, "workers", TG_HEALTHY, NULL,
                      "%u worker%s of nginx %s the state file%s", alive,
                      tg_plural(alive), tg_plural_have(alive),
                      gone > 0 ? "; what dead ones left is being settled" : "");
}

static void
say_journal(struct tg_health *health, const struct tg_state *state)
{
    static const char cure[] = "look at the disk of the home's folder journal";
    struct tg_trouble_view view = tg_trouble_look(state);

    if (view.shut > 0)
        tg_health_say(health, "journal", TG_UNHEALTHY, cure,
                      "%u worker%s no call: the disk does not take the "
                      "journal (%s)",
                      view.shut, view.shut == 1 ? " admits" : "s admit",
                      tg_disk_cause(view.error));
    else if (view.workers > 0 || tg_disk_is_failing(state))
        tg_health_say(health, "journal", TG_WARNING, cure,
                      "the disk of the journal failed a moment ago (%s), and "
                      "it was made up for",
                      tg_disk_cause(view.error));
    else
        tg_health_say(health, "journal", TG_HEALTHY, NULL,
                      "its disk takes the records of calls");
}

static void
say_ingest(struct tg_health *health, struct tg_daemon *daemon)
{
    int64_t late_ms = health->now_ms - atomic_load(&daemon->ingested_at_ms);
    uint64_t lag = atomic_load(&daemon->lag_bytes);
    uint32_t bad = atomic_load(&daemon->bad_segments);
    char bytes[TG_HEALTH_TEXT_SIZE], span[TG_HEALTH_TEXT_SIZE];
    json_t *row;

    tg_health_bytes(lag, bytes);
    if (late_ms > INGEST_LATE_MS)
        row = tg_health_say(
            health, "ingest",
            late_ms > INGEST_LOST_MS ? TG_UNHEALTHY : TG_WARNING,
            "see the daemon's log: tollgate status",
            "calls wait in the journal: nothing was taken into the store for "
            "%s, and %s are behind",
            tg_health_span(late_ms, span), bytes);
    else
        row =
            tg_health_say(health, "ingest", TG_HEALTHY, NULL,
                          "calls get into the store; %s are on the way", bytes);
    json_object_set_new(row, "lag_bytes", json_integer((json_int_t)lag));
    if (bad > 0)
        tg_health_say(health, "segments", TG_UNHEALTHY,
                      "GET /admin/v1/health names them: docs/journal.md",
                      "%u segment%s of the journal cannot be read to the end",
                      bad, tg_plural(bad));
}

/* Below low it is a warning, and below least calls are about to fail. */
static void
say_disk(struct tg_health *health, const char *name, const char *path,
         uint64_t low, uint64_t least)
{
    struct statvfs fs;
    char bytes[TG_HEALTH_TEXT_SIZE];
    uint64_t left, percent;
    json_t *row;

    if (statvfs(path, &fs) != 0 || fs.f_blocks == 0)
        return;
    left = (uint64_t)fs.f_bavail * fs.f_frsize;
    percent = (uint64_t)fs.f_bavail * 100 / fs.f_blocks;
    row = tg_health_say(health, name,
                        left < least ? TG_UNHEALTHY
                        : left < low ? TG_WARNING
                                     : TG_HEALTHY,
                        "make room there", "%s (%llu %%) are free for %s",
                        tg_health_bytes(left, bytes),
                        (unsigned long long)percent, path);
    json_object_set_new(row, "free_bytes", json_integer((json_int_t)left));
}

/* The journal's own row only where it has a disk of its own. */
static void
say_disks(struct tg_health *health, const struct tg_paths *paths)
{
    struct stat home, journal;

    say_disk(health, "disk", paths->home, DISK_LOW, DISK_LEAST);
    if (stat(paths->home, &home) == 0 && stat(paths->journal, &journal) == 0 &&
        home.st_dev != journal.st_dev)
        say_disk(health, "disk of the journal", paths->journal, DISK_LOW,
                 DISK_LEAST);
    say_disk(health, "memory", paths->shm, MEMORY_LOW, MEMORY_LEAST);
}

static uint64_t
size_of(const char *path)
{
    struct stat file;

    return stat(path, &file) == 0 ? (uint64_t)file.st_size : 0;
}

static int
say_store(struct tg_health *health, struct tg_daemon *daemon,
          struct tg_store *store)
{
    char wal[TG_PATH_SIZE + 8], bytes[TG_HEALTH_TEXT_SIZE];
    int64_t first = 0, last = 0;
    int err = store->ops->call_span(store, &first, &last);

    if (err != 0)
        return err;
    snprintf(wal, sizeof(wal), "%s-wal", daemon->paths.store);
    tg_health_bytes(size_of(daemon->paths.store) + size_of(wal), bytes);
    if (last == 0)
        tg_health_say(health, "store", TG_HEALTHY, NULL,
                      "it answers; its files have %s, and no calls yet", bytes);
    else
        tg_health_say(health, "store", TG_HEALTHY, NULL,
                      "it answers; its files have %s, with the calls from "
                      "number %lld to %lld",
                      bytes, (long long)first, (long long)last);
    return 0;
}

/* The end alone; `tollgate audit verify` reads all of it. */
static int
say_audit(struct tg_health *health, struct tg_store *store)
{
    struct tg_audit_checkpoint checkpoint;
    struct tg_audit_key key;
    struct tg_digest digest;
    int64_t number = 0;
    int err = store->ops->audit_last(store, &number, &digest), read;

    if (err != 0)
        return err;
    read = tg_audit_checkpoint_read(store, &checkpoint);
    if (number == 0 && read == TG_ERR_NOT_FOUND)
        tg_health_say(health, "audit", TG_HEALTHY, NULL,
                      "the audit log has no entry yet");
    else if (read != 0 || checkpoint.number != number ||
             memcmp(&checkpoint.digest, &digest, sizeof(digest)) != 0 ||
             !tg_audit_key_own(&key) || !tg_audit_is_signed(&checkpoint, &key))
        tg_health_say(health, "audit", TG_UNHEALTHY, "tollgate audit verify",
                      "the audit log does not end as it was signed, at entry "
                      "%lld",
                      (long long)number);
    else
        tg_health_say(health, "audit", TG_HEALTHY, NULL,
                      "the audit log ends as it was signed, at entry %lld",
                      (long long)number);
    return 0;
}

/* What of accounts the state file says: it has them all. */
static void
say_accounts(struct tg_health *health, struct tg_daemon *daemon)
{
    struct tg_state *state = &daemon->state;
    uint32_t slots = atomic_load(&state->header->account_high_water);
    struct tg_account_policy account;
    uint32_t prepaid = 0, empty = 0;

    for (uint32_t i = 0; i < slots; i++) {
        if (tg_state_account(state, i, &account) != 0 ||
            account.status != TG_ACCOUNT_ACTIVE ||
            account.billing != TG_BILLING_PREPAID)
            continue;
        prepaid++;
        empty +=
            (__int128)account.granted_nanos + account.topped_up_nanos > 0 &&
            tg_budget_balance(&account, &state->accounts[i].counters) <= 0;
    }
    if (prepaid == 0)
        tg_health_say(health, "accounts", TG_HEALTHY, NULL,
                      "no account is prepaid");
    else
        tg_health_say(health, "accounts", empty > 0 ? TG_WARNING : TG_HEALTHY,
                      "tollgate accounts list",
                      "%u of %u prepaid account%s %s no money left", empty,
                      prepaid, tg_plural(prepaid), tg_plural_have(prepaid));
}

int
tg_health_all(struct tg_health *health, struct tg_daemon *daemon,
              struct tg_store *store)
{
    static const struct tg_health_upstreams all = {.is_of_some = false};
    int err;

    tg_health_gate(health, daemon);
    say_workers(health, &daemon->state);
    say_journal(health, &daemon->state);
    say_ingest(health, daemon);
    say_disks(health, &daemon->paths);
    err = say_store(health, daemon, store);
    if (err == 0)
        err = tg_health_upstreams(health, daemon, store, &all);
    if (err == 0)
        err = tg_health_errors(health, store, NULL);
    say_accounts(health, daemon);
    if (err == 0)
        err = tg_health_told(health, store);
    return err == 0 ? say_audit(health, store) : err;
}
