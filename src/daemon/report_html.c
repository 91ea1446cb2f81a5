#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_show.h"

/*
 * A sheet as one page.  Mail clients take neither scripts nor style sheets
 * of their own, so each element has its style, and bars are cells of tables.
 */

#define FONT                                                                   \
    "font:14px/1.45 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',"         \
    "'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif"
#define CELL "padding:4px 10px 4px 0;border-bottom:1px solid #e4e7eb;"
#define FIGURE "text-align:right;white-space:nowrap;"
#define BAR_PIXELS 120

static void
put_text(FILE *out, const char *text)
{
    while (*text == ' ') {
        fputs("&nbsp;", out);
        text++;
    }
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void
put_head(FILE *out, const json_t *section)
{
    size_t i;
    json_t *one;

    fputs("<tr>", out);
    json_array_foreach(json_object_get(section, "columns"), i, one)
    {
        bool is_right = json_is_true(json_object_get(one, "right"));

        fprintf(out,
                "<th scope=\"col\" style=\"" CELL
                "text-align:%s;color:#52606d;font-weight:600\">",
                is_right ? "right" : "left");
        put_text(out, json_string_value(json_object_get(one, "title")));
        fputs("</th>", out);
    }
    if (json_object_get(section, "bars") != NULL)
        fputs("<th style=\"" CELL "\"></th>", out);
    fputs("</tr>\n", out);
}

static void
put_bar(FILE *out, int64_t part)
{
    fprintf(out,
            "<td style=\"" CELL "width:%dpx\"><div style=\"height:10px;"
            "width:%dpx;background:#2f7ed8\"></div></td>",
            BAR_PIXELS, (int)(part * BAR_PIXELS / 1000));
}

static void
put_rows(FILE *out, const json_t *section)
{
    json_t *columns = json_object_get(section, "columns"), *row;
    json_t *bars = json_object_get(section, "bars");
    size_t i;

    json_array_foreach(json_object_get(section, "rows"), i, row)
    {
        fputs("<tr>", out);
        for (size_t j = 0; j < json_array_size(columns); j++) {
            const char *text = json_string_value(json_array_get(row, j));
            bool is_right = json_is_true(
                json_object_get(json_array_get(columns, j), "right"));

            fprintf(out, "<td style=\"" CELL "%s\">", is_right ? FIGURE : "");
            put_text(out, text != NULL ? text : "");
            fputs("</td>", out);
        }
        if (bars != NULL)
            put_bar(out, json_integer_value(json_array_get(bars, i)));
        fputs("</tr>\n", out);
    }
}

static void
put_lines(FILE *out, const json_t *object)
{
    size_t i;
    json_t *line;

    json_array_foreach(json_object_get(object, "lines"), i, line)
    {
        fputs("<p style=\"margin:2px 0;color:#52606d\">", out);
        put_text(out, json_string_value(line));
        fputs("</p>\n", out);
    }
}

static void
put_section(FILE *out, const json_t *section)
{
    fputs("<h2 style=\"font-size:17px;margin:28px 0 6px\">", out);
    put_text(out, json_string_value(json_object_get(section, "heading")));
    fputs("</h2>\n<table style=\"border-collapse:collapse;width:100%\">\n",
          out);
    put_head(out, section);
    put_rows(out, section);
    fputs("</table>\n", out);
    put_lines(out, section);
}

static void
put_title(FILE *out, const json_t *sheet)
{
    put_text(out, json_string_value(json_object_get(sheet, "title")));
}

char *
tg_report_html(const json_t *sheet, const char *picture, bool is_chinese)
{
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream(&text, &size);
    json_t *section;

    if (out == NULL)
        return NULL;
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n"
            "<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
            is_chinese ? "zh-CN" : "en");
    put_title(out, sheet);
    fputs("</title>\n</head>\n<body style=\"margin:0;background:#fff;"
          "color:#1f2933;" FONT "\">\n"
          "<div style=\"max-width:760px;margin:0 auto;padding:24px\">\n"
          "<h1 style=\"font-size:22px;margin:0 0 8px\">",
          out);
    put_title(out, sheet);
    fputs("</h1>\n", out);
    put_lines(out, sheet);
    if (picture != NULL)
        fprintf(out,
                "<p style=\"margin:16px 0\"><img alt=\"\" width=\"760\" "
                "style=\"max-width:100%%;height:auto\" src=\"%s\"></p>\n",
                picture);
    json_array_foreach(json_object_get(sheet, "sections"), i, section)
        put_section(out, section);
    fputs("</div>\n</body>\n</html>\n", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
