#include <unistd.h>

#include "admin.h"
#include "clock.h"

/* Ingest that has not ended a pass for so long is in trouble. */
#define INGEST_LATE_MS 5000

static json_t *
state_object(struct tg_daemon *daemon)
{
    const struct tg_state *state = &daemon->state;
    int workers = 0;

    for (uint32_t i = 0; i < state->header->area_count; i++)
        workers += atomic_load(&state->areas[i].writer_id) != 0;
    return json_pack(
        "{s:s,s:o,s:i}", "status",
        atomic_load(&state->header->is_ready) ? "ready" : "not_ready",
        "created_at", tg_reply_instant(state->header->created_at_ms), "workers",
        workers);
}

void
tg_admin_health(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    int64_t now_ms = tg_clock_ms();
    int64_t ingested_at = atomic_load(&daemon->ingested_at_ms);
    bool is_late = now_ms - ingested_at > INGEST_LATE_MS;
    uint32_t bad = atomic_load(&daemon->bad_segments);

    tg_reply_json(
        reply, 200,
        json_pack("{s:s,s:s,s:s,s:i,s:o,s:{s:s},s:o,s:{s:s,s:I,s:i,s:o}}",
                  "object", "health", "status",
                  is_late || bad > 0 ? "degraded" : "ok", "version", TG_VERSION,
                  "pid", (int)getpid(), "started_at",
                  tg_reply_instant(daemon->started_at_ms), "store", "status",
                  "ok", "state", state_object(daemon), "ingest", "status",
                  is_late   ? "late"
                  : bad > 0 ? "bad_segments"
                            : "ok",
                  "lag_bytes", (json_int_t)atomic_load(&daemon->lag_bytes),
                  "bad_segments", (int)bad, "last_at",
                  tg_reply_instant(ingested_at)));
}
