/*
 * A clock that jumps: what is found of it look by look, and by which time
 * limits go meanwhile.
 */
#include "jump.h"

#include "steady.h"
#include "tap.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define DAY (1440 * MINUTE)
#define BEGUN_AT 1700000000000 /* by the wall clock, when the other says 0 */

/* Looks, one behind the other: what each finds, and by how much it moved. */
static const struct {
    const char *fact;
    int64_t forward_ms; /* since the look before */
    int64_t set_by_ms;  /* how the wall clock was set meanwhile */
    enum tg_jump_found found;
    int64_t by_ms;
    int64_t off_ms; /* of the time that limits go by from the wall clock's */
} looks[] = {
    {"at first", 0, 0, TG_JUMP_NOTHING, 0, 0},
    {"a second later", SECOND, 0, TG_JUMP_NOTHING, 0, 0},
    {"a small step is followed", SECOND, 1999, TG_JUMP_NOTHING, 1999, 0},
    {"and another", SECOND, 1999, TG_JUMP_NOTHING, 1999, 0},
    {"and one back", SECOND, -1999, TG_JUMP_NOTHING, -1999, 0},
    {"two seconds are a jump", SECOND, 2000, TG_JUMP_HELD, 2000, -2000},
    {"set right again", SECOND, -2000, TG_JUMP_UNDONE, -2000, 0},
    {"a day ahead", SECOND, DAY, TG_JUMP_HELD, DAY, -DAY},
    {"nine minutes later", 9 * MINUTE, 0, TG_JUMP_NOTHING, 0, -DAY},
    {"by another jump they begin anew", SECOND, MINUTE, TG_JUMP_HELD, MINUTE,
     -DAY - MINUTE},
    {"so after nine more", 9 * MINUTE, 0, TG_JUMP_NOTHING, 0, -DAY - MINUTE},
    {"it is not long enough", MINUTE - 1, 0, TG_JUMP_NOTHING, 0, -DAY - MINUTE},
    {"ten are", 1, 0, TG_JUMP_FOLLOWED, DAY + MINUTE, 0},
    {"and that was all", SECOND, 0, TG_JUMP_NOTHING, 0, 0},
    {"far back", SECOND, -31LL * DAY, TG_JUMP_HELD, -31LL * DAY, 31LL * DAY},
    {"almost where it was", SECOND, 31LL * DAY - 1999, TG_JUMP_UNDONE,
     31LL * DAY - 1999, 0},
    {"back, while the machine slept", 8 * 60 * MINUTE, -MINUTE, TG_JUMP_HELD,
     -MINUTE, MINUTE},
    {"small steps do not begin the ten minutes anew", 5 * MINUTE, 500,
     TG_JUMP_NOTHING, 500, MINUTE - 500},
    {"nor another", 4 * MINUTE, 500, TG_JUMP_NOTHING, 500, MINUTE - 1000},
    {"it is followed to where it is", MINUTE, 500, TG_JUMP_FOLLOWED,
     -MINUTE + 1500, 0},
};

static void
test_looks(void)
{
    int64_t forward_ms = 0, wall_ms = BEGUN_AT;
    struct tg_jump jump;

    tg_jump_init(&jump, BEGUN_AT);
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        int64_t by_ms = -1, now_ms;

        forward_ms += looks[i].forward_ms;
        wall_ms += looks[i].forward_ms + looks[i].set_by_ms;
        is_int(tg_jump_look(&jump, wall_ms, forward_ms, &by_ms), looks[i].found,
               "%s", looks[i].fact);
        is_int(by_ms, looks[i].by_ms, "by so much");
        now_ms = tg_steady_ms(jump.believed_ms, wall_ms, forward_ms);
        is_int(now_ms - wall_ms, looks[i].off_ms, "and limits go by that");
    }
}

static void
test_an_operator(void)
{
    struct tg_jump jump;
    int64_t by_ms = 0;

    tg_jump_init(&jump, BEGUN_AT);
    is_int(tg_jump_accept(&jump, &by_ms), TG_JUMP_NOTHING,
           "a clock that is believed needs nobody's word");
    (void)tg_jump_look(&jump, BEGUN_AT + DAY, 0, &by_ms);
    is_int(tg_jump_accept(&jump, &by_ms), TG_JUMP_FOLLOWED,
           "an operator's word is enough");
    is_int(by_ms, DAY, "it is believed as it is");
    is_int(jump.believed_ms, BEGUN_AT + DAY, "from now on");
    is_int(tg_jump_look(&jump, BEGUN_AT + DAY, 0, &by_ms), TG_JUMP_NOTHING,
           "and is no jump any more");
}

static void
test_one_that_was_there_at_the_start(void)
{
    struct tg_jump jump;
    int64_t by_ms;

    tg_jump_init(&jump, BEGUN_AT - DAY);
    is_int(tg_jump_look(&jump, BEGUN_AT, 0, &by_ms), TG_JUMP_HELD,
           "a jump while no daemon ran is one");
    is_int(by_ms, DAY, "by what the state file says");
    tg_jump_init(&jump, INT64_MIN);
    is_int(tg_jump_look(&jump, BEGUN_AT, 0, &by_ms), TG_JUMP_HELD,
           "which may be damaged");
}

static const struct {
    const char *fact;
    int64_t ahead_ms, wall_ms, forward_ms, now_ms;
} times[] = {
    {"nobody has said: the wall clock", 0, BEGUN_AT, 5, BEGUN_AT},
    {"it is as it was", BEGUN_AT, BEGUN_AT + 5, 5, BEGUN_AT + 5},
    {"a little ahead", BEGUN_AT, BEGUN_AT + 2004, 5, BEGUN_AT + 2004},
    {"a little behind", BEGUN_AT, BEGUN_AT - 1994, 5, BEGUN_AT - 1994},
    {"too far ahead", BEGUN_AT, BEGUN_AT + 2005, 5, BEGUN_AT + 5},
    {"too far behind", BEGUN_AT, BEGUN_AT - 1995, 5, BEGUN_AT + 5},
    {"what cannot be is not believed", INT64_MAX, BEGUN_AT, 5, BEGUN_AT},
    {"nor the other way round", INT64_MIN, BEGUN_AT, -5, BEGUN_AT},
    {"nor an instant before 1970", -2 * BEGUN_AT, BEGUN_AT, 5, BEGUN_AT},
    {"nor one behind the year 9999", INT64_C(253402300800000), BEGUN_AT, 5,
     BEGUN_AT},
    {"nor a difference that cannot be", INT64_MIN + 5, BEGUN_AT, -5, BEGUN_AT},
};

static void
test_times(void)
{
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        is_int(tg_steady_ms(times[i].ahead_ms, times[i].wall_ms,
                            times[i].forward_ms),
               times[i].now_ms, "%s", times[i].fact);
}

int
main(void)
{
    test_looks();
    test_an_operator();
    test_one_that_was_there_at_the_start();
    test_times();
    return done();
}
