/*
 * ngx_http_tollgate_streams.c: running streams are asked twice a second
 * whether their key may still call, and hold more as they go on; those that
 * may not, or cannot, are cut.  So is whatever an upstream does not end.
 */

#include "ngx_http_tollgate_module.h"

#include "excess.h"
#include "refusal.h"

#define NGX_HTTP_TOLLGATE_WATCH_MS  400

static void ngx_http_tollgate_shut(ngx_http_tollgate_ctx_t *ctx);
static void ngx_http_tollgate_cut(ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a);


void
ngx_http_tollgate_watch_call(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (ctx->is_watched) {
        return;
    }

    ngx_queue_insert_tail(&w->calls, &ctx->queue);
    ctx->is_watched = 1;

    if (!w->watch.timer_set) {
        ngx_add_timer(&w->watch, NGX_HTTP_TOLLGATE_WATCH_MS);
    }
}


void
ngx_http_tollgate_unwatch_call(ngx_http_tollgate_ctx_t *ctx)
{
    if (ctx->is_watched) {
        ngx_queue_remove(&ctx->queue);
        ctx->is_watched = 0;
    }
}


void
ngx_http_tollgate_watch_handler(ngx_event_t *ev)
{
    static struct tg_admission  a;

    ngx_queue_t                 *q, *next;
    ngx_http_tollgate_ctx_t     *ctx;
    ngx_http_tollgate_worker_t  *w = ev->data;

    for (q = ngx_queue_head(&w->calls);
         q != ngx_queue_sentinel(&w->calls);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_http_tollgate_ctx_t, queue);

        if (ctx->mode == NGX_HTTP_TOLLGATE_REPLACE) {

            /* Of an error enough is known. */

            if (ngx_http_tollgate_now_ms() >= ctx->error_until_ms) {
                ngx_http_tollgate_shut(ctx);
            }

            continue;
        }

        ngx_http_tollgate_check_excess(ctx);

        if (!ctx->is_stream || ctx->cut_code != TG_CODE_NONE) {
            continue;
        }

        a.head = ctx->head;

        if (!tg_admit_again(&w->state, ngx_http_tollgate_now_ms(), &a)) {
            ngx_http_tollgate_cut(ctx, &a);
        }
    }

    if (!ngx_queue_empty(&w->calls)) {
        ngx_add_timer(&w->watch, NGX_HTTP_TOLLGATE_WATCH_MS);
    }
}


/* What may have been made of the answer is more than is held of it. */

void
ngx_http_tollgate_hold_more(ngx_http_tollgate_ctx_t *ctx)
{
    static struct tg_admission  a;

    a.head = ctx->head;

    if (!tg_hold_more(&ctx->hold, &ngx_http_tollgate_worker.state, ctx->slot,
                      &ctx->meter, ngx_http_tollgate_now_ms(), &a))
    {
        ngx_http_tollgate_cut(ctx, &a);
        return;
    }

    ngx_http_tollgate_journal_more(ctx);
}


/* Nothing to cut, or all of the answer has come. */

static ngx_uint_t
ngx_http_tollgate_is_over(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    return u == NULL || u->peer.connection == NULL
           || (ctx->is_observed && u->length == 0);
}


/*
 * The upstream's connection is shut, which nginx finds out by itself: the
 * answer then breaks off, with the sentence that is prepared here.
 */

static void
ngx_http_tollgate_cut(ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a)
{
    struct tg_str  none = { NULL, 0 };

    if (ngx_http_tollgate_is_over(ctx)) {
        return;
    }

    ngx_http_tollgate_unwatch_call(ctx);

    ctx->cut_code = a->code;
    ngx_http_tollgate_refuse(ctx->request, ctx, (struct tg_admission *) a,
                             none);

    ngx_http_tollgate_shut(ctx);
}


/* An answer that is more than any may be is the upstream's fault. */

void
ngx_http_tollgate_check_excess(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->cut_code != TG_CODE_NONE
        || !tg_excess(&ctx->meter, ngx_current_msec - ctx->began)
        || ngx_http_tollgate_is_over(ctx))
    {
        return;
    }

    r = ctx->request;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "tollgate: the upstream's answer does not end: cut behind "
                  "%uL bytes", ctx->meter.bytes);

    ngx_http_tollgate_unwatch_call(ctx);

    ctx->cut_code = TG_CODE_UPSTREAM_ERROR;
    ngx_http_tollgate_report_broken(r, ctx);
    ngx_http_tollgate_refuse_code(r, ctx, TG_CODE_UPSTREAM_ERROR);

    ngx_http_tollgate_shut(ctx);
}


static void
ngx_http_tollgate_shut(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (u != NULL && u->peer.connection != NULL) {
        (void) shutdown(u->peer.connection->fd, SHUT_RDWR);
    }
}
