/*
 * ngx_http_tollgate_answer.c: what the gate says itself: refusals, answers
 * from the state file, and nginx's own errors in the same envelope.
 */

#include "ngx_http_tollgate_module.h"

#include "answer.h"

static ngx_int_t ngx_http_tollgate_send(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);


/* Rendered here first: most answers are far smaller than they may be. */

static char  ngx_http_tollgate_text[TG_ANSWER_SIZE];


static void
ngx_http_tollgate_keep(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    struct tg_text *text, enum tg_code code)
{
    const struct tg_code_row  *row;

    row = tg_code_row(code);
    ctx->status = row->status;
    ctx->should_retry = row->should_retry;

    ctx->answer.data = ngx_pnalloc(r->pool, text->len + 1);
    if (ctx->answer.data == NULL) {
        ctx->answer.data = (u_char *) "";
        return;
    }

    ngx_memcpy(ctx->answer.data, text->data, text->len);
    ctx->answer.len = text->len;
}


/* A request without a call gets an id all the same. */

ngx_int_t
ngx_http_tollgate_name_request(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (ctx->request_id.len) {
        return NGX_OK;
    }

    ctx->request_id.data = ngx_pnalloc(r->pool, TG_REQUEST_ID_TEXT_SIZE);
    if (ctx->request_id.data == NULL) {
        return NGX_ERROR;
    }

    ctx->own_id = tg_call_id_make(w->claim.writer_id,
                                  (uint64_t) 1 << 63 | w->answers++);
    tg_request_id_text(&ctx->own_id, (char *) ctx->request_id.data);
    ctx->request_id.len = TG_REQUEST_ID_TEXT_SIZE - 1;

    return NGX_OK;
}


/* Whose clients call this path, even when there is no such route. */

static enum tg_manner
ngx_http_tollgate_manner(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_str  path, query;

    if (ctx->head.route != NULL) {
        return ctx->head.route->manner;
    }

    ngx_http_tollgate_read_target(r, &path, &query);

    return tg_route_manner(path);
}


struct tg_refusal_form
ngx_http_tollgate_form(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_refusal_form  form;

    form.manner = ngx_http_tollgate_manner(r, ctx);
    form.request_id = (struct tg_str) { NULL, 0 };

    if (form.manner == TG_MANNER_ANTHROPIC
        && ngx_http_tollgate_name_request(r, ctx) == NGX_OK)
    {
        form.request_id = (struct tg_str) { (char *) ctx->request_id.data,
                                            ctx->request_id.len };
    }

    return form;
}


/* By the name that each SDK looks for. */

ngx_int_t
ngx_http_tollgate_add_request_id(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    static const ngx_str_t  openai = ngx_string("x-request-id");
    static const ngx_str_t  anthropic = ngx_string("request-id");

    if (ngx_http_tollgate_add_header(r, &openai, &ctx->request_id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_tollgate_manner(r, ctx) != TG_MANNER_ANTHROPIC) {
        return NGX_OK;
    }

    return ngx_http_tollgate_add_header(r, &anthropic, &ctx->request_id);
}


/* Prepares a refused admission's answer, or the one to be given locally. */

void
ngx_http_tollgate_refuse(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    struct tg_admission *a, struct tg_str key)
{
    enum tg_code            code;
    struct tg_text          text;
    struct tg_refusal_form  form;

    text = tg_text_in(ngx_http_tollgate_text, TG_ANSWER_SIZE);
    code = a->code;

    if (a->action == TG_ACTION_ANSWER) {
        code = tg_answer_write(&text, &ngx_http_tollgate_worker.state,
                               ngx_http_tollgate_now_ms(), a);
        if (code == TG_CODE_NONE) {
            ngx_http_tollgate_keep(r, ctx, &text, TG_CODE_NONE);
            return;
        }

        text = tg_text_in(ngx_http_tollgate_text, TG_ANSWER_SIZE);
    }

    if (a->credential == TG_CREDENTIAL_IN_URL) {
        /* nginx's error log shows it with every line. */
        ngx_str_set(&r->request_line, "(a key in the URL)");
    }

    if (code == TG_CODE_METHOD_NOT_ALLOWED) {
        ctx->allow.data = (u_char *) a->allow;
        ctx->allow.len = ngx_strlen(a->allow);
    }

    if (a->must_close) {
        r->keepalive = 0;
    }

    form = ngx_http_tollgate_form(r, ctx);
    tg_refusal_write(&text, &form, &ngx_http_tollgate_worker.state, a, key);
    ngx_http_tollgate_keep(r, ctx, &text, code);
    ngx_http_tollgate_deny(r, ctx, a, code);

    if (code == TG_CODE_RATE_LIMIT_EXCEEDED) {
        ctx->retry_ms = tg_admit_retry_ms(a);

        if (!tg_admit_may_retry(a)) {
            ctx->should_retry = "false";
        }
    }
}


void
ngx_http_tollgate_refuse_code(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, enum tg_code code)
{
    struct tg_text          text;
    struct tg_refusal_form  form;

    text = tg_text_in(ngx_http_tollgate_text, TG_ANSWER_SIZE);
    form = ngx_http_tollgate_form(r, ctx);
    tg_refusal_write_code(&text, &form, code, (struct tg_str) { NULL, 0 });
    ngx_http_tollgate_keep(r, ctx, &text, code);
    ngx_http_tollgate_deny(r, ctx, NULL, code);
}


ngx_int_t
ngx_http_tollgate_answer_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);
    if (ctx == NULL || ctx->answer.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* Chunks that nobody watches end where nginx says.  And who was not told
       to go on with a body may do so or not: what follows could be either. */

    if (!ctx->is_body_read
        && (r->headers_in.chunked || r->headers_in.expect != NULL))
    {
        r->keepalive = 0;
        r->expect_tested = 1;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_tollgate_send(r, ctx);
}


ngx_int_t
ngx_http_tollgate_add_header(ngx_http_request_t *r, const ngx_str_t *name,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->lowcase_key = NULL;
    h->key = *name;
    h->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_send_header(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    static const ngx_str_t  should_retry = ngx_string("x-should-retry");
    static const ngx_str_t  allow = ngx_string("Allow");

    ngx_str_t  value;

    r->err_status = 0;
    r->disable_not_modified = 1;
    r->headers_out.status = ctx->status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = ctx->answer.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_tollgate_name_request(r, ctx) != NGX_OK
        || ngx_http_tollgate_add_request_id(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->should_retry != NULL) {
        value.data = (u_char *) ctx->should_retry;
        value.len = ngx_strlen(ctx->should_retry);

        if (ngx_http_tollgate_add_header(r, &should_retry, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_tollgate_add_retry(r, ctx->retry_ms) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->status == NGX_HTTP_NOT_ALLOWED && ctx->allow.len
        && ngx_http_tollgate_add_header(r, &allow, &ctx->allow) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_tollgate_send(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    rc = ngx_http_tollgate_send_header(r, ctx);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = ctx->answer.data;
    b->last = ctx->answer.data + ctx->answer.len;
    b->memory = ctx->answer.len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static enum tg_code
ngx_http_tollgate_code_of(ngx_http_request_t *r, ngx_uint_t status)
{
    switch (status) {
    case NGX_HTTP_NOT_FOUND:
        return TG_CODE_NOT_FOUND;
    case NGX_HTTP_NOT_ALLOWED:
        return TG_CODE_METHOD_NOT_ALLOWED;
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
    case NGX_HTTP_REQUEST_URI_TOO_LARGE:
    case NGX_HTTP_REQUEST_HEADER_TOO_LARGE:
        return TG_CODE_REQUEST_TOO_LARGE;
    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        return TG_CODE_UNSUPPORTED_MEDIA_TYPE;
    case NGX_HTTP_NOT_IMPLEMENTED:
    case NGX_HTTP_VERSION_NOT_SUPPORTED:
        return TG_CODE_INVALID_REQUEST;
    case NGX_HTTP_BAD_GATEWAY:
        return ngx_http_tollgate_was_sent(r) ? TG_CODE_UPSTREAM_ERROR
                                             : TG_CODE_UPSTREAM_UNAVAILABLE;
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return TG_CODE_UPSTREAM_UNAVAILABLE;
    case NGX_HTTP_GATEWAY_TIME_OUT:
        return ngx_http_tollgate_was_sent(r) ? TG_CODE_UPSTREAM_TIMEOUT
                                             : TG_CODE_UPSTREAM_UNAVAILABLE;
    default:
        return status < 500 ? TG_CODE_INVALID_REQUEST
                            : TG_CODE_INTERNAL_ERROR;
    }
}


/* nginx does not say why it finds a request invalid: core knows better. */

static void
ngx_http_tollgate_refuse_framing(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_request     request;
    struct tg_admission   a;
    struct tg_credential  credential;

    ngx_http_tollgate_read_request(r, &request, &credential);

    if (tg_admit_framing(&request.framing, &a)) {
        ngx_http_tollgate_refuse_code(r, ctx, TG_CODE_INVALID_REQUEST);
        return;
    }

    ngx_http_tollgate_refuse(r, ctx, &a, credential.key);
}


/* Where error_page leads: an error of nginx's, said our way, or overcome. */

ngx_int_t
ngx_http_tollgate_error_handler(ngx_http_request_t *r)
{
    ngx_uint_t                status;
    enum tg_code              code;
    ngx_http_tollgate_ctx_t  *ctx;

    status = r->err_status ? r->err_status : NGX_HTTP_NOT_FOUND;
    code = ngx_http_tollgate_code_of(r, status);

    ctx = ngx_http_tollgate_get_ctx(r);
    if (ctx == NULL) {
        ctx = ngx_http_tollgate_add_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ngx_http_tollgate_try_again(r, ctx) == NGX_DONE) {
        return NGX_DONE;
    }

    ctx->is_done = 1;
    ctx->is_garbled |= ngx_http_tollgate_was_answered(r);
    ctx->is_late = code == TG_CODE_UPSTREAM_TIMEOUT;

    if (ctx->cut_code != TG_CODE_NONE) {
        code = ctx->cut_code;

    } else if (code == TG_CODE_INVALID_REQUEST) {
        ngx_http_tollgate_refuse_framing(r, ctx);

    } else {
        ngx_http_tollgate_refuse_code(r, ctx, code);
    }

    ngx_http_tollgate_settle(ctx, ctx->status, code);

    return ngx_http_tollgate_send(r, ctx);
}
