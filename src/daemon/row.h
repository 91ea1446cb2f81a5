/*
 * row.h: rows of an export, as CSV or as JSON lines.
 *
 * Whoever writes a row names its members in one order; what is made of them
 * follows from the form.  CSV is RFC 4180 but for its line ends, '\n'; a text
 * that a spreadsheet would take for a formula has ' in front.  All of it is
 * UTF-8: of a text that is not, the bytes that are not ASCII become '?'.
 */
#ifndef TG_ROW_H
#define TG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tg_row_form {
    TG_ROW_CSV = 0,
    TG_ROW_JSON, /* an object a line */
    TG_ROW_HEAD, /* the names alone, as CSV's first line */
};

/* The rows so far.  Zeros but for its form to begin with. */
struct tg_rows {
    enum tg_row_form form;
    char *data; /* owned; freed by tg_rows_release */
    size_t len, room;
    bool is_first;   /* no member of the row is there yet */
    bool has_failed; /* no memory: what is there is not to be used */
    int64_t day;     /* whose text is in date, plus 1; 0: of none */
    char date[12];
};

void tg_row_begin(struct tg_rows *rows);
void tg_row_end(struct tg_rows *rows);

/* A member of JSON alone: what kind of object it is. */
void tg_row_object(struct tg_rows *rows, const char *kind);

/* NULL and "" are null, or an empty cell. */
void tg_row_text(struct tg_rows *rows, const char *name, const char *text);

/* The same for one that we made: an id, a name of ours, an address. */
void tg_row_plain(struct tg_rows *rows, const char *name, const char *text);

/* prefix, and bytes in hexadecimal digits. */
void tg_row_hex(struct tg_rows *rows, const char *name, const char *prefix,
                const uint8_t *bytes, size_t len);

void tg_row_int(struct tg_rows *rows, const char *name, int64_t value);
void tg_row_null(struct tg_rows *rows, const char *name);
void tg_row_bool(struct tg_rows *rows, const char *name, bool value);
void tg_row_money(struct tg_rows *rows, const char *name, int64_t nanos);

/* 0 is null. */
void tg_row_instant(struct tg_rows *rows, const char *name, int64_t at_ms);

/* JSON text: as it is, or as a cell. */
void tg_row_json(struct tg_rows *rows, const char *name, const char *json);

/* Takes NULL's data. */
void tg_rows_release(struct tg_rows *rows);

#endif
