/*
 * ngx_http_tollgate_queue.c: calls that wait for room under their key's
 * limits.  Core keeps the line and says when to look again; here they are
 * parked until then, or until a call of their key ends in this worker.
 * Heads whose key is not in the state file yet wait the same way, in no line.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_sleep(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_event_handler_pt handler,
    int64_t wait_ms);
static void ngx_http_tollgate_wake_up(ngx_http_request_t *r);
static void ngx_http_tollgate_turn_handler(ngx_event_t *ev);
static void ngx_http_tollgate_key_handler(ngx_event_t *ev);


/* Parks a request that core lets wait; from a phase handler. */

ngx_int_t
ngx_http_tollgate_park(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    int64_t wait_ms)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (ngx_http_tollgate_sleep(r, ctx, ngx_http_tollgate_turn_handler,
                                wait_ms)
        != NGX_OK)
    {
        tg_queue_leave(&w->claim, &ctx->place);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ctx->is_parked) {
        ngx_queue_insert_tail(&w->line, &ctx->line);
        ctx->is_parked = 1;
    }

    return NGX_AGAIN;
}


/* The same for one whose key may still come: its head is judged again. */

ngx_int_t
ngx_http_tollgate_await_key(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, int64_t wait_ms)
{
    if (ngx_http_tollgate_sleep(r, ctx, ngx_http_tollgate_key_handler, wait_ms)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->awaits_key = 1;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_tollgate_sleep(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_event_handler_pt handler, int64_t wait_ms)
{
    ngx_connection_t  *c;

    c = r->connection;

    /* So that we hear of a client that leaves; as the limit_req module. */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->turn.handler = handler;
    ctx->turn.data = ctx;
    ctx->turn.log = c->log;
    ngx_add_timer(&ctx->turn, (ngx_msec_t) wait_ms);

    return NGX_OK;
}


static void
ngx_http_tollgate_wake_up(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_tollgate_key_handler(ngx_event_t *ev)
{
    ngx_http_request_t       *r;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;

    ngx_http_set_log_request(r->connection->log, r);
    ngx_http_tollgate_wake_up(r);
}


static void
ngx_http_tollgate_turn_handler(ngx_event_t *ev)
{
    static struct tg_admission  a;

    struct tg_str                none = { NULL, 0 };
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_tollgate_ctx_t     *ctx;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    a.head = ctx->head;
    tg_admit_turn(&w->claim, &ctx->place, ngx_http_tollgate_now_ms(), &a);

    if (a.action == TG_ACTION_WAIT) {
        ngx_add_timer(ev, (ngx_msec_t) a.wait_ms);
        return;
    }

    ngx_http_set_log_request(c->log, r);

    if (a.action == TG_ACTION_REFUSE) {
        ngx_http_tollgate_leave_line(ctx);
        ngx_http_tollgate_refuse(r, ctx, &a, none);
    }

    ngx_http_tollgate_wake_up(r);
}


/* Has the first of the same key in this worker look whether it may go. */

void
ngx_http_tollgate_call_next(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_queue_t                 *q;
    ngx_http_tollgate_ctx_t     *next;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    for (q = ngx_queue_head(&w->line);
         q != ngx_queue_sentinel(&w->line);
         q = ngx_queue_next(q))
    {
        next = ngx_queue_data(q, ngx_http_tollgate_ctx_t, line);

        if (next != ctx && next->head.key_slot == ctx->head.key_slot) {
            ngx_post_event(&next->turn, &ngx_posted_events);
            return;
        }
    }
}


/* The request waits no more, whether it goes on or ends. */

void
ngx_http_tollgate_leave_line(ngx_http_tollgate_ctx_t *ctx)
{
    if (ctx->turn.timer_set) {
        ngx_del_timer(&ctx->turn);
    }

    if (ctx->turn.posted) {
        ngx_delete_posted_event(&ctx->turn);
    }

    if (ctx->is_parked) {
        ngx_queue_remove(&ctx->line);
        ctx->is_parked = 0;

        tg_queue_leave(&ngx_http_tollgate_worker.claim, &ctx->place);
        ngx_http_tollgate_call_next(ctx);
    }
}
