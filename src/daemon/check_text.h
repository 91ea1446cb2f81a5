/*
 * check_text.h: what a check found, for an operator: how each row stands, what
 * is missing, and the command that mends it.
 */
#ifndef TG_CHECK_TEXT_H
#define TG_CHECK_TEXT_H

#include <jansson.h>

#include "admit.h"
#include "check.h"

/* What a row's words are made of. */
struct tg_check_said {
    const struct tg_state *state;
    const struct tg_check_question *question;
    const struct tg_admission *admission; /* as tg_check_hear gets it */
    const json_t *key; /* the key's object; its lists and its id */
    enum tg_check_row row;
};

/* The model that was asked about, or what the route has for one. */
struct tg_str tg_check_model(const struct tg_check_said *said);

/* "status", "scope" …: the row's name. */
const char *tg_check_name(enum tg_check_row row);

/*
 * A sentence for a row that was answered with yes, or not asked; what is
 * missing for one answered with no, such as "the scope chat"; and the command
 * that mends that, or null when none does by itself.  Each is the caller's.
 */
json_t *tg_check_yes(const struct tg_check_said *said);
json_t *tg_check_unasked(const struct tg_check_said *said);
json_t *tg_check_missing(const struct tg_check_said *said);
json_t *tg_check_cure(const struct tg_check_said *said);

#endif
