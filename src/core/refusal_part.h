/*
 * refusal_part.h: the envelope, for the files that fill it: refusal.c and
 * refusal_upstream.c.
 */
#ifndef TG_REFUSAL_PART_H
#define TG_REFUSAL_PART_H

#include "refusal.h"

/* {"error":{"message":" */
void tg_refusal_begin(struct tg_text *out);

/* The rest behind the message; param is NULL for none. */
void tg_refusal_end(struct tg_text *out, enum tg_code code, const char *param);

/* Text of our own into the message. */
void tg_refusal_say(struct tg_text *out, const char *sentence);

#endif
