/*
 * report_sheet_part.h: a sheet that is being made; for report_sheet*.c alone.
 */
#ifndef TG_REPORT_SHEET_PART_H
#define TG_REPORT_SHEET_PART_H

#include <stdint.h>

#include "report_show.h"
#include "zone.h"

#define TG_SHEET_TEXT_SIZE 512
#define TG_SHEET_BAR 1000 /* a whole one */

struct tg_sheet {
    const json_t *report;
    bool is_chinese;
    struct tg_zone zone;
    json_t *sections;
    const char *none; /* "n/a" */
};

const char *tg_sheet_say(const struct tg_sheet *sheet, const char *english,
                         const char *chinese);

/* Prints into an array, as one of two formats says. */
#define TG_SHEET_PRINT(sheet, out, english, chinese, ...)                      \
    ((sheet)->is_chinese ? snprintf(out, sizeof(out), chinese, __VA_ARGS__)    \
                         : snprintf(out, sizeof(out), english, __VA_ARGS__))

/* Members by dotted paths: NULL, "" or 0 where there is none. */
const json_t *tg_sheet_find(const json_t *object, const char *path);
const char *tg_sheet_text(const json_t *object, const char *path);
int64_t tg_sheet_count(const json_t *object, const char *path);

/*
 * A new section, owned by the sheet.  columns: titles with '|' between; a '>'
 * in front puts one to the right.
 */
json_t *tg_sheet_section(struct tg_sheet *sheet, const char *heading,
                         const char *columns);

/* Adds cells; NULL where there are no more. */
void tg_sheet_row(json_t *section, const char *a, const char *b, const char *c,
                  const char *d, const char *e);

/* Adds a line to a section or a sheet, and a bar to a section's row. */
void tg_sheet_line(json_t *object, const char *text);
void tg_sheet_bar(json_t *section, int64_t part, int64_t whole);

/* All sections about calls. */
void tg_sheet_calls(struct tg_sheet *sheet);

#endif
