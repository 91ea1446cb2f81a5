/*
 * ngx_http_tollgate_end.c: answers that end as ours: replaced, broken off.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_input_init(void *data);
static ngx_int_t ngx_http_tollgate_input(void *data, ssize_t bytes);
static ngx_int_t ngx_http_tollgate_finish(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);


/*
 * Chunks that cannot be read would end the request at once, without a word to
 * the client: they become an answer that breaks off.
 */

void
ngx_http_tollgate_guard_input(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_upstream_t  *u = r->upstream;

    if (u->buffering || u->input_filter_init == NULL
        || u->input_filter_init == ngx_http_tollgate_input_init)
    {
        return;
    }

    ctx->input_filter_init = u->input_filter_init;
    u->input_filter_init = ngx_http_tollgate_input_init;
}


/* Which filter it is depends on the framing, and is known after this. */

static ngx_int_t
ngx_http_tollgate_input_init(void *data)
{
    ngx_int_t                 rc;
    ngx_http_request_t       *r = data;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);

    rc = ctx->input_filter_init(data);

    ctx->input_filter = r->upstream->input_filter;
    r->upstream->input_filter = ngx_http_tollgate_input;

    return rc;
}


static ngx_int_t
ngx_http_tollgate_input(void *data, ssize_t bytes)
{
    ngx_http_request_t       *r = data;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);

    /* Behind what could not be read, nothing can. */

    if (!r->upstream->error
        && ctx->input_filter(data, bytes) == NGX_ERROR)
    {
        r->upstream->error = 1;
        ctx->is_garbled = 1;
    }

    return NGX_OK;
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

    return ngx_http_tollgate_output(r, ctx, &out);
}


/* The answer becomes an event.  The blank line in front ends one that was
   cut. */

static ngx_int_t
ngx_http_tollgate_as_event(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    static ngx_str_t  openai = ngx_string("\n\ndata: ");
    static ngx_str_t  anthropic = ngx_string("\n\nevent: error\ndata: ");

    u_char                  *p;
    ngx_str_t               *lead, json;
    struct tg_refusal_form   form;

    form = ngx_http_tollgate_form(r, ctx);
    lead = form.manner == TG_MANNER_ANTHROPIC ? &anthropic : &openai;

    json = ctx->answer;
    ctx->answer.len = lead->len + json.len + 2;
    ctx->answer.data = p = ngx_pnalloc(r->pool, ctx->answer.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, lead->data, lead->len);
    p = ngx_cpymem(p, json.data, json.len);
    ngx_memcpy(p, "\n\n", 2);

    return NGX_OK;
}


/*
 * The upstream ended before its answer did, or gave none.  While the header
 * is kept back the client gets a 502; in a stream, an error event, which the
 * official SDKs raise; else all that is left is to close the connection.
 */

ngx_int_t
ngx_http_tollgate_break_off(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    enum tg_code  code;

    code = ctx->cut_code;

    if (code == TG_CODE_NONE) {
        code = TG_CODE_UPSTREAM_ERROR;
        ctx->is_garbled |= ctx->meter.bytes == 0
                           && r->upstream->headers_in.content_length_n > 0;
        ngx_http_tollgate_report_broken(r, ctx);
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

    if (ngx_http_tollgate_as_event(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_finish(r, ctx);
}


/*
 * An upstream's error is read for what it says: then the call goes on to
 * another one, or the sentence is passed on in our envelope.
 */

ngx_int_t
ngx_http_tollgate_replace(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    ngx_chain_t *in)
{
    char                      text_buf[TG_REFUSAL_SIZE];
    struct tg_try             try;
    struct tg_str             said;
    size_t                    size;
    uint16_t                  status;
    ngx_chain_t              *cl;
    enum tg_code              code;
    struct tg_text            text;
    struct tg_refusal_form    form;
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

    if (!end.has_last && !end.is_broken) {
        return NGX_OK;
    }

    said = (struct tg_str) { (char *) ctx->error, ctx->error_len };
    try = tg_fate_of_answer((uint16_t) ctx->upstream_status, said);
    try.retry_ms = ctx->error_retry_ms;

    if (ngx_http_tollgate_go_on(r, ctx, &try) == NGX_OK) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    text = tg_text_in(text_buf, sizeof(text_buf));
    form = ngx_http_tollgate_form(r, ctx);
    code = tg_refusal_of_upstream(&text, &form,
                                  (uint16_t) ctx->upstream_status, said,
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
