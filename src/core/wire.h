/*
 * wire.h: is what a connection brings delimited as HTTP/1.1 demands?
 *
 * nginx takes a bare LF for the end of a line, and its parser leaves no trace
 * of it: "value\r\n" and "value \n" are the same bytes in its buffer
 * afterwards.  A program in front of us that reads such bytes in another way
 * has a part of one request for another request (RFC 9112, 11.2).  So the
 * bytes are watched as they arrive, before nginx's parser has them:
 *
 *     tg_wire_open(&wire);                   a connection
 *     tg_wire_feed(&wire, data, len);        all of it, in order
 *     tg_wire_verdict(&wire)                 once nginx has a whole head
 *     tg_wire_chunks(&wire);                 its body is chunked:
 *     tg_wire_feed(&wire, data, len);        what came behind the head, again
 *     tg_wire_verdict(&wire)                 once nginx has the whole body
 *     tg_wire_next(&wire);                   the request is over:
 *     tg_wire_feed(&wire, data, len);        what came behind it, again
 *
 * A body that is not chunked is not looked at.  Costs one pass over heads, 16
 * bytes at a time, and nothing for a body's own bytes.
 */
#ifndef TG_WIRE_H
#define TG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_wire_fault {
    TG_WIRE_FINE = 0,
    TG_WIRE_UNSEEN,  /* no fault, but nobody watched */
    TG_WIRE_BARE_LF, /* a line that ends in LF without CR */
    TG_WIRE_BARE_CR, /* a CR that no LF follows */
    TG_WIRE_CONTROL, /* another control character but a tab */
    TG_WIRE_CHUNK,   /* a chunk's size or end is written otherwise */
    TG_WIRE_UNENDED, /* nginx has seen an end that is not there */
};

/* A connection, as far as it came; zeros look at nothing. */
struct tg_wire {
    uint64_t left;  /* bytes of the chunk that are still to come */
    uint8_t state;  /* wire.c's */
    uint8_t fault;  /* enum tg_wire_fault: the request's first one */
    uint8_t digits; /* of the chunk's size */
    bool has_seen;  /* something, since tg_wire_open or tg_wire_next */
    bool has_cr;    /* the last byte was a CR */
    bool has_line;  /* a line of the head, so that an empty one ends it */
    bool is_empty;  /* the line, so far */
};

/*
 * Begins a connection.  A header of the PROXY protocol may stand in front,
 * whole in the first feed, as nginx wants it; HTTP never begins like one.
 */
void tg_wire_open(struct tg_wire *wire);

/* Takes the next len bytes; they are not needed afterwards. */
void tg_wire_feed(struct tg_wire *wire, const void *data, size_t len);

/*
 * What the head came to, and its chunks, where tg_wire_chunks was called, with
 * the lines behind the last one.  UNSEEN when nothing was fed.
 */
enum tg_wire_fault tg_wire_verdict(const struct tg_wire *wire);

/* A chunked body begins.  Has no effect when the head was not watched. */
void tg_wire_chunks(struct tg_wire *wire);

/* Begins the connection's next request. */
void tg_wire_next(struct tg_wire *wire);

#endif
