/*
 * report_show.h: a report in the forms that people read.  Pure.
 *
 * What is in it is one thing, a sheet; text, Markdown and HTML only differ in
 * how they write it.  A sheet is
 *   {"title", "lines": [], "sections": [{"heading",
 *    "columns": [{"title", "right"}], "rows": [[texts]],
 *    "bars": [parts of 1000, one a row] or absent, "lines": []}]}
 * Its texts hold no control characters, and nothing that turns text around;
 * what else people named is escaped by who writes it.
 */
#ifndef TG_REPORT_SHOW_H
#define TG_REPORT_SHOW_H

#include <jansson.h>
#include <stdbool.h>

enum tg_report_form {
    TG_REPORT_JSON = 0,
    TG_REPORT_TEXT,
    TG_REPORT_MARKDOWN,
    TG_REPORT_HTML,
    TG_REPORT_PNG,
    TG_REPORT_FORMS
};

extern const char tg_report_forms[]; /* their names, with blanks between */
const char *tg_report_form_name(enum tg_report_form form);
bool tg_report_form_of(const char *name, enum tg_report_form *form);

/* Of HTTP and of mail: "text/html; charset=utf-8". */
const char *tg_report_form_type(enum tg_report_form form);

/* The sheet of a report, in Chinese or in English; the caller's. */
json_t *tg_report_sheet(const json_t *report, bool is_chinese);

/*
 * Writes a sheet; each is NUL-terminated and the caller's, NULL without
 * memory.  Text has lines of 80 columns at most.  HTML is one page that loads
 * nothing and runs nothing; picture (NULL: none) is what its image's source
 * shall be, a data: or cid: URI.
 */
char *tg_report_text(const json_t *sheet);
char *tg_report_markdown(const json_t *sheet);
char *tg_report_html(const json_t *sheet, const char *picture, bool is_chinese);

/* Some lines for a chat, in at most size - 1 bytes of out. */
void tg_report_digest(const json_t *report, bool is_chinese, char *out,
                      size_t size);

#endif
