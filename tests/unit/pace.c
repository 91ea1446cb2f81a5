/*
 * Goal: a worker runs a sync by itself only while the disk is known to be
 * quick, and whatever the disk does, slow ones take it less than a hundredth
 * of its time.
 */
#include "tap.h"

#include "pace.h"

#define SECOND_US 1000000

static const struct tg_journal_sync small = {.dir_fd = -1, .kept_len = 400};

/* So many syncs, one behind the other from at, each of which took so long. */
static int64_t
sync_often(struct tg_pace *pace, int times, int64_t at, int64_t took_us)
{
    for (int i = 0; i < times; i++, at += took_us)
        tg_pace_note(pace, true, at, at + took_us);
    return at;
}

static void
test_known_to_be_quick(void)
{
    struct tg_pace pace = {0};

    ok(!tg_pace_may_wait(&pace, &small, 0), "nothing is known at first");
    sync_often(&pace, TG_PACE_QUICK_SYNCS - 1, 0, TG_PACE_QUICK_US);
    ok(!tg_pace_may_wait(&pace, &small, SECOND_US), "one too few was quick");
    sync_often(&pace, 1, SECOND_US, TG_PACE_QUICK_US);
    ok(tg_pace_may_wait(&pace, &small, 2 * SECOND_US), "enough were");
}

static void
test_what_is_a_threads(void)
{
    struct tg_journal_sync large = small, named = small;
    struct tg_pace pace = {0};

    sync_often(&pace, TG_PACE_QUICK_SYNCS, 0, 1);
    large.kept_len = TG_PACE_BYTES + 1;
    named.dir_fd = 7;
    ok(!tg_pace_may_wait(&pace, &large, SECOND_US), "much that is written");
    ok(!tg_pace_may_wait(&pace, &named, SECOND_US), "a new segment's name");
    tg_pace_note(&pace, false, SECOND_US, SECOND_US + 1);
    ok(!tg_pace_may_wait(&pace, &small, 2 * SECOND_US), "one that failed");
}

/* One that took three seconds: for five minutes it is a thread's. */
static void
test_back_off(void)
{
    struct tg_pace pace = {0};
    int64_t ended = sync_often(&pace, TG_PACE_QUICK_SYNCS, 0, 1);

    ended = sync_often(&pace, 1, ended, 3 * SECOND_US);
    ok(!tg_pace_may_wait(&pace, &small, ended), "one that was slow");
    sync_often(&pace, TG_PACE_QUICK_SYNCS, ended, 1);
    ok(!tg_pace_may_wait(&pace, &small, ended + 300 * SECOND_US - 1),
       "though others were quick");
    ok(tg_pace_may_wait(&pace, &small, ended + 300 * SECOND_US), "until then");
}

/* A disk that is slow as soon as it is thought to be quick. */
static void
test_share(void)
{
    struct tg_pace pace = {0};
    int64_t at = 0, waited = 0;

    while (at < 3600ll * SECOND_US) {
        bool may_wait = tg_pace_may_wait(&pace, &small, at);
        int64_t took = may_wait ? SECOND_US : 100;

        tg_pace_note(&pace, true, at, at + took);
        at += took + 100;
        waited += may_wait ? took : 0;
    }
    ok(waited > 0 && waited <= at / 100 + SECOND_US,
       "a hundredth of an hour, and the one that found it out");
}

int
main(void)
{
    test_known_to_be_quick();
    test_what_is_a_threads();
    test_back_off();
    test_share();
    return done();
}
