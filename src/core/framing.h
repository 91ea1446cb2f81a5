/*
 * framing.h: can a request be read in one way only?
 *
 * Programs in front of us and behind us disagree about requests that are not
 * written as RFC 9112 demands: where one ends, what its length is, whom it is
 * for.  Such a request is refused before anything in it is believed, and its
 * connection is closed, so that nothing behind it is taken for a request.
 *
 * nginx refuses many of them itself; all are judged here, so that each has its
 * sentence and no other nginx is more lenient.
 */
#ifndef TG_FRAMING_H
#define TG_FRAMING_H

#include <stdint.h>

#include "str.h"
#include "wire.h"

/* What can be wrong; the first of these is said. */
enum tg_framing_fault {
    TG_FRAMING_FINE = 0,
    TG_FRAMING_LINE_END,  /* a line that does not end in CR LF */
    TG_FRAMING_CONTROL,   /* a control character in the head */
    TG_FRAMING_CHUNKS,    /* the body's chunks are written otherwise */
    TG_FRAMING_LINE,      /* the request line, or its HTTP version */
    TG_FRAMING_HOSTS,     /* no Host, or two */
    TG_FRAMING_TARGET,    /* a URL that is neither http nor https */
    TG_FRAMING_HOST,      /* target and Host name different hosts */
    TG_FRAMING_LENGTH,    /* the body's length in two ways */
    TG_FRAMING_ENCODING,  /* a transfer coding that is not "chunked" */
    TG_FRAMING_BODY,      /* a body where none belongs */
    TG_FRAMING_EXPECT,    /* another expectation than 100-continue */
    TG_FRAMING_TYPE,      /* two Content-Type or Content-Encoding headers */
    TG_FRAMING_NO_COLON,  /* a header without a colon */
    TG_FRAMING_LOOKALIKE, /* a header's name as in tg_framing_is_lookalike */
    TG_FRAMING_UNENDED,   /* its end was taken for granted */
    TG_FRAMING_COUNT
};

/* How a request was written.  Counts are of headers with one name. */
struct tg_framing {
    enum tg_wire_fault wire;
    bool is_http2; /* which has no lines and no chunks */
    bool is_cut;   /* what follows in the head was not read */
    bool has_body; /* or announces one that is not empty */
    bool has_no_colon;
    bool has_lookalike;
    uint16_t hosts; /* :authority is one */
    uint16_t lengths;
    uint16_t encodings; /* Transfer-Encoding */
    uint16_t expects;
    uint16_t types;
    uint16_t content_encodings;
    struct tg_str line;      /* as sent, without its end; of HTTP/2, made up */
    struct tg_str scheme;    /* of a target that is a URL, else empty; */
    struct tg_str authority; /* so is this, with the port if one stands there */
    struct tg_str host;      /* values of the headers; empty: none */
    struct tg_str encoding;
    struct tg_str expect;
};

/* The first fault of a request's head. */
enum tg_framing_fault tg_framing_judge(const struct tg_framing *framing);

/*
 * Whether a header's name, in lower case, has an underscore where a header
 * that counts has a dash: some programs take the two for one.
 */
bool tg_framing_is_lookalike(struct tg_str name);

/* Whether a header's value has a control character but a tab; for HTTP/2. */
bool tg_framing_has_control(struct tg_str value);

/* What is said where nothing better is known. */
#define TG_FRAMING_SENTENCE                                                    \
    "The request is not valid HTTP, or not of a form this gate accepts."

/* What is wrong and what to do; static. */
const char *tg_framing_sentence(enum tg_framing_fault fault);

#endif
