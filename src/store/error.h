/*
 * error.h: one sentence for people, written where the cause is known.
 */
#ifndef TG_ERROR_H
#define TG_ERROR_H

/* No final stop, no secret, one line. */
struct tg_error {
    char text[512];
};

/* Writes the sentence, cut if too long, and returns code. */
__attribute__((format(printf, 3, 4))) int
tg_error_set(struct tg_error *error, int code, const char *fmt, ...);

#endif
