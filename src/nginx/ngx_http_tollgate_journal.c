/*
 * ngx_http_tollgate_journal.c: the record of a call, and whether there is room
 * for another one's: where there is none, no call is admitted.
 */

#include "ngx_http_tollgate_module.h"

#include "err.h"
#include "trouble.h"

#define NGX_HTTP_TOLLGATE_REWRITE_MS  1000

static void ngx_http_tollgate_rewrite(ngx_event_t *ev);


/* The text of a header, or an empty one. */

static struct tg_str
ngx_http_tollgate_header(ngx_table_elt_t *h)
{
    if (h == NULL) {
        return (struct tg_str) { NULL, 0 };
    }

    return (struct tg_str) { (char *) h->value.data, h->value.len };
}


/* No call is admitted until the timer finds that there is room again. */

void
ngx_http_tollgate_close_gate(int err)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (w->is_shut) {
        return;
    }

    w->is_shut = 1;
    tg_trouble_note(&w->claim, TG_TROUBLE_SHUT,
                    err == TG_ERR_FULL ? 0 : ngx_errno);

    if (err == TG_ERR_FULL) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "tollgate: too many records of the journal are not "
                      "durable yet; no call is admitted until they are");
    } else {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "tollgate: the journal takes no records; no call is "
                      "admitted until it does");
    }

    ngx_add_timer(&w->rewrite, NGX_HTTP_TOLLGATE_REWRITE_MS);
}


/* NGX_OK, or NGX_DECLINED: the journal has no room for another call's end. */

ngx_int_t
ngx_http_tollgate_may_admit(void)
{
    int                          err;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (w->is_shut) {
        return NGX_DECLINED;
    }

    err = tg_journal_make_room(&w->journal, ngx_http_tollgate_now_ms());

    if (err != 0) {
        ngx_http_tollgate_close_gate(err);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Writes what was added to the journal: NGX_OK or NGX_DECLINED. */

static ngx_int_t
ngx_http_tollgate_write_added(ngx_http_tollgate_worker_t *w)
{
    int64_t     now_ms;
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (w->journal.added_count == 0) {
        return NGX_OK;
    }

    rc = NGX_OK;
    now_ms = ngx_http_tollgate_now_ms();

    /* A second try begins a new segment, on what may be another disk. */

    if (tg_journal_write(&w->journal, now_ms) == 0
        || tg_journal_write(&w->journal, now_ms) == 0)
    {
        for (i = 0; i < w->added_n; i++) {
            tg_area_end(&w->claim, w->added[i]);
        }

        ngx_http_tollgate_written();

    } else {

        /* The slots keep the records until the journal takes them. */

        rc = NGX_DECLINED;
        tg_journal_drop(&w->journal);
        w->unwritten += w->added_n;
        ngx_http_tollgate_close_gate(TG_ERR_SYSTEM);
    }

    w->added_n = 0;

    return rc;
}


void
ngx_http_tollgate_write_round(void)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    (void) ngx_http_tollgate_write_added(w);
}


/* The answers go first: until a record is written its slot has all of it, and
   the daemon writes it should this process die. */

static void
ngx_http_tollgate_round_handler(ngx_event_t *ev)
{
    ngx_http_tollgate_worker.round++;
    ngx_http_tollgate_wake_all(0);
    ngx_http_tollgate_write_round();
}


/* Calls that end in one round of the worker's events are answered at its end,
   and then written together; with sync = strict each is by itself. */

void
ngx_http_tollgate_journal(ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_str                agent, trace_id;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    agent = ngx_http_tollgate_header(ctx->request->headers_in.user_agent);
    trace_id = (struct tg_str) { (char *) ctx->trace_id.data,
                                 ctx->trace_id.len };

    tg_journal_add(&w->journal, &ctx->slot->call, agent, trace_id);
    w->added[w->added_n++] = ctx->slot;
    ctx->round = w->round;

    if (w->is_strict || w->added_n == TG_JOURNAL_ADDED_MAX) {
        ctx->record = ngx_http_tollgate_write_added(w) == NGX_OK
                      ? w->journal.written : NGX_HTTP_TOLLGATE_UNWRITTEN;
        return;
    }

    if (!w->written.posted) {
        ngx_post_event(&w->written, &ngx_posted_events);
    }
}


/* NGX_OK or NGX_DECLINED: a hold, to be durable before it is acted upon. */

ngx_int_t
ngx_http_tollgate_journal_hold(ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_str                agent;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    agent = ngx_http_tollgate_header(ctx->request->headers_in.user_agent);

    if (tg_journal_append_hold(&w->journal, &ctx->slot->call, agent,
                               ngx_http_tollgate_now_ms())
        != 0)
    {
        ngx_http_tollgate_close_gate(TG_ERR_SYSTEM);
        return NGX_DECLINED;
    }

    ctx->record = w->journal.written;
    ngx_http_tollgate_written();

    return NGX_OK;
}


/* A stream holds more.  Where there is no room to say so, the last hold that
   was written is what counts if all else is lost. */

void
ngx_http_tollgate_journal_more(ngx_http_tollgate_ctx_t *ctx)
{
    uint64_t                     record;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (!w->is_strict || w->is_shut
        || tg_journal_make_room(&w->journal, ngx_http_tollgate_now_ms()) != 0)
    {
        return;
    }

    record = ctx->record;
    (void) ngx_http_tollgate_journal_hold(ctx);
    ctx->record = record;
}


static void
ngx_http_tollgate_write_slot(void *arg, struct tg_call_slot *slot)
{
    ngx_http_tollgate_worker_t  *w = arg;

    struct tg_str  none = { NULL, 0 };

    /* A status is there once a call is settled, and not before. */

    if (slot->call.status == 0 || w->unwritten == 0) {
        return;
    }

    if (tg_journal_append(&w->journal, &slot->call, none, none,
                          ngx_http_tollgate_now_ms())
        != 0)
    {
        return;
    }

    tg_area_end(&w->claim, slot);
    ngx_http_tollgate_written();
    w->unwritten--;
}


static void
ngx_http_tollgate_rewrite(ngx_event_t *ev)
{
    ngx_http_tollgate_worker_t  *w = ev->data;

    ngx_http_tollgate_write_round();

    if (w->unwritten) {
        tg_area_each(&w->state, w->claim.area, ngx_http_tollgate_write_slot,
                     w);
    }

    if (w->unwritten
        || tg_journal_make_room(&w->journal, ngx_http_tollgate_now_ms()) != 0)
    {
        ngx_add_timer(&w->rewrite, NGX_HTTP_TOLLGATE_REWRITE_MS);
        return;
    }

    w->is_shut = 0;
    tg_trouble_end(&w->claim, TG_TROUBLE_SHUT);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tollgate: the journal takes records again");
}


ngx_int_t
ngx_http_tollgate_open_journal(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf, uint64_t writer_id)
{
    static char                  added[TG_JOURNAL_ADDED_BYTES];

    void                        *kept;
    ngx_core_conf_t             *ccf;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    /* What is never used of it takes no memory. */

    kept = ngx_alloc(TG_JOURNAL_KEPT_BYTES, cycle->log);
    if (kept == NULL) {
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    tg_journal_init(&w->journal, mcf->journal_dir, writer_id);
    tg_journal_keep(&w->journal, kept, TG_JOURNAL_KEPT_BYTES,
                    tg_journal_share((uint32_t) ccf->worker_processes));

    w->rewrite.handler = ngx_http_tollgate_rewrite;
    w->rewrite.data = w;
    w->rewrite.log = cycle->log;
    w->rewrite.cancelable = 1;

    tg_journal_gather(&w->journal, added);
    w->round = 1;
    w->written.handler = ngx_http_tollgate_round_handler;
    w->written.data = w;
    w->written.log = cycle->log;

    return ngx_http_tollgate_open_sync(cycle, mcf);
}


void
ngx_http_tollgate_close_journal(void)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    ngx_http_tollgate_write_round();

    if (w->unwritten) {
        tg_area_each(&w->state, w->claim.area, ngx_http_tollgate_write_slot,
                     w);
    }

    ngx_http_tollgate_close_sync();
    tg_journal_close(&w->journal);
    ngx_free(w->journal.kept);
}
