/*
 * ngx_http_tollgate_sync.c: records of the journal are made durable.
 *
 * A thread waits for the disk; the worker does it by itself only where its
 * requests wait for it anyway and the disk is quick (pace.h).  One sync at a
 * time takes in all that was written before it began: the longer the disk
 * takes, the more go together.
 */

#include "ngx_http_tollgate_module.h"

#include "err.h"
#include "trouble.h"

/* From a record to the sync that takes it in.  With what the disk takes it
   is durable within 50 ms. */

#define NGX_HTTP_TOLLGATE_BATCH_MS  25

/* A disk that fails is tried again so much later; a slow one is named. */

#define NGX_HTTP_TOLLGATE_SYNC_AGAIN_MS  1000
#define NGX_HTTP_TOLLGATE_SLOW_MS  2000

/* One sync, and when it was run: what a thread is given. */
typedef struct {
    struct tg_journal_sync  sync;
    int64_t                 began_us;
    int64_t                 ended_us;
} ngx_http_tollgate_sync_t;

static void ngx_http_tollgate_sync_later(void);
static void ngx_http_tollgate_sync_begin(ngx_event_t *ev);
static void ngx_http_tollgate_sync_here(ngx_http_tollgate_worker_t *w,
    ngx_http_tollgate_sync_t *run);
static void ngx_http_tollgate_sync_end(ngx_event_t *ev);
static void ngx_http_tollgate_sync_failed(ngx_err_t err);
static void ngx_http_tollgate_say_slow(ngx_http_tollgate_worker_t *w);


/* Something was written: it is to be made durable.  What is written while
   this round's events are dealt with goes together, and with what came
   meanwhile. */

void
ngx_http_tollgate_written(void)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (w->is_syncing || w->sync.timer_set || w->sync.posted || !w->is_open) {
        return;
    }

    if (w->is_strict) {
        ngx_post_event(&w->sync, &ngx_posted_next_events);

        /* A worker that is to quit does not before that round. */

        if (!w->slow.timer_set) {
            ngx_add_timer(&w->slow, NGX_HTTP_TOLLGATE_SLOW_MS);
        }

        return;
    }

    ngx_add_timer(&w->sync, NGX_HTTP_TOLLGATE_BATCH_MS);
}


/* Whether the request's record is, or need not be: then it is enough that the
   round is over in which the call ended. */

ngx_uint_t
ngx_http_tollgate_is_durable(ngx_http_tollgate_ctx_t *ctx)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (ctx->record == NGX_HTTP_TOLLGATE_UNWRITTEN && w->unwritten == 0) {
        ctx->record = w->journal.written;
    }

    return w->is_strict ? ctx->record <= w->journal.durable
                        : ctx->round != w->round;
}


/* The request waits for that. */

void
ngx_http_tollgate_await(ngx_http_tollgate_ctx_t *ctx)
{
    if (!ctx->is_waiting) {
        ngx_queue_insert_tail(&ngx_http_tollgate_worker.waiting, &ctx->wait);
        ctx->is_waiting = 1;
    }
}


void
ngx_http_tollgate_leave_sync(ngx_http_tollgate_ctx_t *ctx)
{
    if (ctx->is_waiting) {
        ngx_queue_remove(&ctx->wait);
        ctx->is_waiting = 0;
    }
}


/* Those whose records are durable go on; and when none will be, those that
   have not cost anything yet. */

void
ngx_http_tollgate_wake_all(ngx_uint_t is_stuck)
{
    ngx_queue_t                 *q, *next;
    ngx_http_tollgate_ctx_t     *ctx;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    for (q = ngx_queue_head(&w->waiting);
         q != ngx_queue_sentinel(&w->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_http_tollgate_ctx_t, wait);

        if (is_stuck && ctx->last == NULL) {
            ctx->is_shut_out = 1;
        }

        if (ctx->is_shut_out || ngx_http_tollgate_is_durable(ctx)) {
            ngx_http_tollgate_leave_sync(ctx);
            ngx_http_tollgate_wake(ctx);
        }
    }
}


/* Microseconds of a clock that nobody sets. */

static int64_t
ngx_http_tollgate_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* In the thread, or in the worker's own. */

static void
ngx_http_tollgate_sync_run(void *data, ngx_log_t *log)
{
    ngx_http_tollgate_sync_t  *run = data;

    run->began_us = ngx_http_tollgate_now_us();
    tg_journal_sync_run(&run->sync);
    run->ended_us = ngx_http_tollgate_now_us();
}


static void
ngx_http_tollgate_sync_begin(ngx_event_t *ev)
{
    int                          err;
    ngx_http_tollgate_sync_t    *run;
    ngx_http_tollgate_worker_t  *w = ev->data;

    if (w->slow.timer_set) {
        ngx_del_timer(&w->slow);
    }

    run = w->task->ctx;
    err = tg_journal_sync_begin(&w->journal, &run->sync,
                                ngx_http_tollgate_now_ms());

    if (err == TG_ERR_NOT_FOUND) {
        return;
    }

    if (err != 0) {
        ngx_http_tollgate_sync_failed(ngx_errno);
        return;
    }

    w->is_syncing = 1;
    w->sync_at = ngx_current_msec;

    if (w->is_strict
        && tg_pace_may_wait(&w->pace, &run->sync, ngx_http_tollgate_now_us()))
    {
        ngx_http_tollgate_sync_here(w, run);
        return;
    }

    if (ngx_thread_task_post(w->threads, w->task) != NGX_OK) {
        run->sync.error = NGX_EAGAIN;
        run->ended_us = run->began_us;
        ngx_http_tollgate_sync_end(&w->task->event);
        return;
    }

    ngx_add_timer(&w->slow, NGX_HTTP_TOLLGATE_SLOW_MS);
}


/* What took long all the same is said, and timers go by what it is now. */

static void
ngx_http_tollgate_sync_here(ngx_http_tollgate_worker_t *w,
    ngx_http_tollgate_sync_t *run)
{
    ngx_http_tollgate_sync_run(run, ngx_cycle->log);

    if (run->ended_us - run->began_us >= NGX_HTTP_TOLLGATE_SLOW_MS * 1000) {
        ngx_time_update();
        ngx_http_tollgate_say_slow(w);
    }

    ngx_http_tollgate_sync_end(&w->task->event);
}


static void
ngx_http_tollgate_sync_end(ngx_event_t *ev)
{
    ngx_http_tollgate_sync_t    *run;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    w->is_syncing = 0;

    if (w->slow.timer_set) {
        ngx_del_timer(&w->slow);
    }

    run = w->task->ctx;
    tg_pace_note(&w->pace, run->sync.error == 0, run->began_us,
                 run->ended_us);

    if (tg_journal_sync_end(&w->journal, &run->sync,
                            ngx_http_tollgate_now_ms())
        != 0)
    {
        ngx_http_tollgate_sync_failed(ngx_errno);
        return;
    }

    w->sync.cancelable = 0;
    tg_trouble_end(&w->claim, TG_TROUBLE_SYNC);
    ngx_http_tollgate_wake_all(0);
    ngx_http_tollgate_sync_later();
}


static void
ngx_http_tollgate_sync_later(void)
{
    ngx_msec_t                   passed;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (!tg_journal_is_behind(&w->journal)) {
        return;
    }

    if (w->is_strict) {
        ngx_http_tollgate_written();
        return;
    }

    passed = ngx_current_msec - w->sync_at;

    ngx_add_timer(&w->sync, passed < NGX_HTTP_TOLLGATE_BATCH_MS
                            ? NGX_HTTP_TOLLGATE_BATCH_MS - passed : 1);
}


/*
 * A descriptor whose sync failed is not asked again.  The records stand in a
 * new segment by now, whose sync begins at once; when that fails as well no
 * call is admitted until one does not.
 */

static void
ngx_http_tollgate_sync_failed(ngx_err_t err)
{
    ngx_uint_t                   is_stuck;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    is_stuck = tg_journal_is_stuck(&w->journal) || w->journal.fd == -1;

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, err,
                  "tollgate: the disk does not keep the journal; what is not "
                  "durable is written once more, to a new segment");

    tg_trouble_note(&w->claim, TG_TROUBLE_SYNC, err);

    if (is_stuck) {
        ngx_set_errno(err);
        ngx_http_tollgate_close_gate(TG_ERR_SYSTEM);
        ngx_http_tollgate_wake_all(1);
    }

    /* One that is to quit waits for no disk that fails. */

    w->sync.cancelable = is_stuck;
    ngx_add_timer(&w->sync, is_stuck ? NGX_HTTP_TOLLGATE_SYNC_AGAIN_MS : 1);
}


static void
ngx_http_tollgate_say_slow(ngx_http_tollgate_worker_t *w)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "tollgate: the disk has not made the journal durable for "
                  "%M ms", ngx_current_msec - w->sync_at);
}


/* It also keeps a worker that is to quit alive until its sync is over. */

static void
ngx_http_tollgate_slow(ngx_event_t *ev)
{
    ngx_http_tollgate_worker_t  *w = ev->data;

    ngx_http_tollgate_say_slow(w);
    ngx_add_timer(ev, NGX_HTTP_TOLLGATE_SLOW_MS);
}


ngx_int_t
ngx_http_tollgate_open_sync(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf)
{
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    w->task = ngx_thread_task_alloc(cycle->pool,
                                    sizeof(ngx_http_tollgate_sync_t));
    if (w->task == NULL) {
        return NGX_ERROR;
    }

    w->threads = mcf->threads;
    w->is_strict = mcf->sync;
    ngx_queue_init(&w->waiting);
    w->task->handler = ngx_http_tollgate_sync_run;
    w->task->event.handler = ngx_http_tollgate_sync_end;
    w->task->event.data = w;
    w->task->event.log = cycle->log;

    w->sync.handler = ngx_http_tollgate_sync_begin;
    w->sync.data = w;
    w->sync.log = cycle->log;

    w->slow.handler = ngx_http_tollgate_slow;
    w->slow.data = w;
    w->slow.log = cycle->log;

    return NGX_OK;
}


/*
 * The last sync is waited for.  nginx has ended the threads by now, so one
 * that was under way is over.
 */

void
ngx_http_tollgate_close_sync(void)
{
    ngx_http_tollgate_sync_t    *run;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    if (w->is_syncing) {
        w->is_syncing = 0;
        run = w->task->ctx;
        (void) tg_journal_sync_end(&w->journal, &run->sync,
                                   ngx_http_tollgate_now_ms());
    }

    if (tg_journal_sync(&w->journal, ngx_http_tollgate_now_ms()) != 0
        && tg_journal_sync(&w->journal, ngx_http_tollgate_now_ms()) != 0)
    {
        tg_trouble_note(&w->claim, TG_TROUBLE_SYNC, ngx_errno);
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "tollgate: the disk does not keep the journal; its last "
                      "records may be lost if the power is");
    }
}
