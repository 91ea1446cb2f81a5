/*
 * doctor_send.h: requests that carry a key, as clients send it.
 */
#ifndef TG_DOCTOR_SEND_H
#define TG_DOCTOR_SEND_H

#include "doctor.h"

struct tg_question {
    const char *key;
    bool is_x; /* as x-api-key, else as Authorization: Bearer */
    const char *base, *path;
    const char *body; /* NULL: it is a GET */
};

/* Whether the client that reads the variable sends x-api-key. */
bool tg_doctor_is_x(const struct tg_doctor *doctor);

/*
 * Asks.  Returns whether HTTP came back; else *said has what went wrong as its
 * message.  Release it in any case.
 */
bool tg_doctor_ask(const struct tg_doctor *doctor,
                   const struct tg_question *question, struct tg_said *said);

#endif
