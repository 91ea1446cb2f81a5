/*
 * doctor_gate.h: what a gate tells a holder of his key, and the clocks.
 */
#ifndef TG_DOCTOR_GATE_H
#define TG_DOCTOR_GATE_H

#include <jansson.h>
#include <stdint.h>

#include "doctor_report.h"

/*
 * Judges the object of GET /key: expiry, scope, limits and money.  scope is
 * what the program needs; NULL: that is not known.
 */
void tg_doctor_gate_judge(struct tg_doctor_report *report, const json_t *key,
                          const char *scope, int64_t now_ms);

/* Whether what the key of GET /key may call names a model. */
bool tg_doctor_needs_model(const json_t *key);

/*
 * Judges a list of models; wanted may be NULL.  Writes into model[size] which
 * one could be called.
 */
void tg_doctor_models_judge(struct tg_doctor_report *report, const json_t *list,
                            const char *wanted, bool is_deepseek, char *model,
                            size_t size);

#define TG_DOCTOR_SPAN_SIZE 32

/* "3 s", "5 min", "2 h", "4 d" of seconds, without a sign. */
void tg_doctor_span(char out[TG_DOCTOR_SPAN_SIZE], int64_t seconds);

#endif
