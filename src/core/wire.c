#include "wire.h"

#include <string.h>

#include "span.h"

enum state {
    REST = 0, /* of the request: a body, or after a fault */
    FIRST,    /* a connection's first bytes */
    HEAD,
    SIZE, /* a chunk's */
    EXTENSION,
    DATA,
    DATA_END,
    TRAILER,
};

/* Of any length that fits 64 bits; leading zeros count. */
#define DIGITS_MAX 16

static void
begin_line(struct tg_wire *w, enum state state, bool has_line)
{
    w->state = state;
    w->has_line = has_line;
    w->has_cr = false;
    w->is_empty = true;
}

static void
begin_size(struct tg_wire *w)
{
    begin_line(w, SIZE, false);
    w->left = 0;
    w->digits = 0;
}

void
tg_wire_open(struct tg_wire *w)
{
    tg_wire_next(w);
    w->state = FIRST;
}

void
tg_wire_next(struct tg_wire *w)
{
    memset(w, 0, sizeof(*w));
    begin_line(w, HEAD, false);
}

void
tg_wire_chunks(struct tg_wire *w)
{
    if (w->has_seen && w->fault == TG_WIRE_FINE && w->state == REST)
        begin_size(w);
}

static const char *
fail(struct tg_wire *w, enum tg_wire_fault fault, const char *end)
{
    w->fault = (uint8_t)fault;
    w->state = REST;
    return end;
}

/* Where a PROXY header ends that stands at p; p when there is none. */
static const char *
skip_proxy_header(const char *p, const char *end)
{
    static const char v2[12] = "\r\n\r\n\0\r\nQUIT\n";
    size_t len = (size_t)(end - p), size;
    const char *lf;

    if (len >= 16 && memcmp(p, v2, sizeof(v2)) == 0) {
        size = 16 + (size_t)((unsigned char)p[14] << 8) + (unsigned char)p[15];
        return size < len ? p + size : end;
    }
    if (len >= 9 &&
        (memcmp(p, "PROXY TCP", 9) == 0 || memcmp(p, "PROXY UNK", 9) == 0)) {
        lf = memchr(p, '\n', len);
        return lf != NULL ? lf + 1 : end;
    }
    return p;
}

/* Reads up to behind the line's end; *is_whole says that it was there. */
static const char *
read_line(struct tg_wire *w, const char *p, const char *end, bool *is_whole)
{
    const char *stop;

    while (p < end) {
        if (w->has_cr) {
            w->has_cr = false;
            if (*p != '\n')
                return fail(w, TG_WIRE_BARE_CR, end);
            *is_whole = true;
            return p + 1;
        }
        stop = tg_span_text(p, end);
        w->is_empty = w->is_empty && stop == p;
        if (stop == end)
            return end;
        p = stop + 1;
        switch (*stop) {
        case '\r':
            w->has_cr = true;
            break;
        case '\t':
            w->is_empty = false;
            break;
        case '\n':
            return fail(w, TG_WIRE_BARE_LF, end);
        default:
            return fail(w, TG_WIRE_CONTROL, end);
        }
    }
    return end;
}

/* Empty lines in front of a head do not count (RFC 9112, 2.2). */
static const char *
read_head(struct tg_wire *w, const char *p, const char *end)
{
    bool is_whole = false;

    p = read_line(w, p, end, &is_whole);
    if (!is_whole)
        return p;
    if (w->is_empty && w->has_line)
        w->state = REST;
    w->has_line |= !w->is_empty;
    w->is_empty = true;
    return p;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Nothing but an extension may stand between the size and its line's end. */
static const char *
read_size(struct tg_wire *w, const char *p, const char *end)
{
    int value = hex_value(*p);

    if (value >= 0) {
        if (++w->digits > DIGITS_MAX)
            return fail(w, TG_WIRE_CHUNK, end);
        w->left = w->left << 4 | (unsigned)value;
        return p + 1;
    }
    if (w->digits > 0 && (*p == '\r' || *p == ';'))
        w->state = EXTENSION;
    else
        return fail(w, *p == '\n' ? TG_WIRE_BARE_LF : TG_WIRE_CHUNK, end);
    return p;
}

static const char *
read_extension(struct tg_wire *w, const char *p, const char *end)
{
    bool is_whole = false;

    p = read_line(w, p, end, &is_whole);
    if (is_whole && w->left == 0)
        begin_line(w, TRAILER, true);
    else if (is_whole)
        w->state = DATA;
    return p;
}

static const char *
read_data(struct tg_wire *w, const char *p, const char *end)
{
    size_t len = (size_t)(end - p);

    if (len < w->left) {
        w->left -= len;
        return end;
    }
    p += w->left;
    begin_line(w, DATA_END, false);
    return p;
}

static const char *
read_data_end(struct tg_wire *w, const char *p, const char *end)
{
    bool is_whole = false;

    p = read_line(w, p, end, &is_whole);
    if (!w->is_empty)
        return fail(w, TG_WIRE_CHUNK, end);
    if (is_whole)
        begin_size(w);
    return p;
}

static const char *
step(struct tg_wire *w, const char *p, const char *end)
{
    switch ((enum state)w->state) {
    case FIRST:
        w->state = HEAD;
        return skip_proxy_header(p, end);
    case HEAD:
    case TRAILER:
        return read_head(w, p, end);
    case SIZE:
        return read_size(w, p, end);
    case EXTENSION:
        return read_extension(w, p, end);
    case DATA:
        return read_data(w, p, end);
    case DATA_END:
        return read_data_end(w, p, end);
    default:
        return end;
    }
}

void
tg_wire_feed(struct tg_wire *w, const void *data, size_t len)
{
    const char *p = data, *end = p + len;

    w->has_seen |= len > 0 && w->state != REST;
    while (p < end)
        p = step(w, p, end);
}

enum tg_wire_fault
tg_wire_verdict(const struct tg_wire *w)
{
    if (w->fault != TG_WIRE_FINE)
        return (enum tg_wire_fault)w->fault;
    if (!w->has_seen)
        return TG_WIRE_UNSEEN;
    return w->state != REST ? TG_WIRE_UNENDED : TG_WIRE_FINE;
}
