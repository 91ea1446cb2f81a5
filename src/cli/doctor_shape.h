/*
 * doctor_shape.h: what is wrong with a key by its looks alone.
 */
#ifndef TG_DOCTOR_SHAPE_H
#define TG_DOCTOR_SHAPE_H

#include "doctor_provider.h"
#include "doctor_report.h"

struct tg_doctor_shape {
    enum tg_diagnosis inside; /* of what is left without what is around it */
    bool is_fit;              /* nothing is wrong, as far as one can see */
};

/*
 * Judges the value of the variable name.  provider is whose API it is for;
 * NULL: that is not known.
 */
void tg_doctor_shape_judge(struct tg_doctor_report *report, const char *name,
                           struct tg_str key,
                           const struct tg_provider *provider,
                           struct tg_doctor_shape *shape);

/* The same, now that a gate is known to be there: only its own keys do. */
void tg_doctor_shape_at_gate(struct tg_doctor_report *report,
                             enum tg_diagnosis inside);

#endif
