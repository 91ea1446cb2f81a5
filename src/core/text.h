/*
 * text.h: building text in a buffer somebody else owns.
 *
 * The first piece that does not fit is left out, with all that follows it, and
 * that is remembered, so that one check at the end is enough.
 */
#ifndef TG_TEXT_H
#define TG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

struct tg_text {
    char *data;
    size_t len;
    size_t cap;
    bool is_cut; /* something did not fit */
};

static inline struct tg_text
tg_text_in(char *data, size_t cap)
{
    return (struct tg_text){.data = data, .cap = cap};
}

void tg_text_put(struct tg_text *text, struct tg_str s);

/* A zero-terminated string. */
void tg_text_puts(struct tg_text *text, const char *s);

void tg_text_int(struct tg_text *text, int64_t n);

/* The inside of a JSON string; bytes that are not UTF-8 become U+FFFD. */
void tg_text_json(struct tg_text *text, struct tg_str s);

/* A whole JSON string, quotes included. */
void tg_text_json_string(struct tg_text *text, struct tg_str s);

/* An amount as a JSON string, "0.000123456". */
void tg_text_money(struct tg_text *text, int64_t nanos);

/* An instant as a JSON string in UTC; null for 0. */
void tg_text_instant(struct tg_text *text, int64_t instant_ms);

#define TG_TEXT_IP_SIZE 40

/* An address as people write it, IPv4 for ::ffff:a.b.c.d, into out. */
void tg_text_ip(char *out, const uint8_t ip[16]);

#endif
