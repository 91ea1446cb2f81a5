/*
 * ngx_http_tollgate_limits.c: the headers that tell a client of its limits,
 * in OpenAI's format and Anthropic's, and when to come again.
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


/* The instant at which a limit is whole again, as Anthropic says it. */

static ngx_int_t
ngx_http_tollgate_add_instant(ngx_http_request_t *r, const char *name,
    int64_t ms)
{
    char            quoted[40];
    ngx_str_t       value;
    struct tg_text  text;

    text = tg_text_in(quoted, sizeof(quoted));
    tg_text_instant(&text, ngx_http_tollgate_now_ms() + ms);

    value.len = text.len - 2;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value.data, quoted + 1, value.len);

    return ngx_http_tollgate_add_header(r, name, &value);
}


/* By which names a limit is told, in each manner: its size, left, reset. */

static const char  *ngx_http_tollgate_limit_names[2][2][3] = {
    {
        { "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
          "x-ratelimit-reset-requests" },
        { "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
          "x-ratelimit-reset-tokens" }
    },
    {
        { "anthropic-ratelimit-requests-limit",
          "anthropic-ratelimit-requests-remaining",
          "anthropic-ratelimit-requests-reset" },
        { "anthropic-ratelimit-tokens-limit",
          "anthropic-ratelimit-tokens-remaining",
          "anthropic-ratelimit-tokens-reset" }
    }
};


static ngx_int_t
ngx_http_tollgate_add_standing(ngx_http_request_t *r,
    const struct tg_rate_standing *s, const char **names,
    enum tg_manner manner)
{
    if (s->limit == TG_RATE_NONE) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_add_number(r, names[0], s->size) != NGX_OK
        || ngx_http_tollgate_add_number(r, names[1], s->left) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (manner == TG_MANNER_ANTHROPIC) {
        return ngx_http_tollgate_add_instant(r, names[2], s->reset_ms);
    }

    return ngx_http_tollgate_add_duration(r, names[2], s->reset_ms);
}


/* OpenAI's headers are told on every path, Anthropic's on theirs. */

ngx_int_t
ngx_http_tollgate_add_limits(ngx_http_request_t *r,
    const struct tg_rate_report *limits, enum tg_manner manner)
{
    ngx_uint_t    m;
    const char  *(*names)[3];

    for (m = TG_MANNER_OPENAI; m <= (ngx_uint_t) manner; m++) {
        names = ngx_http_tollgate_limit_names[m];

        if (ngx_http_tollgate_add_standing(r, &limits->requests, names[0], m)
            != NGX_OK
            || ngx_http_tollgate_add_standing(r, &limits->tokens, names[1], m)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
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
