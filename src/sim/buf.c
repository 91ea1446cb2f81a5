#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

enum { SMALLEST = 1024 };

static void
out_of_memory(void)
{
    fputs("tollgate-sim: out of memory\n", stderr);
    abort();
}

void
sim_buf_reserve(struct sim_buf *buf, size_t more)
{
    size_t need = buf->len + more;
    size_t cap = buf->cap ? buf->cap : SMALLEST;

    if (need < more)
        out_of_memory();
    if (need <= buf->cap)
        return;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    buf->data = realloc(buf->data, cap);
    if (!buf->data)
        out_of_memory();
    buf->cap = cap;
}

void
sim_buf_uint(struct sim_buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sim_buf_add(buf, digits + at, sizeof(digits) - at);
}

void
sim_buf_fill(struct sim_buf *buf, char byte, size_t count)
{
    sim_buf_reserve(buf, count);
    memset(buf->data + buf->len, byte, count);
    buf->len += count;
}

void
sim_buf_printf(struct sim_buf *buf, const char *format, ...)
{
    va_list ap;
    int len;

    va_start(ap, format);
    len = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (len < 0)
        out_of_memory();
    sim_buf_reserve(buf, (size_t)len + 1);
    va_start(ap, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, ap);
    va_end(ap);
    buf->len += (size_t)len;
}

static void
add_escaped(struct sim_buf *buf, unsigned char c)
{
    if (c == '"' || c == '\\')
        sim_buf_printf(buf, "\\%c", c);
    else if (c == '\n')
        sim_buf_lit(buf, "\\n");
    else
        sim_buf_printf(buf, "\\u%04x", c);
}

void
sim_buf_json(struct sim_buf *buf, struct tg_str text)
{
    size_t from = 0;

    sim_buf_lit(buf, "\"");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        sim_buf_add(buf, text.data + from, i - from);
        add_escaped(buf, c);
        from = i + 1;
    }
    sim_buf_add(buf, text.data + from, text.len - from);
    sim_buf_lit(buf, "\"");
}

void
sim_buf_base64(struct sim_buf *buf, const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)bytes[i] << 16 |
                        (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (left > 2 ? bytes[i + 2] : 0u);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=',
                        left > 2 ? digits[bits & 63] : '='};

        sim_buf_add(buf, four, sizeof(four));
    }
}

void
sim_buf_drop(struct sim_buf *buf, size_t len)
{
    buf->len -= len;
    if (buf->len > 0)
        memmove(buf->data, buf->data + len, buf->len);
}

void
sim_buf_release(struct sim_buf *buf)
{
    free(buf->data);
    *buf = (struct sim_buf){0};
}
