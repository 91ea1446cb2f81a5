/*
 * alert_tally.h: how many calls each key has made in the last while.
 *
 * A window is TG_TALLY_PARTS parts and the one that is under way, so what it
 * says is of the window and up to a part more.  A key takes 200 bytes as long
 * as it has calls in the window.  One thread.
 */
#ifndef TG_ALERT_TALLY_H
#define TG_ALERT_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#define TG_TALLY_PARTS 12

struct tg_tally;

struct tg_tally_sums {
    int64_t requests, errors, tokens;
};

/* One for a window in ms, at least TG_TALLY_PARTS.  0 or TG_ERR_SYSTEM. */
int tg_tally_new(struct tg_tally **tally, int64_t window_ms);

/* Takes NULL. */
void tg_tally_free(struct tg_tally *tally);

int64_t tg_tally_window_ms(const struct tg_tally *tally);

/*
 * Adds a call that began at an instant; one of before the window counts no
 * more.  0 or TG_ERR_SYSTEM, the call then not counted.
 */
int tg_tally_add(struct tg_tally *tally, const char *key_id, int64_t at_ms,
                 bool is_error, int64_t tokens);

/* What a key has in the window that ends now; zeros for one it knows not. */
struct tg_tally_sums tg_tally_look(const struct tg_tally *tally,
                                   const char *key_id, int64_t now_ms);

/* Says that a key is looked at soon: what it has is fetched meanwhile. */
void tg_tally_expect(const struct tg_tally *tally, const char *key_id);

/*
 * Whether this is the first time that a key is asked about in a round;
 * rounds are numbered from 1 on.
 */
bool tg_tally_is_first(struct tg_tally *tally, const char *key_id,
                       uint32_t round);

/* Forgets keys without calls in the window.  Costs a pass over all. */
void tg_tally_trim(struct tg_tally *tally, int64_t now_ms);

/* How many keys it knows. */
uint32_t tg_tally_count(const struct tg_tally *tally);

#endif
