/*
 * ngx_http_tollgate_filter.c: the upstream's answer on its way to the client.
 *
 * The header is kept back until the first byte of the body shows whether
 * there is an answer at all: an empty 200 becomes a 502.
 */

#include "ngx_http_tollgate_module.h"

#include "money.h"

static ngx_int_t ngx_http_tollgate_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_tollgate_pass(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_tollgate_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_tollgate_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_tollgate_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_header_filter(ngx_http_request_t *r)
{
    ngx_str_t                *type = &r->headers_out.content_type;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx == NULL || ctx->slot == NULL || ctx->is_done || r->upstream == NULL
        || r != r->main)
    {
        return ngx_http_next_header_filter(r);
    }

    /* nginx takes what is no HTTP for an answer of HTTP/0.9, and would give
       the client one, without a head. */

    if (r->http_version < NGX_HTTP_VERSION_10) {
        r->http_version = ctx->http_version;
        return NGX_HTTP_BAD_GATEWAY;
    }

    ctx->is_observed = 1;
    ctx->is_held = 1;
    ctx->upstream_status = r->headers_out.status;
    ctx->mode = NGX_HTTP_TOLLGATE_PASS;

    ngx_http_tollgate_guard_input(r, ctx);
    ngx_http_tollgate_sift(r, ctx);
    tg_meter_expect(&ctx->meter,
                    tg_meter_shape_of(ctx->head.route,
                                      (struct tg_str) {
                                          (char *) type->data, type->len }));

    if (ctx->upstream_status < 200 || ctx->upstream_status >= 300) {
        ctx->mode = NGX_HTTP_TOLLGATE_REPLACE;
        ctx->error_retry_ms = ngx_http_tollgate_retry_after(r);
        ctx->error_until_ms = ngx_http_tollgate_now_ms()
                              + NGX_HTTP_TOLLGATE_ERROR_MS;
    }

    if (ctx->edit_rule != TG_EDIT_NOTHING
        && ctx->mode == NGX_HTTP_TOLLGATE_PASS)
    {
        ctx->edit = ngx_palloc(r->pool, sizeof(struct tg_edit)
                                        + TG_EDIT_CARRY_BYTES);
        if (ctx->edit == NULL) {
            return NGX_ERROR;
        }

        tg_edit_init(ctx->edit, ctx->edit_rule, (char *) (ctx->edit + 1),
                     TG_EDIT_CARRY_BYTES);
        ngx_http_clear_content_length(r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* Nothing follows what waits for the record; what is in front may go. */

    if (ctx->last != NULL) {
        ngx_http_tollgate_consume(in);
        return ngx_http_next_body_filter(r, NULL) == NGX_ERROR ? NGX_ERROR
                                                               : NGX_AGAIN;
    }

    if (!ctx->is_observed || in == NULL) {
        return ngx_http_tollgate_output(r, ctx, in);
    }

    /* The client has its last byte; the upstream may go on talking. */

    if (ctx->is_done) {
        ngx_http_tollgate_consume(in);
        return NGX_OK;
    }

    if (ctx->mode == NGX_HTTP_TOLLGATE_REPLACE) {
        return ngx_http_tollgate_replace(r, ctx, in);
    }

    return ngx_http_tollgate_pass(r, ctx, in);
}


ngx_http_tollgate_end_t
ngx_http_tollgate_look(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t              *cl;
    ngx_http_tollgate_end_t   end = { 0, 0, 0 };

    for (cl = in; cl; cl = cl->next) {
        if (cl->buf->last_buf) {
            end.has_last = 1;
        }

        if (ngx_buf_size(cl->buf) > 0) {
            end.has_data = 1;
        }
    }

    /*
     * An upstream that is given up has no cleanup left when nginx flushes
     * what there is.  (It also flushes behind a header without a body yet.)
     */

    end.is_broken = ngx_buf_special(in->buf) && !end.has_last
                    && r->upstream->cleanup == NULL;

    return end;
}


void
ngx_http_tollgate_consume(ngx_chain_t *in)
{
    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}


/*
 * When nginx has all of the answer, its last buffer comes right behind: both
 * then go out in one write, and with a length where no header went before.
 * The bytes stay where they are, for nothing more is read into their place.
 */

static ngx_int_t
ngx_http_tollgate_keep_tail(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_chain_t  *cl, **last;

    for (last = &ctx->tail; *last; last = &(*last)->next) { /* void */ }

    for ( /* void */ ; in; in = in->next) {
        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = ngx_alloc_buf(r->pool);
        if (cl->buf == NULL) {
            return NGX_ERROR;
        }

        *cl->buf = *in->buf;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;

        in->buf->pos = in->buf->last;
    }

    return NGX_OK;
}


/* Puts what was kept in front of the last buffer. */

static ngx_chain_t *
ngx_http_tollgate_join_tail(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in)
{
    off_t         size;
    ngx_chain_t  *cl, *all;

    all = ctx->tail;
    ctx->tail = NULL;
    size = 0;

    for (cl = all; ; cl = cl->next) {
        size += ngx_buf_size(cl->buf);

        if (cl->next == NULL) {
            cl->next = in;
            break;
        }
    }

    if (ctx->is_held && ctx->edit == NULL
        && r->headers_out.content_length_n == -1)
    {
        r->headers_out.content_length_n = size;
    }

    return all;
}


/* A length that the client was told leaves no room for an event of ours. */

static ngx_uint_t
ngx_http_tollgate_lacks_end(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    tg_meter_end(&ctx->meter);

    return tg_meter_lacks_end(&ctx->meter, ctx->head.route->manner)
           && (ctx->is_held || r->headers_out.content_length_n == -1);
}


/*
 * The stream ended as HTTP wants it and said nothing of its own end: what came
 * of it goes out, and then an error event behind it.
 */

static ngx_int_t
ngx_http_tollgate_add_end(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_int_t     rc;
    ngx_chain_t  *cl, **last;

    if (ctx->tail != NULL) {
        in = ngx_http_tollgate_join_tail(r, ctx, in);
    }

    for (last = &in; *last; /* void */ ) {
        cl = *last;
        cl->buf->last_buf = 0;
        cl->buf->last_in_chain = 0;

        if (ngx_buf_size(cl->buf) == 0) {
            *last = cl->next;
            continue;
        }

        last = &cl->next;
    }

    if (ctx->is_held) {
        ngx_http_clear_content_length(r);

        rc = ngx_http_tollgate_release_header(r, ctx);
        if (rc == NGX_ERROR || rc > NGX_OK) {
            return rc;
        }
    }

    if (in != NULL && ngx_http_tollgate_forward(r, ctx, in) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_break_off(r, ctx);
}


static ngx_int_t
ngx_http_tollgate_pass(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_int_t                 rc;
    ngx_uint_t                had_bytes, was_cut;
    ngx_chain_t              *cl;
    ngx_http_tollgate_end_t   end;

    end = ngx_http_tollgate_look(r, in);

    if (end.is_broken) {
        return ngx_http_tollgate_break_off(r, ctx);
    }

    had_bytes = !ctx->is_held;
    was_cut = ctx->cut_code != TG_CODE_NONE;

    for (cl = in; cl; cl = cl->next) {
        if (cl->buf->last > cl->buf->pos) {
            had_bytes = 1;
            ngx_http_tollgate_observe(ctx, cl->buf->pos,
                                      cl->buf->last - cl->buf->pos);
        }
    }

    /* What was on its way when it was cut was made, and is not passed on. */

    if (was_cut) {
        ngx_http_tollgate_consume(in);
        return end.has_last ? ngx_http_tollgate_break_off(r, ctx) : NGX_OK;
    }

    /* Nothing at all, or something that is no answer from the start. */

    if ((end.has_last && !ctx->meter.has_bytes)
        || (ctx->is_held && ctx->meter.has_garbage
            && ctx->meter.shape == TG_METER_JSON))
    {
        ngx_http_tollgate_consume(in);
        return ngx_http_tollgate_break_off(r, ctx);
    }

    if (end.has_last && ngx_http_tollgate_lacks_end(r, ctx)) {
        return ngx_http_tollgate_add_end(r, ctx, in);
    }

    /* The call is settled before the client has the last byte. */

    if (end.has_last
        || (ctx->meter.shape == TG_METER_JSON && ctx->meter.is_complete))
    {
        ngx_http_tollgate_settle(ctx, ctx->upstream_status, TG_CODE_NONE);
    }

    if (end.has_data && !end.has_last && r->upstream->length == 0) {
        return ngx_http_tollgate_keep_tail(r, ctx, in);
    }

    if (ctx->tail != NULL) {
        in = ngx_http_tollgate_join_tail(r, ctx, in);
        had_bytes = 1;
    }

    if (ctx->is_held) {
        if (!had_bytes) {
            return NGX_OK;
        }

        rc = ngx_http_tollgate_release_header(r, ctx);
        if (rc == NGX_ERROR || rc > NGX_OK) {
            return rc;
        }
    }

    return ngx_http_tollgate_forward(r, ctx, in);
}


ngx_int_t
ngx_http_tollgate_release_header(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    static const ngx_str_t  name = ngx_string("x-tollgate-cost");

    u_char     *p;
    ngx_str_t   cost;

    ctx->is_held = 0;

    if (ctx->is_settled) {
        p = ngx_pnalloc(r->pool, TG_MONEY_TEXT_SIZE);
        if (p == NULL) {
            return NGX_ERROR;
        }

        cost.data = p;
        cost.len = tg_money_format(ctx->cost_nanos, (char *) p);

        if (ngx_http_tollgate_add_header(r, &name, &cost) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_tollgate_add_request_id(r, ctx) != NGX_OK
        || ngx_http_tollgate_add_limits(r, &ctx->limits,
                                        ctx->head.route->manner)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* Sends, or drops once the client has left an answer that is not streamed. */

ngx_int_t
ngx_http_tollgate_next(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *out)
{
    ngx_int_t  rc;

    if (!ctx->client_left) {
        rc = ngx_http_tollgate_output(r, ctx, out);

        if (rc != NGX_ERROR || ctx->is_stream || !r->connection->error) {
            return rc;
        }

        ctx->client_left = 1;
    }

    ngx_http_tollgate_consume(out);

    if (r->upstream != NULL) {
        ngx_http_tollgate_consume(r->upstream->busy_bufs);
        ngx_http_tollgate_consume(r->upstream->out_bufs);
    }

    return NGX_OK;
}


/* The last bytes wait for the end of the round, or until the record is durable
   if it must be. */

ngx_int_t
ngx_http_tollgate_output(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *out)
{
    ngx_chain_t  *cl;

    if (!ngx_http_tollgate_is_durable(ctx)) {

        for (cl = out; cl; cl = cl->next) {
            if (cl->buf->last_buf) {
                return ngx_http_tollgate_wait_last(r, ctx, out);
            }
        }
    }

    return ngx_http_next_body_filter(r, out);
}
