#include "error.h"

#include <stdarg.h>
#include <stdio.h>

int
tg_error_set(struct tg_error *error, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error->text, sizeof(error->text), fmt, ap);
    va_end(ap);
    return code;
}
