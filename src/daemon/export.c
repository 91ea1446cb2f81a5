#include "export.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"

#define RETRY_S 5

struct export
{
    struct tg_daemon *daemon;
    const struct tg_export_kind *kind;
    void *state;
    struct tg_rows rows;
    size_t sent;
    bool is_over;
};

bool
tg_export_form(const struct tg_request *request, struct tg_reply *reply,
               enum tg_row_form *form)
{
    const char *text = tg_request_argument(request, "format");

    *form =
        text != NULL && strcmp(text, "jsonl") == 0 ? TG_ROW_JSON : TG_ROW_CSV;
    return text == NULL || *form == TG_ROW_JSON || strcmp(text, "csv") == 0 ||
           tg_reply_invalid(reply, "format", "format is csv or jsonl");
}

bool
tg_export_keep(const char **text, char **copy)
{
    if (*text == NULL)
        return true;
    *copy = strdup(*text);
    *text = *copy;
    return *copy != NULL;
}

bool
tg_export_no_memory(struct tg_reply *reply)
{
    return tg_reply_error(reply, 500, "internal_error", NULL, "out of memory");
}

static void
release(void *arg)
{
    struct export *export = arg;

    export->kind->release(export->state);
    tg_rows_release(&export->rows);
    atomic_fetch_sub(&export->daemon->exports_open, 1);
    free(export);
}

/* What was made before is sent. */
static int
read_slice(void *arg)
{
    struct export *export = arg;
    struct tg_daemon *daemon = export->daemon;
    struct tg_store *store = daemon->exports;
    int err;

    pthread_mutex_lock(&daemon->exports_lock);
    if (export->sent == export->rows.len)
        export->rows.len = export->sent = 0;
    err = export->kind->slice(export->state, store, &export->rows,
                              &export->is_over);
    if (err == 0 && export->rows.has_failed)
        err = tg_error_set(&store->error, TG_ERR_SYSTEM, "out of memory");
    if (err != 0)
        tg_log(TG_LOG_ERROR, "an export of %s is broken off: %s",
               export->kind->name, store->error.text);
    pthread_mutex_unlock(&daemon->exports_lock);
    return err;
}

static ptrdiff_t
read_some(void *arg, char *out, size_t room)
{
    struct export *export = arg;
    size_t left = export->rows.len - export->sent;

    if (left == 0)
        return export->is_over ? TG_STREAM_END : 0;
    if (left > room)
        left = room;
    memcpy(out, export->rows.data + export->sent, left);
    export->sent += left;
    return (ptrdiff_t)left;
}

static bool
take_room(struct tg_daemon *daemon, struct tg_reply *reply)
{
    if (atomic_fetch_add(&daemon->exports_open, 1) < TG_EXPORTS_MAX)
        return true;
    atomic_fetch_sub(&daemon->exports_open, 1);
    reply->retry_after_s = RETRY_S;
    return tg_reply_error(reply, 429, "too_many_exports", NULL,
                          "%d exports are under way; wait until one of them "
                          "has ended",
                          TG_EXPORTS_MAX);
}

static void
write_head(struct export *export)
{
    if (export->rows.form != TG_ROW_CSV)
        return;
    export->rows.form = TG_ROW_HEAD;
    export->kind->head(&export->rows);
    export->rows.form = TG_ROW_CSV;
}

void
tg_export_reply(const struct tg_request *request, struct tg_reply *reply,
                const struct tg_export_kind *kind, void *state,
                int64_t expected)
{
    struct tg_daemon *daemon = request->daemon;
    struct export *export;
    enum tg_row_form form;

    if (!tg_export_form(request, reply, &form) || !take_room(daemon, reply)) {
        kind->release(state);
        return;
    }
    export = malloc(sizeof(*export));
    if (export == NULL) {
        kind->release(state);
        atomic_fetch_sub(&daemon->exports_open, 1);
        tg_export_no_memory(reply);
        return;
    }
    *export = (struct export){
        .daemon = daemon, .kind = kind, .state = state, .rows = {.form = form}};
    write_head(export);
    /* What fails at once is told by a status. */
    if (read_slice(export) != 0) {
        release(export);
        tg_reply_error(reply, 503, "store_unavailable", NULL,
                       "the store cannot be read now; the daemon's log says "
                       "why");
        return;
    }
    reply->status = 200;
    reply->stream = (struct tg_reply_stream){
        .read = read_some,
        .make = read_slice,
        .release = release,
        .arg = export,
        .name = kind->name,
        .ending = form == TG_ROW_CSV ? "csv" : "jsonl",
        .type = form == TG_ROW_CSV ? "text/csv; charset=utf-8"
                                   : "application/x-ndjson",
        .rows = expected,
    };
}
