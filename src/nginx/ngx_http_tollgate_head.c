/*
 * ngx_http_tollgate_head.c: the head of the request that an upstream gets, as
 * it is sent, but for the body's length, which may change until then.
 *
 * Two variables show it to nginx where that writes the head itself:
 * $tollgate_url, and $tollgate_head, which holds all headers, so that one is
 * evaluated and not ten.  It begins as the value of Host; the others follow as
 * lines of their own.  Nothing of them is the client's as it came: core has
 * chosen each value, or checked it.
 */

#include "ngx_http_tollgate_module.h"

#include "digits.h"

/* Values of headers, in the order of ngx_http_tollgate_names. */
enum {
    NGX_HTTP_TOLLGATE_AUTHORIZATION,
    NGX_HTTP_TOLLGATE_API_KEY,
    NGX_HTTP_TOLLGATE_VERSION,
    NGX_HTTP_TOLLGATE_BETA,
    NGX_HTTP_TOLLGATE_TYPE,
    NGX_HTTP_TOLLGATE_ID,
    NGX_HTTP_TOLLGATE_VALUES
};


/* What stands around them. */

#define NGX_HTTP_TOLLGATE_BEFORE_HOST  " HTTP/1.1\r\nHost: "
#define NGX_HTTP_TOLLGATE_LENGTH       "\r\nContent-Length: "
#define NGX_HTTP_TOLLGATE_END          "\r\n\r\n"


static ngx_str_t  ngx_http_tollgate_names[NGX_HTTP_TOLLGATE_VALUES] = {
    ngx_string("\r\nAuthorization: "),
    ngx_string("\r\nX-Api-Key: "),
    ngx_string("\r\nAnthropic-Version: "),
    ngx_string("\r\nAnthropic-Beta: "),
    ngx_string("\r\nContent-Type: "),
    ngx_string("\r\nAccept-Encoding: identity"
               "\r\nUser-Agent: tollgate"
               "\r\nX-Request-Id: ")
};


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

                if (h[i].key.len != name->len
                    || ngx_memcmp(h[i].lowcase_key, name->data, name->len)
                       != 0)
                {
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

static ngx_int_t
ngx_http_tollgate_speak(ngx_http_request_t *r, const struct tg_admission *a,
    const ngx_str_t *credential, ngx_str_t *values)
{
    static ngx_str_t  version = ngx_string("anthropic-version");
    static ngx_str_t  beta = ngx_string("anthropic-beta");

    ngx_str_t      sent, *key, *betas;
    struct tg_str  chosen;

    if (tg_dialect_scheme(a->upstream.dialect) != TG_SCHEME_X_API_KEY) {
        values[NGX_HTTP_TOLLGATE_AUTHORIZATION] = *credential;
        return NGX_OK;
    }

    key = &values[NGX_HTTP_TOLLGATE_API_KEY];
    key->data = credential->data + sizeof("Bearer ") - 1;
    key->len = credential->len - (sizeof("Bearer ") - 1);

    if (ngx_http_tollgate_join(r, &version, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    chosen = tg_dialect_version((struct tg_str) { (char *) sent.data,
                                                  sent.len });
    values[NGX_HTTP_TOLLGATE_VERSION].data = (u_char *) chosen.data;
    values[NGX_HTTP_TOLLGATE_VERSION].len = chosen.len;

    if (ngx_http_tollgate_join(r, &beta, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    betas = &values[NGX_HTTP_TOLLGATE_BETA];
    betas->data = ngx_pnalloc(r->pool, sent.len + 1);
    if (betas->data == NULL) {
        return NGX_ERROR;
    }

    betas->len = tg_dialect_betas((struct tg_str) { (char *) sent.data,
                                                    sent.len },
                                  (char *) betas->data);

    return NGX_OK;
}


static u_char *
ngx_http_tollgate_put(u_char *p, struct tg_str s)
{
    return s.len ? ngx_cpymem(p, s.data, s.len) : p;
}


/* "POST /v1/chat/completions HTTP/1.1", and what stands before the host. */

static u_char *
ngx_http_tollgate_put_line(u_char *p, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a)
{
    p = ngx_cpymem(p, ctx->method_name.data, ctx->method_name.len);
    *p++ = ' ';

    ctx->path.data = p;
    p = ngx_http_tollgate_put(p, a->place.base);
    p = ngx_http_tollgate_put(p, a->place.path);

    if (a->head.query.len) {
        *p++ = '?';
        p = ngx_http_tollgate_put(p, a->head.query);
    }

    ctx->path.len = p - ctx->path.data;

    return ngx_cpymem(p, NGX_HTTP_TOLLGATE_BEFORE_HOST,
                      sizeof(NGX_HTTP_TOLLGATE_BEFORE_HOST) - 1);
}


/*
 * Writes the head.  The credential is copied: a request may wait for its hold
 * before nginx sends it, and the worker may open another one in its place
 * meanwhile.
 */

ngx_int_t
ngx_http_tollgate_write_head(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a,
    const ngx_str_t *credential)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   values[NGX_HTTP_TOLLGATE_VALUES];
    ngx_uint_t  i;

    ngx_memzero(values, sizeof(values));
    values[NGX_HTTP_TOLLGATE_TYPE] = ctx->content_type;
    values[NGX_HTTP_TOLLGATE_ID].data = ctx->request_id.data;
    values[NGX_HTTP_TOLLGATE_ID].len = TG_REQUEST_ID_TEXT_SIZE - 1;

    if (ngx_http_tollgate_speak(r, a, credential, values) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->host.len = tg_field_len(a->upstream.host_header,
                                 sizeof(a->upstream.host_header));

    len = ctx->method_name.len + sizeof(" ?") - 1 + a->place.base.len
          + a->place.path.len + a->head.query.len
          + sizeof(NGX_HTTP_TOLLGATE_BEFORE_HOST) - 1 + ctx->host.len
          + sizeof(NGX_HTTP_TOLLGATE_LENGTH) - 1 + TG_DIGITS_MAX
          + sizeof(NGX_HTTP_TOLLGATE_END) - 1;

    for (i = 0; i < NGX_HTTP_TOLLGATE_VALUES; i++) {
        len += ngx_http_tollgate_names[i].len + values[i].len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->request_head = p;
    p = ngx_http_tollgate_put_line(p, ctx, a);

    ctx->host.data = p;
    ctx->upstream_head.data = p;
    p = ngx_cpymem(p, a->upstream.host_header, ctx->host.len);

    for (i = 0; i < NGX_HTTP_TOLLGATE_VALUES; i++) {
        if (values[i].len != 0) {
            p = ngx_cpymem(p, ngx_http_tollgate_names[i].data,
                           ngx_http_tollgate_names[i].len);
            p = ngx_cpymem(p, values[i].data, values[i].len);
        }
    }

    ctx->upstream_head.len = p - ctx->upstream_head.data;
    ctx->is_tls = a->upstream.is_tls != 0;

    return NGX_OK;
}


/* Writes what is behind the headers, in the room that was left for it, and
   returns its end.  A length below 0 is that of no body. */

u_char *
ngx_http_tollgate_end_head(ngx_http_tollgate_ctx_t *ctx, off_t length)
{
    u_char  *p;

    p = ctx->upstream_head.data + ctx->upstream_head.len;

    if (length >= 0) {
        p = ngx_cpymem(p, NGX_HTTP_TOLLGATE_LENGTH,
                       sizeof(NGX_HTTP_TOLLGATE_LENGTH) - 1);
        p += tg_digits((char *) p, (uint64_t) length);
    }

    return ngx_cpymem(p, NGX_HTTP_TOLLGATE_END,
                      sizeof(NGX_HTTP_TOLLGATE_END) - 1);
}


/* "http://tg-7/v1/chat/completions": tg-7 is an upstream block's name. */

ngx_int_t
ngx_http_tollgate_write_url(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_str_t *url)
{
    u_char  *p;

    url->data = ngx_pnalloc(r->pool, sizeof("https://tg-99") - 1
                                     + ctx->path.len);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(url->data, "http%stg-%ui%V", ctx->is_tls ? "s://" : "://",
                    ctx->target.upstream, &ctx->path);
    url->len = p - url->data;

    return NGX_OK;
}


/* The name that the upstream's certificate is to have. */

ngx_int_t
ngx_http_tollgate_write_ssl_name(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a)
{
    ngx_str_null(&ctx->ssl_name);

    if (!a->upstream.is_tls) {
        return NGX_OK;
    }

    ctx->ssl_name.len = tg_field_len(a->upstream.host,
                                     sizeof(a->upstream.host));
    ctx->ssl_name.data = ngx_pnalloc(r->pool, ctx->ssl_name.len + 1);
    if (ctx->ssl_name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->ssl_name.data, a->upstream.host, ctx->ssl_name.len);

    return NGX_OK;
}
