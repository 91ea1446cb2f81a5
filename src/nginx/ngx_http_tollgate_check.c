/*
 * ngx_http_tollgate_check.c: what load balancers and supervisors ask, without
 * a key: does this answer at all, and would a call be taken now?
 */

#include "ngx_http_tollgate_module.h"

#include "ready.h"

static ngx_int_t ngx_http_tollgate_live_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_ready_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_check_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_send_check(ngx_http_request_t *r,
    ngx_uint_t status, struct tg_text *text);


/* "tollgate_check live|ready;" */

char *
ngx_http_tollgate_check(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ngx_strcmp(value[1].data, "live") == 0) {
        clcf->handler = ngx_http_tollgate_live_handler;

    } else if (ngx_strcmp(value[1].data, "ready") == 0) {
        clcf->handler = ngx_http_tollgate_ready_handler;

    } else {
        return "takes \"live\" or \"ready\"";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tollgate_live_handler(ngx_http_request_t *r)
{
    ngx_int_t       rc;
    struct tg_text  text;
    char            bytes[TG_READY_SIZE];

    rc = ngx_http_tollgate_check_method(r);
    if (rc != NGX_OK) {
        return rc;
    }

    text = tg_text_in(bytes, sizeof(bytes));
    tg_text_puts(&text, "{\"status\":\"live\"}\n");

    return ngx_http_tollgate_send_check(r, NGX_HTTP_OK, &text);
}


static ngx_int_t
ngx_http_tollgate_ready_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    struct tg_text               text;
    struct tg_ready              ready;
    char                         bytes[TG_READY_SIZE];
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    rc = ngx_http_tollgate_check_method(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ready = tg_ready_look(w->is_open ? &w->state : NULL,
                          w->is_open && ngx_http_tollgate_may_admit() == NGX_OK,
                          ngx_http_tollgate_now_ms());

    text = tg_text_in(bytes, sizeof(bytes));
    tg_ready_write(&text, &ready);

    return ngx_http_tollgate_send_check(r, tg_ready_is_ready(&ready)
                                           ? NGX_HTTP_OK
                                           : NGX_HTTP_SERVICE_UNAVAILABLE,
                                        &text);
}


/* NGX_OK; or what ends the request: they are looked at, and nothing else. */

static ngx_int_t
ngx_http_tollgate_check_method(ngx_http_request_t *r)
{
    ngx_http_tollgate_ctx_t  *ctx;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return ngx_http_discard_request_body(r);
    }

    ctx = ngx_http_tollgate_add_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->allow, "GET, HEAD");
    ngx_http_tollgate_refuse_code(r, ctx, TG_CODE_METHOD_NOT_ALLOWED);

    return ngx_http_tollgate_answer_handler(r);
}


static ngx_int_t
ngx_http_tollgate_send_check(ngx_http_request_t *r, ngx_uint_t status,
    struct tg_text *text)
{
    static const ngx_str_t  name = ngx_string("Cache-Control");
    static const ngx_str_t  control = ngx_string("no-store");

    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->disable_not_modified = 1;
    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_tollgate_add_header(r, &name, &control) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, text->len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = ngx_cpymem(b->last, text->data, text->len);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
