#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "civil.h"
#include "clock.h"

#define LINE_SIZE 1200

static const char *const names[] = {
    [TG_LOG_INFO] = "info",
    [TG_LOG_WARNING] = "warning",
    [TG_LOG_ERROR] = "error",
};

void
tg_log(enum tg_log_level level, const char *fmt, ...)
{
    char line[LINE_SIZE], at[TG_CIVIL_TEXT_SIZE] = "";
    va_list ap;
    int n, m;

    tg_civil_format(tg_clock_ms(), at);
    n = snprintf(line, sizeof(line), "%s tollgated %s: ", at, names[level]);
    va_start(ap, fmt);
    m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
    va_end(ap);
    n = m < 0 ? n : n + m;
    if (n > LINE_SIZE - 2)
        n = LINE_SIZE - 2;
    for (int i = 0; i < n; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[n++] = '\n';
    /* There is nowhere to say that saying failed. */
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}
