/*
 * ngx_http_tollgate_filter.c: the upstream's answer on its way to the client:
 * metered, relieved of what the client did not ask for, or replaced.
 *
 * The header is kept back until the first byte of the body shows whether
 * there is an answer at all: an empty 200 becomes a 502.
 */

#include "ngx_http_tollgate_module.h"

#include "money.h"
#include "refusal.h"

static ngx_int_t ngx_http_tollgate_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_tollgate_consume(ngx_chain_t *in);
static ngx_int_t ngx_http_tollgate_pass(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_tollgate_replace(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_tollgate_release_header(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static ngx_int_t ngx_http_tollgate_finish(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static ngx_int_t ngx_http_tollgate_break_off(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static ngx_int_t ngx_http_tollgate_forward(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *out);


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


/* The only headers of an upstream that a client gets to see. */

static ngx_str_t  ngx_http_tollgate_passed[] = {
    ngx_string("cache-control"),
    ngx_string("retry-after"),
    ngx_string("retry-after-ms"),
    ngx_string("openai-processing-ms"),
    ngx_string("openai-version"),
    ngx_null_string
};


static ngx_uint_t
ngx_http_tollgate_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_strncasecmp(a->data, b->data, a->len) == 0;
}


static ngx_uint_t
ngx_http_tollgate_may_pass(ngx_str_t *name)
{
    ngx_str_t  *p;

    for (p = ngx_http_tollgate_passed; p->len; p++) {
        if (ngx_http_tollgate_same(p, name)) {
            return 1;
        }
    }

    return 0;
}


/* Drops every other header, and remembers the upstream's own request id. */

static void
ngx_http_tollgate_sift(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx)
{
    static ngx_str_t  ids[] = {
        ngx_string("x-ds-trace-id"),
        ngx_string("x-request-id"),
        ngx_string("request-id"),
    };

    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            for (n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
                if (ctx->trace_id.len == 0
                    && ngx_http_tollgate_same(&ids[n], &h[i].key))
                {
                    ctx->trace_id = h[i].value;
                }
            }

            if (!ngx_http_tollgate_may_pass(&h[i].key)) {
                h[i].hash = 0;
            }
        }
    }

    r->headers_out.server = NULL;
    r->headers_out.location = NULL;
    r->headers_out.www_authenticate = NULL;
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
}


/* An event stream is one that says so; everything else must be JSON. */

static enum tg_meter_shape
ngx_http_tollgate_shape(ngx_http_request_t *r)
{
    static ngx_str_t  sse = ngx_string("text/event-stream");

    if (r->headers_out.content_type.len >= sse.len
        && ngx_strncasecmp(r->headers_out.content_type.data, sse.data,
                           sse.len)
           == 0)
    {
        return TG_METER_SSE;
    }

    return TG_METER_JSON;
}


static ngx_int_t
ngx_http_tollgate_header_filter(ngx_http_request_t *r)
{
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx == NULL || ctx->slot == NULL || ctx->is_done || r->upstream == NULL
        || r != r->main)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx->is_observed = 1;
    ctx->is_held = 1;
    ctx->upstream_status = r->headers_out.status;
    ctx->mode = NGX_HTTP_TOLLGATE_PASS;

    ngx_http_tollgate_sift(r, ctx);
    tg_meter_init(&ctx->meter, ngx_http_tollgate_shape(r));

    if (ctx->upstream_status < 200 || ctx->upstream_status >= 300) {
        ctx->mode = NGX_HTTP_TOLLGATE_REPLACE;
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

    if (ctx == NULL || !ctx->is_observed || in == NULL) {
        return ngx_http_next_body_filter(r, in);
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


/* What a chain says about the answer's end. */

typedef struct {
    unsigned  has_last:1;    /* it is whole */
    unsigned  has_data:1;
    unsigned  is_broken:1;   /* nginx flushes what it has and gives up */
} ngx_http_tollgate_end_t;


static ngx_http_tollgate_end_t
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


static void
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


static ngx_int_t
ngx_http_tollgate_pass(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    ngx_int_t                 rc;
    ngx_uint_t                had_bytes;
    ngx_chain_t              *cl;
    ngx_http_tollgate_end_t   end;

    end = ngx_http_tollgate_look(r, in);

    if (end.is_broken) {
        return ngx_http_tollgate_break_off(r, ctx);
    }

    had_bytes = !ctx->is_held;

    for (cl = in; cl; cl = cl->next) {
        if (cl->buf->last > cl->buf->pos) {
            had_bytes = 1;
            ngx_http_tollgate_observe(ctx, cl->buf->pos,
                                      cl->buf->last - cl->buf->pos);
        }
    }

    /* Nothing at all, or something that is no answer from the start. */

    if ((end.has_last && !ctx->meter.has_bytes)
        || (ctx->is_held && ctx->meter.has_garbage
            && ctx->meter.shape == TG_METER_JSON))
    {
        ngx_http_tollgate_consume(in);
        return ngx_http_tollgate_break_off(r, ctx);
    }

    /* The record is written before the client has the last byte. */

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


static ngx_int_t
ngx_http_tollgate_release_header(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
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

        if (ngx_http_tollgate_add_header(r, "x-tollgate-cost", &cost)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_tollgate_add_header(r, "x-request-id", &ctx->request_id)
        != NGX_OK
        || ngx_http_tollgate_add_limits(r, &ctx->limits) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* Sends, or drops once the client has left an answer that is not streamed. */

static ngx_int_t
ngx_http_tollgate_next(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *out)
{
    ngx_int_t  rc;

    if (!ctx->client_left) {
        rc = ngx_http_next_body_filter(r, out);

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


/* Collects what an edit leaves, as buffers of our own. */

typedef struct {
    ngx_http_request_t       *r;
    ngx_http_tollgate_ctx_t  *ctx;
    ngx_chain_t              *out;
    ngx_chain_t             **last;
} ngx_http_tollgate_sink_t;


static int
ngx_http_tollgate_emit(void *arg, const char *data, size_t len)
{
    ngx_http_tollgate_sink_t  *sink = arg;

    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (len) {
        cl = ngx_chain_get_free_buf(sink->r->pool, &sink->ctx->free);
        if (cl == NULL) {
            return -1;
        }

        b = cl->buf;

        if (b->start == NULL) {
            b->start = ngx_palloc(sink->r->pool, 4096);
            if (b->start == NULL) {
                return -1;
            }

            b->end = b->start + 4096;
            b->temporary = 1;
            b->tag = (ngx_buf_tag_t) &ngx_http_tollgate_module;
        }

        size = ngx_min(len, (size_t) (b->end - b->start));
        b->pos = b->start;
        b->last = ngx_cpymem(b->start, data, size);
        b->flush = 1;
        b->last_buf = 0;

        cl->next = NULL;
        *sink->last = cl;
        sink->last = &cl->next;

        data += size;
        len -= size;
    }

    return 0;
}


/* The answer without what we asked for and the client did not. */

static ngx_int_t
ngx_http_tollgate_forward(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    int                       err;
    ngx_int_t                 rc;
    ngx_uint_t                has_last;
    ngx_chain_t              *cl;
    ngx_http_tollgate_sink_t  sink;

    if (ctx->edit == NULL) {
        return ngx_http_tollgate_next(r, ctx, in);
    }

    sink.r = r;
    sink.ctx = ctx;
    sink.out = NULL;
    sink.last = &sink.out;
    has_last = 0;
    err = 0;

    for (cl = in; cl && err == 0; cl = cl->next) {
        err = tg_edit_feed(ctx->edit, cl->buf->pos,
                           cl->buf->last - cl->buf->pos,
                           ngx_http_tollgate_emit, &sink);
        cl->buf->pos = cl->buf->last;

        if (cl->buf->last_buf) {
            has_last = 1;
            if (err == 0) {
                err = tg_edit_end(ctx->edit, ngx_http_tollgate_emit, &sink);
            }
        }
    }

    if (err != 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tollgate: an event of the upstream is too long to "
                      "take its usage out");
        return ngx_http_tollgate_break_off(r, ctx);
    }

    if (has_last) {
        cl = ngx_chain_get_free_buf(r->pool, &ctx->free);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf->pos = cl->buf->last = cl->buf->start;
        cl->buf->temporary = 0;
        cl->buf->flush = 0;
        cl->buf->last_buf = 1;
        cl->buf->tag = (ngx_buf_tag_t) &ngx_http_tollgate_module;
        cl->next = NULL;
        *sink.last = cl;
    }

    if (sink.out == NULL && !r->connection->buffered) {
        return NGX_OK;
    }

    rc = ngx_http_tollgate_next(r, ctx, sink.out);

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &sink.out,
                            (ngx_buf_tag_t) &ngx_http_tollgate_module);

    return rc;
}


/* Ends the answer with ours: status, body, last buffer. */

static ngx_int_t
ngx_http_tollgate_finish(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    if (ctx->is_held) {
        r->headers_out.status = ctx->status;
        r->headers_out.status_line.len = 0;
        r->headers_out.content_length_n = ctx->answer.len;

        if (r->headers_out.content_length) {
            r->headers_out.content_length->hash = 0;
            r->headers_out.content_length = NULL;
        }

        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
        r->headers_out.charset.len = 0;

        rc = ngx_http_tollgate_release_header(r, ctx);
        if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
            ctx->is_done = 1;
            return rc;
        }
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->answer.data;
    b->last = ctx->answer.data + ctx->answer.len;
    b->memory = ctx->answer.len ? 1 : 0;
    b->flush = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;
    ctx->is_done = 1;

    return ngx_http_next_body_filter(r, &out);
}


/*
 * The upstream ended before its answer did, or gave none.  While the header
 * is kept back the client gets a 502; in a stream, an error event, which the
 * official SDKs raise; else all that is left is to close the connection.
 */

static ngx_int_t
ngx_http_tollgate_break_off(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    u_char        *p;
    ngx_str_t      json;
    enum tg_code   code;

    code = ctx->cut_code;

    if (code == TG_CODE_NONE) {
        code = TG_CODE_UPSTREAM_ERROR;
        ngx_http_tollgate_refuse_code(r, ctx, code);
    }

    ngx_http_tollgate_settle(ctx, ctx->is_held ? ctx->status
                                               : ctx->upstream_status,
                             code);

    if (ctx->is_held) {
        return ngx_http_tollgate_finish(r, ctx);
    }

    if (ctx->meter.shape != TG_METER_SSE) {
        ctx->is_done = 1;
        return NGX_ERROR;
    }

    json = ctx->answer;
    ctx->answer.len = json.len + sizeof("\n\ndata: \n\n") - 1;
    ctx->answer.data = p = ngx_pnalloc(r->pool, ctx->answer.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* The blank line in front ends an event that was cut. */

    p = ngx_cpymem(p, "\n\ndata: ", 8);
    p = ngx_cpymem(p, json.data, json.len);
    ngx_memcpy(p, "\n\n", 2);

    return ngx_http_tollgate_finish(r, ctx);
}


/* An upstream's error is read for its sentence, and said in our envelope. */

static ngx_int_t
ngx_http_tollgate_replace(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    char                      text_buf[TG_REFUSAL_SIZE];
    size_t                    size;
    uint16_t                  status;
    ngx_chain_t              *cl;
    enum tg_code              code;
    struct tg_text            text;
    ngx_http_tollgate_end_t   end;

    end = ngx_http_tollgate_look(r, in);

    if (ctx->error == NULL) {
        ctx->error = ngx_pnalloc(r->pool, NGX_HTTP_TOLLGATE_ERROR_SIZE);
        if (ctx->error == NULL) {
            return NGX_ERROR;
        }
    }

    for (cl = in; cl; cl = cl->next) {
        size = ngx_min((size_t) (cl->buf->last - cl->buf->pos),
                       NGX_HTTP_TOLLGATE_ERROR_SIZE - ctx->error_len);

        if (size != 0) {
            ngx_memcpy(ctx->error + ctx->error_len, cl->buf->pos, size);
            ctx->error_len += size;
        }
    }

    ngx_http_tollgate_consume(in);

    if (!end.has_last && !end.is_broken
        && ctx->error_len < NGX_HTTP_TOLLGATE_ERROR_SIZE)
    {
        return NGX_OK;
    }

    text = tg_text_in(text_buf, sizeof(text_buf));
    code = tg_refusal_of_upstream(&text, (uint16_t) ctx->upstream_status,
                                  (struct tg_str) { (char *) ctx->error,
                                                    ctx->error_len },
                                  &status);

    ctx->status = status;
    ctx->answer.len = text.len;
    ctx->answer.data = ngx_pnalloc(r->pool, text.len + 1);
    if (ctx->answer.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->answer.data, text.data, text.len);
    ngx_http_tollgate_settle(ctx, status, code);

    return ngx_http_tollgate_finish(r, ctx);
}
