/*
 * ngx_http_tollgate_module.h: what the adapter's files share.
 *
 * The adapter translates and never decides: a request goes to src/core, the
 * verdict comes back as a status, a proxied call, or an answer of our own.
 *
 *     _module.c    directives, variables, processes
 *     _access.c    head and body of a request to core; the verdict
 *     _request.c   the head, as core asks about it
 *     _wire.c      the bytes of connections, before nginx parses them
 *     _body.c      the body for core, and core's edits to it
 *     _limits.c    the headers that tell a client of its limits
 *     _answer.c    refusals and answers of our own
 *     _check.c     whether it lives, and would take a call
 *     _denial.c    refused requests, counted and journalled
 *     _filter.c    the upstream's answer: kept back, metered, passed on
 *     _headers.c   which of its headers pass
 *     _edit.c      what the client did not ask for, taken out
 *     _end.c       answers that are replaced, or break off
 *     _target.c    where a call goes, and where it goes on
 *     _head.c      the head of the request that it becomes there
 *     _pass.c      through nginx's proxy
 *     _upstream.c  where an upstream is; its connection
 *     _queue.c     calls that wait for room under their key's limits
 *     _streams.c   running streams, cut when their key may no longer call,
 *                  or has no money for more of them
 *     _call.c      a call's life: held, settled
 *     _journal.c   its record, and whether there is room for another one
 *     _sync.c      records made durable, mostly in a thread of its own
 *     _strict.c    requests that wait until theirs is
 */
#ifndef NGX_HTTP_TOLLGATE_MODULE_H
#define NGX_HTTP_TOLLGATE_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "admit_take.h"
#include "area.h"
#include "edit.h"
#include "journal_sync.h"
#include "meter.h"
#include "pace.h"
#include "payload.h"
#include "rate.h"
#include "refusal.h"
#include "seal.h"
#include "settle.h"

typedef struct {
    ngx_str_t             state;        /* the state file's path */
    ngx_str_t             journal;      /* the journal's folder */
    ngx_str_t             master_key;   /* the key file's path */

    /* Opened by the master, so that workers need no way to these paths. */
    ngx_fd_t              state_dir;
    ngx_fd_t              journal_dir;
    ngx_str_t             state_name;
    struct tg_master_key  key;

    ngx_thread_pool_t    *threads;      /* that wait for the disk */
    ngx_uint_t            sync;         /* 0: batch, 1: strict */

    /* Of each row of the catalog's upstreams; NULL: none. */
    ngx_http_upstream_srv_conf_t  *blocks[TG_CATALOG_UPSTREAMS];
} ngx_http_tollgate_main_conf_t;

typedef struct {
    ngx_flag_t            enable;
    ngx_flag_t            strict;       /* judge the framing in any case */

    /* The proxy's configuration with the block of each row, made by a worker
       when it is first asked for; NULL: not yet. */
    ngx_http_upstream_conf_t  **targets;
} ngx_http_tollgate_loc_conf_t;

typedef struct {
    ngx_uint_t            is_block;     /* of a row of the catalog's upstreams */
} ngx_http_tollgate_srv_conf_t;

/* What one worker has. */
typedef struct {
    unsigned              is_open:1;
    unsigned              is_folding:1; /* it takes no denials, and we said so */
    struct tg_state       state;
    struct tg_area_claim  claim;
    struct tg_journal     journal;
    struct tg_master_key  key;
    uint64_t              answers;      /* of our own; makes request ids */
    struct tg_call_slot  *added[TG_JOURNAL_ADDED_MAX];  /* to the journal */
    ngx_uint_t            added_n;
    uint64_t              round;        /* in which they are; 1, 2 ... */
    ngx_event_t           written;      /* its end */
    ngx_uint_t            unwritten;    /* calls the journal did not take */
    ngx_uint_t            is_shut;      /* it has no room: none is admitted */
    ngx_event_t           rewrite;      /* looks whether it has again */
    ngx_thread_pool_t    *threads;
    ngx_thread_task_t    *task;         /* a sync; one at a time */
    struct tg_pace        pace;         /* of the disk */
    ngx_uint_t            is_strict;
    ngx_queue_t           waiting;      /* requests, for their records */
    ngx_uint_t            is_syncing;
    ngx_msec_t            sync_at;      /* when it began */
    ngx_event_t           sync;         /* begins one */
    ngx_event_t           slow;         /* one has taken long */
    struct tg_denial_table  denials;    /* of this second */
    ngx_event_t           denial;       /* takes them into the journal */
    ngx_queue_t           calls;        /* that run */
    ngx_event_t           watch;        /* asks about them */
    ngx_queue_t           line;         /* of requests that are parked */
} ngx_http_tollgate_worker_t;

/* How an upstream's answer goes to the client. */
typedef enum {
    NGX_HTTP_TOLLGATE_PASS = 0,         /* metered, maybe edited */
    NGX_HTTP_TOLLGATE_REPLACE           /* kept back; ours instead */
} ngx_http_tollgate_mode_e;

/* Beginning of an upstream's error that is read for its sentence. */
#define NGX_HTTP_TOLLGATE_ERROR_SIZE  4096

/* The number of a record that the journal did not take yet. */
#define NGX_HTTP_TOLLGATE_UNWRITTEN  UINT64_MAX

/* So long it is waited for the error's end. */
#define NGX_HTTP_TOLLGATE_ERROR_MS  2000

typedef struct {
    ngx_http_request_t   *request;
    struct tg_head        head;
    struct tg_call_slot  *slot;         /* NULL: not admitted, or settled */

    ngx_str_t             answer;       /* a refusal or answer of our own */
    ngx_uint_t            status;       /* its status */
    const char           *should_retry;
    ngx_str_t             allow;        /* for 405 */
    int64_t               retry_ms;     /* for 429; 0: nobody can say */
    struct tg_rate_report limits;       /* of an admitted call */

    u_char               *request_head; /* that the upstream gets; in it: */
    ngx_str_t             path;         /* with its query */
    ngx_str_t             upstream_head;  /* the headers, from Host's value */
    ngx_str_t             host;         /* that they begin with */
    ngx_str_t             ssl_name;     /* for proxy_ssl_name */
    ngx_str_t             content_type; /* of the body; empty: it has none */
    ngx_str_t             request_id;
    struct tg_call_id     own_id;       /* that it says, without a call */
    ngx_str_t             trace_id;     /* the upstream's own */
    struct tg_target      target;       /* upstream and credential */
    ngx_uint_t            dialect;      /* enum tg_dialect, of that upstream */
    ngx_uint_t            address;      /* next to try */
    struct sockaddr_in6   sockaddr;     /* room for either family */

    ngx_uint_t            http_version; /* nonsense changes the request's */
    ngx_uint_t            method;       /* error_page does */
    ngx_str_t             method_name;
    ngx_chain_t          *body;         /* as it came; NULL: not edited */
    off_t                 body_length;

    struct tg_queue_place place;        /* in its key's line */
    ngx_event_t           turn;         /* looks whether it may go */
    int64_t               since_ms;     /* its head was judged first; 0: once */
    ngx_queue_t           line;         /* of the worker */

    uint64_t              round;        /* in which it ended; 0: none */
    uint64_t              record;       /* to be durable; 0: none */
    ngx_queue_t           wait;         /* of the worker */
    ngx_chain_t          *last;         /* waits for the record */

    ngx_queue_t           queue;        /* of the worker's calls */
    ngx_msec_t            began;        /* by nginx's clock, which cannot jump */
    enum tg_code          cut_code;     /* why it was cut by us; 0: it was not */

    struct tg_hold        hold;         /* of the answer */
    struct tg_edit       *edit;         /* NULL: nothing to take out */
    ngx_int_t           (*input_filter_init)(void *data);  /* the proxy's */
    ngx_int_t           (*input_filter)(void *data, ssize_t bytes);
    ngx_chain_t          *tail;         /* kept for the last buffer's sake */
    ngx_chain_t          *free;
    ngx_chain_t          *busy;
    u_char               *error;        /* NGX_HTTP_TOLLGATE_ERROR_SIZE */
    size_t                error_len;
    int64_t               error_until_ms;  /* it is waited for */
    int64_t               error_retry_ms;  /* that the upstream asks to wait */
    ngx_uint_t            upstream_status;
    int64_t               cost_nanos;   /* once it is settled */

    ngx_http_tollgate_mode_e  mode;
    unsigned              is_stream:1;
    unsigned              edit_rule:2;
    unsigned              is_tls:1;       /* the target is */
    unsigned              is_body_read:1;
    unsigned              awaits_key:1;   /* its head is judged again */
    unsigned              is_observed:1;  /* an upstream's header came */
    unsigned              is_held:1;      /* its header is kept back */
    unsigned              is_settled:1;
    unsigned              is_done:1;      /* the answer was ended by us */
    unsigned              is_fine:1;      /* an answer began, and it is known */
    unsigned              goes_on:1;      /* to target, from the error handler */
    unsigned              is_watched:1;
    unsigned              is_parked:1;    /* it waits for its turn */
    unsigned              is_denied:1;    /* it is among the worker's denials */
    unsigned              is_waiting:1;   /* for its record */
    unsigned              is_shut_out:1;  /* that cannot be made durable */
    unsigned              client_left:1;
    unsigned              is_garbled:1;   /* an answer that nobody can read */
    unsigned              is_late:1;      /* none came in time */

    struct tg_meter       meter;        /* begins with the call, and is not
                                           cleared with what stands above */
} ngx_http_tollgate_ctx_t;

extern ngx_module_t                ngx_http_tollgate_module;
extern ngx_http_tollgate_worker_t  ngx_http_tollgate_worker;

/* _module.c */
ngx_http_tollgate_ctx_t *ngx_http_tollgate_get_ctx(ngx_http_request_t *r);
ngx_http_tollgate_ctx_t *ngx_http_tollgate_add_ctx(ngx_http_request_t *r);
int64_t ngx_http_tollgate_now_ms(void);

/* _access.c */
ngx_int_t ngx_http_tollgate_access_handler(ngx_http_request_t *r);

/* _request.c */
void ngx_http_tollgate_read_request(ngx_http_request_t *r,
    struct tg_request *request, struct tg_credential *credential);

void ngx_http_tollgate_read_target(ngx_http_request_t *r, struct tg_str *path,
    struct tg_str *query);
void ngx_http_tollgate_read_address(ngx_http_request_t *r, uint8_t ip[16]);

/* _wire.c */
ngx_int_t ngx_http_tollgate_wire_init(ngx_cycle_t *cycle);
ngx_int_t ngx_http_tollgate_post_read_handler(ngx_http_request_t *r);
void ngx_http_tollgate_watch_chunks(ngx_http_request_t *r);
enum tg_wire_fault ngx_http_tollgate_wire_verdict(ngx_http_request_t *r);

/* _room.c */
void ngx_http_tollgate_keep_memory(void);
void ngx_http_tollgate_make_room(ngx_http_request_t *r);

/* _body.c */
ngx_int_t ngx_http_tollgate_scan_body(ngx_http_request_t *r,
    struct tg_payload *payload);
ngx_int_t ngx_http_tollgate_edit_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_body_edit *edits, size_t n);
void ngx_http_tollgate_restore_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);

/* _answer.c */
void ngx_http_tollgate_refuse(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, struct tg_admission *a, struct tg_str key);
void ngx_http_tollgate_refuse_code(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, enum tg_code code);
struct tg_refusal_form ngx_http_tollgate_form(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_name_request(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_add_request_id(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_answer_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tollgate_error_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_tollgate_add_header(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *value);

/* _check.c */
char *ngx_http_tollgate_check(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* _denial.c */
void ngx_http_tollgate_deny(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a,
    enum tg_code code);
void ngx_http_tollgate_open_denials(ngx_http_tollgate_worker_t *w,
    ngx_log_t *log);
void ngx_http_tollgate_close_denials(ngx_http_tollgate_worker_t *w);

/* _limits.c */
ngx_int_t ngx_http_tollgate_add_limits(ngx_http_request_t *r,
    const struct tg_rate_report *limits, enum tg_manner manner);
ngx_int_t ngx_http_tollgate_add_retry(ngx_http_request_t *r,
    int64_t retry_ms);

/* _filter.c; what a chain says about the answer's end: */
typedef struct {
    unsigned  has_last:1;    /* it is whole */
    unsigned  has_data:1;
    unsigned  is_broken:1;   /* nginx flushes what it has and gives up */
} ngx_http_tollgate_end_t;

ngx_int_t ngx_http_tollgate_filter_init(ngx_conf_t *cf);
ngx_http_tollgate_end_t ngx_http_tollgate_look(ngx_http_request_t *r,
    ngx_chain_t *in);
void ngx_http_tollgate_consume(ngx_chain_t *in);
ngx_int_t ngx_http_tollgate_release_header(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_next(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *out);
ngx_int_t ngx_http_tollgate_output(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *out);

/* _headers.c */
void ngx_http_tollgate_sift(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);

int64_t ngx_http_tollgate_retry_after(ngx_http_request_t *r);

/* _edit.c */
ngx_int_t ngx_http_tollgate_forward(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in);

/* _end.c */
void ngx_http_tollgate_guard_input(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_break_off(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_replace(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *in);

/* _target.c */
ngx_int_t ngx_http_tollgate_prepare(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, struct tg_admission *a);
ngx_int_t ngx_http_tollgate_go_on(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_try *end);
ngx_int_t ngx_http_tollgate_try_again(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_uint_t ngx_http_tollgate_was_sent(ngx_http_request_t *r);
ngx_uint_t ngx_http_tollgate_was_answered(ngx_http_request_t *r);
void ngx_http_tollgate_report_fine(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_report_broken(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);

/* _pass.c */
void ngx_http_tollgate_lead(ngx_http_request_t *r);
ngx_uint_t ngx_http_tollgate_is_ours(ngx_http_upstream_t *u);

/* _head.c */
u_char *ngx_http_tollgate_end_head(ngx_http_tollgate_ctx_t *ctx,
    off_t length);
ngx_int_t ngx_http_tollgate_write_url(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_str_t *url);
ngx_int_t ngx_http_tollgate_write_head(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a,
    const ngx_str_t *credential);
ngx_int_t ngx_http_tollgate_write_ssl_name(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_admission *a);

/* _upstream.c */
char *ngx_http_tollgate_upstream(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_tollgate_authorize(ngx_http_request_t *r,
    const struct tg_admission *a, ngx_str_t *value);
void ngx_http_tollgate_forget_credentials(void);

/* _queue.c */
ngx_int_t ngx_http_tollgate_park(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, int64_t wait_ms);
ngx_int_t ngx_http_tollgate_await_key(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, int64_t wait_ms);
void ngx_http_tollgate_call_next(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_leave_line(ngx_http_tollgate_ctx_t *ctx);

/* _streams.c */
void ngx_http_tollgate_watch_call(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_unwatch_call(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_check_excess(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_hold_more(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_watch_handler(ngx_event_t *ev);

/* _call.c */
ngx_int_t ngx_http_tollgate_begin(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_body_facts *facts,
    struct tg_admission *a);
void ngx_http_tollgate_observe(ngx_http_tollgate_ctx_t *ctx, u_char *data,
    size_t len);
void ngx_http_tollgate_settle(ngx_http_tollgate_ctx_t *ctx,
    ngx_uint_t status, enum tg_code code);
void ngx_http_tollgate_abandon(ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_open_worker(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf);
void ngx_http_tollgate_close_worker(void);

/* _journal.c */
ngx_int_t ngx_http_tollgate_may_admit(void);
void ngx_http_tollgate_journal(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_write_round(void);
ngx_int_t ngx_http_tollgate_journal_hold(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_journal_more(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_close_gate(int err);
ngx_int_t ngx_http_tollgate_open_journal(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf, uint64_t writer_id);
void ngx_http_tollgate_close_journal(void);

/* _sync.c */
void ngx_http_tollgate_written(void);
ngx_uint_t ngx_http_tollgate_is_durable(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_await(ngx_http_tollgate_ctx_t *ctx);
void ngx_http_tollgate_wake_all(ngx_uint_t is_stuck);
void ngx_http_tollgate_leave_sync(ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_open_sync(ngx_cycle_t *cycle,
    ngx_http_tollgate_main_conf_t *mcf);
void ngx_http_tollgate_close_sync(void);

/* _turn.c */
void ngx_http_tollgate_take_turns(ngx_uint_t is_strict);

/* _strict.c */
ngx_int_t ngx_http_tollgate_wait_hold(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx);
ngx_int_t ngx_http_tollgate_wait_last(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, ngx_chain_t *out);
void ngx_http_tollgate_wake(ngx_http_tollgate_ctx_t *ctx);

#endif
