#include "http_response.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_stream.h"

/* As a person writes a share: 0.3333, not 0.33329999999999999. */
#define FORM (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* A response's text, wiped when it was sent: it may hold a new key. */
struct text {
    size_t len;
    char data[];
};

static void
free_text(void *arg)
{
    struct text *text = arg;

    sodium_memzero(text->data, text->len);
    free(text);
}

static struct text *
text_of(const json_t *body)
{
    size_t len = json_dumpb(body, NULL, 0, FORM);
    struct text *text = malloc(sizeof(*text) + len + 1);

    if (text == NULL || body == NULL) {
        free(text);
        return NULL;
    }
    text->len = len + 1;
    json_dumpb(body, text->data, len, FORM);
    text->data[len] = '\n';
    return text;
}

/* NULL without memory; the reply's own is given back. */
static struct MHD_Response *
response_of(struct tg_reply *reply)
{
    struct MHD_Response *response;
    struct text *text;

    if (reply->bytes != NULL) {
        response = MHD_create_response_from_buffer(reply->len, reply->bytes,
                                                   MHD_RESPMEM_MUST_FREE);
        if (response == NULL)
            free(reply->bytes);
        reply->bytes = NULL;
        return response;
    }
    text = text_of(reply->body);
    json_decref(reply->body);
    reply->body = NULL;
    if (text == NULL)
        return NULL;
    response = MHD_create_response_from_buffer_with_free_callback_cls(
        text->len, text->data, free_text, text);
    if (response == NULL)
        free_text(text);
    return response;
}

static void
add_headers(struct MHD_Response *response, struct tg_reply *reply,
            const char *type, const char *id)
{
    char seconds[16];

    MHD_add_response_header(response, "x-request-id", id);
    MHD_add_response_header(response, "Content-Type", type);
    /* No browser takes it for something else, or runs what is in it. */
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; "
                            "img-src data:; sandbox");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (reply->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (reply->etag[0] != '\0' && reply->status < 300)
        MHD_add_response_header(response, "ETag", reply->etag);
    if (reply->is_replayed)
        MHD_add_response_header(response, "Idempotency-Replayed", "true");
    if (reply->allow[0] != '\0')
        MHD_add_response_header(response, "Allow", reply->allow);
    if (reply->set_cookie[0] != '\0')
        MHD_add_response_header(response, "Set-Cookie", reply->set_cookie);
    sodium_memzero(reply->set_cookie, sizeof(reply->set_cookie));
    if (reply->retry_after_s != 0) {
        snprintf(seconds, sizeof(seconds), "%u", reply->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
}

struct MHD_Response *
tg_http_response(struct MHD_Connection *connection, struct tg_lanes *lanes,
                 struct tg_reply *reply, const char *id)
{
    const char *type = reply->stream.read != NULL ? reply->stream.type
                       : reply->bytes != NULL     ? reply->type
                                                  : "application/json";
    struct MHD_Response *response =
        reply->stream.read != NULL ? tg_http_stream(connection, lanes, reply)
                                   : response_of(reply);

    if (response != NULL)
        add_headers(response, reply, type, id);
    return response;
}
