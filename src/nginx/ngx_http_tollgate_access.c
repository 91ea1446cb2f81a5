/*
 * ngx_http_tollgate_access.c: a request's head and body go to core, and its
 * verdict becomes what nginx does next.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_judge_head(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_judge_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static void ngx_http_tollgate_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_proxy(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_body_facts *facts,
    struct tg_admission *a);


/* One decision at a time is made in a worker, so one place serves them all. */

static struct tg_admission   ngx_http_tollgate_admission;
static struct tg_body        ngx_http_tollgate_body;
static struct tg_body_facts  ngx_http_tollgate_facts;


ngx_int_t
ngx_http_tollgate_access_handler(ngx_http_request_t *r)
{
    ngx_http_tollgate_ctx_t       *ctx;
    ngx_http_tollgate_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (!lcf->enable || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_tollgate_get_ctx(r);

    if (ctx == NULL) {
        return ngx_http_tollgate_judge_head(r);
    }

    if (ctx->is_body_read && ctx->slot == NULL && ctx->answer.data == NULL) {
        return ngx_http_tollgate_judge_body(r, ctx);
    }

    /* An internal redirect: the decision stands. */

    if (ctx->slot == NULL) {
        r->content_handler = ngx_http_tollgate_answer_handler;
    }

    return NGX_OK;
}


static struct tg_str
ngx_http_tollgate_str(ngx_str_t s)
{
    return (struct tg_str) { (char *) s.data, s.len };
}


static ngx_uint_t
ngx_http_tollgate_is(ngx_table_elt_t *h, const char *name, size_t len)
{
    return h->key.len == len && ngx_memcmp(h->lowcase_key, name, len) == 0;
}


/* The headers that a decision looks at. */

static void
ngx_http_tollgate_read_headers(ngx_http_request_t *r,
    struct tg_request *request, struct tg_credential *credential)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(credential, sizeof(struct tg_credential));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_tollgate_is(&h[i], "authorization", 13)) {
                tg_credential_add(credential, TG_SOURCE_AUTHORIZATION,
                                  ngx_http_tollgate_str(h[i].value));

            } else if (ngx_http_tollgate_is(&h[i], "x-api-key", 9)) {
                tg_credential_add(credential, TG_SOURCE_X_API_KEY,
                                  ngx_http_tollgate_str(h[i].value));

            } else if (ngx_http_tollgate_is(&h[i], "api-key", 7)) {
                tg_credential_add(credential, TG_SOURCE_API_KEY,
                                  ngx_http_tollgate_str(h[i].value));

            } else if (ngx_http_tollgate_is(&h[i], "origin", 6)) {
                request->origin = ngx_http_tollgate_str(h[i].value);

            } else if (ngx_http_tollgate_is(&h[i], "referer", 7)) {
                request->referer = ngx_http_tollgate_str(h[i].value);

            } else if (ngx_http_tollgate_is(&h[i], "content-encoding", 16)) {
                request->content_encoding =
                    ngx_http_tollgate_str(h[i].value);
            }
        }
    }
}


static void
ngx_http_tollgate_read_address(ngx_http_request_t *r, uint8_t ip[16])
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    ngx_memzero(ip, 16);

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        ip[10] = 0xff;
        ip[11] = 0xff;
        ngx_memcpy(ip + 12, &sin->sin_addr, 4);
        break;

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        ngx_memcpy(ip, &sin6->sin6_addr, 16);
        break;
    }
}


/* The target as the client wrote it, cut into path and query. */

static void
ngx_http_tollgate_read_target(ngx_http_request_t *r,
    struct tg_request *request)
{
    u_char  *mark;

    request->path = ngx_http_tollgate_str(r->unparsed_uri);

    mark = ngx_strlchr(r->unparsed_uri.data,
                       r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (mark != NULL) {
        request->path.len = mark - r->unparsed_uri.data;
        request->query.data = (char *) mark + 1;
        request->query.len = r->unparsed_uri.len - request->path.len - 1;
    }
}


static ngx_int_t
ngx_http_tollgate_judge_head(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    struct tg_request         request;
    struct tg_admission      *a = &ngx_http_tollgate_admission;
    struct tg_credential      credential;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_add_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&request, sizeof(struct tg_request));
    request.method = r->method == NGX_HTTP_POST ? TG_METHOD_POST
                     : r->method == NGX_HTTP_GET ? TG_METHOD_GET
                     : TG_METHOD_OTHER;
    request.now_ms = ngx_http_tollgate_now_ms();
    request.credential = &credential;

    if (r->headers_in.content_type != NULL) {
        request.content_type =
            ngx_http_tollgate_str(r->headers_in.content_type->value);
    }

    ngx_http_tollgate_read_target(r, &request);
    ngx_http_tollgate_read_headers(r, &request, &credential);
    ngx_http_tollgate_read_address(r, request.ip);

    tg_admit_head(&ngx_http_tollgate_worker.state, &request, a);

    if (a->action != TG_ACTION_READ_BODY) {
        ngx_http_tollgate_refuse(r, ctx, a, credential.key);
        r->content_handler = ngx_http_tollgate_answer_handler;
        return NGX_OK;
    }

    ctx->head = a->head;

    rc = ngx_http_read_client_request_body(r, ngx_http_tollgate_body_handler);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_tollgate_body_handler(ngx_http_request_t *r)
{
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);
    ctx->is_body_read = 1;

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_http_tollgate_judge_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    ngx_int_t                   rc;
    struct tg_str               none = { NULL, 0 };
    struct tg_body             *body = &ngx_http_tollgate_body;
    struct tg_admission        *a = &ngx_http_tollgate_admission;
    const struct tg_body_facts *facts = &ngx_http_tollgate_facts;

    rc = ngx_http_tollgate_scan_body(r, body);
    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || tg_body_finish(body, &ngx_http_tollgate_facts) != 0)
    {
        facts = NULL;
    }

    tg_admit_body(&ngx_http_tollgate_worker.state, &ctx->head, facts,
                  &body->fault, ngx_http_tollgate_now_ms(), a);

    if (a->action == TG_ACTION_PROXY) {
        rc = ngx_http_tollgate_proxy(r, ctx, facts, a);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ngx_http_tollgate_refuse(r, ctx, a, none);
    r->content_handler = ngx_http_tollgate_answer_handler;

    return NGX_OK;
}


/* Copies a core field into the request's pool. */

static ngx_int_t
ngx_http_tollgate_copy(ngx_http_request_t *r, ngx_str_t *to, const char *from,
    size_t size)
{
    to->len = tg_field_len(from, size);
    to->data = ngx_pnalloc(r->pool, to->len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, from, to->len);

    return NGX_OK;
}


/* "http://tg-7/v1/chat/completions": tg-7 is an upstream block's name. */

static ngx_int_t
ngx_http_tollgate_target(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a)
{
    ctx->url.data = ngx_pnalloc(r->pool, sizeof("https://tg-") - 1
                                         + NGX_INT_T_LEN + a->place.base.len
                                         + a->place.path.len);
    if (ctx->url.data == NULL) {
        return NGX_ERROR;
    }

    ctx->url.len = ngx_sprintf(ctx->url.data, "%s://tg-%ui%*s%*s",
                               a->upstream.is_tls ? "https" : "http",
                               ctx->upstream,
                               a->place.base.len, a->place.base.data,
                               a->place.path.len, a->place.path.data)
                   - ctx->url.data;

    if (ngx_http_tollgate_copy(r, &ctx->host, a->upstream.host_header,
                               sizeof(a->upstream.host_header))
        != NGX_OK
        || ngx_http_tollgate_copy(r, &ctx->ssl_name, a->upstream.host,
                                  sizeof(a->upstream.host))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->peer_name = ctx->host;

    return NGX_OK;
}


/* NGX_OK; NGX_DECLINED with a refusal in the admission; an HTTP error. */

static ngx_int_t
ngx_http_tollgate_proxy(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_body_facts *facts, struct tg_admission *a)
{
    ngx_int_t  rc;

    ctx->upstream = a->upstream_row;

    ctx->request_id.data = ngx_pnalloc(r->pool, TG_REQUEST_ID_TEXT_SIZE);

    if (ctx->request_id.data == NULL
        || ngx_http_tollgate_target(r, ctx, a) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_tollgate_authorize(r, ctx, a) != NGX_OK) {
        a->action = TG_ACTION_REFUSE;
        a->code = TG_CODE_UPSTREAM_UNAVAILABLE;
        a->reason = TG_REASON_NO_CREDENTIAL;
        return NGX_DECLINED;
    }

    rc = ngx_http_tollgate_begin(r, ctx, facts, a);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_tollgate_edit_body(r, a->edits, a->edit_count) != NGX_OK) {
        tg_admit_give_back(&ngx_http_tollgate_worker.claim, ctx->slot, a);
        ngx_http_tollgate_leave_stream(ctx);
        ctx->slot = NULL;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tg_request_id_text(&ctx->slot->call.id, (char *) ctx->request_id.data);
    ctx->request_id.len = TG_REQUEST_ID_TEXT_SIZE - 1;

    return NGX_OK;
}
