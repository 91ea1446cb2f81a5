/*
 * refusal_part.h: the envelope, for the files that fill it: refusal.c and
 * refusal_upstream.c.  It is in refusal_form.c.
 */
#ifndef TG_REFUSAL_PART_H
#define TG_REFUSAL_PART_H

#include "refusal.h"

/* What stands before the message. */
void tg_refusal_begin(struct tg_text *out, const struct tg_refusal_form *form);

/*
 * The rest behind the message.  status is the one that the client sees; param
 * is NULL for none.
 */
void tg_refusal_end(struct tg_text *out, const struct tg_refusal_form *form,
                    enum tg_code code, uint16_t status, const char *param);

/* Text of our own into the message. */
void tg_refusal_say(struct tg_text *out, const char *sentence);

/*
 * What is said otherwise where the route stands for a model: no price, no
 * such endpoint, batches that may not be made.  Returns false for all else.
 */
bool tg_refusal_say_service(struct tg_text *out,
                            const struct tg_admission *admission);

/* TG_REASON_SIZE, TG_REASON_WRONG_UNIT: what has no price. */
void tg_refusal_say_measure(struct tg_text *out,
                            const struct tg_admission *admission);

#endif
