/*
 * The ways through the inside of a JSON string agree with the plainest one to
 * say what they pass, whatever stands wherever, and read nothing beyond: each
 * text lies against a page that cannot be read, behind it or before it.
 */
#include "quoted.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "quoted_part.h"
#include "tap.h"

enum { ROOM = 4096 };

/* ROOM bytes between two pages that cannot be read. */
static char *room;

static void
make_room(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = (ROOM + page - 1) / page * page;
    char *all = mmap(NULL, len + 2 * page, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED || len != ROOM ||
        mprotect(all + page, len, PROT_READ | PROT_WRITE) != 0) {
        printf("Bail out! no guarded page of %d bytes\n", ROOM);
        exit(1);
    }
    room = all + page;
}

/* The length of the character at p; 0 when it is none: RFC 3629, section 4. */
static size_t
character(const unsigned char *p, size_t left)
{
#define IS(i, low, high) (p[i] >= (low) && p[i] <= (high))
#define TAIL(i) IS(i, 0x80, 0xbf)
    if (p[0] < 0x80)
        return 1;
    if (left >= 2 && IS(0, 0xc2, 0xdf) && TAIL(1))
        return 2;
    if (left >= 3 && TAIL(2) &&
        ((IS(0, 0xe0, 0xe0) && IS(1, 0xa0, 0xbf)) ||
         (IS(0, 0xe1, 0xec) && TAIL(1)) ||
         (IS(0, 0xed, 0xed) && IS(1, 0x80, 0x9f)) ||
         (IS(0, 0xee, 0xef) && TAIL(1))))
        return 3;
    if (left >= 4 && TAIL(2) && TAIL(3) &&
        ((IS(0, 0xf0, 0xf0) && IS(1, 0x90, 0xbf)) ||
         (IS(0, 0xf1, 0xf3) && TAIL(1)) ||
         (IS(0, 0xf4, 0xf4) && IS(1, 0x80, 0x8f))))
        return 4;
    return 0;
}

static const char *
reference(const char *p, const char *end, uint64_t *escapes)
{
    size_t len;

    for (; p < end; p += len) {
        if (*p == '\\') {
            if (end - p < 2 || p[1] == '\0' || !strchr("\"\\/bfnrt", p[1]))
                break;
            ++*escapes;
            len = 2;
        } else {
            len = character((const unsigned char *)p, (size_t)(end - p));
            if (len == 0 || *p == '"' || (unsigned char)*p < 0x20)
                break;
        }
    }
    return p;
}

typedef const char *pass_fn(const char *p, const char *end, uint64_t *escapes);

static bool
is_the_same(pass_fn *pass, const char *p, const char *end, const char *want,
            uint64_t want_escapes)
{
    uint64_t escapes = 0;

    return pass(p, end, &escapes) == want && escapes == want_escapes;
}

#if defined(__x86_64__)

/* It goes on to where the reference comes when that goes on from there. */
static bool
is_on_the_way(pass_fn *pass, const char *p, const char *end, const char *want,
              uint64_t want_escapes)
{
    uint64_t escapes = 0;
    const char *stop = pass(p, end, &escapes);

    return stop >= p && stop <= want &&
           reference(stop, end, &escapes) == want && escapes == want_escapes;
}

static bool
agrees_wide(const char *p, const char *end, const char *want, uint64_t escapes)
{
    return !__builtin_cpu_supports("avx2") ||
           is_on_the_way(tg_quoted_pass_avx2, p, end, want, escapes);
}

#else

static bool
agrees_wide(const char *p, const char *end, const char *want, uint64_t escapes)
{
    (void)p, (void)end, (void)want, (void)escapes;
    return true;
}

#endif

static bool
agree(const char *p, const char *end)
{
    uint64_t escapes = 0;
    const char *want = reference(p, end, &escapes);

    return is_the_same(tg_quoted_pass, p, end, want, escapes) &&
           is_the_same(tg_quoted_pass_narrow, p, end, want, escapes) &&
           agrees_wide(p, end, want, escapes);
}

/* Against the page behind it, and against the page before it. */
static bool
is_agreed(const char *text, size_t len)
{
    memcpy(room + ROOM - len, text, len);
    if (!agree(room + ROOM - len, room + ROOM))
        return false;
    memcpy(room, text, len);
    return agree(room, room + len);
}

/* What fills a text: units of it, again and again. */
static const char *const fillers[] = {
    "a",
    "\xc3\xa9",
    "\xe4\xbd\xa0",
    "\xf0\x9f\x98\x80",
    "\\n",
    "\\\\",
    "\\\"b",
    "some words\\n",
    "na\xc3\xafve \\\"\xe2\x80\x9c\\\" ",
};

/* What stands in it: what is passed, and every way to be wrong. */
static const struct {
    const char *bytes;
    size_t len;
} things[] = {
#define THING(text)                                                            \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }
    THING("\""),
    THING("\x00"),
    THING("\x1f"),
    THING(" "),
    THING("\x7f"),
    THING("/"),
    THING("2"),
    THING("\\\""),
    THING("\\\\"),
    THING("\\/"),
    THING("\\b"),
    THING("\\f"),
    THING("\\n"),
    THING("\\r"),
    THING("\\t"),
    THING("\\u0041"),
    THING("\\x"),
    THING("\\ "),
    THING("\\2"),
    THING("\\\x00"),
    THING("\\\x82"),
    THING("\\\xc3\xa9"),
    THING("\\"),
    THING("\\\\\\"),
    THING("\\\\\\\\\\\\\\\"\\\\\""),
    THING("\\v"),
    THING("\\B"),
    THING("\\N"),
    THING("\x80"),
    THING("\xbf\xbf"),
    THING("\xc0\xaf"),
    THING("\xc1\xbf"),
    THING("\xc2\x80"),
    THING("\xc3"),
    THING("\xc3\xc3\xa9"),
    THING("\xdf\xbf"),
    THING("\xe0\x80\x80"),
    THING("\xe0\x9f\xbf"),
    THING("\xe0\xa0\x80"),
    THING("\xe4\xbd"),
    THING("\xe4"),
    THING("\xed\x9f\xbf"),
    THING("\xed\xa0\x80"),
    THING("\xef\xbf\xbf"),
    THING("\xf0\x8f\xbf\xbf"),
    THING("\xf0\x90\x80\x80"),
    THING("\xf0\x9f\x98"),
    THING("\xf0\x9f"),
    THING("\xf4\x8f\xbf\xbf"),
    THING("\xf4\x90\x80\x80"),
    THING("\xf5\x80\x80\x80"),
    THING("\xf8\x88\x80\x80\x80"),
    THING("\xff"),
    THING("\xc3\\n"),
    THING("\xe4\xbd\""),
    THING("\xf0\x9f\x98\x80\x80"),
};

enum {
    FILLERS = sizeof(fillers) / sizeof(fillers[0]),
    THINGS = sizeof(things) / sizeof(things[0])
};

/* Whole units up to len, and plain letters to the end. */
static void
fill(char *text, size_t len, const char *unit)
{
    size_t unit_len = strlen(unit), at = 0;

    for (; at + unit_len <= len; at += unit_len)
        memcpy(text + at, unit, unit_len);
    memset(text + at, 'x', len - at);
}

/* The thing at each offset to 130, with so many bytes of filler behind it. */
static bool
is_agreed_everywhere(size_t thing, const char *filler, size_t behind)
{
    char text[400];
    size_t len = things[thing].len;

    for (size_t at = 0; at <= 130; at++) {
        fill(text, at, filler);
        memcpy(text + at, things[thing].bytes, len);
        fill(text + at + len, behind, filler);
        if (!is_agreed(text, at + len + behind)) {
            printf("# thing %zu at %zu, %zu bytes behind it\n", thing, at,
                   behind);
            return false;
        }
    }
    return true;
}

static void
test_places(void)
{
    static const size_t behind[] = {0, 1, 2, 3, 5, 31, 62, 63, 64, 65, 128};

    for (size_t f = 0; f < FILLERS; f++) {
        bool is_good = true;

        for (size_t t = 0; t < THINGS && is_good; t++) {
            for (size_t b = 0; b < sizeof(behind) / sizeof(behind[0]); b++)
                is_good =
                    is_good && is_agreed_everywhere(t, fillers[f], behind[b]);
        }
        ok(is_good, "%d things at 131 offsets in texts of \"%s\"", THINGS,
           fillers[f]);
    }
}

static uint32_t
any(void)
{
    static uint32_t random = 5;

    random = random * 1664525 + 1013904223;
    return random >> 8;
}

/* A text of random things that are mostly good. */
static size_t
random_text(char *text, size_t want)
{
    size_t len = 0;

    while (len < want) {
        const char *unit = fillers[any() % FILLERS];

        if (any() % 64 == 0) {
            size_t t = any() % THINGS;

            memcpy(text + len, things[t].bytes, things[t].len);
            len += things[t].len;
        }
        memcpy(text + len, unit, strlen(unit));
        len += strlen(unit);
    }
    return len;
}

/* Read on behind each stop, as from a new beginning. */
static bool
is_agreed_throughout(const char *text, size_t len, size_t *passed)
{
    uint64_t escapes = 0;

    for (size_t at = 0; at < len; at++) {
        if (!is_agreed(text + at, len - at))
            return false;
        at = (size_t)(reference(text + at, text + len, &escapes) - text);
        *passed += at > 128;
    }
    return true;
}

static void
test_random(void)
{
    char text[1024];
    size_t far = 0;
    bool is_good = true;

    for (int i = 0; i < 100000 && is_good; i++)
        is_good =
            is_agreed_throughout(text, random_text(text, any() % 800), &far);
    ok(is_good && far > 100000, "100000 random texts, %zu stops far in them",
       far);
}

/* Every byte behind a backslash, in each place of a block. */
static void
test_escapes(void)
{
    char text[200];
    bool is_good = true;

    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 130; at++) {
            memset(text, 'a', sizeof(text));
            text[at] = '\\';
            text[at + 1] = (char)c;
            is_good = is_good && is_agreed(text, sizeof(text)) &&
                      is_agreed(text, at + 2);
        }
    }
    ok(is_good, "a backslash and any byte at 130 offsets");
}

int
main(void)
{
    make_room();
    test_places();
    test_escapes();
    test_random();
    return done();
}
