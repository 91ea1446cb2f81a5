/*
 * The loops that run over string bytes agree with the plainest way to say
 * what they look for, at every length, alignment and position.
 */
#include <stdlib.h>

#include "span.h"
#include "tap.h"
#include "utf8.h"

static const char *
span_reference(const char *p, const char *end, bool *has_high)
{
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *has_high |= c >= 0x80;
    }
    return p;
}

static const char *
line_reference(const char *p, const char *end)
{
    while (p < end && *p != '\r' && *p != '\n')
        p++;
    return p;
}

static const char *
text_reference(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p > 0x1f && *p != 0x7f)
        p++;
    return p;
}

static bool
is_agreed(const char *p, const char *end)
{
    bool want_high = false, wide_high = false, word_high = false;
    const char *want = span_reference(p, end, &want_high);

    return tg_span_plain(p, end, &wide_high) == want &&
           tg_span_portable(p, end, &word_high) == want &&
           wide_high == want_high && word_high == want_high &&
           tg_span_line(p, end) == line_reference(p, end) &&
           tg_span_text(p, end) == text_reference(p, end);
}

/* In a block of its own size, so that a sanitizer sees a read beyond. */
static void
test_positions(void)
{
    static const unsigned char specials[] = {'"',  '\\', 0x00, 0x1f, 0x20,
                                             '!',  '#',  '[',  ']',  0x7f,
                                             0x80, 0xff, '\r', '\n'};
    size_t s, len, at;
    bool is_good;

    for (s = 0; s < sizeof(specials); s++) {
        is_good = true;
        for (len = 1; len < 300; len += len < 140 ? 1 : 23) {
            char *text = malloc(len);

            for (at = 0; at < len; at++) {
                memset(text, 'a', len);
                text[at] = (char)specials[s];
                is_good = is_good && is_agreed(text, text + len);
                text[len - 1] = (char)0xc3;
                text[len / 2] = '"';
                is_good = is_good && is_agreed(text, text + len);
            }
            free(text);
        }
        ok(is_good, "byte 0x%02x is found wherever it stands", specials[s]);
    }
}

/* RFC 3629's grammar, section 4, written down as it stands. */
static bool
is_character(const unsigned char *p, size_t len)
{
#define IS(i, low, high) (p[i] >= (low) && p[i] <= (high))
#define TAIL(i) IS(i, 0x80, 0xbf)
    switch (len) {
    case 1:
        return IS(0, 0, 0x7f);
    case 2:
        return IS(0, 0xc2, 0xdf) && TAIL(1);
    case 3:
        return ((IS(0, 0xe0, 0xe0) && IS(1, 0xa0, 0xbf)) ||
                (IS(0, 0xe1, 0xec) && TAIL(1)) ||
                (IS(0, 0xed, 0xed) && IS(1, 0x80, 0x9f)) ||
                (IS(0, 0xee, 0xef) && TAIL(1))) &&
               TAIL(2);
    case 4:
        return ((IS(0, 0xf0, 0xf0) && IS(1, 0x90, 0xbf)) ||
                (IS(0, 0xf1, 0xf3) && TAIL(1)) ||
                (IS(0, 0xf4, 0xf4) && IS(1, 0x80, 0x8f))) &&
               TAIL(2) && TAIL(3);
    }
    return false;
}

static bool
is_utf8(const char *data, size_t len)
{
    size_t at = 0, n;

    while (at < len) {
        for (n = 1; n <= 4 && at + n <= len; n++)
            if (is_character((const unsigned char *)data + at, n))
                break;
        if (n > 4 || at + n > len)
            return false;
        at += n;
    }
    return true;
}

static bool
is_checked(size_t (*check)(struct tg_utf8 *, const char *, size_t),
           const char *data, size_t len, size_t cut)
{
    struct tg_utf8 u = {0};

    return check(&u, data, cut) == cut &&
           check(&u, data + cut, len - cut) == len - cut && u.need == 0;
}

static bool
is_same_verdict(const char *data, size_t len, size_t cut)
{
    bool want = is_utf8(data, len);

    return is_checked(tg_utf8_check, data, len, cut) == want &&
           is_checked(tg_utf8_check_portable, data, len, cut) == want;
}

/* Every sequence of bytes that matter, at many places in a longer text. */
static void
test_sequences(void)
{
    static const unsigned char bytes[] = {
        0x00, 'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
        0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
        0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    enum { KINDS = sizeof(bytes), LEN = 130 };
    static const size_t places[] = {0, 29, 30, 31, 61, 64, 95, 126};
    char text[LEN];
    size_t i, n, k;
    bool is_good = true;

    for (i = 0; i < (size_t)KINDS * KINDS * KINDS * KINDS; i++) {
        memset(text, 'x', LEN);
        for (n = 0, k = i; n < 4; n++, k /= KINDS)
            text[places[i % 8] + n] = (char)bytes[k % KINDS];
        is_good = is_good && is_same_verdict(text, LEN, i % LEN);
    }
    ok(is_good, "every sequence of four bytes that matter is judged right");
}

static void
test_random(void)
{
    static const char *const units[] = {"a", "\xc3\xa9", "\xe4\xbd\xa0",
                                        "\xf0\x9f\x98\x80"};
    char text[400];
    uint32_t random = 7;
    size_t len, i;
    bool is_good = true;

    for (i = 0; i < 100000; i++) {
        for (len = 0; len < 300 + i % 60;) {
            const char *unit = units[(random = random * 1664525 + 12345) >> 30];

            memcpy(text + len, unit, strlen(unit));
            len += strlen(unit);
        }
        if (i % 2)
            text[(random >> 8) % len] = (char)random;
        is_good = is_good && is_same_verdict(text, len, (random >> 5) % len);
    }
    ok(is_good, "so are 100000 texts, half of them with a wrong byte");
}

static void
test_encode(void)
{
    static const struct {
        uint32_t code;
        const char *utf8;
    } cases[] = {{0x41, "A"},
                 {0x7f, "\x7f"},
                 {0x80, "\xc2\x80"},
                 {0x7ff, "\xdf\xbf"},
                 {0x800, "\xe0\xa0\x80"},
                 {0xd800, "\xef\xbf\xbd"},
                 {0xffff, "\xef\xbf\xbf"},
                 {0x10000, "\xf0\x90\x80\x80"},
                 {0x10ffff, "\xf4\x8f\xbf\xbf"},
                 {0x110000, "\xef\xbf\xbd"}};
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[5] = {0};

        tg_utf8_encode(cases[i].code, out);
        is_str(out, cases[i].utf8, "U+%04X", (unsigned)cases[i].code);
    }
}

/* Few letters, so that a needle is found often, and nearly found more often. */
static void
test_find(void)
{
    uint32_t random = 11;
    char text[80], needle[16];
    bool is_good = true;
    int found = 0;

    for (int i = 0; i < 200000; i++) {
        size_t len = (size_t)(i % 80), of = 2 + (size_t)(i / 80 % 6);
        const char *place;

        for (size_t at = 0; at < len; at++)
            text[at] = "abcb"[(random = random * 1664525 + 12345) >> 30];
        for (size_t at = 0; at < of; at++)
            needle[at] = "abcb"[(random = random * 1664525 + 12345) >> 30];
        place = memmem(text, len, needle, of);
        found += place != NULL;
        is_good = is_good && tg_span_find(text, len, needle, of) == place;
    }
    ok(is_good && found > 20000, "%d needles are found where they stand first",
       found);
}

int
main(void)
{
    test_positions();
    test_find();
    test_sequences();
    test_random();
    test_encode();
    return done();
}
