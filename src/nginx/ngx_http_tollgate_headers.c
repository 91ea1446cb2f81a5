/*
 * ngx_http_tollgate_headers.c: which headers of an upstream pass, and which of
 * them are read.
 */

#include "ngx_http_tollgate_module.h"


/* The only headers of an upstream that a client gets to see, and those with
   its own id of the request. */

typedef struct {
    ngx_str_t   name;
    ngx_uint_t  is_id;
} ngx_http_tollgate_known_t;


static const ngx_http_tollgate_known_t  ngx_http_tollgate_known[] = {
    { ngx_string("cache-control"), 0 },
    { ngx_string("content-disposition"), 0 },
    { ngx_string("retry-after"), 0 },
    { ngx_string("retry-after-ms"), 0 },
    { ngx_string("openai-processing-ms"), 0 },
    { ngx_string("openai-version"), 0 },
    { ngx_string("x-ds-trace-id"), 1 },
    { ngx_string("x-request-id"), 1 },
    { ngx_string("request-id"), 1 },
    { ngx_null_string, 0 }
};


static ngx_uint_t
ngx_http_tollgate_same(const ngx_str_t *a, const ngx_str_t *b)
{
    return a->len == b->len && (a->data[0] | 0x20) == (b->data[0] | 0x20)
           && ngx_strncasecmp(a->data, b->data, a->len) == 0;
}


static const ngx_http_tollgate_known_t *
ngx_http_tollgate_know(const ngx_str_t *name)
{
    const ngx_http_tollgate_known_t  *k;

    for (k = ngx_http_tollgate_known; k->name.len; k++) {
        if (ngx_http_tollgate_same(&k->name, name)) {
            return k;
        }
    }

    return NULL;
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
    ngx_uint_t                        i;
    ngx_list_part_t                  *part;
    ngx_table_elt_t                  *h;
    const ngx_http_tollgate_known_t  *known;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            known = ngx_http_tollgate_know(&h[i].key);

            if (known == NULL || known->is_id) {
                h[i].hash = 0;
            }

            if (known != NULL && known->is_id && ctx->trace_id.len == 0) {
                ctx->trace_id = h[i].value;
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
