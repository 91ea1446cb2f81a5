#include "cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "own.h"
#include "when.h"

#define NANO_DIGITS 9

const json_t *
tg_cell_find(const json_t *object, const char *member)
{
    const char *dot;
    char name[64];

    while ((dot = strchr(member, '.')) != NULL) {
        if ((size_t)(dot - member) >= sizeof(name))
            return NULL;
        memcpy(name, member, (size_t)(dot - member));
        name[dot - member] = '\0';
        object = json_object_get(object, name);
        member = dot + 1;
    }
    return json_object_get(object, member);
}

bool
tg_cell_is_right(enum tg_cell kind)
{
    return kind == TG_CELL_COUNT || kind == TG_CELL_AMOUNT ||
           kind == TG_CELL_COST || kind == TG_CELL_MS || kind == TG_CELL_SHARE;
}

static void put_value(FILE *out, const json_t *value, const char *between);

static void
put_list(FILE *out, const json_t *value, const char *between)
{
    const char *name, *before = "";
    json_t *item;
    size_t i;

    json_array_foreach(value, i, item)
    {
        fputs(before, out);
        put_value(out, item, between);
        before = between;
    }
    if (!json_is_object(value))
        return;
    json_object_foreach((json_t *)value, name, item)
    {
        fprintf(out, "%s%s=", before, name);
        put_value(out, item, between);
        before = between;
    }
}

static void
put_value(FILE *out, const json_t *value, const char *between)
{
    switch (value == NULL ? JSON_NULL : json_typeof(value)) {
    case JSON_STRING:
        fputs(json_string_value(value), out);
        break;
    case JSON_INTEGER:
        fprintf(out, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        fprintf(out, "%.15g", json_real_value(value));
        break;
    case JSON_TRUE:
        fputs("true", out);
        break;
    case JSON_FALSE:
        fputs("false", out);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        put_list(out, value, between);
        break;
    case JSON_NULL:
        break;
    }
}

static char *
plain(const json_t *value, const char *between)
{
    char *text = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&text, &size));

    put_value(out, value, between);
    if (fclose(out) != 0)
        tg_own(NULL);
    return text;
}

/* 0.5 and 12 become 0.500000000 and 12.000000000, so that points align. */
static char *
cost(const json_t *value)
{
    char *text = plain(value, ","), *dot = strchr(text, '.'), *padded = NULL;
    size_t digits = dot != NULL ? strlen(dot + 1) : 0;

    if (digits >= NANO_DIGITS)
        return text;
    if (asprintf(&padded, "%s%s%.*s", text, dot == NULL ? "." : "",
                 (int)(NANO_DIGITS - digits), "000000000") < 0)
        tg_own(NULL);
    free(text);
    return padded;
}

/* People need no milliseconds; --json and --csv have them. */
static char *
when(const struct tg_cli *cli, const json_t *value)
{
    char text[TG_WHEN_SIZE];
    int64_t at_ms;

    if (!json_is_string(value) ||
        !tg_instant_parse(json_string_value(value), &at_ms))
        return plain(value, ",");
    if (cli->is_terminal)
        tg_instant_relative(at_ms, cli->now_ms, text);
    else
        tg_instant_text(at_ms - at_ms % 1000, text);
    return tg_own(strdup(text));
}

static char *
milliseconds(const json_t *value)
{
    char *text = NULL, *number = plain(value, ",");

    if (asprintf(&text, "%s ms", number) < 0)
        tg_own(NULL);
    free(number);
    return text;
}

static char *
share(const json_t *value)
{
    char *text = NULL;

    if (asprintf(&text, "%.2f %%", json_number_value(value) * 100) < 0)
        tg_own(NULL);
    return text;
}

static bool
is_absent(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static char *
render(const struct tg_cli *cli, const struct tg_column *column,
       const json_t *value)
{
    if (is_absent(value))
        return tg_own(strdup(column->absent != NULL ? column->absent : "-"));
    switch (column->kind) {
    case TG_CELL_COST:
        return cost(value);
    case TG_CELL_WHEN:
        return when(cli, value);
    case TG_CELL_MS:
        return milliseconds(value);
    case TG_CELL_SHARE:
        return share(value);
    case TG_CELL_YES:
        return tg_own(strdup(json_is_true(value) ? "yes" : "no"));
    default:
        return plain(value, ", ");
    }
}

char *
tg_cell_text(const struct tg_cli *cli, const struct tg_column *column,
             const json_t *object)
{
    char *text, *safe;
    size_t fit;

    text = render(cli, column, tg_cell_find(object, column->member));
    safe = tg_glyph_safe(text);
    free(text);
    if (!cli->is_terminal || column->width_max == 0 ||
        tg_glyph_width(safe) <= column->width_max)
        return safe;
    fit = tg_glyph_fit(safe, column->width_max - 1);
    safe[fit] = '\0';
    if (asprintf(&text, "%s…", safe) < 0)
        tg_own(NULL);
    free(safe);
    return text;
}

/* Digits and a point, with a sign: no spreadsheet computes with it. */
static bool
is_number(const char *text)
{
    size_t len;

    text += *text == '-';
    len = strspn(text, "0123456789.");
    return len > 0 && text[len] == '\0';
}

char *
tg_cell_raw(const struct tg_column *column, const json_t *object)
{
    char *text = plain(tg_cell_find(object, column->member), ", ");
    char *quoted = NULL;

    if (*text == '\0' || strchr("=+-@\t\r", *text) == NULL ||
        (tg_cell_is_right(column->kind) && is_number(text)))
        return text;
    if (asprintf(&quoted, "'%s", text) < 0)
        tg_own(NULL);
    free(text);
    return quoted;
}
