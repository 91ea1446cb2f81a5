#include "framing.h"

#include <strings.h>

#include "span.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows[0]))

static bool
equals_any_case(struct tg_str a, struct tg_str b)
{
    return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

static enum tg_framing_fault
judge_wire(enum tg_wire_fault fault)
{
    switch (fault) {
    case TG_WIRE_BARE_LF:
    case TG_WIRE_BARE_CR:
        return TG_FRAMING_LINE_END;
    case TG_WIRE_CONTROL:
        return TG_FRAMING_CONTROL;
    case TG_WIRE_CHUNK:
        return TG_FRAMING_CHUNKS;
    default:
        return TG_FRAMING_FINE;
    }
}

/* "METHOD target HTTP/1.x": two blanks, and x 0 or 1. */
static bool
is_line(struct tg_str line)
{
    static const char version[] = " HTTP/1.";
    const size_t tail = sizeof(version); /* one digit more */
    const char *target, *end;

    if (line.len < tail)
        return false;
    end = line.data + line.len - tail;
    if (memcmp(end, version, sizeof(version) - 1) != 0 ||
        (end[tail - 1] != '0' && end[tail - 1] != '1'))
        return false;
    target = memchr(line.data, ' ', (size_t)(end - line.data));
    if (target == NULL || target == line.data || ++target == end)
        return false;
    return memchr(target, ' ', (size_t)(end - target)) == NULL;
}

static bool
is_http_1_0(struct tg_str line)
{
    return line.data[line.len - 1] == '0';
}

static enum tg_framing_fault
judge_line(const struct tg_framing *f)
{
    if (f->is_http2)
        return f->encodings > 0 ? TG_FRAMING_ENCODING : TG_FRAMING_FINE;
    if (!is_line(f->line))
        return TG_FRAMING_LINE;
    if (f->hosts == 0 && !f->is_cut && !is_http_1_0(f->line))
        return TG_FRAMING_HOSTS;
    if (f->encodings > 0 && is_http_1_0(f->line))
        return TG_FRAMING_ENCODING;
    return TG_FRAMING_FINE;
}

static enum tg_framing_fault
judge_target(const struct tg_framing *f)
{
    if (f->hosts > 1)
        return TG_FRAMING_HOSTS;
    if (f->scheme.len == 0 || f->is_http2)
        return TG_FRAMING_FINE;
    if (!equals_any_case(f->scheme, TG_STR("http")) &&
        !equals_any_case(f->scheme, TG_STR("https")))
        return TG_FRAMING_TARGET;
    if (f->hosts > 0 && !equals_any_case(f->authority, f->host))
        return TG_FRAMING_HOST;
    return TG_FRAMING_FINE;
}

/* Methods whose requests have no body that means anything (RFC 9110, 9.3). */
static bool
has_no_body(struct tg_str line)
{
    static const struct tg_str methods[] = {
        TG_STR_INIT("GET"),     TG_STR_INIT("HEAD"),  TG_STR_INIT("DELETE"),
        TG_STR_INIT("OPTIONS"), TG_STR_INIT("TRACE"), TG_STR_INIT("CONNECT"),
    };

    /* Nearly all that have a body. */
    if (line.len > 5 && memcmp(line.data, "POST ", 5) == 0)
        return false;
    for (size_t i = 0; i < COUNT(methods); i++) {
        if (line.len > methods[i].len && line.data[methods[i].len] == ' ' &&
            memcmp(line.data, methods[i].data, methods[i].len) == 0)
            return true;
    }
    return false;
}

static enum tg_framing_fault
judge_body(const struct tg_framing *f)
{
    if (f->lengths > 1 || (f->lengths > 0 && f->encodings > 0))
        return TG_FRAMING_LENGTH;
    if (f->encodings > 1 ||
        (f->encodings == 1 && !equals_any_case(f->encoding, TG_STR("chunked"))))
        return TG_FRAMING_ENCODING;
    if (f->has_body && has_no_body(f->line))
        return TG_FRAMING_BODY;
    if (f->expects > 1 ||
        (f->expects == 1 && !tg_str_eq(f->expect, TG_STR("100-continue"))))
        return TG_FRAMING_EXPECT;
    if (f->types > 1 || f->content_encodings > 1)
        return TG_FRAMING_TYPE;
    return TG_FRAMING_FINE;
}

static enum tg_framing_fault
judge_names(const struct tg_framing *f)
{
    if (f->has_no_colon)
        return TG_FRAMING_NO_COLON;
    if (f->has_lookalike)
        return TG_FRAMING_LOOKALIKE;
    return f->wire == TG_WIRE_UNENDED ? TG_FRAMING_UNENDED : TG_FRAMING_FINE;
}

enum tg_framing_fault
tg_framing_judge(const struct tg_framing *f)
{
    enum tg_framing_fault fault = judge_wire(f->wire);

    if (fault == TG_FRAMING_FINE)
        fault = judge_line(f);
    if (fault == TG_FRAMING_FINE)
        fault = judge_target(f);
    if (fault == TG_FRAMING_FINE)
        fault = judge_body(f);
    return fault == TG_FRAMING_FINE ? judge_names(f) : fault;
}

bool
tg_framing_is_lookalike(struct tg_str name)
{
    /* What the gate, the admin API and nginx believe. */
    static const struct tg_str names[] = {
        TG_STR_INIT("x-api-key"),       TG_STR_INIT("api-key"),
        TG_STR_INIT("content-length"),  TG_STR_INIT("transfer-encoding"),
        TG_STR_INIT("content-type"),    TG_STR_INIT("content-encoding"),
        TG_STR_INIT("x-forwarded-for"), TG_STR_INIT("user-agent"),
        TG_STR_INIT("if-match"),        TG_STR_INIT("idempotency-key"),
    };
    size_t at;

    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].len != name.len)
            continue;
        for (at = 0; at < name.len; at++) {
            char c = name.data[at];

            if ((c == '_' ? '-' : c) != names[i].data[at])
                break;
        }
        if (at == name.len)
            return memchr(name.data, '_', name.len) != NULL;
    }
    return false;
}

bool
tg_framing_has_control(struct tg_str value)
{
    const char *p = value.data, *end = p + value.len;

    for (; p < end; p++) {
        p = tg_span_text(p, end);
        if (p < end && *p != '\t')
            return true;
    }
    return false;
}

const char *
tg_framing_sentence(enum tg_framing_fault fault)
{
    static const char *const sentences[TG_FRAMING_COUNT] = {
        [TG_FRAMING_LINE_END] =
            "The request has a line that does not end in CR LF, and programs "
            "differ on where it ends. End every line of the head, and of a "
            "chunk's size, with CR LF.",
        [TG_FRAMING_CONTROL] =
            "The request has a control character in its head. Send none but "
            "a tab.",
        [TG_FRAMING_CHUNKS] =
            "The chunks of the request's body are not written as HTTP/1.1 "
            "demands: a size in hexadecimal, CR LF, so many bytes, CR LF.",
        [TG_FRAMING_LINE] =
            "The request line is not of HTTP/1.1 or 1.0: a method, a target "
            "and the version, with one blank between them.",
        [TG_FRAMING_HOSTS] =
            "The request does not name its host once. Send one Host header.",
        [TG_FRAMING_TARGET] =
            "The request's target is neither a path nor an http or https "
            "URL. Send the path alone.",
        [TG_FRAMING_HOST] =
            "The request's target and its Host header name different hosts. "
            "Send the path alone, or the same host in both.",
        [TG_FRAMING_LENGTH] =
            "The request gives the length of its body in two ways. Send one "
            "Content-Length, or Transfer-Encoding: chunked instead.",
        [TG_FRAMING_ENCODING] =
            "The request has a Transfer-Encoding other than HTTP/1.1's "
            "`chunked`. Send the body in chunks, or with a Content-Length.",
        [TG_FRAMING_BODY] =
            "The request has a body, and none belongs to its method. Send "
            "it without, or use POST.",
        [TG_FRAMING_EXPECT] =
            "The request expects what this gate does not do. Send `Expect: "
            "100-continue` exactly so, or no Expect header.",
        [TG_FRAMING_TYPE] =
            "The request has two Content-Type or two Content-Encoding "
            "headers. Send one of each at most.",
        [TG_FRAMING_NO_COLON] =
            "The request has a header without a colon. Send each as its name, "
            "a colon and its value.",
        [TG_FRAMING_LOOKALIKE] =
            "The request has a header whose name has an underscore where the "
            "one that counts has a dash. Write it with the dash, or leave it "
            "out.",
    };
    const char *sentence =
        (unsigned)fault < TG_FRAMING_COUNT ? sentences[fault] : NULL;

    return sentence != NULL ? sentence : TG_FRAMING_SENTENCE;
}
