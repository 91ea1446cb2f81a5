#include "dotenv.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

#define NAME_MAX_LEN 128

/* A text that is read, and what was found in it. */
struct reading {
    struct tg_str text;
    size_t at;
    unsigned line;
    const char *name;
    struct tg_spot *spot;
    struct tg_fault *fault;
    unsigned found_line; /* 0: not yet */
};

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

bool
tg_dotenv_is_name(const char *name)
{
    size_t len = 0;

    while (is_name_char(name[len]))
        len++;
    return len > 0 && name[len] == '\0' && len <= NAME_MAX_LEN &&
           !(name[0] >= '0' && name[0] <= '9');
}

/* The byte at i, '\n' behind the end. */
static char
at(const struct reading *reading, size_t i)
{
    return i < reading->text.len ? reading->text.data[i] : '\n';
}

static void
skip_blanks(struct reading *reading)
{
    while (at(reading, reading->at) == ' ' || at(reading, reading->at) == '\t')
        reading->at++;
}

/* Whether a line ends here, CR LF or LF. */
static bool
is_end(const struct reading *reading, size_t i)
{
    return at(reading, i) == '\n' ||
           (at(reading, i) == '\r' && at(reading, i + 1) == '\n');
}

static void
skip_line(struct reading *reading)
{
    while (at(reading, reading->at) != '\n')
        reading->at++;
    reading->at++;
    reading->line++;
}

static int
bad_line(struct reading *reading)
{
    return tg_fault_set(reading->fault, TG_ERR_FORMAT, reading->line,
                        "it is neither NAME=value nor a comment");
}

/* From behind the quote to the one that closes it. */
static int
skip_quoted(struct reading *reading, char quote, size_t *from, size_t *to)
{
    unsigned line = reading->line;

    *from = ++reading->at;
    while (reading->at < reading->text.len &&
           at(reading, reading->at) != quote) {
        if (quote == '"' && at(reading, reading->at) == '\\')
            reading->at++;
        if (at(reading, reading->at) == '\n')
            reading->line++;
        reading->at++;
    }
    if (reading->at >= reading->text.len)
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, line,
                            "a quote is opened and never closed");
    *to = reading->at++;
    skip_blanks(reading);
    if (!is_end(reading, reading->at) && at(reading, reading->at) != '#')
        return tg_fault_set(reading->fault, TG_ERR_FORMAT, reading->line,
                            "something stands behind the closing quote");
    return 0;
}

/* A bare value ends with its line, or before a blank and a '#'. */
static void
skip_bare(struct reading *reading, size_t *from, size_t *to)
{
    size_t end = reading->at;

    *from = reading->at;
    for (; !is_end(reading, reading->at); reading->at++) {
        char c = at(reading, reading->at);
        bool is_blank = c == ' ' || c == '\t';

        if (c == '#' &&
            (reading->at == *from || at(reading, reading->at - 1) == ' ' ||
             at(reading, reading->at - 1) == '\t'))
            break;
        if (!is_blank)
            end = reading->at + 1;
    }
    *to = end;
}

/* Notes that this is the variable; text stands before and behind a value. */
static int
note(struct reading *reading, unsigned line, size_t from, size_t to,
     const char *before)
{
    if (reading->found_line != 0)
        return tg_fault_set(reading->fault, TG_ERR_DUPLICATE, line,
                            "%.128s stands twice, here and in line %u: take "
                            "one away",
                            reading->name, reading->found_line);
    reading->found_line = line;
    *reading->spot =
        (struct tg_spot){.from = from, .to = to, .is_there = *before == '\0'};
    snprintf(reading->spot->before, sizeof(reading->spot->before), "%s",
             before);
    return 0;
}

/* Behind the name and its '='. */
static int
read_value(struct reading *reading, bool is_ours)
{
    unsigned line = reading->line;
    size_t begin = reading->at, from = begin, to = begin;
    int err = 0;
    char quote;

    skip_blanks(reading);
    quote = at(reading, reading->at);
    if (quote == '"' || quote == '\'' || quote == '`')
        err = skip_quoted(reading, quote, &from, &to);
    else
        skip_bare(reading, &from, &to);
    /* An empty value stands right behind the '='. */
    if (from == to && quote != '"' && quote != '\'' && quote != '`')
        from = to = begin;
    if (err == 0 && is_ours)
        err = note(reading, line, from, to, "");
    skip_line(reading);
    return err;
}

static int
read_assignment(struct reading *reading)
{
    size_t start = reading->at, len, name_len = strlen(reading->name);
    bool is_ours;

    while (is_name_char(at(reading, reading->at)) ||
           at(reading, reading->at) == '.' || at(reading, reading->at) == '-')
        reading->at++;
    len = reading->at - start;
    if (len == 0)
        return bad_line(reading);
    is_ours = len == name_len &&
              memcmp(reading->text.data + start, reading->name, len) == 0;
    if (len == 6 && memcmp(reading->text.data + start, "export", 6) == 0 &&
        (at(reading, reading->at) == ' ' || at(reading, reading->at) == '\t')) {
        skip_blanks(reading);
        if (at(reading, reading->at) != '=')
            return read_assignment(reading);
    }
    size_t end = reading->at;

    skip_blanks(reading);
    if (at(reading, reading->at) == '=') {
        reading->at++;
        return read_value(reading, is_ours);
    }
    /* A name alone: whoever reads the file takes it from elsewhere. */
    if (!is_end(reading, reading->at) && at(reading, reading->at) != '#')
        return bad_line(reading);
    if (is_ours && note(reading, reading->line, end, end, "=") != 0)
        return TG_ERR_DUPLICATE;
    skip_line(reading);
    return 0;
}

static int
read_line(struct reading *reading)
{
    skip_blanks(reading);
    if (is_end(reading, reading->at) || at(reading, reading->at) == '#') {
        skip_line(reading);
        return 0;
    }
    return read_assignment(reading);
}

/* At the end, in a line of its own that ends as the others do. */
static void
append(struct reading *reading)
{
    const char *first = reading->text.len > 0 ? memchr(reading->text.data, '\n',
                                                       reading->text.len)
                                              : NULL;
    bool has_cr =
        first != NULL && first > reading->text.data && first[-1] == '\r';
    const char *end = has_cr ? "\r\n" : "\n";
    size_t len = reading->text.len;
    bool is_cut = len > 0 && reading->text.data[len - 1] != '\n';
    struct tg_spot *spot = reading->spot;

    *spot = (struct tg_spot){.from = len, .to = len};
    snprintf(spot->before, sizeof(spot->before), "%s%s=", is_cut ? end : "",
             reading->name);
    snprintf(spot->behind, sizeof(spot->behind), "%s", end);
}

int
tg_dotenv_find(struct tg_str text, const char *name, struct tg_spot *spot,
               struct tg_fault *fault)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct reading reading = {
        .text = text, .line = 1, .name = name, .spot = spot, .fault = fault};
    int err = 0;

    if (!tg_dotenv_is_name(name))
        return tg_fault_set(fault, TG_ERR_FORMAT, 0,
                            "\"%.128s\" is no name of a variable", name);
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return tg_fault_set(fault, TG_ERR_FORMAT, 0, "it is no text");
    if (text.len >= 3 && memcmp(text.data, bom, 3) == 0)
        reading.at = 3;
    while (err == 0 && reading.at < text.len)
        err = read_line(&reading);
    if (err == 0 && reading.found_line == 0)
        append(&reading);
    return err;
}
