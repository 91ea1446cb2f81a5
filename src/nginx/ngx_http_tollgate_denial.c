/*
 * ngx_http_tollgate_denial.c: requests that are refused without a call, which
 * core counts and the journal takes once a second.
 */

#include "ngx_http_tollgate_module.h"

#define NGX_HTTP_TOLLGATE_DENIAL_MS  1000

static void ngx_http_tollgate_take_denials(ngx_http_tollgate_worker_t *w,
    int64_t now_ms);
static void ngx_http_tollgate_sample(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a,
    struct tg_denial *row);


/*
 * nginx has refused a request itself, maybe one whose key is known.  What the
 * key may do is of no matter.
 */

static const struct tg_admission *
ngx_http_tollgate_whose(ngx_http_tollgate_ctx_t *ctx, int64_t now_ms)
{
    static struct tg_admission  a;

    a.head = ctx->head;
    a.has_key = 0;

    if (a.head.route != NULL) {
        (void) tg_admit_again(&ngx_http_tollgate_worker.state, now_ms, &a);
    }

    return &a;
}


/* Counts a refusal once a request.  a is NULL when core has not judged it. */

void
ngx_http_tollgate_deny(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a, enum tg_code code)
{
    int64_t                      now_ms;
    uint8_t                      ip[16];
    struct tg_denial            *row;
    struct tg_denial_cause       cause;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    /* What has a call has a record of its own. */

    if (ctx->slot != NULL || ctx->is_settled || ctx->is_denied
        || !w->is_open)
    {
        return;
    }

    ctx->is_denied = 1;
    now_ms = ngx_http_tollgate_now_ms();

    if (a == NULL) {
        a = ngx_http_tollgate_whose(ctx, now_ms);
    }

    if (tg_denial_is_due(&w->denials, now_ms)) {
        ngx_http_tollgate_take_denials(w, now_ms);
    }

    ngx_http_tollgate_read_address(r, ip);
    cause.key_id = a->has_key ? a->key.id : NULL;
    cause.ip = ip;
    cause.code = code;

    row = tg_denial_note(&w->denials, &cause, now_ms);
    if (row != NULL) {
        ngx_http_tollgate_sample(r, ctx, a, row);
    }

    if (!w->denial.timer_set) {
        ngx_add_timer(&w->denial, NGX_HTTP_TOLLGATE_DENIAL_MS);
    }
}


static void
ngx_http_tollgate_sample(ngx_http_request_t *r, ngx_http_tollgate_ctx_t *ctx,
    const struct tg_admission *a, struct tg_denial *row)
{
    ngx_str_t                 *agent;
    struct tg_account_policy   account;

    if (ngx_http_tollgate_name_request(r, ctx) == NGX_OK) {
        row->request_id = ctx->own_id;
    }

    if (a->head.route != NULL) {
        row->endpoint = (uint16_t) a->head.route->endpoint;
    }

    if (a->has_key && row->scope != TG_DENIAL_REST
        && tg_state_account(&ngx_http_tollgate_worker.state, a->key.account,
                            &account)
           == 0)
    {
        ngx_memcpy(row->account_id, account.id, TG_ID_LEN);
    }

    tg_field_set(row->model, sizeof(row->model), a->call.model,
                 tg_field_len(a->call.model, sizeof(a->call.model)));

    if (r->headers_in.user_agent != NULL) {
        agent = &r->headers_in.user_agent->value;
        tg_field_set(row->agent, sizeof(row->agent), (char *) agent->data,
                     agent->len);
    }
}


/* Calls that wait for the journal go before. */

static void
ngx_http_tollgate_take_denials(ngx_http_tollgate_worker_t *w, int64_t now_ms)
{
    if (w->is_shut) {
        tg_denial_fold(&w->denials, now_ms);
        return;
    }

    ngx_http_tollgate_write_round();

    if (tg_journal_take_denials(&w->journal, &w->denials, now_ms) == 0) {

        if (w->is_folding) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "tollgate: the journal takes denials again");
            w->is_folding = 0;
        }

        return;
    }

    if (!w->is_folding) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "tollgate: no room in the journal for denials; until "
                      "there is, they are counted by their code alone");
        w->is_folding = 1;
    }
}


static void
ngx_http_tollgate_denial_handler(ngx_event_t *ev)
{
    ngx_http_tollgate_worker_t  *w = ev->data;

    ngx_http_tollgate_take_denials(w, ngx_http_tollgate_now_ms());

    if (w->denials.count) {
        ngx_add_timer(ev, NGX_HTTP_TOLLGATE_DENIAL_MS);
    }
}


void
ngx_http_tollgate_open_denials(ngx_http_tollgate_worker_t *w, ngx_log_t *log)
{
    tg_denial_init(&w->denials, w->claim.writer_id);

    w->denial.handler = ngx_http_tollgate_denial_handler;
    w->denial.data = w;
    w->denial.log = log;
    w->denial.cancelable = 1;
}


void
ngx_http_tollgate_close_denials(ngx_http_tollgate_worker_t *w)
{
    ngx_http_tollgate_take_denials(w, ngx_http_tollgate_now_ms());

    if (w->denials.count) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "tollgate: %L denials are lost: the journal does not "
                      "take them", tg_denial_total(&w->denials));
    }

    if (w->denial.timer_set) {
        ngx_del_timer(&w->denial);
    }
}
