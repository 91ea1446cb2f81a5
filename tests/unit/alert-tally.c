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

#define LONG INT64_C(7200000)

static const int64_t windows[] = {WINDOW, LONG};

static struct tg_tally *
tally_of(size_t count)
{
    struct tg_tally *tally;

    if (tg_tally_new(&tally, windows, count) != 0)
        abort();
    return tally;
}

static void
add(struct tg_tally *tally, const char *key_id, int64_t at_ms)
{
    uint32_t key;

    if (tg_tally_add(tally, key_id, at_ms, true, 7, &key) != 0 ||
        key != tg_tally_number(tally, key_id))
        abort();
}

static struct tg_tally_sums
look(struct tg_tally *tally, const char *key_id, size_t window, int64_t now_ms)
{
    return tg_tally_look(tally, tg_tally_number(tally, key_id), window, now_ms);
}

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
        struct tg_tally *tally = tally_of(1);

        add(tally, KEY, NOW - rows[i].ago);
        struct tg_tally_sums sums = look(tally, KEY, 0, NOW);

        is_int(sums.requests, rows[i].requests, "a call of %s", rows[i].what);
        is_int(sums.errors, rows[i].requests, "and it failed");
        is_int(sums.tokens, 7 * rows[i].requests, "and its tokens");
        is_int(look(tally, OTHER, 0, NOW).requests, 0, "another key has none");
        tg_tally_free(tally);
    }
}

/* Against a list of all calls. */
static void
test_against_a_list(void)
{
    enum { CALLS = 4000 };
    static struct {
        int64_t at, tokens;
        bool is_error;
    } calls[CALLS];
    struct tg_tally *tally = tally_of(2);
    int64_t wrong = 0, now = NOW;
    uint32_t key;

    srand(7);
    for (int i = 0; i < CALLS; i++) {
        now += rand() % 3000;
        calls[i].at = now - rand() % (rand() % 50 == 0 ? 9000000 : 200000);
        calls[i].tokens = rand() % 1000;
        calls[i].is_error = rand() % 3 == 0;
        tg_tally_add(tally, KEY, calls[i].at, calls[i].is_error,
                     calls[i].tokens, &key);
        for (size_t w = 0; w < 2; w++) {
            int64_t part = windows[w] / TG_TALLY_PARTS;
            int64_t from = (now / part - TG_TALLY_PARTS) * part;
            struct tg_tally_sums sum = {0}, got = look(tally, KEY, w, now);

            /* One of long ago came too late for what was newer by then. */
            for (int j = 0; j <= i; j++) {
                sum.requests += calls[j].at >= from;
                sum.errors += calls[j].at >= from && calls[j].is_error;
                sum.tokens += calls[j].at >= from ? calls[j].tokens : 0;
            }
            wrong += got.requests != sum.requests || got.errors != sum.errors ||
                     got.tokens != sum.tokens;
        }
    }
    is_int(wrong, 0, "of %d looks none is off", 2 * CALLS);
    is_int(look(tally, KEY, 0, now + WINDOW * 2).requests, 0,
           "what is over is not looked at");
    tg_tally_free(tally);
}

static void
test_most(void)
{
    struct tg_tally *tally = tally_of(1);
    uint32_t key;

    for (int i = 0; i < 3; i++)
        tg_tally_add(tally, KEY, NOW, false, INT64_MAX, &key);
    is_int(look(tally, KEY, 0, NOW).tokens, UINT32_MAX, "a part has its most");
    tg_tally_add(tally, KEY, NOW + 2 * WINDOW, false, 5, &key);
    is_int(look(tally, KEY, 0, NOW + 2 * WINDOW).tokens, 5,
           "and takes no more than that with it");
    tg_tally_add(tally, "", NOW, false, 0, &key);
    ok(key == TG_TALLY_NONE && !tg_tally_is_first(tally, key, 1),
       "a call without a key is nobody's");
    tg_tally_free(tally);
}

static void
test_many_keys(void)
{
    struct tg_tally *tally = tally_of(2);
    char key[25];
    int64_t sum = 0;
    int noted = 0;
    uint32_t number;

    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "key_%020d", i);
        tg_tally_expect_add(tally, key);
        for (int n = 0; n <= i % 3; n++)
            add(tally, key, i % 2 ? NOW : NOW - 2 * LONG);
        *tg_tally_note(tally, tg_tally_number(tally, key)) = (uint32_t)i;
    }
    is_int(tg_tally_count(tally), 10000, "all keys are known");
    tg_tally_trim(tally, NOW);
    is_int(tg_tally_count(tally), 5000, "those without calls are forgotten");
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "key_%020d", i);
        sum += look(tally, key, 0, NOW).requests;
        number = tg_tally_number(tally, key);
        if (number == TG_TALLY_NONE)
            continue;
        tg_tally_expect_look(tally, number);
        noted += *tg_tally_note(tally, number) == (uint32_t)i &&
                 memcmp(tg_tally_key(tally, number), key, 24) == 0;
    }
    is_int(sum, 1667 * 1 + 1667 * 2 + 1666 * 3, "the others have theirs");
    is_int(noted, 5000, "and what was noted of them");
    number = tg_tally_number(tally, "key_00000000000000000001");
    ok(tg_tally_is_first(tally, number, 1) &&
           !tg_tally_is_first(tally, number, 1) &&
           tg_tally_is_first(tally, number, 2),
       "a key is the first once a round");
    tg_tally_trim(tally, NOW + LONG / 2);
    is_int(tg_tally_count(tally), 5000, "one window is enough to be known");
    tg_tally_trim(tally, NOW + 2 * LONG);
    is_int(tg_tally_count(tally), 0, "all are forgotten");
    add(tally, KEY, NOW + 2 * LONG);
    is_int(look(tally, KEY, 1, NOW + 2 * LONG).requests, 1,
           "and begin with nothing");
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
    test_most();
    test_many_keys();
    test_tracks();
    return done();
}
