/*
 * tap.h: just enough of the Test Anything Protocol for our unit tests.
 *
 * ok(cond, fmt, ...) prints one result line; is_int, is_str and is_mem say
 * what they got when it is not what they want; done() prints the plan and
 * gives the exit status of main.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

/* A name is one line, and has nothing that XML knows no way to write. */
__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool cond, const char *fmt, ...)
{
    char name[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    for (char *p = name; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    printf("%sok %d - %s\n", cond ? "" : "not ", ++tap_count, name);
    fflush(stdout);
    if (!cond)
        tap_failed++;
    return cond;
}

#define is_int(got, want, ...)                                               \
    do {                                                                     \
        long long got_ = (long long)(got), want_ = (long long)(want);        \
        if (!ok(got_ == want_, __VA_ARGS__))                                 \
            printf("# %s:%d got %lld, want %lld\n", __FILE__, __LINE__,      \
                   got_, want_);                                             \
    } while (0)

#define is_str(got, want, ...)                                               \
    do {                                                                     \
        const char *got_ = (got), *want_ = (want);                           \
        if (!ok(got_ && strcmp(got_, want_) == 0, __VA_ARGS__))              \
            printf("# %s:%d\n#  got: %s\n# want: %s\n", __FILE__, __LINE__,  \
                   got_ ? got_ : "(null)", want_);                           \
    } while (0)

__attribute__((unused)) static int
done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#endif
