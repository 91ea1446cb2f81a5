/*
 * excess.h: what no answer may be, whoever sends it.  An upstream that goes on
 * for ever has a call's slot, its hold and two connections for as long.
 *
 * The bounds are far above what a sound answer needs.  The largest events are
 * images, and a response.completed that repeats all of a long answer; the
 * largest bodies, embeddings and several images.  The longest streams have
 * DeepSeek's 384 000 tokens at 30 a second.
 */
#ifndef TG_EXCESS_H
#define TG_EXCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "meter.h"

/* Between two blank lines of an event stream. */
#define TG_EXCESS_EVENT_BYTES ((uint64_t)32 << 20)

/* Of JSON and event streams; sounds and files may be larger. */
#define TG_EXCESS_BYTES ((uint64_t)1 << 30)

/* Since the call was admitted: six hours. */
#define TG_EXCESS_MS ((uint64_t)6 * 3600 * 1000)

/* Whether a call that has run for elapsed_ms, by a clock that does not jump,
   has had more of an answer than any may be; of its meter so far. */
bool tg_excess(const struct tg_meter *meter, uint64_t elapsed_ms);

#endif
