/*
 * alert_tally.h: how many calls each key has made in the last while.
 *
 * There are several windows.  One is TG_TALLY_PARTS parts and the one that is
 * under way, so what it says is of the window and up to a part more.  A key
 * takes 40 bytes, and 190 for each window, as long as it has calls in any.
 * One thread.
 *
 * With many keys nothing takes as long as memory that is far away: so all that
 * is asked of a key, which is what its windows have in all, stands together,
 * and behind it the parts.
 */
#ifndef TG_ALERT_TALLY_H
#define TG_ALERT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_TALLY_PARTS 12
#define TG_TALLY_WINDOWS 17
#define TG_TALLY_NONE UINT32_MAX

struct tg_tally;

struct tg_tally_sums {
    int64_t requests, errors, tokens;
};

/*
 * One with count windows, 1 to TG_TALLY_WINDOWS, which are numbered as they
 * stand; each in ms, at least TG_TALLY_PARTS.  0 or TG_ERR_SYSTEM.
 */
int tg_tally_new(struct tg_tally **tally, const int64_t *windows_ms,
                 size_t count);

/* Takes NULL. */
void tg_tally_free(struct tg_tally *tally);

/*
 * Adds a call that began at an instant; one of before a window counts there
 * no more.  *key: the number of its key until tg_tally_trim; TG_TALLY_NONE for
 * a call of no key, or of before 1970.  0 or TG_ERR_SYSTEM, the call then not
 * counted.
 */
int tg_tally_add(struct tg_tally *tally, const char *key_id, int64_t at_ms,
                 bool is_error, int64_t tokens, uint32_t *key);

/* The number of a key until tg_tally_trim; TG_TALLY_NONE: it knows it not. */
uint32_t tg_tally_number(const struct tg_tally *tally, const char *key_id);

/* TG_ID_LEN characters, without a NUL if it has as many. */
const char *tg_tally_key(const struct tg_tally *tally, uint32_t key);

/* What a key has in a window that ends now; zeros for TG_TALLY_NONE. */
struct tg_tally_sums tg_tally_look(struct tg_tally *tally, uint32_t key,
                                   size_t window, int64_t now_ms);

/*
 * Say that calls are added to a key soon, or that it is looked at: what it has
 * is fetched meanwhile.
 */
void tg_tally_expect_add(const struct tg_tally *tally, const char *key_id);
void tg_tally_expect_look(const struct tg_tally *tally, uint32_t key);

/*
 * Whether this is the first time that a key is asked about in a round;
 * rounds are numbered from 1 on.
 */
bool tg_tally_is_first(struct tg_tally *tally, uint32_t key, uint32_t round);

/* A number that is the caller's to keep with a key; TG_TALLY_NONE at first. */
uint32_t *tg_tally_note(struct tg_tally *tally, uint32_t key);

/* Forgets keys without calls in any window.  Costs a pass over all. */
void tg_tally_trim(struct tg_tally *tally, int64_t now_ms);

/* How many keys it knows. */
uint32_t tg_tally_count(const struct tg_tally *tally);

#endif
