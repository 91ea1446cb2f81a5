#include <unistd.h>

#include "admin.h"
#include "clock.h"
#include "disk.h"
#include "pool.h"

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

static json_t *
refused_object(const struct tg_catalog *catalog, uint32_t row,
               const struct tg_pool_view *view)
{
    const struct tg_upstream_credential *credential =
        &catalog->credentials[row];
    const char *name = catalog->upstreams[credential->upstream].name;

    return json_pack("{s:s%,s:s,s:i,s:o}", "id", credential->id,
                     (size_t)TG_ID_LEN, "upstream", name, "last_status",
                     (int)view->status, "until",
                     tg_reply_instant(view->until_ms));
}

/* Those in use that their upstreams refuse. */
static json_t *
refused_credentials(struct tg_daemon *daemon, int64_t now_ms)
{
    const struct tg_catalog *catalog;
    json_t *list = json_array();

    pthread_mutex_lock(&daemon->publish_lock);
    catalog = daemon->catalog;
    for (uint32_t i = 0; catalog != NULL && i < TG_CATALOG_CREDENTIALS; i++) {
        struct tg_pool_view view = tg_pool_look(
            &daemon->state, i, catalog->credentials[i].generation, now_ms);

        if (catalog->credentials[i].id[0] != '\0' && view.turns % 2 == 1)
            json_array_append_new(list, refused_object(catalog, i, &view));
    }
    pthread_mutex_unlock(&daemon->publish_lock);
    return list;
}

static int
add_bad(void *arg, const struct tg_store_segment *row)
{
    char name[TG_JOURNAL_NAME_SIZE];

    if (row->bad[0] == '\0')
        return 0;
    tg_journal_name(name, row->writer_id, row->number);
    return json_array_append_new(
        arg, json_pack("{s:s,s:I,s:s}", "file", name, "offset",
                       (json_int_t)row->offset, "why", row->bad));
}

/* Segments of the journal that were given up; the store knows them. */
static json_t *
given_up(struct tg_daemon *daemon)
{
    json_t *list = json_array();

    pthread_mutex_lock(&daemon->admin_lock);
    (void)daemon->admin->ops->segment_each(daemon->admin, add_bad, list);
    pthread_mutex_unlock(&daemon->admin_lock);
    return list;
}

/* As workers see it; is_well: nothing has failed for a while. */
static json_t *
journal_object(struct tg_daemon *daemon, bool *is_well)
{
    struct tg_trouble_view view = tg_trouble_look(&daemon->state);
    bool is_failing = view.workers > 0 || tg_disk_is_failing(&daemon->state);

    *is_well = !is_failing;
    return json_pack("{s:s,s:s?,s:i}", "status",
                     view.shut > 0 ? "shut"
                     : is_failing  ? "failing"
                                   : "ok",
                     "cause", is_failing ? tg_disk_cause(view.error) : NULL,
                     "workers_shut", (int)view.shut);
}

void
tg_admin_health(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    int64_t now_ms = tg_clock_ms();
    int64_t ingested_at = atomic_load(&daemon->ingested_at_ms);
    bool is_late = now_ms - ingested_at > INGEST_LATE_MS;
    uint32_t bad = atomic_load(&daemon->bad_segments);
    json_t *refused = refused_credentials(daemon, now_ms);
    bool is_refused = json_array_size(refused) > 0, is_kept;
    json_t *journal = journal_object(daemon, &is_kept);
    bool is_well = !is_late && bad == 0 && !is_refused && is_kept;

    tg_reply_json(
        reply, 200,
        json_pack("{s:s,s:s,s:s,s:i,s:o,s:{s:s},s:o,s:o,s:{s:s,s:I,s:i,s:o,s:o}"
                  ",s:{s:s,s:o}}",
                  "object", "health", "status", is_well ? "ok" : "degraded",
                  "version", TG_VERSION, "pid", (int)getpid(), "started_at",
                  tg_reply_instant(daemon->started_at_ms), "store", "status",
                  "ok", "state", state_object(daemon), "journal", journal,
                  "ingest", "status",
                  is_late   ? "late"
                  : bad > 0 ? "bad_segments"
                            : "ok",
                  "lag_bytes", (json_int_t)atomic_load(&daemon->lag_bytes),
                  "bad_segments", (int)bad, "segments",
                  bad > 0 ? given_up(daemon) : json_array(), "last_at",
                  tg_reply_instant(ingested_at), "credentials", "status",
                  is_refused ? "rejected" : "ok", "rejected", refused));
}
