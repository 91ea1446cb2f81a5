/*
 * ngx_http_tollgate_call.c: a call's life in this worker: its hold in the
 * state file, its settlement.
 */

#include "ngx_http_tollgate_module.h"

#include <sys/prctl.h>
#include <sys/random.h>

#include "digest.h"
#include "err.h"


ngx_http_tollgate_worker_t  ngx_http_tollgate_worker;


/* NGX_OK; NGX_DECLINED with a refusal, or a wait, in the admission. */

ngx_int_t
ngx_http_tollgate_begin(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_body_facts *facts, struct tg_admission *a)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    /* A journal that takes no records admits no calls. */

    if (ngx_http_tollgate_may_admit() != NGX_OK) {
        a->action = TG_ACTION_REFUSE;
        a->code = TG_CODE_GATE_UNAVAILABLE;
        a->reason = TG_REASON_CODE;
        return NGX_DECLINED;
    }

    ctx->slot = tg_admit_take(&w->claim, facts, &ctx->place,
                              ngx_http_tollgate_now_ms(), a);

    if (ctx->slot == NULL) {
        if (a->action == TG_ACTION_REFUSE
            && a->code == TG_CODE_GATE_UNAVAILABLE)
        {
            ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                          "tollgate: no room for another call in the state "
                          "file");
        }

        return NGX_DECLINED;
    }

    tg_journal_promise(&w->journal);
    ngx_http_tollgate_leave_line(ctx);

    ctx->target = a->target;
    ctx->dialect = a->upstream.dialect;
    ctx->limits = a->limits;
    ctx->hold = a->hold;
    ctx->is_stream = (a->call.flags & TG_CALL_STREAM) != 0
                     || a->head.route->is_flow;
    ctx->edit_rule = a->edit_rule;
    ctx->began = ngx_current_msec;
    tg_meter_init(&ctx->meter, TG_METER_AUTO);

    ngx_http_tollgate_watch_call(ctx);

    return NGX_OK;
}


/* Shows an answer's bytes to the meter, before the client sees them. */

void
ngx_http_tollgate_observe(ngx_http_tollgate_ctx_t *ctx, u_char *data,
    size_t len)
{
    struct tg_call  *call;

    if (ctx->slot == NULL || len == 0) {
        return;
    }

    call = &ctx->slot->call;
    tg_meter_feed(&ctx->meter, data, len);

    if (call->ttft_ms == TG_ABSENT_MS
        && (ctx->meter.events
            || (ctx->meter.has_bytes && ctx->meter.shape != TG_METER_SSE)))
    {
        call->ttft_ms = tg_call_elapsed_ms(call, ngx_http_tollgate_now_ms());

        if (!ctx->meter.has_garbage) {
            ngx_http_tollgate_report_fine(ctx);
        }
    }

    /* For the daemon, should this process die with the call in flight. */

    call->counted = tg_meter_counted_tokens(&ctx->meter);

    ngx_http_tollgate_check_excess(ctx);

    if (ctx->cut_code == TG_CODE_NONE
        && tg_hold_is_short(&ctx->hold, &ctx->meter))
    {
        ngx_http_tollgate_hold_more(ctx);
    }
}


void
ngx_http_tollgate_settle(ngx_http_tollgate_ctx_t *ctx, ngx_uint_t status,
    enum tg_code code)
{
    struct tg_outcome            outcome;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (ctx->slot == NULL) {
        return;
    }

    tg_meter_end(&ctx->meter);

    ngx_memzero(&outcome, sizeof(struct tg_outcome));
    outcome.meter = &ctx->meter;
    outcome.upstream_status = (uint16_t) ctx->upstream_status;
    outcome.status = (uint16_t) status;
    outcome.code = (uint16_t) code;
    outcome.client_left = ctx->client_left;
    outcome.is_garbled = ctx->is_garbled;
    outcome.is_late = ctx->is_late;
    outcome.now_ms = ngx_http_tollgate_now_ms();

    if (code == TG_CODE_NONE && ctx->upstream_status >= 200
        && ctx->upstream_status < 300)
    {
        ngx_http_tollgate_report_fine(ctx);
    }

    tg_target_leave(&w->claim, &ctx->target, outcome.now_ms);
    tg_settle(&w->state, &ctx->slot->call, &outcome);
    ctx->cost_nanos = ctx->slot->call.cost_nanos;
    ctx->is_settled = 1;

    ngx_http_tollgate_unwatch_call(ctx);
    ngx_http_tollgate_journal(ctx);
    ngx_http_tollgate_call_next(ctx);
    ctx->slot = NULL;
}


/* The request is over, however it came to that. */

void
ngx_http_tollgate_abandon(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_uint_t           status;
    enum tg_code         code;
    ngx_http_request_t  *r;

    ngx_http_tollgate_leave_line(ctx);
    ngx_http_tollgate_leave_sync(ctx);

    if (ctx->slot == NULL) {
        return;
    }

    r = ctx->request;
    status = r->headers_out.status;
    code = TG_CODE_NONE;

    if (!ctx->meter.is_complete && !ctx->meter.has_done) {
        ctx->client_left = r->connection->error || r->connection->read->eof
                           || !r->header_sent;
        code = ctx->client_left ? TG_CODE_CLIENT_CLOSED
                                : TG_CODE_UPSTREAM_ERROR;
    }

    if (!r->header_sent) {
        status = NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    ngx_http_tollgate_settle(ctx, status, code);
}


static const char *
ngx_http_tollgate_why(int err)
{
    switch (err) {
    case TG_ERR_FORMAT:
        return "it is not a state file";
    case TG_ERR_VERSION:
        return "it is of another version; restart tollgated";
    case TG_ERR_FULL:
        return "every area is taken; too many workers";
    default:
        return "is tollgated running?";
    }
}


ngx_int_t
ngx_http_tollgate_open_worker(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf)
{
    int                          err;
    uint64_t                     writer_id;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    /* Its memory holds upstream credentials: no core dumps, no tracers. */

    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    if (getrandom(&writer_id, sizeof(writer_id), 0) != sizeof(writer_id)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "tollgate: no randomness");
        return NGX_ERROR;
    }

    err = tg_state_open(&w->state, mcf->state_dir,
                        (char *) mcf->state_name.data);
    if (err == 0) {
        err = tg_area_claim(&w->claim, &w->state, writer_id | 1,
                            ngx_http_tollgate_now_ms());
    }

    if (err != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log,
                      err == TG_ERR_SYSTEM ? ngx_errno : 0,
                      "tollgate: cannot use the state file \"%V\": %s",
                      &mcf->state, ngx_http_tollgate_why(err));
        return NGX_ERROR;
    }

    if (ngx_http_tollgate_open_journal(cycle, mcf, writer_id | 1) != NGX_OK) {
        return NGX_ERROR;
    }

    w->key = mcf->key;

    ngx_queue_init(&w->line);
    ngx_queue_init(&w->calls);
    w->watch.handler = ngx_http_tollgate_watch_handler;
    w->watch.data = w;
    w->watch.log = cycle->log;
    w->watch.cancelable = 1;

    ngx_http_tollgate_open_denials(w, cycle->log);

    w->is_open = 1;

    return NGX_OK;
}


void
ngx_http_tollgate_close_worker(void)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (!w->is_open) {
        return;
    }

    ngx_http_tollgate_close_denials(w);
    ngx_http_tollgate_forget_credentials();
    ngx_http_tollgate_close_journal();
    tg_queue_clear(&w->state, w->claim.writer_id);
    tg_area_leave(&w->claim);
    tg_state_close(&w->state);
    ngx_memzero(&w->key, sizeof(struct tg_master_key));
    w->is_open = 0;
}
