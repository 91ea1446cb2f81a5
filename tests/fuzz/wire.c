/*
 * Heads and chunks: the verdict is the same however the bytes are cut, and in
 * a head that passes no line ends in anything but CR LF.
 */
#include <assert.h>
#include <string.h>

#include "split.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(void *arg, const char *data, size_t len)
{
    tg_wire_feed(arg, data, len);
}

/* A head in front of chunks is sound. */
static enum tg_wire_fault
judge(const uint8_t *data, size_t len, unsigned a, unsigned b, bool is_chunks)
{
    static const char head[] = "POST / HTTP/1.1\r\n\r\n";
    struct tg_wire wire;

    tg_wire_open(&wire);
    tg_wire_next(&wire);
    if (is_chunks) {
        tg_wire_feed(&wire, head, sizeof(head) - 1);
        tg_wire_chunks(&wire);
    }
    split_feed(data, len, a, b, feed, &wire);
    return tg_wire_verdict(&wire);
}

static void
check_lines(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data, *end;

    while (len >= 2 && memcmp(text, "\r\n", 2) == 0) {
        text += 2;
        len -= 2;
    }
    end = memmem(text, len, "\r\n\r\n", 4);
    assert(end != NULL || len == 0);
    for (const char *p = text; p < end; p++) {
        assert(*p != '\n' || (p > text && p[-1] == '\r'));
        assert(*p != '\r' || p[1] == '\n');
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tg_wire_fault head;
    unsigned a, b;

    if (size <= SPLIT_HEAD || size > 4096)
        return 0;
    a = data[0];
    b = data[1];
    data += SPLIT_HEAD;
    size -= SPLIT_HEAD;
    head = judge(data, size, 0, 0, false);
    assert(judge(data, size, a, b, false) == head);
    if (head == TG_WIRE_FINE)
        check_lines(data, size);
    assert(judge(data, size, 0, 0, true) == judge(data, size, a, b, true));
    return 0;
}
