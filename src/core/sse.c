#include "sse.h"

#include <assert.h>
#include <string.h>

#include "span.h"

enum state {
    MARK = 0,   /* at the stream's start: in a byte order mark, or not */
    LINE_START, /* at a line's first byte */
    FIELD,      /* matched bytes of "data" so far */
    SPACE,      /* behind "data:" */
    VALUE,      /* in a data line's value */
    SKIP,       /* in a line that does not matter */
};

static const char mark[] = "\xef\xbb\xbf";
static const char field[] = "data";

void
tg_sse_init(struct tg_sse *sse)
{
    memset(sse, 0, sizeof(*sse));
}

void
tg_sse_feed(struct tg_sse *sse, const void *data, size_t len)
{
    assert(sse->cursor == sse->end);
    sse->chunk_at += (uint64_t)(sse->end - sse->chunk);
    sse->chunk = sse->cursor = data;
    sse->end = sse->chunk + len;
}

static bool
is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* Takes the line end at the cursor, both bytes of CRLF if they are there. */
static void
end_line(struct tg_sse *sse)
{
    if (*sse->cursor++ == '\r') {
        sse->after_cr = sse->cursor == sse->end;
        if (!sse->after_cr && *sse->cursor == '\n')
            sse->cursor++;
    }
    sse->state = LINE_START;
}

static uint64_t
offset(const struct tg_sse *sse)
{
    return sse->chunk_at + (uint64_t)(sse->cursor - sse->chunk);
}

static enum tg_sse_token
token(struct tg_sse *sse, enum tg_sse_token what)
{
    sse->at = offset(sse);
    return what;
}

uint64_t
tg_sse_largest(const struct tg_sse *sse)
{
    uint64_t at_hand = offset(sse) - sse->event_at;

    return at_hand > sse->largest ? at_hand : sse->largest;
}

const char *
tg_sse_event(const struct tg_sse *sse, size_t *len)
{
    if (sse->state != LINE_START || sse->after_cr ||
        sse->event_at != offset(sse))
        return NULL;
    *len = (size_t)(sse->end - sse->cursor);
    return sse->cursor;
}

void
tg_sse_pass(struct tg_sse *sse, size_t len, size_t blank_len)
{
    sse->cursor += len - blank_len;
    sse->largest = tg_sse_largest(sse);
    sse->cursor += blank_len;
    sse->at = sse->event_at = offset(sse);
}

static enum tg_sse_token
blank_line(struct tg_sse *sse)
{
    enum tg_sse_token what = sse->has_data ? TG_SSE_EVENT : TG_SSE_SKIP;

    sse->largest = tg_sse_largest(sse);
    end_line(sse);
    sse->event_at = offset(sse);
    sse->has_data = false;
    sse->has_line = false;
    return token(sse, what);
}

/* Behind a field's name: a second data line is joined to the first. */
static enum tg_sse_token
begin_value(struct tg_sse *sse)
{
    bool is_second = sse->has_line;

    sse->has_line = true;
    if (!is_second)
        return TG_SSE_MORE;
    sse->data = "\n";
    sse->len = 1;
    sse->is_joint = true;
    sse->has_data = true;
    return token(sse, TG_SSE_DATA);
}

static enum tg_sse_token
value(struct tg_sse *sse)
{
    const char *start = sse->cursor;

    sse->cursor = tg_span_line(start, sse->end);
    if (sse->cursor == start) {
        end_line(sse);
        return TG_SSE_MORE;
    }
    sse->data = start;
    sse->len = (size_t)(sse->cursor - start);
    sse->is_joint = false;
    sse->has_data = true;
    return token(sse, TG_SSE_DATA);
}

static enum tg_sse_token
in_field(struct tg_sse *sse, char c)
{
    if (sse->matched < sizeof(field) - 1) {
        if (c == field[sse->matched]) {
            sse->matched++;
            sse->cursor++;
        } else {
            sse->state = SKIP;
        }
        return TG_SSE_MORE;
    }
    if (is_line_end(c)) {
        end_line(sse);
        return begin_value(sse);
    }
    if (c != ':') {
        sse->state = SKIP;
        return TG_SSE_MORE;
    }
    sse->cursor++;
    sse->state = SPACE;
    return begin_value(sse);
}

static void
in_mark(struct tg_sse *sse, char c)
{
    if (c == mark[sse->matched]) {
        sse->cursor++;
        if (++sse->matched == sizeof(mark) - 1)
            sse->state = LINE_START;
    } else {
        /* Part of a mark is the name of a field that nobody knows. */
        sse->state = sse->matched ? SKIP : LINE_START;
    }
}

static enum tg_sse_token
step(struct tg_sse *sse, char c)
{
    switch ((enum state)sse->state) {
    case MARK:
        in_mark(sse, c);
        break;
    case LINE_START:
        if (is_line_end(c))
            return blank_line(sse);
        sse->state = c == field[0] ? FIELD : SKIP;
        sse->matched = 0;
        break;
    case FIELD:
        return in_field(sse, c);
    case SPACE:
        sse->cursor += c == ' ';
        sse->state = VALUE;
        break;
    case VALUE:
        return value(sse);
    case SKIP:
        sse->cursor = tg_span_line(sse->cursor, sse->end);
        if (sse->cursor < sse->end)
            end_line(sse);
        break;
    }
    return TG_SSE_MORE;
}

/* The line feed of a CRLF between two chunks is the line's before it. */
static void
end_carriage(struct tg_sse *sse)
{
    bool is_at_event = sse->event_at == offset(sse);

    sse->cursor++;
    if (is_at_event)
        sse->event_at = offset(sse);
}

enum tg_sse_token
tg_sse_next(struct tg_sse *sse)
{
    enum tg_sse_token what = TG_SSE_MORE;

    if (sse->after_cr && sse->cursor < sse->end) {
        sse->after_cr = false;
        if (*sse->cursor == '\n')
            end_carriage(sse);
    }
    while (what == TG_SSE_MORE && sse->cursor < sse->end)
        what = step(sse, *sse->cursor);
    return what;
}
