/*
 * alert_track.h: what rules have found and is not over, in memory.
 *
 * The store has the open episodes; here they can be found by name at each
 * look.  What must hold for a while before it is an episode waits here, too,
 * and begins anew after a restart.  One thread.
 */
#ifndef TG_ALERT_TRACK_H
#define TG_ALERT_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "id.h"

#define TG_ALERT_ABOUT_SIZE 64
#define TG_ALERT_ONCE_SIZE (2 * TG_ID_TEXT_SIZE + TG_ALERT_ABOUT_SIZE)

enum tg_track_state {
    TG_TRACK_NONE = 0,
    TG_TRACK_WAITING, /* since since_ms it holds */
    TG_TRACK_OPEN,
    TG_TRACK_TOLD, /* over, and never told again */
};

/* A rule, a subject (the id of a key, an account, …), and what of it. */
struct tg_track {
    char rule_id[TG_ID_TEXT_SIZE];
    char subject[TG_ID_TEXT_SIZE];
    char about[TG_ALERT_ABOUT_SIZE];
    char episode_id[TG_ID_TEXT_SIZE]; /* OPEN */
    uint8_t state;                    /* enum tg_track_state */
    uint8_t severity;
    bool is_single;
    int64_t since_ms; /* it holds; or it was opened */
    int64_t last_ms;  /* it was seen */
    int64_t threshold;
};

struct tg_tracks;

/* 0 or TG_ERR_SYSTEM. */
int tg_tracks_new(struct tg_tracks **tracks);
void tg_tracks_free(struct tg_tracks *tracks);

/* Valid until the next tg_tracks_add; NULL when there is none. */
struct tg_track *tg_tracks_find(struct tg_tracks *tracks, const char *rule_id,
                                const char *subject, const char *about);

/* Adds one that is not there.  0 or TG_ERR_SYSTEM. */
int tg_tracks_add(struct tg_tracks *tracks, const struct tg_track *track);

/* Takes it out; pointers to others stay. */
void tg_tracks_remove(struct tg_tracks *tracks, struct tg_track *track);

/*
 * Walks all, a part at a time: *at begins at 0 and comes back to it when all
 * were seen.  NULL: the end of the walk.
 */
struct tg_track *tg_tracks_next(struct tg_tracks *tracks, uint32_t *at);

uint32_t tg_tracks_count(const struct tg_tracks *tracks);

/* "RULE/SUBJECT/ABOUT", as the store's once, and the other way. */
void tg_track_once(const struct tg_track *track, char once[TG_ALERT_ONCE_SIZE]);
bool tg_track_read(struct tg_track *track, const char *once);

#endif
