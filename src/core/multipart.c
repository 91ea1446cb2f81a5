#include "multipart.h"

#include <assert.h>

#include "err.h"
#include "multipart_part.h"

enum state {
    AT_START = 0, /* in the first boundary */
    BEHIND_BOUNDARY,
    BEHIND_BOUNDARY_CR,
    BEHIND_BOUNDARY_DASH,
    IN_HEADERS,
    BEHIND_HEADER_CR,
    IN_DATA,
    AT_PART_END, /* its delimiter was read */
    AT_STRAY,    /* at the last byte of a mark that may not stand there */
    AT_END,      /* all that may come is one end of line */
    AT_END_CR,
    AT_LAST,
    FAILED,
};

/* The delimiter without its end of line: what may stand nowhere else. */
#define EOL_LEN 2

static const char *
mark_of(const struct tg_multipart *form)
{
    return form->delimiter + EOL_LEN;
}

static uint8_t
mark_len(const struct tg_multipart *form)
{
    return (uint8_t)(form->delimiter_len - EOL_LEN);
}

/* fallback[n]: the longest beginning of the mark that its first n end with. */
static void
fill_fallback(struct tg_multipart *form)
{
    const char *mark = mark_of(form);
    uint8_t n, k = 0;

    form->fallback[0] = form->fallback[1] = 0;
    for (n = 1; n < mark_len(form); n++) {
        while (k > 0 && mark[n] != mark[k])
            k = form->fallback[k];
        if (mark[n] == mark[k])
            k++;
        form->fallback[n + 1] = k;
    }
}

void
tg_multipart_init(struct tg_multipart *form, struct tg_str boundary)
{
    assert(boundary.len > 0 && boundary.len <= TG_MULTIPART_BOUNDARY_MAX);
    memset(form, 0, offsetof(struct tg_multipart, line));
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.data, boundary.len);
    form->delimiter_len = (uint8_t)(4 + boundary.len);
    /* The first one begins the form: its end of line is taken as read. */
    form->held = EOL_LEN;
    fill_fallback(form);
}

void
tg_multipart_feed(struct tg_multipart *form, const void *data, size_t len)
{
    assert(form->cursor == form->end || form->state == FAILED);
    form->chunk_at += (uint64_t)(form->end - form->chunk);
    form->chunk = form->cursor = len == 0 ? "" : data;
    form->end = form->chunk + len;
}

static enum tg_multipart_token
fail(struct tg_multipart *form, enum tg_multipart_error error)
{
    form->state = FAILED;
    form->error = error;
    form->error_at = form->chunk_at + (uint64_t)(form->cursor - form->chunk);
    return TG_MULTIPART_ERROR;
}

static enum tg_multipart_token
go(struct tg_multipart *form, enum state state)
{
    form->state = (uint8_t)state;
    form->cursor++;
    return TG_MULTIPART_MORE;
}

/* The delimiter's bytes that come next; false at one that is another. */
static bool
match_delimiter(struct tg_multipart *form, size_t *n)
{
    size_t left = (size_t)(form->end - form->cursor);

    *n = (size_t)(form->delimiter_len - form->held);
    if (*n > left)
        *n = left;
    return memcmp(form->cursor, form->delimiter + form->held, *n) == 0;
}

static enum tg_multipart_token
start(struct tg_multipart *form)
{
    if (*form->cursor != form->delimiter[form->held])
        return fail(form, TG_MULTIPART_SYNTAX);
    form->held++;
    return go(form,
              form->held == form->delimiter_len ? BEHIND_BOUNDARY : AT_START);
}

static enum tg_multipart_token
begin_part(struct tg_multipart *form)
{
    if (++form->parts > TG_MULTIPART_PARTS_MAX)
        return fail(form, TG_MULTIPART_LIMIT);
    form->part_at = form->chunk_at + (uint64_t)(form->cursor + 1 - form->chunk);
    form->part = (struct tg_multipart_part){.name_len = 0};
    form->has_disposition = form->has_type = form->has_length = false;
    form->headers = form->line_len = 0;
    return go(form, IN_HEADERS);
}

static enum tg_multipart_token
end_headers(struct tg_multipart *form)
{
    if (!form->has_disposition)
        return fail(form, TG_MULTIPART_NAME);
    form->seen = 0;
    form->held = form->marked = 0;
    go(form, IN_DATA);
    return TG_MULTIPART_PART;
}

/* Behind the LF of a header, or of the empty line that ends them. */
static enum tg_multipart_token
end_line(struct tg_multipart *form)
{
    enum tg_multipart_error error;

    if (form->line_len == 0)
        return end_headers(form);
    if (++form->headers > TG_MULTIPART_HEADERS_MAX)
        return fail(form, TG_MULTIPART_LIMIT);
    error = tg_multipart_header(form);
    if (error != TG_MULTIPART_OK)
        return fail(form, error);
    form->line_len = 0;
    return go(form, IN_HEADERS);
}

static enum tg_multipart_token
header(struct tg_multipart *form)
{
    char c = *form->cursor;

    if (c == '\r')
        return go(form, BEHIND_HEADER_CR);
    if (((unsigned char)c < ' ' && c != '\t') || c == '\x7f')
        return fail(form, TG_MULTIPART_HEADER);
    if (form->line_len == sizeof(form->line))
        return fail(form, TG_MULTIPART_LIMIT);
    form->line[form->line_len++] = c;
    return go(form, IN_HEADERS);
}

/* Goes on in the mark with one byte; whether it is whole now. */
static bool
step_mark(struct tg_multipart *form, char c)
{
    const char *mark = mark_of(form);

    while (form->marked > 0 && mark[form->marked] != c)
        form->marked = form->fallback[form->marked];
    if (mark[form->marked] == c)
        form->marked++;
    return form->marked == mark_len(form);
}

/* The end of the first mark from the cursor on, NULL when there is none. */
static const char *
find_mark(struct tg_multipart *form)
{
    size_t n = mark_len(form);
    const char *p = form->cursor, *found;

    while (p < form->end) {
        if (form->marked == 0 && (size_t)(form->end - p) >= n) {
            found = memmem(p, (size_t)(form->end - p), mark_of(form), n);
            if (found != NULL)
                return found + n;
            p = form->end - (n - 1);
        }
        if (p < form->end && step_mark(form, *p++))
            return p;
    }
    return NULL;
}

/* How many bytes at the chunk's end may be the delimiter's first ones. */
static size_t
count_held(const struct tg_multipart *form)
{
    size_t left = (size_t)(form->end - form->cursor), n;
    const char *cr;

    if (left >= form->delimiter_len)
        left = form->delimiter_len - 1u;
    /* It has one CR, so it can begin nowhere but at the last one. */
    cr = left == 0 ? NULL : memrchr(form->end - left, '\r', left);
    n = cr == NULL ? 0 : (size_t)(form->end - cr);
    return n > 0 && memcmp(cr, form->delimiter, n) == 0 ? n : 0;
}

static enum tg_multipart_token
emit(struct tg_multipart *form, const char *data, size_t len)
{
    if (len == 0)
        return TG_MULTIPART_MORE;
    form->data = (struct tg_str){data, len};
    form->seen += len;
    return TG_MULTIPART_DATA;
}

/* A mark that ends at p: it ends the part, or stands where none may. */
static enum tg_multipart_token
end_data(struct tg_multipart *form, const char *p)
{
    size_t n = (size_t)(p - form->cursor);
    const char *from = form->cursor;

    if (n < form->delimiter_len ||
        memcmp(p - form->delimiter_len, form->delimiter, EOL_LEN) != 0) {
        /* What is before it has come, whatever the chunks are. */
        form->cursor = p - 1;
        form->state = AT_STRAY;
        return emit(form, from, n - 1);
    }
    form->cursor = p;
    form->state = AT_PART_END;
    return emit(form, from, n - form->delimiter_len);
}

/* Goes on in a delimiter that began in an earlier chunk. */
static enum tg_multipart_token
held_data(struct tg_multipart *form)
{
    uint8_t held = form->held;
    size_t n;

    if (!match_delimiter(form, &n)) {
        form->held = 0;
        return emit(form, form->delimiter, held);
    }
    form->held = (uint8_t)(held + n);
    if (form->held == form->delimiter_len)
        form->state = AT_PART_END;
    else
        (void)find_mark(form); /* too few bytes for a whole one */
    form->cursor += n;
    return TG_MULTIPART_MORE;
}

static enum tg_multipart_token
data(struct tg_multipart *form)
{
    const char *from = form->cursor, *p;
    size_t len;

    if (form->held > 0)
        return held_data(form);
    p = find_mark(form);
    if (p != NULL)
        return end_data(form, p);
    form->held = (uint8_t)count_held(form);
    form->cursor = form->end;
    len = (size_t)(form->end - from) - form->held;
    return emit(form, from, len);
}

static enum tg_multipart_token
end_part(struct tg_multipart *form)
{
    if (form->has_length && form->length != form->seen)
        return fail(form, TG_MULTIPART_LENGTH);
    form->state = BEHIND_BOUNDARY;
    return TG_MULTIPART_PART_END;
}

/* What one byte, or more of them, lead to; _MORE to be asked again. */
static enum tg_multipart_token
step(struct tg_multipart *form)
{
    char c = *form->cursor;

    switch ((enum state)form->state) {
    case AT_START:
        return start(form);
    case BEHIND_BOUNDARY:
        if (c == '\r')
            return go(form, BEHIND_BOUNDARY_CR);
        return c == '-' && form->parts > 0 ? go(form, BEHIND_BOUNDARY_DASH)
                                           : fail(form, TG_MULTIPART_SYNTAX);
    case BEHIND_BOUNDARY_CR:
        return c == '\n' ? begin_part(form) : fail(form, TG_MULTIPART_SYNTAX);
    case BEHIND_BOUNDARY_DASH:
        return c == '-' ? go(form, AT_END) : fail(form, TG_MULTIPART_SYNTAX);
    case IN_HEADERS:
        return header(form);
    case BEHIND_HEADER_CR:
        return c == '\n' ? end_line(form) : fail(form, TG_MULTIPART_HEADER);
    case IN_DATA:
        return data(form);
    case AT_STRAY:
        return fail(form, TG_MULTIPART_SYNTAX);
    case AT_END:
        return c == '\r' ? go(form, AT_END_CR)
                         : fail(form, TG_MULTIPART_TRAILING);
    case AT_END_CR:
        return c == '\n' ? go(form, AT_LAST)
                         : fail(form, TG_MULTIPART_TRAILING);
    default:
        return fail(form, TG_MULTIPART_TRAILING);
    }
}

enum tg_multipart_token
tg_multipart_next(struct tg_multipart *form)
{
    enum tg_multipart_token token = TG_MULTIPART_MORE;

    if (form->state == FAILED)
        return TG_MULTIPART_ERROR;
    /* This needs no byte more. */
    if (form->state == AT_PART_END)
        return end_part(form);
    while (token == TG_MULTIPART_MORE && form->cursor < form->end &&
           form->state != AT_PART_END)
        token = step(form);
    if (token == TG_MULTIPART_MORE && form->state == AT_PART_END)
        return end_part(form);
    return token;
}

int
tg_multipart_finish(struct tg_multipart *form)
{
    if (form->state == FAILED)
        return TG_ERR_FORMAT;
    if (form->state == AT_END || form->state == AT_LAST)
        return 0;
    fail(form, TG_MULTIPART_TRUNCATED);
    return TG_ERR_FORMAT;
}
