#include "alert_track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define ROOM_LEAST 64

/* Entries are each on the heap, so that they stay where they are. */
struct tg_tracks {
    uint32_t count, room; /* a power of two; count has those removed, too */
    uint32_t removed;
    struct tg_track **rows;
};

static struct tg_track gone; /* stands where one was taken out */

int
tg_tracks_new(struct tg_tracks **tracks)
{
    struct tg_tracks *self = calloc(1, sizeof(*self));

    if (self != NULL)
        self->rows = calloc(ROOM_LEAST, sizeof(struct tg_track *));
    if (self == NULL || self->rows == NULL) {
        free(self);
        return TG_ERR_SYSTEM;
    }
    self->room = ROOM_LEAST;
    *tracks = self;
    return 0;
}

void
tg_tracks_free(struct tg_tracks *tracks)
{
    if (tracks == NULL)
        return;
    for (uint32_t i = 0; i < tracks->room; i++) {
        if (tracks->rows[i] != &gone)
            free(tracks->rows[i]);
    }
    free(tracks->rows);
    free(tracks);
}

uint32_t
tg_tracks_count(const struct tg_tracks *tracks)
{
    return tracks->count - tracks->removed;
}

static uint32_t
mix(uint32_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return (h ^ '/') * 16777619u;
}

static uint32_t
hash(const char *rule_id, const char *subject, const char *about)
{
    return mix(mix(mix(2166136261u, rule_id), subject), about);
}

static bool
is(const struct tg_track *track, const char *rule_id, const char *subject,
   const char *about)
{
    return strcmp(track->subject, subject) == 0 &&
           strcmp(track->about, about) == 0 &&
           strcmp(track->rule_id, rule_id) == 0;
}

struct tg_track *
tg_tracks_find(struct tg_tracks *tracks, const char *rule_id,
               const char *subject, const char *about)
{
    uint32_t at = hash(rule_id, subject, about) & (tracks->room - 1);

    for (; tracks->rows[at] != NULL; at = (at + 1) & (tracks->room - 1)) {
        if (tracks->rows[at] != &gone &&
            is(tracks->rows[at], rule_id, subject, about))
            return tracks->rows[at];
    }
    return NULL;
}

static void
place(struct tg_track **rows, uint32_t room, struct tg_track *track)
{
    uint32_t at = hash(track->rule_id, track->subject, track->about);

    for (at &= room - 1; rows[at] != NULL; at = (at + 1) & (room - 1))
        ;
    rows[at] = track;
}

static int
grow(struct tg_tracks *tracks)
{
    uint32_t live = tg_tracks_count(tracks), room = ROOM_LEAST;
    struct tg_track **rows;

    while (room / 2 < live + 1)
        room *= 2;
    rows = calloc(room, sizeof(struct tg_track *));
    if (rows == NULL)
        return TG_ERR_SYSTEM;
    for (uint32_t i = 0; i < tracks->room; i++) {
        if (tracks->rows[i] != NULL && tracks->rows[i] != &gone)
            place(rows, room, tracks->rows[i]);
    }
    free(tracks->rows);
    tracks->rows = rows;
    tracks->room = room;
    tracks->count = live;
    tracks->removed = 0;
    return 0;
}

int
tg_tracks_add(struct tg_tracks *tracks, const struct tg_track *track)
{
    struct tg_track *copy;

    if (tracks->count >= tracks->room / 4 * 3 && grow(tracks) != 0)
        return TG_ERR_SYSTEM;
    copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return TG_ERR_SYSTEM;
    *copy = *track;
    place(tracks->rows, tracks->room, copy);
    tracks->count++;
    return 0;
}

void
tg_tracks_remove(struct tg_tracks *tracks, struct tg_track *track)
{
    uint32_t at = hash(track->rule_id, track->subject, track->about);

    for (at &= tracks->room - 1; tracks->rows[at] != track;
         at = (at + 1) & (tracks->room - 1))
        ;
    tracks->rows[at] = &gone;
    tracks->removed++;
    free(track);
}

struct tg_track *
tg_tracks_next(struct tg_tracks *tracks, uint32_t *at)
{
    while (*at < tracks->room) {
        struct tg_track *track = tracks->rows[(*at)++];

        if (track != NULL && track != &gone)
            return track;
    }
    *at = 0;
    return NULL;
}

void
tg_track_once(const struct tg_track *track, char once[TG_ALERT_ONCE_SIZE])
{
    snprintf(once, TG_ALERT_ONCE_SIZE, "%s/%s/%s", track->rule_id,
             track->subject, track->about);
}

bool
tg_track_read(struct tg_track *track, const char *once)
{
    const char *subject = strchr(once, '/');
    const char *about = subject != NULL ? strchr(subject + 1, '/') : NULL;

    if (about == NULL || subject - once >= TG_ID_TEXT_SIZE ||
        about - subject - 1 >= TG_ID_TEXT_SIZE ||
        strlen(about + 1) >= TG_ALERT_ABOUT_SIZE)
        return false;
    snprintf(track->rule_id, sizeof(track->rule_id), "%.*s",
             (int)(subject - once), once);
    snprintf(track->subject, sizeof(track->subject), "%.*s",
             (int)(about - subject - 1), subject + 1);
    snprintf(track->about, sizeof(track->about), "%s", about + 1);
    return true;
}
