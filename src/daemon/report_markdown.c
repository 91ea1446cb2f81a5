#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_show.h"

/* A sheet as Markdown with tables (GitHub's). */

/* What people named is text: no link, no mention, no markup, no cell's end. */
static void
put_text(FILE *out, const char *text)
{
    while (*text == ' ') {
        fputs("&nbsp;", out);
        text++;
    }
    for (; *text != '\0'; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '@')
            fputs("&#64;", out);
        else if (*text == ':' && text[1] == '/')
            fputs("&#58;", out);
        else if (strchr("\\`*_{}[]()#+!|~$", *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void
put_row(FILE *out, const json_t *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(row, i));

        fputs("| ", out);
        put_text(out, text != NULL ? text : "");
        fputc(' ', out);
    }
    fputs("|\n", out);
}

static void
put_table(FILE *out, const json_t *section)
{
    json_t *columns = json_object_get(section, "columns"), *one;
    size_t i;

    json_array_foreach(columns, i, one)
    {
        fputs("| ", out);
        put_text(out, json_string_value(json_object_get(one, "title")));
        fputc(' ', out);
    }
    fputs("|\n", out);
    json_array_foreach(columns, i, one) fputs(
        json_is_true(json_object_get(one, "right")) ? "|---:" : "|---", out);
    fputs("|\n", out);
    json_array_foreach(json_object_get(section, "rows"), i, one)
        put_row(out, one, json_array_size(columns));
}

static void
put_lines(FILE *out, const json_t *object)
{
    size_t i;
    json_t *line;

    json_array_foreach(json_object_get(object, "lines"), i, line)
    {
        fputc('\n', out);
        put_text(out, json_string_value(line));
        fputc('\n', out);
    }
}

char *
tg_report_markdown(const json_t *sheet)
{
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream(&text, &size);
    json_t *section;

    if (out == NULL)
        return NULL;
    fputs("# ", out);
    put_text(out, json_string_value(json_object_get(sheet, "title")));
    fputc('\n', out);
    put_lines(out, sheet);
    json_array_foreach(json_object_get(sheet, "sections"), i, section)
    {
        fputs("\n## ", out);
        put_text(out, json_string_value(json_object_get(section, "heading")));
        fputs("\n\n", out);
        put_table(out, section);
        put_lines(out, section);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
