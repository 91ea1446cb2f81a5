/*
 * lookout_text.h: what an event shows: its evidence, and its sentence.
 */
#ifndef TG_LOOKOUT_TEXT_H
#define TG_LOOKOUT_TEXT_H

#include <jansson.h>

#include "habit.h"
#include "store.h"
#include "watch.h"

#define TG_LOOKOUT_SENTENCE 400

/* The evidence is the caller's.  Both of a row of refusals … */
json_t *tg_lookout_refusals(const struct tg_watch_row *row);
void tg_lookout_refused(const struct tg_detector *detector,
                        const struct tg_watch_row *row,
                        char sentence[TG_LOOKOUT_SENTENCE]);

/* … and of a call that is unlike its key. */
json_t *tg_lookout_pattern(const struct tg_habit *habit,
                           const struct tg_habit_look *look,
                           const struct tg_store_glance *call);
void tg_lookout_unlike(const struct tg_habit_look *look,
                       char sentence[TG_LOOKOUT_SENTENCE]);

#endif
