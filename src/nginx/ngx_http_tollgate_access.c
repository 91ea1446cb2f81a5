/*
 * ngx_http_tollgate_access.c: a request's head and body go to core, and its
 * verdict becomes what nginx does next.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_judge_framing(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_judge_head(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static ngx_int_t ngx_http_tollgate_judge_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
static void ngx_http_tollgate_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_tollgate_proxy(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_body_facts *facts,
    struct tg_admission *a);


/* One decision at a time is made in a worker, so one place serves them all. */

static struct tg_admission   ngx_http_tollgate_admission;
static struct tg_payload     ngx_http_tollgate_payload;
static struct tg_body_facts  ngx_http_tollgate_facts;


ngx_int_t
ngx_http_tollgate_access_handler(ngx_http_request_t *r)
{
    ngx_http_tollgate_ctx_t       *ctx;
    ngx_http_tollgate_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (!lcf->enable) {
        return lcf->strict && !r->internal ? ngx_http_tollgate_judge_framing(r)
                                           : NGX_DECLINED;
    }

    ctx = ngx_http_tollgate_get_ctx(r);

    if (ctx == NULL || ctx->awaits_key) {
        return ngx_http_tollgate_judge_head(r, ctx);
    }

    if (ctx->is_body_read && ctx->slot == NULL && ctx->answer.data == NULL) {
        return ngx_http_tollgate_judge_body(r, ctx);
    }

    /* An internal redirect: the decision stands. */

    if (ctx->slot == NULL) {
        r->content_handler = ngx_http_tollgate_answer_handler;

    } else {
        ngx_http_tollgate_lead(r);
    }

    return NGX_OK;
}


/* The admin API's requests, whose framing is all that we judge. */

static ngx_int_t
ngx_http_tollgate_judge_framing(ngx_http_request_t *r)
{
    struct tg_request         request;
    struct tg_admission      *a = &ngx_http_tollgate_admission;
    struct tg_credential      credential;
    ngx_http_tollgate_ctx_t  *ctx;

    ngx_http_tollgate_read_request(r, &request, &credential);

    if (tg_admit_framing(&request.framing, a)) {

        /* Nobody watches these chunks, so nothing may follow them. */

        if (a->must_close || r->headers_in.chunked) {
            r->keepalive = 0;
        }

        return NGX_DECLINED;
    }

    ctx = ngx_http_tollgate_add_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_tollgate_refuse(r, ctx, a, credential.key);
    r->content_handler = ngx_http_tollgate_answer_handler;

    return NGX_OK;
}


/* ctx is NULL the first time; later it waited for its key. */

static ngx_int_t
ngx_http_tollgate_judge_head(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    ngx_int_t                 rc;
    struct tg_request         request;
    struct tg_admission      *a = &ngx_http_tollgate_admission;
    struct tg_credential      credential;

    if (ctx == NULL) {
        ctx = ngx_http_tollgate_add_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->awaits_key = 0;

    ngx_http_tollgate_read_request(r, &request, &credential);
    request.since_ms = ctx->since_ms;
    tg_admit_head(&ngx_http_tollgate_worker.state, &request, a);

    if (a->action == TG_ACTION_WAIT) {
        if (ctx->since_ms == 0) {
            ctx->since_ms = request.now_ms;
        }

        return ngx_http_tollgate_await_key(r, ctx, a->wait_ms);
    }

    if (a->action != TG_ACTION_READ_BODY) {
        ctx->head.route = a->head.route;
        ngx_http_tollgate_refuse(r, ctx, a, credential.key);
        r->content_handler = ngx_http_tollgate_answer_handler;
        return NGX_OK;
    }

    if (a->must_close) {
        r->keepalive = 0;
    }

    ctx->head = a->head;
    ctx->http_version = r->http_version;
    ctx->method_name = r->method_name;

    /*
     * What is no POST nginx sends once more when its connection breaks.  A
     * file must not be deleted twice, so to nginx it is one; the name is what
     * the upstream gets.
     */

    ctx->method = NGX_HTTP_POST;

    ngx_http_tollgate_watch_chunks(r);

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
    struct tg_payload          *payload = &ngx_http_tollgate_payload;
    struct tg_admission        *a = &ngx_http_tollgate_admission;
    const struct tg_body_facts *facts = &ngx_http_tollgate_facts;

    tg_payload_init(payload, &ctx->head);

    rc = ngx_http_tollgate_scan_body(r, payload);
    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || tg_payload_finish(payload, &ngx_http_tollgate_facts) != 0)
    {
        facts = NULL;
    }

    if (r->headers_in.chunked) {
        ctx->head.chunks = ngx_http_tollgate_wire_verdict(r);
    }

    tg_admit_body(&ngx_http_tollgate_worker.state, &ctx->head, facts,
                  tg_payload_fault(payload), ngx_http_tollgate_now_ms(), a);

    if (a->action == TG_ACTION_PROXY) {
        rc = ngx_http_tollgate_proxy(r, ctx, facts, a);

        if (rc == NGX_OK) {
            ngx_http_tollgate_lead(r);
            return ngx_http_tollgate_wait_hold(r, ctx);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (a->action == TG_ACTION_WAIT) {
        return ngx_http_tollgate_park(r, ctx, a->wait_ms);
    }

    ngx_http_tollgate_leave_line(ctx);
    ngx_http_tollgate_refuse(r, ctx, a, none);
    r->content_handler = ngx_http_tollgate_answer_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_type(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_body_facts *facts)
{
    ctx->content_type.data = ngx_pnalloc(r->pool, TG_PAYLOAD_TYPE_SIZE);
    if (ctx->content_type.data == NULL) {
        return NGX_ERROR;
    }

    ctx->content_type.len = tg_payload_type(&ctx->head, facts,
                                            (char *) ctx->content_type.data);

    return NGX_OK;
}


/* NGX_OK; NGX_DECLINED with a refusal in the admission; an HTTP error. */

static ngx_int_t
ngx_http_tollgate_proxy(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_body_facts *facts, struct tg_admission *a)
{
    ngx_int_t  rc;

    ctx->request_id.data = ngx_pnalloc(r->pool, TG_REQUEST_ID_TEXT_SIZE);
    if (ctx->request_id.data == NULL
        || ngx_http_tollgate_type(r, ctx, facts) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_tollgate_begin(r, ctx, facts, a);
    if (rc != NGX_OK) {
        return rc;
    }

    tg_request_id_text(&ctx->slot->call.id, (char *) ctx->request_id.data);

    rc = ngx_http_tollgate_prepare(r, ctx, a);

    if (rc == NGX_OK && ctx->dialect != a->upstream.dialect
        && !tg_admit_translate(&ngx_http_tollgate_worker.state, ctx->slot,
                               facts, a))
    {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_tollgate_edit_body(r, ctx, a->edits, a->edit_count);
    }

    if (rc != NGX_OK) {
        tg_admit_give_back(&ngx_http_tollgate_worker.claim, ctx->slot, a);
        tg_journal_take_back(&ngx_http_tollgate_worker.journal);
        ngx_http_tollgate_unwatch_call(ctx);
        ctx->slot = NULL;

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        a->action = TG_ACTION_REFUSE;
        a->code = TG_CODE_UPSTREAM_UNAVAILABLE;
        a->reason = TG_REASON_NO_CREDENTIAL;
        return NGX_DECLINED;
    }

    r->method = ctx->method;

    ctx->target = a->target;
    ctx->dialect = a->upstream.dialect;
    ctx->hold = a->hold;
    ctx->edit_rule = a->edit_rule;

    ctx->request_id.len = TG_REQUEST_ID_TEXT_SIZE - 1;

    return NGX_OK;
}
