/*
 * ngx_http_tollgate_limits.c: the headers that tell a client of its limits,
 * in OpenAI's format, and when to come again.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_add_number(ngx_http_request_t *r,
    const char *name, uint64_t n);


static ngx_int_t
ngx_http_tollgate_add_number(ngx_http_request_t *r, const char *name,
    uint64_t n)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%uL", n) - value.data;

    return ngx_http_tollgate_add_header(r, name, &value);
}


static ngx_int_t
ngx_http_tollgate_add_duration(ngx_http_request_t *r, const char *name,
    int64_t ms)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, TG_RATE_DURATION_SIZE);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = tg_rate_duration((char *) value.data, ms);

    return ngx_http_tollgate_add_header(r, name, &value);
}


ngx_int_t
ngx_http_tollgate_add_limits(ngx_http_request_t *r,
    const struct tg_rate_report *limits)
{
    const struct tg_rate_standing  *s;

    s = &limits->requests;

    if (s->limit != TG_RATE_NONE
        && (ngx_http_tollgate_add_number(r, "x-ratelimit-limit-requests",
                                         s->size)
            != NGX_OK
            || ngx_http_tollgate_add_number(r,
                                            "x-ratelimit-remaining-requests",
                                            s->left)
               != NGX_OK
            || ngx_http_tollgate_add_duration(r,
                                              "x-ratelimit-reset-requests",
                                              s->reset_ms)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    s = &limits->tokens;

    if (s->limit != TG_RATE_NONE
        && (ngx_http_tollgate_add_number(r, "x-ratelimit-limit-tokens",
                                         s->size)
            != NGX_OK
            || ngx_http_tollgate_add_number(r, "x-ratelimit-remaining-tokens",
                                            s->left)
               != NGX_OK
            || ngx_http_tollgate_add_duration(r, "x-ratelimit-reset-tokens",
                                              s->reset_ms)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Both forms: SDKs prefer milliseconds, everybody else knows seconds. */

ngx_int_t
ngx_http_tollgate_add_retry(ngx_http_request_t *r, int64_t retry_ms)
{
    if (retry_ms <= 0) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_add_number(r, "retry-after-ms", retry_ms)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_add_number(r, "Retry-After",
                                        (retry_ms + 999) / 1000);
}
