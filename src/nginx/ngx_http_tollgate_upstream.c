/*
 * ngx_http_tollgate_upstream.c: where an upstream is, as the daemon last
 * published it, and with which credential.
 *
 * The addresses are read from the state file for every connection, so a
 * change of DNS needs no reload.
 */

#include "ngx_http_tollgate_module.h"

/* An opened credential, as the Authorization header has it. */
typedef struct {
    uint32_t   generation;
    u_char     id[TG_ID_LEN];
    ngx_str_t  value;
    u_char     data[sizeof("Bearer ") - 1 + TG_SEALED_MAX];
} ngx_http_tollgate_credential_t;

static ngx_int_t ngx_http_tollgate_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_tollgate_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_tollgate_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_tollgate_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_tollgate_set_session(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_tollgate_save_session(ngx_peer_connection_t *pc,
    void *data);
#endif


static ngx_http_tollgate_credential_t
    *ngx_http_tollgate_credentials[TG_CATALOG_CREDENTIALS];


char *
ngx_http_tollgate_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                       row;
    ngx_str_t                      *value;
    ngx_http_tollgate_srv_conf_t   *scf = conf;
    ngx_http_upstream_srv_conf_t   *uscf;
    ngx_http_tollgate_main_conf_t  *mcf;

    value = cf->args->elts;

    row = ngx_atoi(value[1].data, value[1].len);
    if (row == NGX_ERROR || row >= TG_CATALOG_UPSTREAMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a row from 0 to %d", &value[1],
                           TG_CATALOG_UPSTREAMS - 1);
        return NGX_CONF_ERROR;
    }

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);

    scf->is_block = 1;

    if (mcf->blocks[row] == NULL) {
        mcf->blocks[row] = uscf;
    }

    uscf->flags = NGX_HTTP_UPSTREAM_CREATE|NGX_HTTP_UPSTREAM_DOWN;
    uscf->peer.init_upstream = ngx_http_tollgate_init_upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tollgate_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    us->peer.init = ngx_http_tollgate_init_peer;

    return NGX_OK;
}


static void
ngx_http_tollgate_ignore(ngx_http_request_t *r)
{
    /* The client may have gone; its answer is read to the end all the same. */
}


/* Two of an upstream's addresses are tried, if it has two. */

static ngx_uint_t
ngx_http_tollgate_addresses(ngx_http_tollgate_ctx_t *ctx)
{
    uint64_t                  seq;
    const struct tg_catalog  *catalog;

    catalog = tg_state_catalog(&ngx_http_tollgate_worker.state, &seq);

    if (catalog == NULL
        || catalog->upstreams[ctx->target.upstream].address_count < 2)
    {
        return 1;
    }

    return 2;
}


static ngx_int_t
ngx_http_tollgate_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t      *u;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);
    if (ctx == NULL || ctx->slot == NULL) {
        return NGX_ERROR;
    }

    u = r->upstream;

    /* A location that names a block is to send our head, and nothing else. */

    if (u->resolved == NULL && !ngx_http_tollgate_is_ours(u)) {
        return NGX_ERROR;
    }

    u->peer.data = ctx;
    u->peer.get = ngx_http_tollgate_get_peer;
    u->peer.free = ngx_http_tollgate_free_peer;
    u->peer.tries = ngx_http_tollgate_addresses(ctx);
#if (NGX_HTTP_SSL)
    u->peer.set_session = ngx_http_tollgate_set_session;
    u->peer.save_session = ngx_http_tollgate_save_session;
#endif

    if (!ctx->is_stream) {
        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_tollgate_ignore;
    }

    return NGX_OK;
}


static socklen_t
ngx_http_tollgate_sockaddr(ngx_http_tollgate_ctx_t *ctx,
    const struct tg_address *address)
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    ngx_memzero(&ctx->sockaddr, sizeof(struct sockaddr_in6));

    if (address->family == 6) {
        sin6 = (struct sockaddr_in6 *) &ctx->sockaddr;
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(address->port);
        ngx_memcpy(&sin6->sin6_addr, address->ip, 16);
        return sizeof(struct sockaddr_in6);
    }

    sin = (struct sockaddr_in *) &ctx->sockaddr;
    sin->sin_family = AF_INET;
    sin->sin_port = htons(address->port);
    ngx_memcpy(&sin->sin_addr, address->ip, 4);

    return sizeof(struct sockaddr_in);
}


static ngx_int_t
ngx_http_tollgate_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_tollgate_ctx_t  *ctx = data;

    uint64_t                   seq;
    ngx_uint_t                 n;
    struct tg_address          address;
    const struct tg_catalog   *catalog;
    const struct tg_upstream  *upstream;

    do {
        catalog = tg_state_catalog(&ngx_http_tollgate_worker.state, &seq);
        if (catalog == NULL) {
            return NGX_BUSY;
        }

        upstream = &catalog->upstreams[ctx->target.upstream];
        n = upstream->address_count;

        if (n == 0 || n > TG_UPSTREAM_ADDRESSES) {
            return NGX_BUSY;
        }

        address = upstream->addresses[ctx->address % n];

    } while (!tg_state_catalog_is_current(&ngx_http_tollgate_worker.state,
                                          seq));

    ctx->address++;

    pc->socklen = ngx_http_tollgate_sockaddr(ctx, &address);
    pc->sockaddr = (struct sockaddr *) &ctx->sockaddr;
    pc->name = &ctx->host;
    pc->cached = 0;
    pc->connection = NULL;

    /* From here on the upstream may see the request. */

    if (ctx->slot != NULL) {
        ctx->slot->call.flags |= TG_CALL_SENT;
    }

    return NGX_OK;
}


static void
ngx_http_tollgate_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    if (pc->tries) {
        pc->tries--;
    }
}


#if (NGX_HTTP_SSL)

/* Connections are kept alive; sessions are not kept beside them. */

static ngx_int_t
ngx_http_tollgate_set_session(ngx_peer_connection_t *pc, void *data)
{
    return NGX_OK;
}


static void
ngx_http_tollgate_save_session(ngx_peer_connection_t *pc, void *data)
{
}

#endif


/* Opens a sealed credential into its place in this worker. */

static ngx_int_t
ngx_http_tollgate_open_credential(ngx_uint_t row,
    const struct tg_upstream_credential *sealed)
{
    long                             n;
    ngx_http_tollgate_credential_t  *c;

    c = ngx_http_tollgate_credentials[row];

    if (c == NULL) {
        c = ngx_calloc(sizeof(ngx_http_tollgate_credential_t), ngx_cycle->log);
        if (c == NULL) {
            return NGX_ERROR;
        }

        ngx_http_tollgate_credentials[row] = c;
    }

    if (sealed->sealed_bytes > TG_SEALED_MAX) {
        return NGX_ERROR;
    }

    c->value.len = 0;
    ngx_memcpy(c->data, "Bearer ", 7);

    n = tg_seal_open(&ngx_http_tollgate_worker.key,
                     (struct tg_str) { sealed->id, TG_ID_LEN },
                     sealed->sealed, sealed->sealed_bytes,
                     (char *) c->data + 7, TG_SEALED_MAX);
    if (n < 0) {
        return NGX_ERROR;
    }

    c->generation = sealed->generation;
    ngx_memcpy(c->id, sealed->id, TG_ID_LEN);
    c->value.data = c->data;
    c->value.len = 7 + n;

    return NGX_OK;
}


/* The credential of a request's target, until this worker opens another. */

ngx_int_t
ngx_http_tollgate_authorize(ngx_http_request_t *r,
    const struct tg_admission *a, ngx_str_t *value)
{
    uint64_t                         seq;
    const struct tg_catalog         *catalog;
    struct tg_upstream_credential    sealed;
    ngx_http_tollgate_credential_t  *c;

    do {
        catalog = tg_state_catalog(&ngx_http_tollgate_worker.state, &seq);
        if (catalog == NULL) {
            return NGX_ERROR;
        }

        c = ngx_http_tollgate_credentials[a->target.credential];
        sealed.generation = catalog->credentials[a->target.credential].generation;
        ngx_memcpy(sealed.id, catalog->credentials[a->target.credential].id,
                   TG_ID_LEN);

        if (c == NULL || c->generation != sealed.generation
            || ngx_memcmp(c->id, sealed.id, TG_ID_LEN) != 0)
        {
            sealed = catalog->credentials[a->target.credential];
            c = NULL;
        }

    } while (!tg_state_catalog_is_current(&ngx_http_tollgate_worker.state,
                                          seq));

    if (c == NULL) {
        if (ngx_http_tollgate_open_credential(a->target.credential, &sealed)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          "tollgate: the credential %*s does not open with "
                          "this master key", (size_t) TG_ID_LEN, sealed.id);
            return NGX_ERROR;
        }

        c = ngx_http_tollgate_credentials[a->target.credential];
    }

    *value = c->value;

    return NGX_OK;
}


void
ngx_http_tollgate_forget_credentials(void)
{
    ngx_uint_t                       i;
    ngx_http_tollgate_credential_t  *c;

    for (i = 0; i < TG_CATALOG_CREDENTIALS; i++) {
        c = ngx_http_tollgate_credentials[i];

        if (c != NULL) {
            ngx_explicit_memzero(c, sizeof(ngx_http_tollgate_credential_t));
            ngx_free(c);
            ngx_http_tollgate_credentials[i] = NULL;
        }
    }
}
