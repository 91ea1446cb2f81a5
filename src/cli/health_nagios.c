#include "health_nagios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "nouns.h"

/* '|' ends the words, and ' ends a name. */
static void
put(const char *text)
{
    char *safe = tg_glyph_safe(text);

    for (char *c = safe; *c != '\0'; c++)
        putchar(*c == '|' || *c == '\'' ? ' ' : *c);
    free(safe);
}

static void
put_number(const json_t *value)
{
    if (json_is_integer(value))
        printf("%lld", (long long)json_integer_value(value));
    else
        put(json_string_value(value) != NULL ? json_string_value(value) : "U");
}

/* 'limit requests_per_minute'=80;;;0;100 */
static void
put_figure(const json_t *check, const char *part, const char *whole,
           const char **before)
{
    const json_t *value = json_object_get(check, part);

    if (value == NULL)
        return;
    printf("%s'", *before);
    *before = " ";
    put(tg_noun_text(check, "name"));
    printf("'=");
    put_number(value);
    if (whole != NULL) {
        printf(";;;0;");
        put_number(json_object_get(check, whole));
    }
}

static void
put_figures(const json_t *checks)
{
    const char *before = " | ";
    const json_t *check;
    size_t i;

    json_array_foreach(checks, i, check)
    {
        put_figure(check, "used", "size", &before);
        put_figure(check, "errors", "requests", &before);
        put_figure(check, "open", "credentials", &before);
        put_figure(check, "free_bytes", NULL, &before);
        put_figure(check, "lag_bytes", NULL, &before);
        put_figure(check, "balance", NULL, &before);
    }
}

static bool
is_well(const json_t *check)
{
    return strcmp(tg_noun_text(check, "status"), "healthy") == 0;
}

int
tg_nagios_print(const json_t *report, int worst)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL"};
    const json_t *checks = json_object_get(report, "checks"), *check;
    const json_t *first = NULL;
    size_t i, bad = 0;

    json_array_foreach(checks, i, check)
    {
        bad += !is_well(check);
        /* The first of those that are as bad as it gets. */
        if (!is_well(check) && first == NULL &&
            strcmp(tg_noun_text(check, "status"),
                   tg_noun_text(report, "status")) == 0)
            first = check;
    }
    printf("TOLLGATE %s - %zu of %zu checks %s not well", words[worst], bad,
           json_array_size(checks), bad == 1 ? "is" : "are");
    if (first != NULL) {
        printf(": ");
        put(tg_noun_text(first, "name"));
        printf(": ");
        put(tg_noun_text(first, "message"));
    }
    put_figures(checks);
    putchar('\n');
    json_array_foreach(checks, i, check)
    {
        if (is_well(check))
            continue;
        put(tg_noun_text(check, "status"));
        printf(": ");
        put(tg_noun_text(check, "name"));
        printf(": ");
        put(tg_noun_text(check, "message"));
        putchar('\n');
    }
    return worst;
}

int
tg_nagios_unknown(void)
{
    puts("TOLLGATE UNKNOWN - it could not be asked; standard error says why");
    return 3;
}
