#include "table.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "own.h"

#define GAP "  "

static size_t
count_columns(const struct tg_column *columns)
{
    size_t count = 0;

    while (columns[count].title != NULL)
        count++;
    return count;
}

void
tg_table_init(struct tg_table *table, const struct tg_cli *cli,
              const struct tg_column *columns)
{
    size_t i;

    *table = (struct tg_table){.cli = cli, .columns = columns};
    table->count = count_columns(columns);
    assert(table->count <= TG_TABLE_COLUMNS);
    for (i = 0; i < table->count; i++)
        table->widths[i] = tg_glyph_width(columns[i].title);
}

static const char *
color_of(const struct tg_column *column, const char *text)
{
    if (column->kind != TG_CELL_STATUS)
        return NULL;
    if (strcmp(text, "active") == 0 || strcmp(text, "healthy") == 0 ||
        *text == '2')
        return "\033[32m";
    if (strcmp(text, "inactive") == 0 || strcmp(text, "warning") == 0 ||
        *text == '4')
        return "\033[33m";
    return "\033[31m";
}

static void
put_cell(const struct tg_table *table, size_t i, const char *text,
         const char *color)
{
    size_t width = tg_glyph_width(text);
    int pad = (int)(table->widths[i] - width);
    bool is_right = tg_cell_is_right(table->columns[i].kind);
    bool is_last = i + 1 == table->count;

    if (!table->cli->has_color)
        color = NULL;
    if (is_right)
        printf("%*s", pad, "");
    printf("%s%s%s", color != NULL ? color : "", text,
           color != NULL ? "\033[0m" : "");
    if (!is_right && !is_last)
        printf("%*s", pad, "");
    fputs(is_last ? "\n" : GAP, stdout);
}

static void
put_head(struct tg_table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++)
        put_cell(table, i, table->columns[i].title, "\033[1m");
    table->has_head = true;
}

static char **
render(struct tg_table *table, const json_t *rows)
{
    size_t n = json_array_size(rows), row, i, width;
    char **cells = tg_own(calloc(n * table->count + 1, sizeof(*cells)));
    char **at = cells;

    for (row = 0; row < n; row++) {
        for (i = 0; i < table->count; i++) {
            *at = tg_cell_text(table->cli, &table->columns[i],
                               json_array_get(rows, row));
            width = tg_glyph_width(*at++);
            if (width > table->widths[i])
                table->widths[i] = width;
        }
    }
    return cells;
}

void
tg_table_rows(struct tg_table *table, const json_t *rows)
{
    char **cells = render(table, rows), **at;
    size_t i = 0;

    if (!table->has_head)
        put_head(table);
    for (at = cells; *at != NULL; at++) {
        put_cell(table, i, *at, color_of(&table->columns[i], *at));
        i = (i + 1) % table->count;
        free(*at);
    }
    free(cells);
}

void
tg_table_page(const struct tg_cli *cli, const struct tg_column *columns,
              const json_t *object)
{
    size_t width = 0, i, len;
    const char *color;
    char *text;

    for (i = 0; columns[i].title != NULL; i++) {
        len = tg_glyph_width(columns[i].title);
        width = len > width ? len : width;
    }
    for (i = 0; columns[i].title != NULL; i++) {
        text = tg_cell_text(cli, &columns[i], object);
        color = cli->has_color ? color_of(&columns[i], text) : NULL;
        printf("%s%*s%s%s%s%s\n", columns[i].title,
               (int)(width - tg_glyph_width(columns[i].title)), "", GAP,
               color != NULL ? color : "", text,
               color != NULL ? "\033[0m" : "");
        free(text);
    }
}

void
tg_table_csv_head(const struct tg_column *columns)
{
    const char *at;
    size_t i;

    for (i = 0; columns[i].title != NULL; i++) {
        if (i > 0)
            putchar(',');
        for (at = columns[i].member; *at != '\0'; at++)
            putchar(*at == '.' ? '_' : *at);
    }
    putchar('\n');
}

static void
put_csv(const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

void
tg_table_csv_rows(const struct tg_cli *cli, const struct tg_column *columns,
                  const json_t *rows)
{
    char *text, *safe;
    json_t *row;
    size_t n, i;

    json_array_foreach(rows, n, row)
    {
        for (i = 0; columns[i].title != NULL; i++) {
            text = tg_cell_raw(&columns[i], row);
            safe = cli->is_terminal ? tg_glyph_safe(text) : NULL;
            if (i > 0)
                putchar(',');
            put_csv(safe != NULL ? safe : text);
            free(safe);
            free(text);
        }
        putchar('\n');
    }
}

/* jansson escapes what is below a space; a terminal obeys more than that. */
void
tg_table_json(const json_t *object)
{
    char *text =
        tg_own(json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)));
    const unsigned char *at = (const unsigned char *)text;

    for (; *at != '\0'; at++) {
        if (*at == 0x7f)
            fputs("\\u007f", stdout);
        else if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
            printf("\\u%04x", *++at);
        else
            putchar(*at);
    }
    putchar('\n');
    explicit_bzero(text, strlen(text));
    free(text);
}
