/*
 * ngx_http_tollgate_request.c: a request's head, as core asks about it.
 */

#include "ngx_http_tollgate_module.h"

static void ngx_http_tollgate_read_headers(ngx_http_request_t *r,
    struct tg_request *request, struct tg_credential *credential);
static void ngx_http_tollgate_read_header(ngx_table_elt_t *h,
    struct tg_request *request, struct tg_credential *credential);


static struct tg_str
ngx_http_tollgate_str(ngx_str_t s)
{
    return (struct tg_str) { (char *) s.data, s.len };
}


/* The target as the client wrote it, cut into path and query. */

void
ngx_http_tollgate_read_target(ngx_http_request_t *r, struct tg_str *path,
    struct tg_str *query)
{
    u_char  *mark;

    *path = ngx_http_tollgate_str(r->unparsed_uri);
    *query = (struct tg_str) { NULL, 0 };

    if (r->unparsed_uri.len == 0) {
        return;
    }

    mark = ngx_strlchr(r->unparsed_uri.data,
                       r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (mark != NULL) {
        path->len = mark - r->unparsed_uri.data;
        query->data = (char *) mark + 1;
        query->len = r->unparsed_uri.len - path->len - 1;
    }
}


/* As nginx has it: the peer's, or what a trusted proxy says it is. */

void
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


/* nginx's own end of it may point into a buffer that was left. */

static void
ngx_http_tollgate_read_authority(ngx_http_request_t *r,
    struct tg_str *authority)
{
    u_char  *p, *end;

    end = r->request_line.data + r->request_line.len;

    for (p = r->host_start; p < end; p++) {
        if (*p == '/' || *p == '?' || *p == ' ') {
            break;
        }
    }

    authority->data = (char *) r->host_start;
    authority->len = p - r->host_start;
}


static void
ngx_http_tollgate_read_framing(ngx_http_request_t *r,
    struct tg_framing *framing)
{
    framing->is_http2 = r->http_version >= NGX_HTTP_VERSION_20;
    framing->is_cut = r->http_state != NGX_HTTP_PROCESS_REQUEST_STATE;
    framing->wire = ngx_http_tollgate_wire_verdict(r);
    framing->line = ngx_http_tollgate_str(r->request_line);
    framing->scheme = ngx_http_tollgate_str(r->schema);
    framing->has_body = r->headers_in.content_length_n > 0
                        || r->headers_in.chunked;

    if (r->host_start != NULL && r->request_line.len) {
        ngx_http_tollgate_read_authority(r, &framing->authority);
    }
}


void
ngx_http_tollgate_read_request(ngx_http_request_t *r,
    struct tg_request *request, struct tg_credential *credential)
{
    ngx_memzero(request, sizeof(struct tg_request));
    ngx_memzero(credential, sizeof(struct tg_credential));

    request->method = r->method == NGX_HTTP_POST ? TG_METHOD_POST
                      : r->method == NGX_HTTP_GET ? TG_METHOD_GET
                      : r->method == NGX_HTTP_DELETE ? TG_METHOD_DELETE
                      : TG_METHOD_OTHER;
    request->now_ms = ngx_http_tollgate_now_ms();
    request->credential = credential;

    ngx_http_tollgate_read_target(r, &request->path, &request->query);
    ngx_http_tollgate_read_address(r, request->ip);
    ngx_http_tollgate_read_framing(r, &request->framing);
    ngx_http_tollgate_read_headers(r, request, credential);
}


static void
ngx_http_tollgate_read_headers(ngx_http_request_t *r,
    struct tg_request *request, struct tg_credential *credential)
{
    ngx_uint_t          i;
    ngx_list_part_t    *part;
    ngx_table_elt_t    *h;
    struct tg_framing  *framing = &request->framing;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (framing->is_http2) {
                if (tg_framing_has_control(ngx_http_tollgate_str(h[i].value)))
                {
                    framing->wire = TG_WIRE_CONTROL;
                }

            } else if (h[i].value.data == h[i].key.data + h[i].key.len) {
                framing->has_no_colon = 1;
            }

            if (memchr(h[i].key.data, '_', h[i].key.len) != NULL
                && tg_framing_is_lookalike(
                       (struct tg_str) { (char *) h[i].lowcase_key,
                                         h[i].key.len }))
            {
                framing->has_lookalike = 1;
            }

            ngx_http_tollgate_read_header(&h[i], request, credential);
        }
    }
}


static ngx_uint_t
ngx_http_tollgate_is(ngx_table_elt_t *h, const char *name)
{
    return ngx_memcmp(h->lowcase_key, name, h->key.len) == 0;
}


/* The headers that a decision looks at, told apart by length first. */

static void
ngx_http_tollgate_read_header(ngx_table_elt_t *h, struct tg_request *request,
    struct tg_credential *credential)
{
    struct tg_str       value;
    struct tg_framing  *framing = &request->framing;

    value = ngx_http_tollgate_str(h->value);

    switch (h->key.len) {

    case 4:
        if (ngx_http_tollgate_is(h, "host") && framing->hosts++ == 0) {
            framing->host = value;
        }

        break;

    case 6:
        if (ngx_http_tollgate_is(h, "origin")) {
            request->origin = value;

        } else if (ngx_http_tollgate_is(h, "expect")
                   && framing->expects++ == 0)
        {
            framing->expect = value;
        }

        break;

    case 7:
        if (ngx_http_tollgate_is(h, "api-key")) {
            tg_credential_add(credential, TG_SOURCE_API_KEY, value);

        } else if (ngx_http_tollgate_is(h, "referer")) {
            request->referer = value;
        }

        break;

    case 9:
        if (ngx_http_tollgate_is(h, "x-api-key")) {
            tg_credential_add(credential, TG_SOURCE_X_API_KEY, value);
        }

        break;

    case 12:
        if (ngx_http_tollgate_is(h, "content-type")
            && framing->types++ == 0)
        {
            request->content_type = value;
        }

        break;

    case 13:
        if (ngx_http_tollgate_is(h, "authorization")) {
            tg_credential_add(credential, TG_SOURCE_AUTHORIZATION, value);
        }

        break;

    case 14:
        if (ngx_http_tollgate_is(h, "content-length")) {
            framing->lengths++;
        }

        break;

    case 16:
        if (ngx_http_tollgate_is(h, "content-encoding")
            && framing->content_encodings++ == 0)
        {
            request->content_encoding = value;
        }

        break;

    case 17:
        if (ngx_http_tollgate_is(h, "transfer-encoding")
            && framing->encodings++ == 0)
        {
            framing->encoding = value;
        }

        break;
    }
}
