/*
 * ngx_http_tollgate_headers.c: which headers an upstream gets beyond those of
 * the configuration, and which of its own pass.
 */

#include "ngx_http_tollgate_module.h"


/* The only headers of an upstream that a client gets to see. */

static ngx_str_t  ngx_http_tollgate_passed[] = {
    ngx_string("cache-control"),
    ngx_string("content-disposition"),
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


/* How long the upstream asks to wait. */

int64_t
ngx_http_tollgate_retry_after(ngx_http_request_t *r)
{
    static ngx_str_t  ms = ngx_string("retry-after-ms");
    static ngx_str_t  seconds = ngx_string("retry-after");

    ngx_uint_t        i;
    struct tg_str     found[2] = { { NULL, 0 }, { NULL, 0 } };
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_tollgate_same(&ms, &h[i].key)) {
                found[0] = (struct tg_str) { (char *) h[i].value.data,
                                             h[i].value.len };

            } else if (ngx_http_tollgate_same(&seconds, &h[i].key)) {
                found[1] = (struct tg_str) { (char *) h[i].value.data,
                                             h[i].value.len };
            }
        }
    }

    return tg_fate_retry_ms(found[0], found[1]);
}


/* Drops every other header, and remembers the upstream's own request id. */

void
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


/* The client's headers of a name, as one list. */

static ngx_int_t
ngx_http_tollgate_join(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    size_t            len;
    u_char           *p;
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = 0;
    p = NULL;
    ngx_str_null(value);

    /* Once for their length, and once for themselves. */

    for (n = 0; n < 2; n++) {

        for (part = &r->headers_in.headers.part; part; part = part->next) {
            h = part->elts;

            for (i = 0; i < part->nelts; i++) {

                if (!ngx_http_tollgate_same(name, &h[i].key)) {
                    continue;
                }

                if (p == NULL) {
                    len += h[i].value.len + 1;
                    continue;
                }

                p = ngx_cpymem(p, h[i].value.data, h[i].value.len);
                *p++ = ',';
            }
        }

        if (len == 0) {
            return NGX_OK;
        }

        if (p == NULL) {
            p = value->data = ngx_pnalloc(r->pool, len);
            if (p == NULL) {
                return NGX_ERROR;
            }
        }
    }

    value->len = len - 1;

    return NGX_OK;
}


/* Puts the credential where the dialect wants it, and what goes with it. */

ngx_int_t
ngx_http_tollgate_speak(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a)
{
    static ngx_str_t  version = ngx_string("anthropic-version");
    static ngx_str_t  beta = ngx_string("anthropic-beta");

    ngx_str_t      sent;
    struct tg_str  chosen;

    ctx->api_key.len = 0;
    ctx->version.len = 0;
    ctx->betas.len = 0;

    if (tg_dialect_scheme(a->upstream.dialect) != TG_SCHEME_X_API_KEY) {
        return NGX_OK;
    }

    ctx->api_key.data = ctx->authorization.data + sizeof("Bearer ") - 1;
    ctx->api_key.len = ctx->authorization.len - (sizeof("Bearer ") - 1);
    ctx->authorization.len = 0;

    if (ngx_http_tollgate_join(r, &version, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    chosen = tg_dialect_version((struct tg_str) { (char *) sent.data,
                                                  sent.len });
    ctx->version.data = (u_char *) chosen.data;
    ctx->version.len = chosen.len;

    if (ngx_http_tollgate_join(r, &beta, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->betas.data = ngx_pnalloc(r->pool, sent.len + 1);
    if (ctx->betas.data == NULL) {
        return NGX_ERROR;
    }

    ctx->betas.len = tg_dialect_betas((struct tg_str) { (char *) sent.data,
                                                        sent.len },
                                      (char *) ctx->betas.data);

    return NGX_OK;
}
