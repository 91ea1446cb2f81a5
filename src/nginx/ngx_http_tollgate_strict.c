/*
 * ngx_http_tollgate_strict.c: requests that wait until their record is
 * durable: a call that was admitted, before anything goes upstream; one that
 * is settled, with its last bytes.  Without sync = strict the latter alone,
 * until the round ends: clients that are answered together call together.
 */

#include "ngx_http_tollgate_module.h"

/* A bit of r->buffered that no filter below uses for an answer of ours. */

#define NGX_HTTP_TOLLGATE_BUFFERED  0x08

static void ngx_http_tollgate_hold_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_shut_out(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, enum tg_code code);


/* From a phase handler: NGX_OK, and the request goes on, with its call or the
   refusal of it; or NGX_AGAIN. */

ngx_int_t
ngx_http_tollgate_wait_hold(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    ngx_connection_t  *c;

    if (!ngx_http_tollgate_worker.is_strict) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_journal_hold(ctx) != NGX_OK) {
        return ngx_http_tollgate_shut_out(r, ctx, TG_CODE_GATE_UNAVAILABLE);
    }

    /* So that we hear of a client that leaves; as a request in its key's
       line. */

    c = r->connection;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_tollgate_hold_handler;
    ngx_http_tollgate_await(ctx);

    return NGX_AGAIN;
}


/*
 * A call that goes no further.  Its hold may be on the disk, so that it has a
 * record all the same, which costs nothing.
 */

static ngx_int_t
ngx_http_tollgate_shut_out(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    enum tg_code code)
{
    ngx_http_tollgate_refuse_code(r, ctx, code);
    ngx_http_tollgate_settle(ctx, ctx->status, code);
    ctx->record = 0;
    r->content_handler = ngx_http_tollgate_answer_handler;

    return NGX_OK;
}


static void
ngx_http_tollgate_hold_handler(ngx_http_request_t *r)
{
    static struct tg_admission  a;

    struct tg_str             none = { NULL, 0 };
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);

    /* An event of the connection's own. */

    if (ctx->is_waiting) {
        return;
    }

    a.head = ctx->head;

    if (ctx->is_shut_out) {
        (void) ngx_http_tollgate_shut_out(r, ctx, TG_CODE_GATE_UNAVAILABLE);

    } else if (!tg_admit_again(&ngx_http_tollgate_worker.state,
                               ngx_http_tollgate_now_ms(), &a))
    {
        (void) ngx_http_tollgate_shut_out(r, ctx, a.code);
        ngx_http_tollgate_refuse(r, ctx, &a, none);
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/* Keeps an answer's last bytes back.  The bytes stay where they are, for
   nothing more is read into their place. */

ngx_int_t
ngx_http_tollgate_wait_last(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *out)
{
    ngx_chain_t  *cl, **last;

    last = &ctx->last;

    for ( /* void */ ; out; out = out->next) {
        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = ngx_alloc_buf(r->pool);
        if (cl->buf == NULL) {
            return NGX_ERROR;
        }

        *cl->buf = *out->buf;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;

        out->buf->pos = out->buf->last;
    }

    r->buffered |= NGX_HTTP_TOLLGATE_BUFFERED;
    ngx_http_tollgate_await(ctx);

    return NGX_AGAIN;
}


/* The record is durable, or will not be: the request goes on. */

void
ngx_http_tollgate_wake(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_chain_t         *out;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ctx->last != NULL) {
        out = ctx->last;
        ctx->last = NULL;
        r->buffered &= ~NGX_HTTP_TOLLGATE_BUFFERED;

        if (ngx_http_tollgate_output(r, ctx, out) == NGX_ERROR) {
            c->error = 1;
        }
    }

    /* Whoever deals with the request now sees to the rest. */

    ngx_post_event(c->write, &ngx_posted_events);
}
