/*
 * Goal: a window has the calls that were made in it, and up to a part of it
 * more; for any number of keys, and in any order of calls.
 */
#include "alert_tally.h"

#include <stdlib.h>

#include "alert_track.h"
#include "tap.h"

#define KEY "key_00000000000000000000"
#define OTHER "key_11111111111111111111"
#define WINDOW INT64_C(720000) /* parts of a minute */
#define NOW INT64_C(1795737600000)

static void
test_window(void)
{
    static const struct {
        int64_t ago, requests;
        const char *what;
    } rows[] = {
        {0, 1, "now"},
        {WINDOW - 1, 1, "a moment before the window begins"},
        {WINDOW, 1, "as long ago as the window is"},
        {WINDOW + 60000, 0, "a part longer ago"},
        {10 * WINDOW, 0, "long ago"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tg_tally *tally;

        if (tg_tally_new(&tally, WINDOW) != 0)
            abort();
        tg_tally_add(tally, KEY, NOW - rows[i].ago, true, 7);
        struct tg_tally_sums sums = tg_tally_look(tally, KEY, NOW);

        is_int(sums.requests, rows[i].requests, "a call of %s", rows[i].what);
        is_int(sums.errors, rows[i].requests, "and it failed");
        is_int(sums.tokens, 7 * rows[i].requests, "and its tokens");
        is_int(tg_tally_look(tally, OTHER, NOW).requests, 0,
               "another key has none");
        tg_tally_free(tally);
    }
}

/* Against a list of all calls. */
static void
test_against_a_list(void)
{
    enum { CALLS = 4000 };
    static int64_t at[CALLS];
    struct tg_tally *tally;
    int64_t wrong = 0, now = NOW;

    if (tg_tally_new(&tally, WINDOW) != 0)
        abort();
    srand(7);
    for (int i = 0; i < CALLS; i++) {
        int64_t least = 0, most = 0, got;

        now += rand() % 3000;
        at[i] = now - rand() % 200000;
        tg_tally_add(tally, KEY, at[i], false, 0);
        for (int j = 0; j <= i; j++) {
            least += at[j] > now - WINDOW;
            most += at[j] > now - WINDOW - 60000;
        }
        got = tg_tally_look(tally, KEY, now).requests;
        wrong += got < least || got > most;
    }
    is_int(wrong, 0, "of %d looks none is off", CALLS);
    tg_tally_free(tally);
}

static void
test_many_keys(void)
{
    struct tg_tally *tally;
    char key[25];
    int64_t sum = 0;

    if (tg_tally_new(&tally, WINDOW) != 0)
        abort();
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "key_%020d", i);
        for (int n = 0; n <= i % 3; n++)
            tg_tally_add(tally, key, i % 2 ? NOW : NOW - 2 * WINDOW, false, 0);
    }
    is_int(tg_tally_count(tally), 10000, "all keys are known");
    tg_tally_trim(tally, NOW);
    is_int(tg_tally_count(tally), 5000, "those without calls are forgotten");
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "key_%020d", i);
        sum += tg_tally_look(tally, key, NOW).requests;
    }
    is_int(sum, 1667 * 1 + 1667 * 2 + 1666 * 3, "the others have theirs");
    ok(tg_tally_is_first(tally, "key_00000000000000000001", 1) &&
           !tg_tally_is_first(tally, "key_00000000000000000001", 1) &&
           tg_tally_is_first(tally, "key_00000000000000000001", 2),
       "a key is the first once a round");
    tg_tally_free(tally);
}

static struct tg_track
track_of(int i)
{
    struct tg_track track = {.state = TG_TRACK_OPEN, .threshold = i};

    snprintf(track.rule_id, sizeof(track.rule_id), "alr_%020d", i % 5);
    snprintf(track.subject, sizeof(track.subject), "key_%020d", i);
    snprintf(track.about, sizeof(track.about), "daily/20000/%d/50", i);
    return track;
}

static void
test_tracks(void)
{
    struct tg_tracks *tracks;
    struct tg_track *found, copy = {.state = TG_TRACK_NONE};
    char once[TG_ALERT_ONCE_SIZE];
    uint32_t at = 0, seen = 0;
    int missing = 0;

    if (tg_tracks_new(&tracks) != 0)
        abort();
    for (int i = 0; i < 5000; i++) {
        struct tg_track track = track_of(i);

        tg_tracks_add(tracks, &track);
    }
    for (int i = 0; i < 5000; i += 2) {
        struct tg_track track = track_of(i);

        tg_tracks_remove(tracks, tg_tracks_find(tracks, track.rule_id,
                                                track.subject, track.about));
    }
    for (int i = 0; i < 5000; i++) {
        struct tg_track track = track_of(i);

        found =
            tg_tracks_find(tracks, track.rule_id, track.subject, track.about);
        missing +=
            i % 2 ? found == NULL || found->threshold != i : found != NULL;
    }
    is_int(missing, 0, "what was not taken out is found, and nothing else");
    while (tg_tracks_next(tracks, &at) != NULL)
        seen++;
    is_int(seen, 2500, "a walk sees each");
    is_int(tg_tracks_count(tracks), 2500, "and so many there are");
    copy = track_of(3);
    tg_track_once(&copy, once);
    is_str(once,
           "alr_00000000000000000003/key_00000000000000000003/"
           "daily/20000/3/50",
           "its name in the store");
    memset(&copy, 0, sizeof(copy));
    ok(tg_track_read(&copy, once) &&
           strcmp(copy.about, "daily/20000/3/50") == 0,
       "is read again");
    ok(!tg_track_read(&copy, "no name"), "what is none is not");
    tg_tracks_free(tracks);
}

int
main(void)
{
    test_window();
    test_against_a_list();
    test_many_keys();
    test_tracks();
    return done();
}
