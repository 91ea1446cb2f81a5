/*
 * ngx_http_tollgate_module.c: directives, variables and processes.
 *
 *     http {
 *         tollgate_state       /dev/shm/tollgate-…/state;
 *         tollgate_journal     HOME/journal;
 *         tollgate_master_key  HOME/master.key;
 *
 *         upstream tg-0 { server 127.0.0.1:1 down; tollgate_upstream 0; }
 *
 *         tollgate_strict  on;
 *
 *         location / {
 *             tollgate    on;
 *             proxy_pass  https://tg-0;
 *             proxy_http_version  1.1;
 *             proxy_buffering  off;
 *             error_page  400 413 500 502 504  /-tollgate/error;
 *         }
 *
 *         location = /healthz { tollgate_check live; }
 *         location = /readyz { tollgate_check ready; }
 *
 *         location = /-tollgate/error { internal; tollgate_error; }
 *     }
 *
 * In place of tg-0 a call goes to the block of its target, over TLS or not, and
 * with a head of ours.  Where nginx is to write that, it is asked for with
 * proxy_pass $tollgate_url, proxy_pass_request_headers off, and
 * proxy_set_header.
 *
 * Variables: $tollgate_url; $tollgate_head for proxy_set_header Host is that
 * header and every other one that the upstream gets; $tollgate_ssl_name for
 * proxy_ssl_name.  Of any request, $tollgate_address is the client's, as calls
 * record it.
 */

#include "ngx_http_tollgate_module.h"

#include "digest.h"
#include "steady.h"
#include "text.h"

static ngx_int_t ngx_http_tollgate_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_tollgate_init(ngx_conf_t *cf);
static void *ngx_http_tollgate_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_tollgate_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_tollgate_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tollgate_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_tollgate_error(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_master_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_tollgate_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tollgate_init_process(ngx_cycle_t *cycle);
static void ngx_http_tollgate_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tollgate_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_url(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_tollgate_address(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_tollgate_cleanup(void *data);


static ngx_conf_enum_t  ngx_http_tollgate_syncs[] = {
    { ngx_string("batch"), 0 },
    { ngx_string("strict"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_tollgate_commands[] = {

    { ngx_string("tollgate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tollgate_loc_conf_t, enable),
      NULL },

    { ngx_string("tollgate_strict"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tollgate_loc_conf_t, strict),
      NULL },

    { ngx_string("tollgate_error"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_tollgate_error,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_check"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tollgate_check,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_upstream"),
      NGX_HTTP_UPS_CONF|NGX_CONF_TAKE1,
      ngx_http_tollgate_upstream,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_state"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, state),
      NULL },

    { ngx_string("tollgate_journal"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, journal),
      NULL },

    { ngx_string("tollgate_master_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_tollgate_master_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_sync"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, sync),
      ngx_http_tollgate_syncs },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tollgate_module_ctx = {
    ngx_http_tollgate_add_variables,       /* preconfiguration */
    ngx_http_tollgate_init,                /* postconfiguration */

    ngx_http_tollgate_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_tollgate_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tollgate_create_loc_conf,     /* create location configuration */
    ngx_http_tollgate_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_tollgate_module = {
    NGX_MODULE_V1,
    &ngx_http_tollgate_module_ctx,         /* module context */
    ngx_http_tollgate_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_tollgate_init_module,         /* init module */
    ngx_http_tollgate_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_tollgate_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * What nginx's build writes for a dynamic module.  Its place is that of
 * filters that see an answer before nginx's own ones change it.
 */

/* nginx has arrays of these names, too: a sanitizer would take one for the
   other, and guard nginx's at the size of ours. */

#if defined(__clang__)
#define NGX_HTTP_TOLLGATE_SHADOWED  __attribute__((no_sanitize("address")))
#else
#define NGX_HTTP_TOLLGATE_SHADOWED
#endif

/* All that nginx looks for; nothing else of the module is seen. */

#pragma GCC visibility push(default)

extern ngx_module_t  *ngx_modules[];
extern char          *ngx_module_names[];
extern char          *ngx_module_order[];

#pragma GCC visibility pop


NGX_HTTP_TOLLGATE_SHADOWED
ngx_module_t *ngx_modules[] = {
    &ngx_http_tollgate_module,
    NULL
};

NGX_HTTP_TOLLGATE_SHADOWED
char *ngx_module_names[] = {
    "ngx_http_tollgate_module",
    NULL
};

NGX_HTTP_TOLLGATE_SHADOWED
char *ngx_module_order[] = {
    "ngx_http_tollgate_module",
    "ngx_http_copy_filter_module",
    NULL
};


static ngx_http_variable_t  ngx_http_tollgate_vars[] = {

    { ngx_string("tollgate_url"), NULL, ngx_http_tollgate_url, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tollgate_head"), NULL, ngx_http_tollgate_variable,
      offsetof(ngx_http_tollgate_ctx_t, upstream_head),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("tollgate_ssl_name"), NULL, ngx_http_tollgate_variable,
      offsetof(ngx_http_tollgate_ctx_t, ssl_name), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("tollgate_address"), NULL, ngx_http_tollgate_address, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


int64_t
ngx_http_tollgate_now_ms(void)
{
    static int64_t  wall_ms, now_ms;

    int64_t                      ms;
    ngx_time_t                  *tp;
    struct timespec              forward;
    ngx_http_tollgate_worker_t  *w = &ngx_http_tollgate_worker;

    tp = ngx_timeofday();
    ms = (int64_t) tp->sec * 1000 + (int64_t) tp->msec;

    if (!w->is_open) {
        return ms;
    }

    /* Asked often, and once in a millisecond is enough. */

    if (ms != wall_ms) {
        (void) clock_gettime(CLOCK_BOOTTIME, &forward);

        wall_ms = ms;
        now_ms = tg_steady_ms(w->state.header->clock_ahead_ms, ms,
                              (int64_t) forward.tv_sec * 1000
                              + forward.tv_nsec / 1000000);
    }

    return now_ms;
}


/*
 * An internal redirect clears r->ctx; the cleanup of the request's pool still
 * knows the way.
 */

ngx_http_tollgate_ctx_t *
ngx_http_tollgate_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_tollgate_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_tollgate_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_tollgate_ctx_t *
ngx_http_tollgate_add_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_tollgate_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_tollgate_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, offsetof(ngx_http_tollgate_ctx_t, meter));
    ctx->request = r;

    cln->handler = ngx_http_tollgate_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_tollgate_module);

    return ctx;
}


static void
ngx_http_tollgate_cleanup(void *data)
{
    ngx_http_tollgate_abandon(data);
}


static ngx_int_t
ngx_http_tollgate_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                *value;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);

    if (ctx == NULL || ctx->slot == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = (ngx_str_t *) ((char *) ctx + data);

    v->data = value->data;
    v->len = (unsigned) value->len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_url(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                 url;
    ngx_http_tollgate_ctx_t  *ctx;

    ctx = ngx_http_tollgate_get_ctx(r);

    if (ctx == NULL || ctx->slot == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_tollgate_write_url(r, ctx, &url) != NGX_OK) {
        return NGX_ERROR;
    }

    v->data = url.data;
    v->len = (unsigned) url.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_address(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    uint8_t  ip[16];

    v->data = ngx_pnalloc(r->pool, TG_TEXT_IP_SIZE);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_tollgate_read_address(r, ip);
    tg_text_ip((char *) v->data, ip);

    v->len = ngx_strlen(v->data);
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_tollgate_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static void *
ngx_http_tollgate_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tollgate_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->state_dir = NGX_INVALID_FILE;
    mcf->journal_dir = NGX_INVALID_FILE;
    mcf->sync = NGX_CONF_UNSET_UINT;

    return mcf;
}


static void *
ngx_http_tollgate_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_tollgate_srv_conf_t));
}


static void *
ngx_http_tollgate_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tollgate_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tollgate_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->enable = NGX_CONF_UNSET;
    lcf->strict = NGX_CONF_UNSET;

    return lcf;
}


static char *
ngx_http_tollgate_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tollgate_loc_conf_t  *prev = parent;
    ngx_http_tollgate_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->strict, prev->strict, 0);

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_error(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tollgate_error_handler;

    return NGX_CONF_OK;
}


/* Read by the master, while it may: the file is its owner's alone. */

static char *
ngx_http_tollgate_master_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tollgate_main_conf_t  *mcf = conf;

    ngx_fd_t    fd;
    ssize_t     n;
    u_char      extra;
    ngx_str_t  *value;

    if (mcf->master_key.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->master_key = value[1];

    fd = ngx_open_file(value[1].data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the master key \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, mcf->key.bytes, sizeof(mcf->key.bytes));

    if (n != (ssize_t) sizeof(mcf->key.bytes)
        || ngx_read_fd(fd, &extra, 1) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the master key \"%V\" is not %uz bytes long",
                           &value[1], sizeof(mcf->key.bytes));
        (void) ngx_close_file(fd);
        return NGX_CONF_ERROR;
    }

    (void) ngx_close_file(fd);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tollgate_init(ngx_conf_t *cf)
{
    static ngx_str_t  threads = ngx_string("tollgate");

    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);

    if (mcf->state.len == 0) {
        return NGX_OK;
    }

    ngx_conf_init_uint_value(mcf->sync, 0);

    if (mcf->journal.len == 0 || mcf->master_key.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"tollgate_state\" needs \"tollgate_journal\" and "
                      "\"tollgate_master_key\" beside it");
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &mcf->state, 1) != NGX_OK
        || ngx_conf_full_name(cf->cycle, &mcf->journal, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    mcf->threads = ngx_thread_pool_add(cf, &threads);
    if (mcf->threads == NULL) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tollgate_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tollgate_post_read_handler;

    return ngx_http_tollgate_filter_init(cf);
}


static void
ngx_http_tollgate_close_dir(void *data)
{
    ngx_fd_t  *fd = data;

    (void) close(*fd);
}


/*
 * A folder, opened as a place only: workers reach the files in it by the
 * folder's own permissions, whatever lies above it.
 */

static ngx_int_t
ngx_http_tollgate_open_dir(ngx_cycle_t *cycle, const char *path, ngx_fd_t *fd)
{
    ngx_pool_cleanup_t  *cln;

    *fd = open(path, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (*fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "cannot open the folder \"%s\"; is tollgated running?",
                      path);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, sizeof(ngx_fd_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_tollgate_close_dir;
    *(ngx_fd_t *) cln->data = *fd;

    return NGX_OK;
}


static ngx_http_tollgate_main_conf_t *
ngx_http_tollgate_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_tollgate_module);

    return mcf != NULL && mcf->state.len ? mcf : NULL;
}


static ngx_int_t
ngx_http_tollgate_init_module(ngx_cycle_t *cycle)
{
    u_char                         *dir, *slash;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_tollgate_cycle_conf(cycle);
    if (mcf == NULL) {
        return NGX_OK;
    }

    ngx_http_tollgate_take_turns(mcf->sync);

    dir = ngx_pstrdup(cycle->pool, &mcf->state);
    if (dir == NULL) {
        return NGX_ERROR;
    }

    for (slash = dir + mcf->state.len - 1; *slash != '/'; slash--) { /* void */ }

    mcf->state_name.data = mcf->state.data + (slash + 1 - dir);
    mcf->state_name.len = mcf->state.len - (slash + 1 - dir);
    *slash = '\0';

    if (ngx_http_tollgate_open_dir(cycle, (char *) dir, &mcf->state_dir)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_open_dir(cycle, (char *) mcf->journal.data,
                                      &mcf->journal_dir);
}


static ngx_int_t
ngx_http_tollgate_init_process(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_tollgate_cycle_conf(cycle);

    if (mcf == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_http_tollgate_keep_memory();

    if (ngx_http_tollgate_wire_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_open_worker(cycle, mcf);
}


static void
ngx_http_tollgate_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_close_worker();
}
