/*
 * suggest.h: what somebody may have meant by a word that does not exist.
 */
#ifndef TG_SUGGEST_H
#define TG_SUGGEST_H

#include <stddef.h>

struct tg_suggestion {
    const char *word;
    const char *best;
    size_t distance;
};

/* Begins a search for what is nearest to word; word stays the caller's. */
void tg_suggest_init(struct tg_suggestion *near, const char *word);

/* Offers a candidate, which must live as long as near.  O(n·m). */
void tg_suggest_try(struct tg_suggestion *near, const char *candidate);

/* The nearest candidate, or NULL when none is near enough to be meant. */
const char *tg_suggest_best(const struct tg_suggestion *near);

#endif
