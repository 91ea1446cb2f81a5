/*
 * Goal: the line's rows say who came first, whose worker lives, and how many
 * of a key wait; whoever dies is not waited for.
 */
#include "queue.h"
#include "state_test.h"
#include "tap.h"

static char *dir;
static struct tg_state state;

/* A worker: a map and a lock of its own, as a process has. */
struct worker {
    struct tg_state state;
    struct tg_area_claim claim;
};

static void
begin(struct worker *worker, uint64_t writer_id)
{
    test_open(&worker->state, dir);
    if (tg_area_claim(&worker->claim, &worker->state, writer_id, 1) != 0)
        abort();
}

/* As a kill would: the lock goes, the rest stays. */
static void
die(struct worker *worker)
{
    tg_state_close(&worker->state);
}

static void
end(struct worker *worker)
{
    tg_area_leave(&worker->claim);
    tg_state_close(&worker->state);
}

static struct tg_queue_place
join(struct worker *worker, uint32_t key_slot, int64_t tokens)
{
    struct tg_queue_place place = {.tokens = tokens};

    if (tg_queue_join(&worker->claim, key_slot, &place) != 0)
        abort();
    return place;
}

static uint32_t
ahead(struct worker *worker, const struct tg_queue_place *place)
{
    return tg_queue_ahead(&worker->claim, place).calls;
}

static int
waiting(uint32_t key_slot)
{
    return atomic_load(&state.keys[key_slot].waiting);
}

static int
rows(void)
{
    int count = 0;

    for (int i = 0; i < TG_WAITERS; i++)
        count += atomic_load(&state.waiters[i].writer_id) != 0;
    return count;
}

static void
test_order(void)
{
    struct tg_queue_place places[4], other;
    struct tg_rate_line line;
    struct worker one, two;

    begin(&one, 11);
    begin(&two, 12);
    ok(tg_queue_is_empty(&state, 5), "nobody waits");
    places[0] = join(&one, 5, 10);
    places[1] = join(&two, 5, 20);
    other = join(&one, 6, 1000);
    places[2] = join(&one, 5, 40);
    places[3] = join(&two, 5, -3);
    ok(!tg_queue_is_empty(&state, 5) && !tg_queue_is_empty(&state, 6) &&
           tg_queue_is_empty(&state, 4),
       "each key has a line of its own");
    for (uint32_t i = 0; i < 4; i++)
        is_int(ahead(i % 2 ? &two : &one, &places[i]), i,
               "so many came before call %u", i + 1);
    is_int(ahead(&one, &other), 0, "none of another key");
    line = tg_queue_ahead(&two.claim, &places[3]);
    is_int(line.tokens, 70, "the tokens of those before");
    is_int(line.own, -3, "and its own, as they are");
    state.waiters[places[0].row - 1].tokens = UINT64_MAX;
    is_int(tg_queue_ahead(&two.claim, &places[1]).tokens, UINT32_MAX,
           "of a damaged row no more than a limit can be");

    tg_queue_leave(&two.claim, &places[1]);
    is_int(places[1].row, 0, "one leaves");
    is_int(ahead(&one, &places[2]), 1, "the next moves up");
    tg_queue_leave(&two.claim, &places[1]);
    is_int(waiting(5), 3, "leaving twice counts once");
    places[1] = join(&two, 5, 1);
    is_int(ahead(&two, &places[1]), 3, "who comes back comes last");
    for (int i = 0; i < 4; i++)
        tg_queue_leave(i % 2 ? &two.claim : &one.claim, &places[i]);
    tg_queue_leave(&one.claim, &other);
    is_int(rows(), 0, "all have left");
    ok(waiting(5) == 0 && waiting(6) == 0, "and are not counted");
    end(&one);
    end(&two);
}

/* A row that has no ticket yet may get an earlier one. */
static void
test_a_ticket_that_is_being_drawn(void)
{
    struct tg_queue_place first, second;
    struct tg_waiter *row;
    uint64_t ticket;
    struct worker one, two;

    begin(&one, 11);
    begin(&two, 12);
    first = join(&one, 5, 1);
    second = join(&two, 5, 1);
    row = &state.waiters[first.row - 1];
    ticket = atomic_exchange(&row->ticket, 0);
    is_int(ahead(&two, &second), 1, "it counts as earlier");
    atomic_store(&row->ticket, second.ticket + 1);
    is_int(ahead(&two, &second), 0, "until its ticket says otherwise");
    atomic_store(&row->ticket, ticket);
    tg_queue_leave(&one.claim, &first);
    tg_queue_leave(&two.claim, &second);
    end(&one);
    end(&two);
}

static void
test_the_dead(void)
{
    struct tg_queue_place dead, living, other;
    struct worker one, two;

    begin(&one, 21);
    begin(&two, 22);
    dead = join(&one, 5, 1);
    other = join(&one, 6, 1);
    living = join(&two, 5, 1);
    is_int(ahead(&two, &living), 1, "a worker's call is first");
    ok(tg_area_is_alive(&two.state, one.claim.area, 21), "it lives");
    ok(!tg_area_is_alive(&two.state, one.claim.area, 22),
       "but not under another's name");
    ok(!tg_area_is_alive(&two.state, UINT32_MAX, 21), "nor anywhere else");
    die(&one);
    ok(!tg_area_is_alive(&two.state, one.claim.area, 21), "it is killed");
    is_int(ahead(&two, &living), 0, "then it is not waited for");
    is_int(rows(), 3, "though its rows are there");
    is_int(waiting(5), 2, "and counted");

    tg_queue_clear(&state, 21);
    is_int(rows(), 1, "the daemon takes them out");
    ok(waiting(5) == 1 && waiting(6) == 0, "and off the count");
    tg_queue_clear(&state, 21);
    is_int(waiting(5), 1, "once");
    tg_queue_leave(&two.claim, &living);
    is_int(rows(), 0, "nobody is left");
    (void)dead;
    (void)other;
    end(&two);
    if (!tg_area_is_orphaned(&state, one.claim.area))
        abort();
    tg_area_clear(&state, one.claim.area);
}

/* Rows of the dead are used again when there are no others. */
static void
test_a_full_table(void)
{
    struct tg_queue_place place = {0};
    struct worker one, two;
    int joined = 0;

    begin(&one, 31);
    begin(&two, 32);
    for (uint32_t key = 0; key < 5; key++) {
        for (int i = 0; i < TG_QUEUE_KEY_MAX + 1; i++)
            joined += tg_queue_join(&one.claim, key, &place) == 0;
    }
    is_int(joined, TG_WAITERS, "the table takes so many");
    ok(waiting(0) == TG_QUEUE_KEY_MAX && waiting(4) == 0,
       "and not all of one key");
    is_int(tg_queue_join(&two.claim, 7, &place), TG_ERR_FULL, "no more");
    ok(place.row == 0 && waiting(7) == 0, "who does not fit is not counted");

    die(&one);
    is_int(tg_queue_join(&two.claim, 7, &place), 0, "a dead one's row is free");
    ok(waiting(7) == 1 && waiting(0) == TG_QUEUE_KEY_MAX - 1,
       "the dead one is counted out, the living one in");
    is_int(ahead(&two, &place), 0, "and it is first of its key");
    tg_queue_clear(&state, 31);
    is_int(rows(), 1, "what is left of the dead is taken out");
    tg_queue_leave(&two.claim, &place);
    for (uint32_t key = 0; key < 8; key++)
        is_int(waiting(key), 0, "key %u has nobody in line", key);
    end(&two);
    if (!tg_area_is_orphaned(&state, one.claim.area))
        abort();
    tg_area_clear(&state, one.claim.area);
}

/* A call that was in no line, or whose worker ends in good order. */
static void
test_ends(void)
{
    struct tg_queue_place nowhere = {0};
    struct worker one;

    begin(&one, 41);
    tg_queue_leave(&one.claim, &nowhere);
    is_int(waiting(0), 0, "who stands in no line leaves none");
    join(&one, 5, 1);
    tg_queue_clear(&one.state, 41);
    is_int(rows(), 0, "a worker that ends takes its calls out");
    end(&one);
}

int
main(void)
{
    struct tg_publisher *publisher;

    dir = test_dir();
    test_create(&state, dir, 100);
    if (tg_publisher_open(&publisher, &state) != 0)
        abort();
    test_order();
    test_a_ticket_that_is_being_drawn();
    test_the_dead();
    test_a_full_table();
    test_ends();
    tg_publisher_close(publisher);
    tg_state_close(&state);
    test_dir_remove(dir);
    return done();
}
