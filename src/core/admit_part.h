/*
 * admit_part.h: what the two halves of a decision share; for admit.c and
 * admit_body.c alone.
 */
#ifndef TG_ADMIT_PART_H
#define TG_ADMIT_PART_H

#include "admit.h"

/* Makes it a refusal.  Returns false, which is what a row says then. */
bool tg_admit_refuse(struct tg_admission *admission, enum tg_code code,
                     enum tg_reason reason);

#endif
