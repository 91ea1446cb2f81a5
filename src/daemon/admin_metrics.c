#include <stdlib.h>

#include "admin.h"
#include "clock.h"
#include "metrics.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

void
tg_admin_metrics(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_store *store = daemon->monitor;
    struct tg_exposition out = {.data = NULL};
    int err;

    pthread_mutex_lock(&daemon->monitor_lock);
    err = store->ops->begin_reading(store);
    if (err == 0)
        err = tg_metrics_write_calls(&out, daemon, store);
    if (err == 0)
        err = tg_metrics_write_gate(&out, daemon, store, tg_clock_ms());
    store->ops->rollback(store);
    if (err != 0)
        tg_reply_store(reply, store, err, "figure");
    pthread_mutex_unlock(&daemon->monitor_lock);
    if (err == 0)
        tg_metrics_write_process(&out, daemon);
    if (err != 0 || out.has_failed) {
        free(out.data);
        out.data = NULL;
    }
    if (err == 0)
        tg_reply_bytes(reply, 200, TYPE, out.data, out.len);
}
