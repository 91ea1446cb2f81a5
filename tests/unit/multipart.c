/*
 * Goal: a form is read the same however it is cut, and what two readers could
 * take for two things is refused where it stands.
 */
#include "multipart.h"

#include "cut.h"
#include "err.h"
#include "tap.h"

struct trace {
    struct tg_multipart form;
    char text[8192]; /* name(bytes) for a field, name[bytes] for a file … */
    size_t len;
    uint64_t bytes;
};

__attribute__((format(printf, 2, 3))) static void
say(struct trace *trace, const char *format, ...)
{
    size_t room = sizeof(trace->text) - trace->len;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(trace->text + trace->len, room, format, ap);
    va_end(ap);
    trace->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void
take(struct trace *trace, enum tg_multipart_token token)
{
    const struct tg_multipart *form = &trace->form;

    switch (token) {
    case TG_MULTIPART_PART:
        say(trace, "%s%.*s%c", trace->len > 0 ? " " : "", form->part.name_len,
            form->part.name, form->part.is_file ? '[' : '(');
        break;
    case TG_MULTIPART_DATA:
        for (size_t i = 0; i < form->data.len; i++)
            say(trace, form->data.data[i] < ' ' ? "\\%d" : "%c",
                form->data.data[i]);
        break;
    default:
        say(trace, form->part.is_file ? "]" : ")");
    }
}

static void
feed(void *arg, const char *data, size_t len)
{
    struct trace *trace = arg;
    enum tg_multipart_token token;

    if (trace->form.error)
        return;
    tg_multipart_feed(&trace->form, data, len);
    while ((token = tg_multipart_next(&trace->form)) > TG_MULTIPART_MORE)
        take(trace, token);
}

static const char *const errors[] = {"ok",       "syntax",   "header",
                                     "name",     "limit",    "length",
                                     "trailing", "truncated"};

static void
run(struct trace *trace, const char *boundary, const char *data, size_t len,
    size_t way)
{
    trace->len = 0;
    trace->text[0] = '\0';
    tg_multipart_init(&trace->form,
                      (struct tg_str){boundary, strlen(boundary)});
    cut_feed(data, len, way, feed, trace);
    tg_multipart_finish(&trace->form);
    say(trace, " %s", errors[trace->form.error]);
    if (trace->form.error)
        say(trace, "@%d", (int)trace->form.error_at);
}

#define E "\r\n"
#define BOUNDARY_35 "0123456789abcdefghijklmnopqrstuvwxy"
#define BOUNDARY_70 BOUNDARY_35 BOUNDARY_35
#define FIELD(name, value)                                                     \
    "--b" E "Content-Disposition: form-data; name=\"" name "\"" E E value E
#define HEAD(header) "--b" E header E E "v" E END
#define NAME(parameters) HEAD("Content-Disposition: form-data" parameters)
#define WITH(header) HEAD("Content-Disposition: form-data; name=\"a\"" E header)
#define END "--b--" E

/* The boundary is "b".  Offsets are those of the byte that is refused. */
static const struct {
    const char *why;
    const char *form;
    const char *want;
} forms[] = {
    {"two fields", FIELD("model", "whisper-1") FIELD("n", "2") END,
     "model(whisper-1) n(2) ok"},
    {"an empty field", FIELD("a", "") END, "a() ok"},
    {"without the last end of line", FIELD("a", "v") "--b--", "a(v) ok"},
    {"a file", NAME("; name=\"file\"; filename=\"a b.wav\""), "file[v] ok"},
    {"a file whose name is empty", NAME("; name=\"file\"; filename=\"\""),
     "file[v] ok"},
    {"UTF-8 in a file's name", NAME("; name=\"f\"; filename=\"\xc3\xa4\""),
     "f[v] ok"},
    {"a media type makes a file", WITH("Content-Type: audio/wav"), "a[v] ok"},
    {"text/plain does not", WITH("Content-Type: text/plain; charset=utf-8"),
     "a(v) ok"},
    {"brackets in a name", NAME("; name=\"image[]\"; filename=\"x\""),
     "image[][v] ok"},
    {"as .NET writes it",
     NAME("; name=file; filename=a.wav; filename*=utf-8''a.wav"), "file[v] ok"},
    {"as OkHttp writes it", WITH("Content-Length: 1"), "a(v) ok"},
    {"headers in other case",
     HEAD("CONTENT-DISPOSITION:form-data ;\tname=\"a\"" E "x-more: y"),
     "a(v) ok"},
    {"ends of lines in the value", FIELD("a", E "x" E E "\n\r") END,
     "a(\\13\\10x\\13\\10\\13\\10\\10\\13) ok"},
    {"almost a boundary",
     FIELD("a", E "-" E "-"
                  "-c" E "--") END,
     "a(\\13\\10-\\13\\10--c\\13\\10--) ok"},
    {"dashes before it", FIELD("a", "x" E "-") END, "a(x\\13\\10-) ok"},

    {"nothing", "", " truncated@0"},
    {"no part", "--b--" E, " syntax@3"},
    {"a preamble", "x" E FIELD("a", "v") END, " syntax@0"},
    {"an empty line before it", E FIELD("a", "v") END, " syntax@0"},
    {"another boundary", "--c" E "x: y" E E END, " syntax@2"},
    {"a boundary that goes on", "--bc" E E END, " syntax@3"},
    {"a blank behind the boundary", "--b " E E END, " syntax@3"},
    {"a bare LF behind the boundary", "--b\n\n" END, " syntax@3"},
    {"a bare CR behind the boundary", "--b\rx", " syntax@4"},
    {"a single dash at the end", FIELD("a", "v") "--b-x", "a(v) syntax@56"},
    {"an epilogue", FIELD("a", "v") END "x", "a(v) trailing@59"},
    {"two ends of line behind it", FIELD("a", "v") END E, "a(v) trailing@59"},
    {"a blank behind the end", FIELD("a", "v") "--b-- ", "a(v) trailing@57"},
    {"half an end of line", FIELD("a", "v") "--b--\r", "a(v) truncated@58"},
    {"no last boundary", FIELD("a", "v"), "a(v truncated@52"},
    {"cut in the boundary", FIELD("a", "v") "--b-", "a(v) truncated@56"},
    {"cut in the headers", "--b" E "Content-Disp", " truncated@17"},
    {"a boundary behind a bare LF", FIELD("a", "v\n--b\r\n") END, "a("},
    {"a boundary behind a bare CR", FIELD("a", "v\r--b\r\n") END, "a("},
    {"a boundary in a line", FIELD("a", "v--b") END, "a("},
    {"a boundary at once", FIELD("a", "--b" E "x") END, "a("},
    {"no name", HEAD("Content-Disposition: form-data"), " name"},
    {"no disposition", HEAD("Content-Type: text/plain"), " name"},
    {"no headers", "--b" E E "v" E END, " name"},
    {"two dispositions", WITH("Content-Disposition: form-data; name=\"b\""),
     " header"},
    {"an attachment", HEAD("Content-Disposition: attachment; name=\"a\""),
     " name"},
    {"a name twice", NAME("; name=\"a\"; name=\"b\""), " name"},
    {"an empty name", NAME("; name=\"\""), " name"},
    {"an escape in a name", NAME("; name=\"mod\\el\""), " name"},
    {"a percent escape in it", NAME("; name=\"%6dodel\""), " name"},
    {"a blank in it", NAME("; name=\"model \""), " name"},
    {"UTF-8 in it", NAME("; name=\"\xc3\xa4\""), " name"},
    {"an encoded one", NAME("; name*=utf-8''model"), " name"},
    {"a name= in other case", NAME("; Name=\"a\""), " name"},
    {"single quotes", NAME("; name='a'"), " name"},
    {"a quote that does not end", NAME("; name=\"a"), " name"},
    {"something behind the quote", NAME("; name=\"a\"b"), " name"},
    {"a blank around =", NAME("; name =\"a\""), " name"},
    {"no semicolon", NAME(" name=\"a\""), " name"},
    {"a semicolon at the end", NAME("; name=\"a\";"), " name"},
    {"another parameter", NAME("; name=\"a\"; size=\"1\""), " name"},
    {"an encoded file name alone", NAME("; name=\"a\"; filename*=utf-8''x"),
     " name"},
    {"a file name twice", NAME("; name=\"a\"; filename=\"x\"; filename=\"y\""),
     " name"},
    {"an escaped quote in a file name",
     NAME("; name=\"a\"; filename=\"x\\\"; name=\"model\""), " name"},
    {"a transfer encoding", WITH("Content-Transfer-Encoding: base64"),
     " header"},
    {"even the plain one", WITH("Content-Transfer-Encoding: binary"),
     " header"},
    {"a content encoding", WITH("content-encoding: gzip"), " header"},
    {"a range", WITH("Content-Range: bytes 0-1/2"), " header"},
    {"a folded header", WITH(" x"), " header"},
    {"a header without a colon", WITH("x"), " header"},
    {"a blank before the colon", WITH("x : y"), " header"},
    {"a bare LF in a header", WITH("x: y\nz: y"), " header"},
    {"a bare CR in a header", WITH("x: y\rz"), " header"},
    {"a control character in a header", WITH("x: \x01"), " header"},
    {"two media types",
     WITH("Content-Type: text/plain" E "content-type: text/plain"), " header"},
    {"a media type that is none", WITH("Content-Type: text"), " header"},
    {"a length that is not so", WITH("Content-Length: 2"), "a(v length"},
    {"a length that is none", WITH("Content-Length: -1"), " header"},
    {"two lengths", WITH("Content-Length: 1" E "Content-Length: 1"), " header"},
    {"nine headers",
     WITH("a:" E "b:" E "c:" E "d:" E "e:" E "f:" E "g:" E "h:"), " limit"},
};

static bool
begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void
test_forms(void)
{
    struct trace trace, other;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *form = forms[i].form;
        size_t len = strlen(form);
        bool is_same = true;

        run(&trace, "b", form, len, 0);
        if (!ok(begins(trace.text, forms[i].want), "%s", forms[i].why))
            printf("#  got: %s\n# want: %s\n", trace.text, forms[i].want);
        for (size_t way = 1; way < CUT_WAYS(len); way++) {
            run(&other, "b", form, len, way);
            is_same = is_same && strcmp(trace.text, other.text) == 0;
        }
        ok(is_same, "%s, at every cut", forms[i].why);
    }
}

/* A whole form that is cut short is never taken for one. */
static void
test_truncation(void)
{
    static const char form[] = FIELD("model", "x") FIELD("n", "1") "--b--";
    struct trace trace;
    bool is_refused = true;

    for (size_t len = 0; len < sizeof(form) - 1; len++) {
        run(&trace, "b", form, len, 0);
        is_refused = is_refused && trace.form.error != TG_MULTIPART_OK;
    }
    ok(is_refused, "a form that is cut anywhere is refused");
}

/* Boundaries that begin again within themselves. */
static void
test_boundaries(void)
{
    static const char *const boundaries[] = {
        "-",
        "--",
        "----",
        "--a--a",
        "----WebKitFormBoundary7MA4YWxk",
        "aaaaab",
        "------------------------0123456789",
        BOUNDARY_70,
    };
    struct trace trace, other;
    char form[1024];

    for (size_t i = 0; i < sizeof(boundaries) / sizeof(boundaries[0]); i++) {
        const char *b = boundaries[i];
        bool is_same = true;
        int len = snprintf(form, sizeof(form),
                           "--%s" E "Content-Disposition: form-data; "
                           "name=\"a\"" E E "\r\r\n-\r\n%.*s" E "--%s" E
                           "Content-Disposition: form-data; "
                           "name=\"b\"" E E E "--%s--" E,
                           b, (int)strlen(b) - 1, b, b, b);

        run(&trace, b, form, (size_t)len, 0);
        is_int(trace.form.error, TG_MULTIPART_OK, "boundary %s", b);
        for (size_t way = 1; way < CUT_WAYS((size_t)len); way++) {
            run(&other, b, form, (size_t)len, way);
            is_same = is_same && strcmp(trace.text, other.text) == 0;
        }
        ok(is_same, "boundary %s, at every cut", b);
    }
}

static void
test_parts(void)
{
    static char form[TG_MULTIPART_PARTS_MAX * 64 + 128];
    static struct trace trace;
    size_t len = 0;

    for (int i = 0; i < TG_MULTIPART_PARTS_MAX; i++)
        len += (size_t)sprintf(form + len, "%s", FIELD("a", ""));
    sprintf(form + len, "%s", END);
    run(&trace, "b", form, strlen(form), 0);
    is_int(trace.form.error, TG_MULTIPART_OK, "as many parts as may be");
    sprintf(form + len, "%s%s", FIELD("a", ""), END);
    run(&trace, "b", form, strlen(form), 0);
    is_int(trace.form.error, TG_MULTIPART_LIMIT, "one more");
}

static void
test_long_line(void)
{
    char form[2 * TG_MULTIPART_LINE_MAX];
    struct trace trace;

    for (int more = 0; more < 2; more++) {
        snprintf(form, sizeof(form),
                 "--b" E "Content-Disposition: form-data; name=\"a\"" E
                 "x:%0*d" E E E END,
                 TG_MULTIPART_LINE_MAX - 2 + more, 0);
        run(&trace, "b", form, strlen(form), 1);
        is_int(trace.form.error, more ? TG_MULTIPART_LIMIT : TG_MULTIPART_OK,
               more ? "a header that is too long"
                    : "a header as long as may be");
    }
}

/* Random bytes around the delimiter's own, compared with memmem. */
static void
test_random(void)
{
    static const char *const pieces[] = {"\r", "\n",   "-",  "b",    "x",
                                         "--", "\r\n", "-a", "\r\n-"};
    struct trace trace, other;
    uint32_t random = 1;
    bool is_good = true;

    for (int round = 0; round < 20000; round++) {
        char form[512];
        const char *body, *mark;
        size_t len = (size_t)sprintf(
            form, "---ab" E "Content-Disposition: form-data; name=\"a\"" E E);
        size_t from = len;

        for (int n = round % 12; n >= 0; n--) {
            random = random * 1664525 + 1013904223;
            len +=
                (size_t)sprintf(form + len, "%s", pieces[(random >> 16) % 9]);
        }
        len += (size_t)sprintf(form + len, E "---ab--");
        body = form + from;
        mark = memmem(body, len - from, "---ab", 5);
        run(&trace, "-ab", form, len, 0);
        is_good = is_good && (trace.form.error == TG_MULTIPART_OK) ==
                                 (mark == form + len - 7);
        run(&other, "-ab", form, len, 1 + random % (len + 1));
        is_good = is_good && trace.form.error == other.form.error &&
                  (trace.form.error || strcmp(trace.text, other.text) == 0);
    }
    ok(is_good, "20000 random forms end where memmem says");
}

static const struct {
    const char *type;
    const char *boundary; /* NULL: refused; "": another type */
} types[] = {
    {"multipart/form-data; boundary=abc", "abc"},
    {"Multipart/Form-Data;BOUNDARY=\"a=b?c\"", "a=b?c"},
    {"multipart/form-data ; boundary=abc ", "abc"},
    {"multipart/form-data; boundary=----WebKitFormBoundary",
     "----WebKitFormBoundary"},
    {"multipart/form-data; boundary="
     "0123456789012345678901234567890123456789012345678901234567890123456789",
     "0123456789012345678901234567890123456789012345678901234567890123456789"},
    {"multipart/form-data; boundary="
     "01234567890123456789012345678901234567890123456789012345678901234567890",
     NULL},
    {"multipart/form-data", NULL},
    {"multipart/form-data;", NULL},
    {"multipart/form-data; boundary=", NULL},
    {"multipart/form-data; boundary=\"\"", NULL},
    {"multipart/form-data; boundary=\"abc", NULL},
    {"multipart/form-data; boundary=a b", NULL},
    {"multipart/form-data; boundary=\"a b\"", NULL},
    {"multipart/form-data; boundary=a=b", NULL},
    {"multipart/form-data; boundary=a; boundary=b", NULL},
    {"multipart/form-data; charset=utf-8; boundary=a", NULL},
    {"multipart/form-data, application/json", NULL},
    {"multipart/form-databoundary=a", ""},
    {"multipart/mixed; boundary=a", ""},
    {"application/json", ""},
    {"", ""},
};

static void
test_types(void)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct tg_str type = {types[i].type, strlen(types[i].type)}, got = {0};
        const char *want = types[i].boundary;
        int err = tg_multipart_boundary(type, &got);

        is_int(err,
               want == NULL    ? TG_ERR_FORMAT
               : *want == '\0' ? TG_ERR_NOT_FOUND
                               : 0,
               "'%s'", types[i].type);
        if (err == 0)
            ok(tg_str_eq(got, (struct tg_str){want, strlen(want)}), "is %s",
               want);
    }
}

int
main(void)
{
    test_types();
    test_forms();
    test_truncation();
    test_boundaries();
    test_parts();
    test_long_line();
    test_random();
    return done();
}
