#include <stdio.h>
#include <stdlib.h>

#include "reader.h"

enum { MAX_PLACES = 2 * 256, MAX_BODY = 64 << 20 };

static struct sim_reader *
owner(http_parser *parser)
{
    return parser->data;
}

/* Parts of one name, value or URL follow each other in the buffer. */
static void
extend(struct sim_reader *r, struct sim_place *place, const char *at,
       size_t len)
{
    if (place->len == 0)
        place->at = (size_t)(at - r->in->data);
    place->len += len;
}

static int
on_url(http_parser *parser, const char *at, size_t len)
{
    struct sim_reader *r = owner(parser);

    extend(r, &r->url, at, len);
    return 0;
}

static void *
grow(void *array, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 32;
    array = realloc(array, *cap * size);
    if (!array) {
        fputs("tollgate-sim: out of memory\n", stderr);
        abort();
    }
    return array;
}

static struct sim_place *
new_place(struct sim_reader *r)
{
    if (r->place_count == MAX_PLACES)
        return NULL;
    if (r->place_count == r->place_cap)
        r->places = grow(r->places, &r->place_cap, sizeof(r->places[0]));
    r->places[r->place_count] = (struct sim_place){0};
    return &r->places[r->place_count++];
}

static int
on_header(struct sim_reader *r, bool is_value, const char *at, size_t len)
{
    if (r->place_count == 0 || r->is_in_value != is_value) {
        if (!new_place(r))
            return -1;
        r->is_in_value = is_value;
    }
    extend(r, &r->places[r->place_count - 1], at, len);
    return 0;
}

static int
on_header_field(http_parser *parser, const char *at, size_t len)
{
    return on_header(owner(parser), false, at, len);
}

static int
on_header_value(http_parser *parser, const char *at, size_t len)
{
    return on_header(owner(parser), true, at, len);
}

static void fill_headers(struct sim_reader *r, struct sim_request *request);

static int
on_headers_complete(http_parser *parser)
{
    struct sim_reader *r = owner(parser);
    struct sim_request request = {0};
    struct tg_str expect;

    fill_headers(r, &request);
    expect = sim_request_header(&request, "expect");
    r->wants_continue = sim_request_same_name(expect, "100-continue");
    if ((parser->flags & F_CONTENTLENGTH) && parser->content_length > MAX_BODY)
        r->is_too_large = true;
    return r->is_too_large ? -1 : 0;
}

/* The pieces of a chunked body are moved together, over what lay between. */
static int
on_body(http_parser *parser, const char *at, size_t len)
{
    struct sim_reader *r = owner(parser);

    if (r->body.len > 0)
        memmove(r->in->data + r->body.at + r->body.len, at, len);
    extend(r, &r->body, at, len);
    r->is_too_large = r->body.len > MAX_BODY;
    return r->is_too_large ? -1 : 0;
}

static int
on_message_complete(http_parser *parser)
{
    owner(parser)->keeps_alive = http_should_keep_alive(parser) != 0;
    owner(parser)->is_done = true;
    http_parser_pause(parser, 1);
    return 0;
}

void
sim_reader_init(struct sim_reader *reader, struct sim_buf *in)
{
    struct sim_reader fresh = {
        .in = in,
        .places = reader->places,
        .place_cap = reader->place_cap,
        .headers = reader->headers,
        .header_cap = reader->header_cap,
    };

    *reader = fresh;
    http_parser_init(&reader->parser, HTTP_REQUEST);
    reader->parser.data = reader;
}

enum sim_read
sim_reader_run(struct sim_reader *reader)
{
    static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    http_parser *parser = &reader->parser;

    reader->used +=
        http_parser_execute(parser, &settings, reader->in->data + reader->used,
                            reader->in->len - reader->used);
    if (reader->is_done)
        return SIM_READ_DONE;
    if (reader->is_too_large)
        return SIM_READ_TOO_LARGE;
    return HTTP_PARSER_ERRNO(parser) == HPE_OK && !parser->upgrade
               ? SIM_READ_MORE
               : SIM_READ_BAD;
}

static struct tg_str
run_of(const struct sim_reader *r, struct sim_place place)
{
    return (struct tg_str){r->in->data + place.at, place.len};
}

static void
fill_headers(struct sim_reader *r, struct sim_request *request)
{
    size_t count = r->place_count / 2;

    while (r->header_cap < count)
        r->headers = grow(r->headers, &r->header_cap, sizeof(r->headers[0]));
    for (size_t i = 0; i < count; i++) {
        r->headers[i].name = run_of(r, r->places[2 * i]);
        r->headers[i].value = run_of(r, r->places[2 * i + 1]);
    }
    request->headers = r->headers;
    request->header_count = count;
}

void
sim_reader_request(struct sim_reader *reader, struct sim_request *request)
{
    const char *method =
        http_method_str((enum http_method)reader->parser.method);
    struct tg_str url = run_of(reader, reader->url);
    const char *mark = memchr(url.data, '?', url.len);

    *request = (struct sim_request){
        .method = {method, strlen(method)},
        .path = url,
        .body = run_of(reader, reader->body),
        .is_http11 =
            reader->parser.http_major == 1 && reader->parser.http_minor >= 1,
        .keeps_alive = reader->keeps_alive,
    };
    if (mark) {
        request->path.len = (size_t)(mark - url.data);
        request->query =
            (struct tg_str){mark + 1, url.len - request->path.len - 1};
    }
    fill_headers(reader, request);
}

void
sim_reader_next(struct sim_reader *reader)
{
    sim_buf_drop(reader->in, reader->used);
    sim_reader_init(reader, reader->in);
}

void
sim_reader_release(struct sim_reader *reader)
{
    free(reader->places);
    free(reader->headers);
    reader->places = NULL;
    reader->headers = NULL;
}
