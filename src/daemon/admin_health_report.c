#include "admin.h"
#include "clock.h"
#include "health_report.h"

void
tg_admin_key_health(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->monitor;
    struct tg_health health;
    json_t *name = NULL;
    int err;

    tg_health_begin(&health, tg_clock_ms());
    pthread_mutex_lock(&daemon->monitor_lock);
    err = tg_health_key(&health, daemon, store, request->subject, &name);
    if (err != 0)
        tg_reply_store(reply, store, err, "key");
    pthread_mutex_unlock(&daemon->monitor_lock);
    if (err != 0) {
        json_decref(health.checks);
        return;
    }
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:s,s:o,s:s,s:o,s:o}", "object", "key_health",
                            "key_id", request->subject, "name", name, "status",
                            tg_health_name(health.worst), "at",
                            tg_reply_instant(health.now_ms), "checks",
                            health.checks));
}

void
tg_admin_health_report(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->monitor;
    struct tg_health health;
    json_t *keys = NULL;
    int err;

    tg_health_begin(&health, tg_clock_ms());
    pthread_mutex_lock(&daemon->monitor_lock);
    err = tg_health_all(&health, daemon, store);
    if (err == 0)
        keys = tg_health_keys(daemon, store, health.now_ms);
    else
        tg_reply_store(reply, store, err, "report");
    pthread_mutex_unlock(&daemon->monitor_lock);
    if (err != 0) {
        json_decref(health.checks);
        return;
    }
    tg_reply_json(reply, 200,
                  json_pack("{s:s,s:s,s:o,s:o,s:o}", "object", "gate_health",
                            "status", tg_health_name(health.worst), "at",
                            tg_reply_instant(health.now_ms), "checks",
                            health.checks, "keys", keys));
}
