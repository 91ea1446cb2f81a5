/*
 * ngx_http_tollgate_target.c: where a call goes, and where it goes on.
 *
 * A try that was refused, or reached nobody, ends as an error of nginx's:
 * with the status that error_page leads to the error handler.  That one sends
 * the request through its location once more, which proxies it to the next
 * target that core has chosen meanwhile.
 */

#include "ngx_http_tollgate_module.h"

static ngx_int_t ngx_http_tollgate_translate(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, struct tg_admission *a);
static void ngx_http_tollgate_forget_answer(ngx_http_tollgate_ctx_t *ctx);


static ngx_int_t
ngx_http_tollgate_aim(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a, const ngx_str_t *credential)
{
    if (ngx_http_tollgate_write_head(r, ctx, a, credential) != NGX_OK
        || ngx_http_tollgate_write_ssl_name(r, ctx, a) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->address = 0;

    return NGX_OK;
}


/*
 * Prepares what proxy_pass asks for.  A credential that does not open with
 * this master key is passed over.  NGX_OK, NGX_DECLINED, NGX_ERROR; what the
 * call has is the admission's to give back.
 */

ngx_int_t
ngx_http_tollgate_prepare(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    struct tg_admission *a)
{
    ngx_str_t                    credential;
    struct tg_try                unwelcome;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    while (ngx_http_tollgate_authorize(r, a, &credential) != NGX_OK) {
        ngx_memzero(&unwelcome, sizeof(struct tg_try));
        unwelcome.fate = TG_FATE_UNWELCOME;

        if (!tg_admit_go_on(&w->claim, ctx->slot, &unwelcome,
                            ngx_http_tollgate_now_ms(), a))
        {
            return NGX_DECLINED;
        }
    }

    return ngx_http_tollgate_aim(r, ctx, a, &credential);
}


/*
 * A try has ended so.  NGX_OK: the request is to end with an error that leads
 * to the error handler, and goes on.  NGX_DECLINED: its answer stands.
 */

ngx_int_t
ngx_http_tollgate_go_on(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_try *end)
{
    static struct tg_admission  a;

    int64_t                      now_ms;
    ngx_int_t                    rc;
    struct tg_try                try;
    struct tg_call               before, *call;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    now_ms = ngx_http_tollgate_now_ms();

    /* Cut by us: no fault of the upstream's. */

    if (ctx->slot == NULL || ctx->cut_code != TG_CODE_NONE) {
        return NGX_DECLINED;
    }

    if (r->connection->error) {
        (void) tg_target_report(&w->state, &ctx->target, end, now_ms);
        return NGX_DECLINED;
    }

    a.head = ctx->head;
    a.target = ctx->target;
    call = &ctx->slot->call;
    before = *call;
    try = *end;
    rc = NGX_DECLINED;

    while (rc == NGX_DECLINED
           && tg_admit_go_on(&w->claim, ctx->slot, &try, now_ms, &a))
    {
        rc = ngx_http_tollgate_prepare(r, ctx, &a);

        if (rc == NGX_OK && ctx->dialect != a.upstream.dialect) {
            rc = ngx_http_tollgate_translate(r, ctx, &a);
        }

        /* It cannot go there; the next one may do. */

        ngx_memzero(&try, sizeof(struct tg_try));
        try.fate = TG_FATE_UNWELCOME;
    }

    ctx->target = a.target;

    if (rc != NGX_OK) {
        ngx_memcpy(call->upstream_id, before.upstream_id, TG_ID_LEN);
        ngx_memcpy(call->credential_id, before.credential_id, TG_ID_LEN);
        call->flags = before.flags;
        return NGX_DECLINED;
    }

    ngx_http_tollgate_forget_answer(ctx);
    ngx_http_clean_header(r);
    ctx->goes_on = 1;

    return NGX_OK;
}


/* Another dialect wants other edits of the body that came. */

static ngx_int_t
ngx_http_tollgate_translate(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, struct tg_admission *a)
{
    static struct tg_payload     payload;
    static struct tg_body_facts  facts;

    ngx_http_tollgate_restore_body(r, ctx);
    ctx->dialect = TG_DIALECT_NONE;

    tg_payload_init(&payload, &ctx->head);

    if (ngx_http_tollgate_scan_body(r, &payload) != NGX_OK
        || tg_payload_finish(&payload, &facts) != 0)
    {
        return NGX_ERROR;
    }

    a->hold = ctx->hold;

    if (!tg_admit_translate(&ngx_http_tollgate_worker.state, ctx->slot,
                            &facts, a))
    {
        return NGX_DECLINED;
    }

    ctx->dialect = a->upstream.dialect;
    ctx->hold = a->hold;
    ctx->edit_rule = a->edit_rule;

    return ngx_http_tollgate_edit_body(r, ctx, a->edits, a->edit_count);
}


static void
ngx_http_tollgate_forget_answer(ngx_http_tollgate_ctx_t *ctx)
{
    tg_meter_init(&ctx->meter, TG_METER_AUTO);

    ctx->mode = NGX_HTTP_TOLLGATE_PASS;
    ctx->is_observed = 0;
    ctx->is_held = 0;
    ctx->is_fine = 0;
    ctx->is_garbled = 0;
    ctx->error_len = 0;
    ctx->upstream_status = 0;
    ctx->edit = NULL;
    ctx->tail = NULL;
    ngx_str_null(&ctx->trace_id);
}


/* What nginx itself makes an error of: a try without an answer. */

static ngx_uint_t
ngx_http_tollgate_is_silence(ngx_uint_t status)
{
    return status == NGX_HTTP_BAD_GATEWAY
           || status == NGX_HTTP_SERVICE_UNAVAILABLE
           || status == NGX_HTTP_GATEWAY_TIME_OUT;
}


/* Whether the upstream can have seen anything of the request. */

ngx_uint_t
ngx_http_tollgate_was_sent(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u != NULL && u->request_sent
           && (u->state == NULL || u->state->bytes_sent != 0);
}


/* Whether it has said anything; whoever asks got no answer of it. */

ngx_uint_t
ngx_http_tollgate_was_answered(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u != NULL && u->state != NULL && u->state->bytes_received != 0;
}


/*
 * In the error handler: NGX_DONE when the request has gone on, NGX_DECLINED
 * when the error is to be said.
 */

ngx_int_t
ngx_http_tollgate_try_again(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    static ngx_str_t  uri = ngx_string("/-tollgate/again");

    struct tg_try  end;

    if (!ctx->goes_on) {

        if (ctx->slot == NULL
            || !ngx_http_tollgate_is_silence(r->err_status))
        {
            return NGX_DECLINED;
        }

        end = tg_fate_of_silence(ngx_http_tollgate_was_sent(r));

        if (ngx_http_tollgate_go_on(r, ctx, &end) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    ctx->goes_on = 0;

    /* error_page has made a GET of it, and is to lead here once more. */

    r->method = ctx->method;
    r->method_name = ctx->method_name;
    r->err_status = 0;
    r->error_page = 0;

    return ngx_http_internal_redirect(r, &uri, NULL);
}


/* An answer has begun: its first event, or the first byte of its JSON. */

void
ngx_http_tollgate_report_fine(ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_try  end;

    if (ctx->is_fine) {
        return;
    }

    ctx->is_fine = 1;
    ngx_memzero(&end, sizeof(struct tg_try));
    end.fate = TG_FATE_FINE;
    end.status = (uint16_t) ctx->upstream_status;

    (void) tg_target_report(&ngx_http_tollgate_worker.state, &ctx->target,
                            &end, ngx_http_tollgate_now_ms());
}


/* An answer broke off, through no fault of ours or the client's. */

void
ngx_http_tollgate_report_broken(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    struct tg_try  end;

    if (ctx->slot == NULL || r->connection->error) {
        return;
    }

    end = tg_fate_of_silence(1);
    end.status = (uint16_t) ctx->upstream_status;

    (void) tg_target_report(&ngx_http_tollgate_worker.state, &ctx->target,
                            &end, ngx_http_tollgate_now_ms());
}
