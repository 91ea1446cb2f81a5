#include "text.h"

#include <arpa/inet.h>
#include <string.h>

#include "civil.h"
#include "digits.h"
#include "money.h"
#include "span.h"
#include "where.h"

void
tg_text_put(struct tg_text *text, struct tg_str s)
{
    if (text->is_cut || s.len > text->cap - text->len) {
        text->is_cut = true;
        return;
    }
    if (s.len != 0)
        memcpy(text->data + text->len, s.data, s.len);
    text->len += s.len;
}

void
tg_text_puts(struct tg_text *text, const char *s)
{
    tg_text_put(text, (struct tg_str){s, strlen(s)});
}

void
tg_text_int(struct tg_text *text, int64_t n)
{
    char digits[1 + TG_DIGITS_MAX] = "-";
    size_t sign = n < 0;
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    tg_text_put(text, (struct tg_str){
                          digits, sign + tg_digits(digits + sign, magnitude)});
}

/* Length of the UTF-8 character at p, or 0 when there is none. */
static size_t
utf8_at(const char *p, size_t len)
{
    const uint8_t *b = (const uint8_t *)p;
    size_t n = b[0] < 0x80   ? 1
               : b[0] < 0xc2 ? 0
               : b[0] < 0xe0 ? 2
               : b[0] < 0xf0 ? 3
               : b[0] < 0xf5 ? 4
                             : 0;

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return n;
}

static void
put_escape(struct tg_text *text, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
        tg_text_put(text, (struct tg_str){escape, 2});
    } else if (c == '\n') {
        tg_text_puts(text, "\\n");
    } else {
        tg_text_put(text, (struct tg_str){escape, sizeof(escape)});
    }
}

/* Of text that has no quote, backslash or control character below 0x20. */
static void
put_characters(struct tg_text *text, const char *p, const char *end)
{
    for (size_t n; p < end; p += n) {
        uint8_t c = (uint8_t)*p;

        n = utf8_at(p, (size_t)(end - p));
        if (n == 0) {
            n = 1;
            tg_text_puts(text, "\xef\xbf\xbd");
        } else if (c == 0x7f) {
            put_escape(text, c);
        } else {
            tg_text_put(text, (struct tg_str){p, n});
        }
    }
}

void
tg_text_json(struct tg_text *text, struct tg_str s)
{
    const char *p = s.data, *end;

    if (s.len == 0)
        return;
    end = p + s.len;
    while (p < end) {
        bool has_high = false;
        const char *stop = tg_span_plain(p, end, &has_high);
        size_t len = (size_t)(stop - p);

        if (has_high || memchr(p, 0x7f, len) != NULL)
            put_characters(text, p, stop);
        else
            tg_text_put(text, (struct tg_str){p, len});
        if (stop < end)
            put_escape(text, (uint8_t)*stop++);
        p = stop;
    }
}

void
tg_text_json_string(struct tg_text *text, struct tg_str s)
{
    tg_text_puts(text, "\"");
    tg_text_json(text, s);
    tg_text_puts(text, "\"");
}

void
tg_text_money(struct tg_text *text, int64_t nanos)
{
    char amount[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, amount);
    tg_text_puts(text, "\"");
    tg_text_puts(text, amount);
    tg_text_puts(text, "\"");
}

void
tg_text_instant(struct tg_text *text, int64_t instant_ms)
{
    char instant[TG_CIVIL_TEXT_SIZE];

    if (instant_ms == 0 || tg_civil_format(instant_ms, instant) != 0) {
        tg_text_puts(text, "null");
        return;
    }
    tg_text_puts(text, "\"");
    tg_text_puts(text, instant);
    tg_text_puts(text, "\"");
}

void
tg_text_ip(char *out, const uint8_t ip[16])
{
    if (tg_where_is_v4(ip))
        inet_ntop(AF_INET, ip + 12, out, TG_TEXT_IP_SIZE);
    else
        inet_ntop(AF_INET6, ip, out, TG_TEXT_IP_SIZE);
}
