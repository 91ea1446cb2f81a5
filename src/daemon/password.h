/*
 * password.h: operators' passwords, as argon2id's texts.
 *
 * One look at a password takes 64 MiB and a tenth of a second, so two are
 * looked at at once: who asks holds a place meanwhile.  Any thread.
 */
#ifndef TG_PASSWORD_H
#define TG_PASSWORD_H

#include <stdbool.h>

#include "str.h"

#define TG_PASSWORD_LEAST 12 /* characters */
#define TG_PASSWORD_MOST 256 /* characters */
#define TG_PASSWORD_PLACES 2
#define TG_PASSWORD_TEXT_SIZE 128

/* Takes a place; false, at once, when there is none. */
bool tg_password_enter(void);
void tg_password_leave(void);

/*
 * With a place: makes the text of a password.  Returns 0, or TG_ERR_SYSTEM
 * for want of memory.
 */
int tg_password_hash(struct tg_str password, char text[TG_PASSWORD_TEXT_SIZE]);

/*
 * With a place: whether it is the password of that text.  For "", which is
 * nobody's, it takes as long and is not.
 */
bool tg_password_is(const char *text, struct tg_str password);

#endif
