#include "say.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "glyph.h"
#include "own.h"

#define SECRET_MIN 16 /* shorter words are names, not secrets */

static size_t
word_len(const char *at)
{
    size_t len = 0;

    while (isalnum((unsigned char)at[len]) || at[len] == '-' || at[len] == '_')
        len++;
    return len;
}

/* What was typed may be a key in the wrong place: it is not repeated. */
static void
mask(char *text)
{
    size_t len;

    for (; *text != '\0'; text += len == 0 ? 1 : len) {
        len = word_len(text);
        if (len >= SECRET_MIN && tg_glyph_is_secret(text))
            memset(text + 4, '*', len - 4);
    }
}

__attribute__((format(printf, 2, 0))) static void
say(const char *before, const char *format, va_list ap)
{
    char *raw = NULL, *safe;

    if (vasprintf(&raw, format, ap) < 0)
        raw = NULL;
    tg_own(raw);
    mask(raw);
    safe = tg_glyph_safe(raw);
    fflush(stdout);
    fprintf(stderr, "%s%s", before, safe);
    free(raw);
    free(safe);
}

int
tg_say_failed(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say("tollgate: ", format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return TG_EXIT_FAILED;
}

int
tg_say_unreachable(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say("tollgate: ", format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return TG_EXIT_UNREACHABLE;
}

void
tg_say_error(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say("", format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int
tg_say_usage(const struct tg_cli *cli, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    say("tollgate: ", format, ap);
    va_end(ap);
    fputs("\nTry: tollgate help", stderr);
    if (cli->noun != NULL)
        fprintf(stderr, " %s", cli->noun);
    if (cli->command != NULL && cli->command->verb != NULL)
        fprintf(stderr, " %s", cli->command->verb);
    fputc('\n', stderr);
    return TG_EXIT_USAGE;
}

void
tg_say_note(const struct tg_cli *cli, const char *format, ...)
{
    va_list ap;

    if (cli->is_quiet)
        return;
    va_start(ap, format);
    say("", format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static bool
read_yes(void)
{
    char line[16] = "";

    if (fgets(line, sizeof(line), stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

int
tg_say_confirm(const struct tg_cli *cli, const char *format, ...)
{
    va_list ap;

    if (cli->is_yes)
        return TG_EXIT_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return tg_say_failed("this cannot be taken back, and there is no "
                             "terminal to ask on: add --yes to do it");
    va_start(ap, format);
    say("", format, ap);
    va_end(ap);
    fputs(" [y/N] ", stderr);
    fflush(stderr);
    if (read_yes())
        return TG_EXIT_OK;
    return tg_say_failed("nothing was changed");
}
