/*
 * ngx_http_tollgate_pass.c: a call goes through nginx's proxy.
 *
 * Where a location has proxy_pass https://tg-0, nginx looks nothing up for a
 * call: the block is put in as the call's target says, and the request's head
 * is the one that _head.c has written.  Where it has proxy_pass $tollgate_url,
 * nginx finds scheme, block and path in that, and asks for each header.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_pass_handler(ngx_http_request_t *r);

/* The proxy's configuration begins with one of an upstream's. */

extern ngx_module_t  ngx_http_proxy_module;


/* The proxy's configuration of the location, if it names one of our blocks. */

static ngx_http_upstream_conf_t *
ngx_http_tollgate_named(ngx_http_request_t *r)
{
    ngx_http_upstream_conf_t      *conf;
    ngx_http_tollgate_srv_conf_t  *scf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_proxy_module);

    if (conf->upstream == NULL || conf->upstream->srv_conf == NULL) {
        return NULL;
    }

    scf = ngx_http_conf_upstream_srv_conf(conf->upstream,
                                          ngx_http_tollgate_module);

    return scf->is_block ? conf : NULL;
}


/* An admitted call is to go upstream, with what _prepare() has written. */

void
ngx_http_tollgate_lead(ngx_http_request_t *r)
{
    if (ngx_http_tollgate_named(r) != NULL) {
        r->content_handler = ngx_http_tollgate_pass_handler;
    }
}


/* The location's configuration with the block of a row; NULL: there is none. */

static ngx_http_upstream_conf_t *
ngx_http_tollgate_conf_of(ngx_http_request_t *r, ngx_uint_t row)
{
    ngx_http_upstream_conf_t       *conf;
    ngx_http_tollgate_loc_conf_t   *lcf;
    ngx_http_tollgate_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (lcf->targets != NULL && lcf->targets[row] != NULL) {
        return lcf->targets[row];
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_tollgate_module);

    if (mcf->blocks[row] == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tollgate: no block has \"tollgate_upstream %ui\"", row);
        return NULL;
    }

    if (lcf->targets == NULL) {
        lcf->targets = ngx_pcalloc(ngx_cycle->pool,
                                   TG_CATALOG_UPSTREAMS * sizeof(void *));
        if (lcf->targets == NULL) {
            return NULL;
        }
    }

    conf = ngx_palloc(ngx_cycle->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    *conf = *ngx_http_tollgate_named(r);
    conf->upstream = mcf->blocks[row];
    lcf->targets[row] = conf;

    return conf;
}


/* Of the proxy's own this writes all that our locations ask for: the head in
   one piece, and copies of the body's buffers behind it. */

static ngx_int_t
ngx_http_tollgate_create_request(ngx_http_request_t *r)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl, *body, **last;
    ngx_http_upstream_t      *u;
    ngx_http_tollgate_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_tollgate_get_ctx(r);

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->temporary = 1;
    b->start = ctx->request_head;
    b->pos = b->start;
    b->last = ngx_http_tollgate_end_head(ctx,
                                         r->headers_in.content_length_n);
    b->end = b->last;

    body = u->request_bufs;
    last = &u->request_bufs;

    for ( ;; ) {
        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = b;
        *last = cl;
        last = &cl->next;

        if (body == NULL) {
            break;
        }

        b = ngx_alloc_buf(r->pool);
        if (b == NULL) {
            return NGX_ERROR;
        }

        *b = *body->buf;
        body = body->next;
    }

    b->flush = 1;
    *last = NULL;
    u->uri = ctx->path;

    return NGX_OK;
}


/* Whether that head is the one that is sent. */

ngx_uint_t
ngx_http_tollgate_is_ours(ngx_http_upstream_t *u)
{
    return u->create_request == ngx_http_tollgate_create_request;
}


static ngx_uint_t
ngx_http_tollgate_has_tls(ngx_http_upstream_conf_t *conf)
{
#if (NGX_HTTP_SSL)
    return conf->ssl != NULL;
#else
    return 0;
#endif
}


/*
 * The proxy's handler makes the upstream and would begin it at once.  A
 * request that waits for aio is not begun: so it is begun here, once block,
 * scheme and head are those of the call.
 */

static ngx_int_t
ngx_http_tollgate_pass_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_upstream_t       *u;
    ngx_http_tollgate_ctx_t   *ctx;
    ngx_http_upstream_conf_t  *conf;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = ngx_http_tollgate_get_ctx(r);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    conf = ngx_http_tollgate_conf_of(r, ctx->target.upstream);
    if (conf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->is_tls && !ngx_http_tollgate_has_tls(conf)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "tollgate: proxy_pass names no https:// here");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->aio = 1;
    rc = clcf->handler(r);
    r->aio = 0;

    if (rc != NGX_DONE) {
        return rc;
    }

    u = r->upstream;
    u->conf = conf;
    u->create_request = ngx_http_tollgate_create_request;

    ngx_str_set(&u->schema, "http://");

#if (NGX_HTTP_SSL)

    u->ssl = ctx->is_tls;

    if (ctx->is_tls) {
        ngx_str_set(&u->schema, "https://");
    }

#endif

    ngx_http_upstream_init(r);

    return NGX_DONE;
}
