#include "doctor_file.h"

#include <stdio.h>
#include <strings.h>

#include "dotenv.h"

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct tg_str
from(struct tg_str text, size_t at)
{
    return (struct tg_str){text.data + at, text.len - at};
}

static struct tg_str
trim(struct tg_str text)
{
    while (text.len > 0 && is_blank(text.data[0]))
        text = from(text, 1);
    while (text.len > 0 && is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

static bool
take(struct tg_str *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || strncasecmp(text->data, word, len) != 0)
        return false;
    *text = trim(from(*text, len));
    return true;
}

/* What stands before a name in other languages than that of .env files. */
static bool
take_foreign(struct tg_str *text)
{
    static const char *const words[] = {
        "set ", "setx ", "setenv ", "$env:", "declare -x ", "let ", "const "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (take(text, words[i]))
            return true;
    }
    return false;
}

/* Whether text begins with the name, in any case, and ends there. */
static bool
take_name(struct tg_str *text, const char *name, bool *is_exact)
{
    size_t len = strlen(name);
    char next;

    if (text->len <= len || strncasecmp(text->data, name, len) != 0)
        return false;
    next = text->data[len];
    if (next != '=' && next != ':' && !is_blank(next))
        return false;
    *is_exact = memcmp(text->data, name, len) == 0;
    *text = from(*text, len);
    return true;
}

/* The value, by the parser that also writes such files. */
static void
read_value(struct tg_doctor_file *file, struct tg_str line, const char *name)
{
    struct tg_spot spot;
    struct tg_fault fault;
    struct tg_str behind;

    file->is_broken = tg_dotenv_find(line, name, &spot, &fault) != 0;
    if (file->is_broken)
        return;
    file->value = (struct tg_str){line.data + spot.from, spot.to - spot.from};
    file->has_quotes = spot.from > 0 && spot.to < line.len &&
                       memchr("\"'`", line.data[spot.from - 1], 3) != NULL;
    behind = from(line, spot.to + (file->has_quotes ? 1 : 0));
    file->has_comment =
        behind.len > 0 && memchr(behind.data, '#', behind.len) != NULL;
}

static void
note(struct tg_doctor_file *file, struct tg_str line, struct tg_str rest,
     const char *name, unsigned number)
{
    const char *equals = memchr(rest.data, '=', rest.len);
    size_t at = (size_t)(equals - rest.data);

    file->line = number;
    file->count++;
    file->raw = from(rest, at + 1);
    file->has_spaces =
        at > 0 || (file->raw.len > 0 && is_blank(file->raw.data[0]));
    file->has_cr = line.len > 0 && line.data[line.len - 1] == '\r';
    if (file->has_cr)
        line.len--;
    read_value(file, line, name);
}

static void
read_line(struct tg_doctor_file *file, struct tg_str line, const char *name,
          unsigned number)
{
    struct tg_str rest = trim(line);
    bool is_comment = false, is_foreign, is_exact, has_export;

    for (; rest.len > 0 && rest.data[0] == '#'; is_comment = true)
        rest = trim(from(rest, 1));
    has_export = take(&rest, "export ");
    is_foreign = take_foreign(&rest);
    if (!take_name(&rest, name, &is_exact))
        return;
    if (is_comment) {
        if (trim(rest).data[0] == '=')
            file->commented = number;
    } else if (is_foreign || trim(rest).data[0] == ':') {
        file->foreign = number;
    } else if (trim(rest).data[0] != '=') {
        return;
    } else if (!is_exact) {
        file->other_case = number;
    } else {
        file->has_export = has_export;
        note(file, line, rest, name, number);
    }
}

void
tg_doctor_file_read(struct tg_str text, const char *name,
                    struct tg_doctor_file *file)
{
    static const char bom[] = "\xef\xbb\xbf";
    bool has_bom = text.len >= 3 && memcmp(text.data, bom, 3) == 0;

    *file = (struct tg_doctor_file){0};
    if (has_bom)
        text = from(text, 3);
    for (unsigned number = 1; text.len > 0; number++) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

        read_line(file, (struct tg_str){text.data, len}, name, number);
        text = from(text, end != NULL ? len + 1 : len);
    }
    file->has_bom = has_bom && file->line == 1;
}

bool
tg_doctor_file_gives(const struct tg_doctor_file *file)
{
    return file->line > 0 && !file->has_bom && !file->is_broken;
}

/* Of a variable that the file does not set. */
static enum tg_doctor_finding
judge_absent(const struct tg_doctor_file *file, bool is_set, unsigned *line)
{
    if (is_set)
        return tg_found_file_silent;
    *line = file->commented;
    if (*line > 0)
        return tg_found_file_commented;
    *line = file->foreign;
    if (*line > 0)
        return tg_found_file_syntax;
    *line = file->other_case;
    return *line > 0 ? tg_found_file_case : tg_found_file_silent;
}

/*
 * What the line suffers from, though nobody knows who reads it.  Returns
 * whether there is something.
 */
static bool
warn(struct tg_doctor_report *report, const struct tg_doctor_file *file,
     const char *const args[3])
{
    const struct {
        bool is_so;
        enum tg_doctor_finding finding;
    } rows[] = {
        {file->has_spaces, tg_found_file_spaces},
        {file->has_cr, tg_found_file_crlf},
        {file->has_export, tg_found_file_export},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].is_so)
            tg_report_add(report, rows[i].finding, args[0], args[1], args[2]);
    }
    return file->has_spaces || file->has_cr || file->has_export;
}

/* Of a variable that the file sets and the environment does not. */
static enum tg_doctor_finding
judge_alone(const struct tg_doctor_file *file)
{
    if (file->has_bom)
        return tg_found_file_bom;
    return file->is_broken ? tg_found_file_quote_open : tg_found_file_used;
}

/*
 * Of one that both set: the environment's may be the line as somebody reads
 * it who knows neither quotes nor comments nor CR LF.
 */
static enum tg_doctor_finding
judge_beside(const struct tg_doctor_file *file, struct tg_str environment)
{
    struct tg_str raw = trim(file->raw), bare = raw;

    if (tg_str_eq(environment, file->value) && !file->is_broken)
        return tg_found_file_agrees;
    if (file->has_cr)
        bare = trim((struct tg_str){raw.data, raw.len - 1});
    if (file->has_cr &&
        (tg_str_eq(environment, raw) ||
         (environment.len == file->value.len + 1 &&
          memcmp(environment.data, file->value.data, file->value.len) == 0 &&
          environment.data[file->value.len] == '\r')))
        return tg_found_file_crlf_kept;
    if (tg_str_eq(environment, bare) && file->has_quotes)
        return tg_found_file_quotes_kept;
    if (tg_str_eq(environment, bare) && file->has_comment)
        return tg_found_file_comment_kept;
    return tg_found_file_differs;
}

void
tg_doctor_file_judge(struct tg_doctor_report *report,
                     const struct tg_doctor_file *file, const char *name,
                     const char *path, const char *environment)
{
    unsigned line = file->line;
    enum tg_doctor_finding finding;
    char number[12];
    const char *args[3] = {name, path, number};

    if (line == 0)
        finding = judge_absent(file, environment != NULL, &line);
    else if (environment == NULL)
        finding = judge_alone(file);
    else
        finding = judge_beside(
            file, (struct tg_str){environment, strlen(environment)});
    snprintf(number, sizeof(number), "%u", line);
    if (finding != tg_found_file_used || !warn(report, file, args))
        tg_report_add(report, finding, name, path, number);
    if (file->count > 1)
        tg_report_add(report, tg_found_file_twice, name, path, number);
}
