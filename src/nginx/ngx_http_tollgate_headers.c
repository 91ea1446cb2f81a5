/*
 * ngx_http_tollgate_headers.c: which headers of an upstream pass, and which of
 * them are read.
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
