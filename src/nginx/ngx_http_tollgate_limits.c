/*
 * ngx_http_tollgate_limits.c: the headers that tell a client of its limits,
 * in OpenAI's format and Anthropic's, and when to come again.
 */

#include "ngx_http_tollgate_module.h"

#include "digits.h"

/* Room for what is told of one limit, in either manner. */
#define NGX_HTTP_TOLLGATE_STANDING_SIZE                                       \
    (2 * NGX_INT64_LEN + ngx_max(TG_RATE_DURATION_SIZE, 40))


/* Writes n where *p is, makes a value of it, and moves *p behind it. */

static ngx_str_t
ngx_http_tollgate_number(u_char **p, uint64_t n)
{
    ngx_str_t  value;

    value.data = *p;
    value.len = tg_digits((char *) *p, n);
    *p += value.len;

    return value;
}


static ngx_str_t
ngx_http_tollgate_duration(u_char **p, int64_t ms)
{
    ngx_str_t  value;

    value.data = *p;
    value.len = tg_rate_duration((char *) *p, ms);
    *p += value.len;

    return value;
}


/* The instant at which a limit is whole again, as Anthropic says it. */

static ngx_str_t
ngx_http_tollgate_instant(u_char **p, int64_t ms)
{
    char            quoted[40];
    ngx_str_t       value;
    struct tg_text  text;

    text = tg_text_in(quoted, sizeof(quoted));
    tg_text_instant(&text, ngx_http_tollgate_now_ms() + ms);

    value.data = *p;
    value.len = text.len - 2;
    *p = ngx_cpymem(*p, quoted + 1, value.len);

    return value;
}


/* By which names a limit is told, in each manner: its size, left, reset. */

static const ngx_str_t  ngx_http_tollgate_limit_names[2][2][3] = {
    {
        { ngx_string("x-ratelimit-limit-requests"), ngx_string("x-ratelimit-remaining-requests"),
          ngx_string("x-ratelimit-reset-requests") },
        { ngx_string("x-ratelimit-limit-tokens"), ngx_string("x-ratelimit-remaining-tokens"),
          ngx_string("x-ratelimit-reset-tokens") }
    },
    {
        { ngx_string("anthropic-ratelimit-requests-limit"),
          ngx_string("anthropic-ratelimit-requests-remaining"),
          ngx_string("anthropic-ratelimit-requests-reset") },
        { ngx_string("anthropic-ratelimit-tokens-limit"),
          ngx_string("anthropic-ratelimit-tokens-remaining"),
          ngx_string("anthropic-ratelimit-tokens-reset") }
    }
};


static ngx_int_t
ngx_http_tollgate_add_standing(ngx_http_request_t *r, u_char **p,
    const struct tg_rate_standing *s, const ngx_str_t *names,
    enum tg_manner manner)
{
    ngx_str_t  size, left, reset;

    if (s->limit == TG_RATE_NONE) {
        return NGX_OK;
    }

    size = ngx_http_tollgate_number(p, s->size);
    left = ngx_http_tollgate_number(p, s->left);
    reset = manner == TG_MANNER_ANTHROPIC
            ? ngx_http_tollgate_instant(p, s->reset_ms)
            : ngx_http_tollgate_duration(p, s->reset_ms);

    if (ngx_http_tollgate_add_header(r, &names[0], &size) != NGX_OK
        || ngx_http_tollgate_add_header(r, &names[1], &left) != NGX_OK
        || ngx_http_tollgate_add_header(r, &names[2], &reset) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* OpenAI's headers are told on every path, Anthropic's on theirs. */

ngx_int_t
ngx_http_tollgate_add_limits(ngx_http_request_t *r,
    const struct tg_rate_report *limits, enum tg_manner manner)
{
    u_char            *p;
    ngx_uint_t         m;
    const ngx_str_t  (*names)[3];

    p = ngx_pnalloc(r->pool, ((ngx_uint_t) manner + 1) * 2
                             * NGX_HTTP_TOLLGATE_STANDING_SIZE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (m = TG_MANNER_OPENAI; m <= (ngx_uint_t) manner; m++) {
        names = ngx_http_tollgate_limit_names[m];

        if (ngx_http_tollgate_add_standing(r, &p, &limits->requests, names[0],
                                           m)
            != NGX_OK
            || ngx_http_tollgate_add_standing(r, &p, &limits->tokens,
                                              names[1], m)
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
    static const ngx_str_t  ms = ngx_string("retry-after-ms");
    static const ngx_str_t  seconds = ngx_string("Retry-After");

    u_char     *p;
    ngx_str_t   value;

    if (retry_ms <= 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 2 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value = ngx_http_tollgate_number(&p, retry_ms);
    if (ngx_http_tollgate_add_header(r, &ms, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    value = ngx_http_tollgate_number(&p, (retry_ms + 999) / 1000);

    return ngx_http_tollgate_add_header(r, &seconds, &value);
}
