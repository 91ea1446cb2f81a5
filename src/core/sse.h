/*
 * sse.h: an event stream cut into the data of its events (WHATWG HTML,
 * server-sent events), in chunks of any size, without copying.
 *
 * Lines end with CR, LF or CRLF; a byte order mark at the start, comments
 * and fields other than data are passed over; an event without data is none.
 *
 *     tg_sse_init(&sse);
 *     for each chunk:
 *         tg_sse_feed(&sse, chunk, len);
 *         while ((token = tg_sse_next(&sse)) != TG_SSE_MORE)
 *             ...
 */
#ifndef TG_SSE_H
#define TG_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_sse_token {
    TG_SSE_MORE = 0, /* the chunk is used up */
    TG_SSE_DATA,     /* a piece of the event's data: data, len */
    TG_SSE_EVENT,    /* a blank line: the event is whole */
    TG_SSE_SKIP,     /* a blank line that ends no event with data */
};

struct tg_sse {
    const char *data; /* the piece; in the chunk, or is_joint: the "\n" that
                         joins the data of two lines */
    size_t len;
    bool is_joint;
    uint64_t at; /* offset in the stream of the byte behind the token; a line
                    feed that belongs to it may still come: see after_cr */
    bool after_cr;
    uint64_t largest; /* bytes of the largest event that has ended */

    /* Private. */
    const char *chunk, *cursor, *end;
    uint64_t chunk_at, event_at;
    uint8_t state, matched;
    bool has_data, has_line;
};

/* Begins a stream. */
void tg_sse_init(struct tg_sse *sse);

/* Gives the next len bytes; the chunk before must be used up. */
void tg_sse_feed(struct tg_sse *sse, const void *data, size_t len);

/* Reads on. */
enum tg_sse_token tg_sse_next(struct tg_sse *sse);

/*
 * The rest of the chunk, *len bytes, if they are an event's first, and how
 * they read depends on nothing before them; NULL elsewhere.
 */
const char *tg_sse_event(const struct tg_sse *sse, size_t *len);

/*
 * Passes a whole event there, of len bytes, of which blank_len are the blank
 * line at its end, as tg_sse_next would; it has a line feed at its end.
 */
void tg_sse_pass(struct tg_sse *sse, size_t len, size_t blank_len);

/*
 * The bytes of the largest event so far, the one at hand among them: what
 * stands between two blank lines, whatever it is.
 */
uint64_t tg_sse_largest(const struct tg_sse *sse);

#endif
