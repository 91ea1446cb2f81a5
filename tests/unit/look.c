/*
 * What is known of a call that two looks saw, or one, or none: exactly what
 * it had in a cell where that follows, else the least and the most.
 */
#include <stdlib.h>
#include <string.h>

#include "look.h"
#include "tap.h"

#define DAY 20417
#define OTHER_DAY 20418
#define MONTH (2026 * 12 + 11)
#define HELD 700
#define COST 300
#define WANTED 900

static uint64_t
share_of(enum tg_stage stage, unsigned moved, unsigned generation)
{
    return (uint64_t)generation << 39 | (uint64_t)stage << 5 | moved;
}

static struct tg_look
look_of(enum tg_stage stage, unsigned moved, unsigned generation)
{
    struct tg_look look = {
        .call = {.day = DAY,
                 .month = MONTH,
                 .held_nanos = HELD,
                 .cost_nanos = stage == TG_STAGE_SETTLED ? COST : 0},
        .share = share_of(stage, moved, generation),
        .wanted_nanos = WANTED,
    };

    return look;
}

static void
is_range(const struct tg_sighting *seen, uint16_t day, int64_t low,
         int64_t high, const char *what)
{
    struct tg_range range = tg_look_share(seen, TG_CELL_DAY, day);

    ok(range.low == low && range.high == high, "%s: %lld to %lld", what,
       (long long)range.low, (long long)range.high);
}

static const struct tg_call record = {
    .day = DAY, .month = MONTH, .held_nanos = HELD, .cost_nanos = COST};

static void
test_certain(void)
{
    struct tg_look held = look_of(TG_STAGE_HELD, 0, 5);
    struct tg_look settled = look_of(TG_STAGE_SETTLED, 0, 6);
    struct tg_look none = look_of(TG_STAGE_NONE, 0, 5);

    is_range(&(struct tg_sighting){.before = &held, .after = &held}, DAY, HELD,
             HELD, "held before and after");
    is_range(&(struct tg_sighting){.before = &held, .after = &held}, OTHER_DAY,
             0, 0, "and nothing in another day");
    is_range(&(struct tg_sighting){.before = &settled}, DAY, COST, COST,
             "settled before");
    is_range(&(struct tg_sighting){.before = &none, .after = &none}, DAY, 0, 0,
             "nothing taken, before and after");
    is_range(&(struct tg_sighting){.record = &record, .is_older = true}, DAY,
             COST, COST, "over before the first look");
}

static void
test_in_between(void)
{
    struct tg_look held = look_of(TG_STAGE_HELD, 0, 5);
    struct tg_look more = look_of(TG_STAGE_HELD, 0, 9);
    struct tg_look settled = look_of(TG_STAGE_SETTLED, 0, 8);
    struct tg_look taking = look_of(TG_STAGE_TAKING, 1, 4);
    struct tg_look topping = look_of(TG_STAGE_TOPPING, 1, 6);
    struct tg_call elsewhere = record;

    more.call.held_nanos = WANTED;
    elsewhere.day = OTHER_DAY;
    is_range(&(struct tg_sighting){.before = &held, .record = &record}, DAY,
             COST, HELD, "settled in between");
    is_range(&(struct tg_sighting){.before = &held, .after = &settled}, DAY, 0,
             HELD, "the same, not yet taken in");
    is_range(&(struct tg_sighting){.before = &held, .after = &more}, DAY, 0,
             WANTED, "held more in between");
    is_range(&(struct tg_sighting){.before = &taking, .after = &held}, DAY, 0,
             HELD, "taking it");
    is_range(&(struct tg_sighting){.before = &topping, .after = &topping}, DAY,
             0, WANTED, "topping up all the time");
    is_range(&(struct tg_sighting){.after = &held}, DAY, 0, HELD,
             "begun in between");
    is_range(&(struct tg_sighting){.record = &record}, DAY, 0, HELD,
             "begun and over in between");
    is_range(&(struct tg_sighting){.before = &held, .record = &elsewhere}, DAY,
             0, HELD, "moved into another day");
}

static void
test_standing(void)
{
    struct tg_look held = look_of(TG_STAGE_HELD, 0, 5);
    struct tg_look settled = look_of(TG_STAGE_SETTLED, 0, 6);

    is_int(tg_look_standing(
               &(struct tg_sighting){.before = &held, .after = &held}),
           TG_STANDING_ABOUT, "a call that is held is in flight");
    is_int(tg_look_standing(
               &(struct tg_sighting){.record = &record, .is_older = true}),
           TG_STANDING_OVER, "one that was over is");
    is_int(tg_look_standing(&(struct tg_sighting){.before = &settled}),
           TG_STANDING_UNKNOWN, "of one that settles, counters may lack some");
    is_int(tg_look_standing(&(struct tg_sighting){.record = &record}),
           TG_STANDING_UNKNOWN, "and of one that came late");
}

static void
test_slot(void)
{
    static struct tg_call_slot slot;
    struct tg_look look;

    ok(!tg_look_at(&slot, &look), "a free slot has no call");
    slot.call = record;
    atomic_store(&slot.share, share_of(TG_STAGE_HELD, 0, 3));
    atomic_store(&slot.phase, TG_PHASE_HELD);
    ok(tg_look_at(&slot, &look), "a call is seen");
    is_int(look.call.held_nanos, HELD, "with its hold");
    is_int((long long)look.share, (long long)share_of(TG_STAGE_HELD, 0, 3),
           "and where it stands");
}

int
main(void)
{
    test_certain();
    test_in_between();
    test_standing();
    test_slot();
    return done();
}
