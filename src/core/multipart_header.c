#include "multipart_part.h"

#include "err.h"

#define LENGTH_DIGITS_MAX 15

/* A run of bytes that is read from the front. */
static char
front(const struct tg_str *s)
{
    return s->len > 0 ? *s->data : '\0';
}

static void
advance(struct tg_str *s, size_t n)
{
    s->data += n;
    s->len -= n;
}

static bool
take(struct tg_str *s, char c)
{
    if (front(s) != c || s->len == 0)
        return false;
    advance(s, 1);
    return true;
}

static void
skip_blanks(struct tg_str *s)
{
    while (front(s) == ' ' || front(s) == '\t')
        advance(s, 1);
}

static bool
is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

/* RFC 9110's tokens. */
static bool
is_token_char(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_boundary_char(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("'()+_,-./:=?", c));
}

/* Neither escaped by a quote nor by an encoding. */
static bool
is_name_char(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("_-.[]", c));
}

static bool
is_file_name_char(char c)
{
    return (unsigned char)c >= ' ' && c != '\x7f' && c != '"' && c != '\\';
}

static struct tg_str
take_while(struct tg_str *s, bool (*is_taken)(char))
{
    struct tg_str taken = {s->data, 0};

    while (taken.len < s->len && is_taken(s->data[taken.len]))
        taken.len++;
    advance(s, taken.len);
    return taken;
}

/* A value in quotes, or a token; all of whose characters must be taken. */
static bool
take_value(struct tg_str *s, bool (*is_taken)(char), struct tg_str *value)
{
    if (!take(s, '"')) {
        *value = take_while(s, is_token_char);
        for (size_t i = 0; i < value->len; i++) {
            if (!is_taken(value->data[i]))
                return false;
        }
        return value->len > 0;
    }
    *value = take_while(s, is_taken);
    return take(s, '"');
}

static bool
is_word(struct tg_str s, const char *word)
{
    size_t len = strlen(word);

    if (s.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = s.data[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i])
            return false;
    }
    return true;
}

/* "; name=", blanks around the semicolon allowed. */
static bool
take_parameter(struct tg_str *s, struct tg_str *name)
{
    skip_blanks(s);
    if (!take(s, ';'))
        return false;
    skip_blanks(s);
    *name = take_while(s, is_token_char);
    return name->len > 0 && take(s, '=');
}

static struct tg_str
take_type(struct tg_str *s)
{
    struct tg_str type = {s->data, 0};

    take_while(s, is_token_char);
    if (!take(s, '/'))
        return type;
    take_while(s, is_token_char);
    type.len = (size_t)(s->data - type.data);
    return type;
}

int
tg_multipart_boundary(struct tg_str content_type, struct tg_str *boundary)
{
    struct tg_str name, value;

    if (!is_word(take_type(&content_type), "multipart/form-data"))
        return TG_ERR_NOT_FOUND;
    if (!take_parameter(&content_type, &name) || !is_word(name, "boundary") ||
        !take_value(&content_type, is_boundary_char, &value))
        return TG_ERR_FORMAT;
    skip_blanks(&content_type);
    if (content_type.len > 0 || value.len == 0 ||
        value.len > TG_MULTIPART_BOUNDARY_MAX)
        return TG_ERR_FORMAT;
    *boundary = value;
    return 0;
}

static bool
is_token(struct tg_str s)
{
    take_while(&s, is_token_char);
    return s.len == 0;
}

size_t
tg_multipart_type(struct tg_str boundary, char out[TG_MULTIPART_TYPE_SIZE])
{
    static const char type[] = "multipart/form-data; boundary=";
    bool is_quoted = !is_token(boundary);
    size_t len = sizeof(type) - 1;

    memcpy(out, type, len);
    if (is_quoted)
        out[len++] = '"';
    memcpy(out + len, boundary.data, boundary.len);
    len += boundary.len;
    if (is_quoted)
        out[len++] = '"';
    return len;
}

/*
 * The name is what governs.  A file name matters only by being there, so one
 * that is encoded may stand beside a plain one, as .NET's clients have it.
 */
static bool
read_parameters(struct tg_multipart_part *part, struct tg_str s)
{
    bool has_name = false, has_file = false, has_encoded = false;
    struct tg_str name, value;

    while (s.len > 0) {
        if (!take_parameter(&s, &name))
            return false;
        if (tg_str_eq(name, TG_STR("name"))) {
            if (has_name || !take_value(&s, is_name_char, &value) ||
                value.len == 0 || value.len > sizeof(part->name))
                return false;
            memcpy(part->name, value.data, value.len);
            part->name_len = (uint8_t)value.len;
            has_name = true;
        } else if (tg_str_eq(name, TG_STR("filename"))) {
            if (has_file || !take_value(&s, is_file_name_char, &value))
                return false;
            has_file = true;
        } else if (tg_str_eq(name, TG_STR("filename*"))) {
            if (has_encoded || !take_value(&s, is_token_char, &value))
                return false;
            has_encoded = true;
        } else {
            return false;
        }
    }
    part->is_file |= has_file;
    return has_name && (has_file || !has_encoded);
}

static enum tg_multipart_error
disposition(struct tg_multipart *form, struct tg_str value)
{
    struct tg_str type = take_while(&value, is_token_char);

    if (form->has_disposition)
        return TG_MULTIPART_HEADER;
    form->has_disposition = true;
    if (!is_word(type, "form-data") || !read_parameters(&form->part, value))
        return TG_MULTIPART_NAME;
    return TG_MULTIPART_OK;
}

static enum tg_multipart_error
media_type(struct tg_multipart *form, struct tg_str value)
{
    struct tg_str type = take_type(&value);

    if (form->has_type || type.len == 0)
        return TG_MULTIPART_HEADER;
    form->has_type = true;
    /* .NET writes it on fields, too. */
    form->part.is_file |= !is_word(type, "text/plain");
    return TG_MULTIPART_OK;
}

static enum tg_multipart_error
content_length(struct tg_multipart *form, struct tg_str value)
{
    uint64_t length = 0;
    size_t digits = 0;

    while (front(&value) >= '0' && front(&value) <= '9') {
        length = length * 10 + (uint64_t)(front(&value) - '0');
        advance(&value, 1);
        if (++digits > LENGTH_DIGITS_MAX)
            return TG_MULTIPART_HEADER;
    }
    if (form->has_length || digits == 0 || value.len > 0)
        return TG_MULTIPART_HEADER;
    form->has_length = true;
    form->length = length;
    return TG_MULTIPART_OK;
}

/* Headers that change what the part's bytes mean. */
static bool
is_encoding(struct tg_str name)
{
    return is_word(name, "content-transfer-encoding") ||
           is_word(name, "content-encoding") ||
           is_word(name, "transfer-encoding") || is_word(name, "content-range");
}

static struct tg_str
trimmed(struct tg_str s)
{
    skip_blanks(&s);
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

enum tg_multipart_error
tg_multipart_header(struct tg_multipart *form)
{
    struct tg_str line = {form->line, form->line_len}, name;

    name = take_while(&line, is_token_char);
    if (name.len == 0 || !take(&line, ':') || is_encoding(name))
        return TG_MULTIPART_HEADER;
    line = trimmed(line);
    if (is_word(name, "content-disposition"))
        return disposition(form, line);
    if (is_word(name, "content-type"))
        return media_type(form, line);
    if (is_word(name, "content-length"))
        return content_length(form, line);
    return TG_MULTIPART_OK;
}
