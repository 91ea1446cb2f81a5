/* The simulator's reader of multipart/form-data: tables, every cut, and forms
 * made at random around their own delimiter. */
#include <stdint.h>
#include <stdlib.h>

#include "form.h"
#include "tap.h"

#define FORM "multipart/form-data; boundary="
#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

/* What the form holds, a line: name=size for each part, with a file's name
 * and media behind it; at the end a dot, or what is wrong. */
static const char *
read_form(const char *type, const char *body, size_t len)
{
    static char said[4096];
    struct sim_header header = {{"Content-Type", 12}, {type, strlen(type)}};
    struct sim_request request = {
        .headers = &header, .header_count = 1, .body = {body, len}};
    struct sim_form_part part;
    struct sim_form form;
    size_t at = 0;

    if (!sim_form_init(&form, &request))
        while (sim_form_next(&form, &part) > 0) {
            at += (size_t)snprintf(said + at, sizeof(said) - at, "%.*s=%zu",
                                   (int)part.name.len, part.name.data,
                                   part.data.len);
            if (part.filename.data)
                at += (size_t)snprintf(said + at, sizeof(said) - at,
                                       "(%.*s %.*s)", (int)part.filename.len,
                                       part.filename.data, (int)part.media.len,
                                       part.media.data ? part.media.data : "");
            at += (size_t)snprintf(said + at, sizeof(said) - at, " ");
        }
    snprintf(said + at, sizeof(said) - at, "%s", form.fault ? form.fault : ".");
    return said;
}

#define WHOLE                                                                  \
    "--b\r\n" FIELD(                                                           \
        "model") "\r\nwhisper-1\r\n--b\r\n"                                    \
                 "content-type: audio/mpeg\r\n"                                \
                 "content-disposition: FORM-DATA; filename=\"a "               \
                 "\\\"b\\\".mp3\"; "                                           \
                 "name=\"file\"\r\n\r\n\x01\r\n--x\r\n--\r\n--b--\r\n"

static const struct {
    const char *type;
    const char *body;
    const char *said;
} rows[] = {
    {FORM "b", WHOLE, "model=9 file=10(a \\\"b\\\".mp3 audio/mpeg) ."},
    {FORM "b", "--b--", "."},
    {FORM "b", "--b--\r\nan epilogue\r\n--b\r\n", "."},
    {FORM "b", "a preamble\r\n--b\r\n" FIELD("a") "\r\n\r\n--b--", "a=0 ."},
    {FORM "b", "--b \t\r\n" FIELD("a") "\r\n1\r\n--b-- \t", "a=1 ."},
    {FORM "\"b c\"", "--b c\r\n" FIELD("a") "\r\n1\r\n--b c--", "a=1 ."},
    {"Multipart/Form-Data ; charset=utf-8 ; Boundary=b",
     "--b\r\n" FIELD("a") "\r\n1\r\n--b--", "a=1 ."},
    {FORM "b",
     "--b\r\nContent-Disposition: form-data; name=a\r\nX-Other: 1\r\n\r\n1"
     "\r\n--b--",
     "a=1 ."},
    {FORM "b", "--b\r\n" FIELD("") "\r\n1\r\n--b--", "=1 ."},
    {FORM "b",
     "--b\r\n" FIELD("a") "\r\n1\r\n--b\r\n" FIELD("a") "\r\n22"
                                                        "\r\n--b--",
     "a=1 a=2 ."},

    {"application/json", "{}", "the Content-Type must be multipart/form-data"},
    {"multipart/form-data", "--b--", "the Content-Type must name one boundary"},
    {FORM, "----", "the Content-Type must name one boundary"},
    {FORM "b; boundary=c", "--b--", "the Content-Type must name one boundary"},
    {FORM "\"b", "--b--", "the Content-Type must name one boundary"},
    {FORM "b c", "--b--", "the Content-Type must name one boundary"},
    {FORM "1234567890123456789012345678901234567890123456789012345678901234567"
          "8901",
     "--b--", "the Content-Type must name one boundary"},
    {FORM "b", "", "the form has no beginning"},
    {FORM "b", "-b--", "the form has no beginning"},
    {FORM "b", "x--b--", "the form has no beginning"},
    {FORM "b", "x\n--b--", "the form has no beginning"},
    {FORM "b", "--bb\r\n" FIELD("a") "\r\n1\r\n--b--",
     "something stands behind the boundary"},
    {FORM "b", "--b\n" FIELD("a") "\r\n1\r\n--b--",
     "something stands behind the boundary"},
    {FORM "b", "--b-- x", "something stands behind the boundary"},
    {FORM "b", "--b\r\n" FIELD("a") "\r\n1\r\n--bx\r\n--b--",
     "a=1 something stands behind the boundary"},
    {FORM "b", "--b\r\n" FIELD("a") "\r\n1\n--b--", "the form has no end"},
    {FORM "b", "--b\r\n\r\n1\r\n--b--", "a part's headers are not in order"},
    {FORM "b", "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b", "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b", "--b\r\nContent-Disposition: file; name=a\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b", "--b\r\n" FIELD("a") FIELD("b") "\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b",
     "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b",
     "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b",
     "--b\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b",
     "--b\r\nContent-Disposition: form-data; name=a\nX: 1\r\n\r\n1\r\n--b--",
     "a part's headers are not in order"},
    {FORM "b", "--b\r\nno colon\r\n" FIELD("a") "\r\n1\r\n--b--",
     "a part's headers are not in order"},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void
forms_are_read_or_refused_with_a_reason(void)
{
    for (size_t i = 0; i < ROWS; i++)
        is_str(read_form(rows[i].type, rows[i].body, strlen(rows[i].body)),
               rows[i].said, "row %zu", i);
}

/* In a block of its own, so that a sanitizer sees a read beyond it. */
static bool
is_whole(const char *type, const char *body, size_t len)
{
    char *copy = malloc(len + 1);
    const char *said;

    memcpy(copy + 1, body, len);
    said = read_form(type, copy + 1, len);
    free(copy);
    return said[strlen(said) - 1] == '.';
}

static void
no_cut_of_a_form_is_whole(void)
{
    size_t needed = sizeof(WHOLE) - 1 - 2; /* without the last line end */
    unsigned cuts = 0;

    for (size_t cut = 0; cut < needed; cut++)
        cuts += is_whole(FORM "b", WHOLE, cut);
    is_int(cuts, 0, "no cut of %zu passes", needed);
    ok(is_whole(FORM "b", WHOLE, needed), "but the whole does");
}

static void
more_than_256_parts_are_refused(void)
{
    static const char part[] = "--b\r\n" FIELD("a") "\r\n\r\n";
    char *body = malloc(257 * (sizeof(part) - 1) + 6);
    size_t len = 0;

    for (int parts = 0; parts <= 257; parts++) {
        memcpy(body + len, "--b--", 5);
        if (parts == 256)
            ok(is_whole(FORM "b", body, len + 5), "256 parts pass");
        if (parts == 257)
            ok(!is_whole(FORM "b", body, len + 5), "257 do not");
        if (parts < 257)
            memcpy(body + len, part, sizeof(part) - 1);
        len += sizeof(part) - 1;
    }
    free(body);
}

static uint64_t state = 1;

static unsigned
draw(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* Data of what a delimiter is made of, but none. */
static size_t
draw_data(char *to)
{
    static const char any[] = "\r\n--bo\r\n-b";
    size_t len = draw(40);

    for (size_t i = 0; i < len; i++)
        to[i] = any[draw(sizeof(any) - 1)];
    to[len] = 0;
    return strstr(to, "\r\n--bo") ? 0 : len;
}

static void
data_comes_out_as_it_went_in(void)
{
    static const char type[] = FORM "bo";
    struct sim_header header = {{"content-type", 12}, {type, sizeof(type) - 1}};
    char body[1024], data[4][41];
    unsigned wrong = 0, long_ones = 0;

    for (int round = 0; round < 50000; round++) {
        size_t lens[4], len = 0;
        struct sim_form_part part;
        struct sim_form form;
        unsigned parts = draw(5);

        for (unsigned i = 0; i < parts; i++) {
            lens[i] = draw_data(data[i]);
            len += (size_t)sprintf(body + len, "--bo\r\n%s\r\n%.*s\r\n",
                                   FIELD("a"), (int)lens[i], data[i]);
            long_ones += lens[i] > 20;
        }
        len += (size_t)sprintf(body + len, "--bo--\r\n");
        sim_form_init(&form, &(struct sim_request){.headers = &header,
                                                   .header_count = 1,
                                                   .body = {body, len}});
        for (unsigned i = 0; i < parts; i++)
            wrong += sim_form_next(&form, &part) != 1 ||
                     part.data.len != lens[i] ||
                     memcmp(part.data.data, data[i], lens[i]) != 0;
        wrong += sim_form_next(&form, &part) != 0;
    }
    is_int(wrong, 0, "every part of 50 000 forms is what it was");
    ok(long_ones > 1000, "and many were long");
}

int
main(void)
{
    forms_are_read_or_refused_with_a_reason();
    no_cut_of_a_form_is_whole();
    more_than_256_parts_are_refused();
    data_comes_out_as_it_went_in();
    return done();
}
