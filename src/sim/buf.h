/*
 * buf.h: a byte buffer that grows.
 *
 * Zero-initialised is empty.  Memory that cannot be had ends the program: a
 * simulator has nothing better to do.
 */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <stdint.h>

#include "str.h"

struct sim_buf {
    char *data;
    size_t len;
    size_t cap;
};

/* Makes room for more bytes after len; data may move. */
void sim_buf_reserve(struct sim_buf *buf, size_t more);

/* Appends len bytes. */
static inline void
sim_buf_add(struct sim_buf *buf, const void *data, size_t len)
{
    if (buf->cap - buf->len < len)
        sim_buf_reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

/* Appends a string literal, or a run of bytes. */
#define sim_buf_lit(buf, literal)                                              \
    sim_buf_add((buf), (literal), sizeof(literal) - 1)
#define sim_buf_str(buf, str) sim_buf_add((buf), (str).data, (str).len)

/* Appends a number in decimal. */
void sim_buf_uint(struct sim_buf *buf, uint64_t number);

/* Appends count copies of byte. */
void sim_buf_fill(struct sim_buf *buf, char byte, size_t count);

/* Appends what printf would print. */
__attribute__((format(printf, 2, 3))) void
sim_buf_printf(struct sim_buf *buf, const char *format, ...);

/* Appends text as a JSON string with its quotes.  Bytes that are not ASCII
 * stand as they are. */
void sim_buf_json(struct sim_buf *buf, struct tg_str text);

/* Appends the base64 of len bytes at data, which must not be the buffer's. */
void sim_buf_base64(struct sim_buf *buf, const void *data, size_t len);

/* Drops the first len bytes. */
void sim_buf_drop(struct sim_buf *buf, size_t len);

/* Frees the memory; the buffer is empty and usable again. */
void sim_buf_release(struct sim_buf *buf);

#endif
