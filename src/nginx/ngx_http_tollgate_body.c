/*
 * ngx_http_tollgate_body.c: a request's body, in memory or in a file, for
 * core to read; and core's edits to it.
 */

#include "ngx_http_tollgate_module.h"

#define NGX_HTTP_TOLLGATE_CHUNK  65536

static ngx_int_t ngx_http_tollgate_scan_file(ngx_http_request_t *r,
    ngx_buf_t *b, struct tg_payload *payload);
static ngx_chain_t **ngx_http_tollgate_copy_range(ngx_http_request_t *r,
    ngx_chain_t **last, off_t from, off_t to);
static ngx_chain_t **ngx_http_tollgate_insert(ngx_http_request_t *r,
    ngx_chain_t **last, const struct tg_body_edit *edit);


/* NGX_OK; NGX_DECLINED when core has seen enough; NGX_ERROR. */

ngx_int_t
ngx_http_tollgate_scan_body(ngx_http_request_t *r, struct tg_payload *payload)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->in_file) {
            rc = ngx_http_tollgate_scan_file(r, b, payload);
            if (rc != NGX_OK) {
                return rc;
            }

        } else if (tg_payload_feed(payload, b->pos, b->last - b->pos) != 0) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* The file is in memory, too: its folder is on a tmpfs, so reads are fast. */

static ngx_int_t
ngx_http_tollgate_scan_file(ngx_http_request_t *r, ngx_buf_t *b,
    struct tg_payload *payload)
{
    static u_char  chunk[NGX_HTTP_TOLLGATE_CHUNK];

    off_t    offset;
    size_t   size;
    ssize_t  n;

    for (offset = b->file_pos; offset < b->file_last; offset += n) {
        size = (size_t) ngx_min(b->file_last - offset,
                                NGX_HTTP_TOLLGATE_CHUNK);

        n = ngx_read_file(b->file, chunk, size, offset);

        if (n <= 0) {
            return NGX_ERROR;
        }

        if (tg_payload_feed(payload, chunk, n) != 0) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/*
 * Puts a chain of the old buffers' ranges and of what core inserts in the
 * body's place.  The edits stand in order of their offsets.
 */

ngx_int_t
ngx_http_tollgate_edit_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx, const struct tg_body_edit *edits, size_t n)
{
    off_t          at, length;
    size_t         i;
    ngx_chain_t   *out, **last;

    if (n == 0) {
        return NGX_OK;
    }

    out = NULL;
    last = &out;
    at = 0;
    length = r->headers_in.content_length_n;

    for (i = 0; i < n; i++) {
        last = ngx_http_tollgate_copy_range(r, last, at, edits[i].offset);
        if (last == NULL) {
            return NGX_ERROR;
        }

        last = ngx_http_tollgate_insert(r, last, &edits[i]);
        if (last == NULL) {
            return NGX_ERROR;
        }

        at = edits[i].offset + edits[i].remove_len;
        length += (off_t) edits[i].insert_len - (off_t) edits[i].remove_len;
    }

    last = ngx_http_tollgate_copy_range(r, last, at, NGX_MAX_OFF_T_VALUE);
    if (last == NULL) {
        return NGX_ERROR;
    }

    *last = NULL;
    ctx->body = r->request_body->bufs;
    ctx->body_length = r->headers_in.content_length_n;
    r->request_body->bufs = out;
    r->headers_in.content_length_n = length;

    return NGX_OK;
}


/* Takes the edits back: what nginx sends are copies of the buffers. */

void
ngx_http_tollgate_restore_body(ngx_http_request_t *r,
    ngx_http_tollgate_ctx_t *ctx)
{
    if (ctx->body != NULL) {
        r->request_body->bufs = ctx->body;
        r->headers_in.content_length_n = ctx->body_length;
        ctx->body = NULL;
    }
}


static ngx_chain_t **
ngx_http_tollgate_append(ngx_http_request_t *r, ngx_chain_t **last,
    ngx_buf_t *b)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;
    *last = cl;

    return &cl->next;
}


/* Appends the body's bytes [from, to) without copying them. */

static ngx_chain_t **
ngx_http_tollgate_copy_range(ngx_http_request_t *r, ngx_chain_t **last,
    off_t from, off_t to)
{
    off_t         start, end, skip, keep;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    end = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        start = end;
        end = start + ngx_buf_size(cl->buf);

        if (end <= from) {
            continue;
        }

        if (start >= to) {
            break;
        }

        b = ngx_alloc_buf(r->pool);
        if (b == NULL) {
            return NULL;
        }

        *b = *cl->buf;
        skip = ngx_max(from - start, 0);
        keep = ngx_min(end, to) - start;

        if (b->in_file) {
            b->file_last = b->file_pos + keep;
            b->file_pos += skip;
        }

        if (ngx_buf_in_memory(b)) {
            b->last = b->pos + keep;
            b->pos += skip;
        }

        last = ngx_http_tollgate_append(r, last, b);
        if (last == NULL) {
            return NULL;
        }
    }

    return last;
}


static ngx_chain_t **
ngx_http_tollgate_insert(ngx_http_request_t *r, ngx_chain_t **last,
    const struct tg_body_edit *edit)
{
    ngx_buf_t  *b;

    if (edit->insert_len == 0) {
        return last;
    }

    b = ngx_create_temp_buf(r->pool, edit->insert_len);
    if (b == NULL) {
        return NULL;
    }

    b->last = ngx_cpymem(b->last, edit->insert, edit->insert_len);

    return ngx_http_tollgate_append(r, last, b);
}
