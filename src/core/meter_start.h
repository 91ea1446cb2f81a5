/*
 * meter_start.h: events of a stream that are alike but for their text, which
 * most are.  What stands before the first text is kept when it was read once,
 * and what stands behind it, so that the next event's JSON is read from its
 * text on, or the whole event is passed with a look at its bytes.
 *
 * Only what says nothing but text is kept: no usage, no end.  What counts for
 * good, such as an error or a finish reason, is noted already, so that to read
 * it once more would change nothing.
 *
 * meter.c's own, as the members of struct tg_meter that it reads.
 */
#ifndef TG_METER_START_H
#define TG_METER_START_H

#include "meter.h"

/* At an event's text, while its JSON is read: keeps what stands before it. */
void tg_meter_start_keep(struct tg_meter *meter);

/* At the first bytes of an event's data: goes on at its text, if it can. */
void tg_meter_start_skip(struct tg_meter *meter);

/*
 * At an event's end: keeps what stands behind its text.  The event is from
 * here to where the stream is read, all of it in one chunk.
 */
void tg_meter_start_end(struct tg_meter *meter, const char *event);

/*
 * Between events: passes and counts those that are known.  Returns where the
 * next one begins in the chunk, or NULL if none does.
 */
const char *tg_meter_start_pass(struct tg_meter *meter);

#endif
