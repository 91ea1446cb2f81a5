/*
 * admit_ask.h: which of the things that a request may ask for (ask.h) cannot
 * be metered here, and so are refused.
 */
#ifndef TG_ADMIT_ASK_H
#define TG_ADMIT_ASK_H

#include "admit.h"

/* What to say of a kind that was refused. */
struct tg_ask_refusal {
    const char *param;    /* the member it is about */
    const char *sentence; /* what is wrong, and what to do */
};

/*
 * Whether all that is asked for can be metered, and is the account's: model,
 * dialect, rates and target are those of the call.  Else the admission is a
 * refusal.
 */
bool tg_admit_can_meter(const struct tg_asked *asked,
                        const struct tg_catalog *catalog,
                        const struct tg_model *model, struct tg_admission *a);

/* Of admission->asked, with TG_REASON_ASK. */
struct tg_ask_refusal tg_admit_ask_refusal(enum tg_ask_kind kind);

#endif
