#include <strings.h>

#include "form.h"

static int
fail(struct sim_form *form, const char *fault)
{
    form->fault = fault;
    return -1;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
skip_blanks(struct tg_str *text)
{
    while (text->len > 0 && is_blank(*text->data)) {
        text->data++;
        text->len--;
    }
}

/* Cuts what stands before the first stop, or all of it. */
static struct tg_str
cut_until(struct tg_str *text, const char *stops)
{
    struct tg_str found = {text->data, 0};

    while (found.len < text->len && text->data[found.len] &&
           !strchr(stops, text->data[found.len]))
        found.len++;
    text->data += found.len;
    text->len -= found.len;
    return found;
}

static bool
cut_byte(struct tg_str *text, char byte)
{
    if (text->len == 0 || *text->data != byte)
        return false;
    text->data++;
    text->len--;
    return true;
}

/* Reads a quoted string; a backslash keeps the byte behind it. */
static bool
cut_quoted(struct tg_str *text, struct tg_str *value)
{
    size_t len = 0;

    if (!cut_byte(text, '"'))
        return false;
    while (len < text->len && text->data[len] != '"')
        len += text->data[len] == '\\' ? 2 : 1;
    if (len >= text->len)
        return false;
    *value = (struct tg_str){text->data, len};
    text->data += len + 1;
    text->len -= len + 1;
    return true;
}

/* Reads `; name=value`: 1, 0 at the end of the header, -1. */
static int
next_parameter(struct tg_str *header, struct tg_str *name, struct tg_str *value)
{
    skip_blanks(header);
    if (header->len == 0)
        return 0;
    if (!cut_byte(header, ';'))
        return -1;
    skip_blanks(header);
    *name = cut_until(header, " \t;=\"");
    if (name->len == 0 || !cut_byte(header, '='))
        return -1;
    if (header->len > 0 && *header->data == '"')
        return cut_quoted(header, value) ? 1 : -1;
    *value = cut_until(header, " \t;=\"");
    return value->len > 0 ? 1 : -1;
}

/* Cuts word, which stands before the parameters; false when it does not. */
static bool
cut_kind(struct tg_str *header, const char *word)
{
    size_t len = strlen(word);

    skip_blanks(header);
    if (header->len < len || strncasecmp(header->data, word, len) != 0)
        return false;
    header->data += len;
    header->len -= len;
    return header->len == 0 || is_blank(*header->data) || *header->data == ';';
}

bool
sim_form_is(const struct sim_request *request)
{
    struct tg_str header = sim_request_header(request, "content-type");

    return header.data && cut_kind(&header, "multipart/form-data");
}

static int
find_boundary(struct tg_str header, struct tg_str *boundary)
{
    struct tg_str name, value;
    int got, found = 0;

    while ((got = next_parameter(&header, &name, &value)) > 0)
        if (sim_request_same_name(name, "boundary")) {
            *boundary = value;
            found++;
        }
    return got == 0 && found == 1 ? 0 : -1;
}

int
sim_form_init(struct sim_form *form, const struct sim_request *request)
{
    struct tg_str header = sim_request_header(request, "content-type");
    struct tg_str boundary = {0};

    *form = (struct sim_form){.at = request->body.data};
    form->end = form->at + request->body.len;
    if (!header.data || !cut_kind(&header, "multipart/form-data"))
        return fail(form, "the Content-Type must be multipart/form-data");
    if (find_boundary(header, &boundary) || boundary.len == 0 ||
        boundary.len > SIM_FORM_BOUNDARY_BYTES)
        return fail(form, "the Content-Type must name one boundary");
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.data, boundary.len);
    form->delimiter_bytes = boundary.len + 4;
    return 0;
}

/* Goes behind the next delimiter; its first byte, or NULL.  The first one may
 * open the body, without the CR LF. */
static const char *
pass_delimiter(struct sim_form *form)
{
    size_t left = (size_t)(form->end - form->at);
    size_t bare = form->delimiter_bytes - 2;
    const char *found;

    if (form->parts == 0 && left >= bare &&
        memcmp(form->at, form->delimiter + 2, bare) == 0) {
        found = form->at;
        form->at += bare;
        return found;
    }
    found = left == 0 ? NULL
                      : memmem(form->at, left, form->delimiter,
                               form->delimiter_bytes);
    if (found)
        form->at = found + form->delimiter_bytes;
    return found;
}

/* Passes white space and the end of a line; behind the last delimiter the
 * body may end instead. */
static bool
pass_line_end(struct sim_form *form, bool may_end)
{
    while (form->at < form->end && is_blank(*form->at))
        form->at++;
    if (form->at == form->end)
        return may_end;
    if (form->end - form->at < 2 || form->at[0] != '\r' || form->at[1] != '\n')
        return false;
    form->at += 2;
    return true;
}

static bool
pass_dashes(struct sim_form *form)
{
    if (form->end - form->at < 2 || form->at[0] != '-' || form->at[1] != '-')
        return false;
    form->at += 2;
    return true;
}

static int
read_disposition(struct sim_form_part *part, struct tg_str header)
{
    struct tg_str name, value;
    int got;

    if (part->name.data || !cut_kind(&header, "form-data"))
        return -1;
    while ((got = next_parameter(&header, &name, &value)) > 0)
        if (sim_request_same_name(name, "name") && !part->name.data)
            part->name = value;
        else if (sim_request_same_name(name, "filename") &&
                 !part->filename.data)
            part->filename = value;
        else if (sim_request_same_name(name, "name") ||
                 sim_request_same_name(name, "filename"))
            return -1;
    return got == 0 && part->name.data ? 0 : -1;
}

static int
read_header(struct sim_form_part *part, struct tg_str line)
{
    struct tg_str name = cut_until(&line, ":");

    if (name.len == 0 || !cut_byte(&line, ':') ||
        memchr(line.data, '\n', line.len) || memchr(line.data, '\r', line.len))
        return -1;
    skip_blanks(&line);
    if (sim_request_same_name(name, "content-disposition"))
        return read_disposition(part, line);
    if (sim_request_same_name(name, "content-type"))
        part->media = line;
    return 0;
}

/* Reads the headers of a part and the empty line behind them. */
static int
read_headers(struct sim_form *form, struct sim_form_part *part)
{
    for (;;) {
        size_t left = (size_t)(form->end - form->at);
        const char *end = left ? memmem(form->at, left, "\r\n", 2) : NULL;
        struct tg_str line = {form->at, end ? (size_t)(end - form->at) : 0};

        if (!end)
            return -1;
        form->at = end + 2;
        if (line.len == 0)
            return part->name.data ? 0 : -1;
        if (read_header(part, line))
            return -1;
    }
}

/* The data of a part ends where the next delimiter begins. */
static int
read_part(struct sim_form *form, struct sim_form_part *part)
{
    const char *from, *delimiter;

    *part = (struct sim_form_part){0};
    if (read_headers(form, part))
        return fail(form, "a part's headers are not in order");
    from = form->at;
    delimiter = pass_delimiter(form);
    if (!delimiter)
        return fail(form, "the form has no end");
    part->data = (struct tg_str){from, (size_t)(delimiter - from)};
    return 1;
}

int
sim_form_next(struct sim_form *form, struct sim_form_part *part)
{
    if (form->parts == 0 && !pass_delimiter(form))
        return fail(form, "the form has no beginning");
    if (pass_dashes(form))
        return pass_line_end(form, true)
                   ? 0
                   : fail(form, "something stands behind the boundary");
    if (!pass_line_end(form, false))
        return fail(form, "something stands behind the boundary");
    if (++form->parts > SIM_FORM_PARTS)
        return fail(form, "the form has too many parts");
    return read_part(form, part);
}
