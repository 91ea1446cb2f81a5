#include "admit_part.h"

/* How soon to look again for what nobody wakes us for: other workers. */
#define FIRST_LOOK_MS 2 /* the first in line, for a place */
#define NEXT_LOOK_MS 5  /* those behind it, for their turn */
#define LOOK_MS 20 /* for a policy that changed, or tokens that came back */

static int64_t
smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long it may still wait.  A clock that was set back begins anew. */
static int64_t
left_ms(struct tg_queue_place *place, int64_t now_ms, struct tg_admission *a)
{
    if (place->since_ms == 0 || now_ms < place->since_ms)
        place->since_ms = now_ms;
    a->waited_ms = now_ms - place->since_ms;
    return (int64_t)a->key.max_queue_ms - a->waited_ms;
}

/* Waits for what a->rate says is in the way, if there is hope. */
static void
wait_for_rate(int64_t look_ms, int64_t left, struct tg_admission *a)
{
    int64_t wait_ms = a->rate.wait_ms;

    if (wait_ms == TG_RATE_UNTIL_CALL)
        wait_ms = smaller(look_ms, left);
    if (left <= 0 || wait_ms < 0 || wait_ms > left) {
        tg_admit_refuse(a, TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_CODE);
        return;
    }
    a->action = TG_ACTION_WAIT;
    a->wait_ms = smaller(wait_ms, LOOK_MS);
}

/* Whether one that stands in line may try now; else it waits or is refused. */
static bool
is_its_turn(struct tg_area_claim *claim, struct tg_queue_place *place,
            int64_t now_ms, struct tg_admission *a)
{
    struct tg_counters *counters =
        &claim->state->keys[a->head.key_slot].counters;
    struct tg_rate_line line = tg_queue_ahead(claim, place);
    int64_t left = left_ms(place, now_ms, a);

    if (tg_rate_peek_behind(counters, &a->key, now_ms, (int32_t)a->call.day,
                            &line, &a->rate) == 0) {
        if (line.calls == 0)
            return true;
        a->rate = (struct tg_rate_verdict){.limit = TG_RATE_LINE,
                                           .wait_ms = TG_RATE_UNTIL_CALL};
    }
    wait_for_rate(line.calls == 0 ? FIRST_LOOK_MS : NEXT_LOOK_MS, left, a);
    return false;
}

/* Goes to the end of the line; else it is refused for what a->rate says. */
static bool
has_joined(struct tg_area_claim *claim, struct tg_queue_place *place,
           int64_t now_ms, struct tg_admission *a)
{
    place->since_ms = now_ms;
    place->tokens = a->tokens_estimate;
    if (tg_queue_join(claim, a->head.key_slot, place) == 0)
        return true;
    return tg_admit_refuse(a, TG_CODE_RATE_LIMIT_EXCEEDED, TG_REASON_CODE);
}

/* One that comes: passes, joins the line, or is refused. */
static bool
arrive(struct tg_area_claim *claim, struct tg_queue_place *place,
       int64_t now_ms, struct tg_admission *a, bool *has_taken)
{
    *has_taken = false;
    a->rate = (struct tg_rate_verdict){.limit = TG_RATE_LINE,
                                       .wait_ms = TG_RATE_UNTIL_CALL};
    if (tg_queue_is_empty(claim->state, a->head.key_slot)) {
        *has_taken = tg_admit_take_rates(claim, now_ms, a);
        if (*has_taken)
            return true;
        wait_for_rate(FIRST_LOOK_MS, a->key.max_queue_ms, a);
        if (a->action == TG_ACTION_REFUSE)
            return false;
    }
    return has_joined(claim, place, now_ms, a);
}

bool
tg_admit_take_turn(struct tg_area_claim *claim, struct tg_queue_place *place,
                   int64_t now_ms, struct tg_admission *a)
{
    bool has_taken = false;

    if (a->key.max_queue_ms == 0 && place->row == 0)
        return tg_admit_take_rates(claim, now_ms, a);
    if (place->row == 0 && !arrive(claim, place, now_ms, a, &has_taken))
        return false;
    if (has_taken)
        return true;
    if (is_its_turn(claim, place, now_ms, a)) {
        has_taken = tg_admit_take_rates(claim, now_ms, a);
        /* One that came when nobody waited was quicker. */
        if (!has_taken)
            wait_for_rate(FIRST_LOOK_MS, left_ms(place, now_ms, a), a);
    }
    if (has_taken)
        a->call.latency_ms = (uint32_t)(now_ms - place->since_ms);
    if (has_taken || a->action == TG_ACTION_REFUSE)
        tg_queue_leave(claim, place);
    return has_taken;
}

void
tg_admit_turn(struct tg_area_claim *claim, struct tg_queue_place *place,
              int64_t now_ms, struct tg_admission *a)
{
    a->tokens_estimate = place->tokens;
    do {
        if (!tg_admit_again(claim->state, now_ms, a))
            break;
        tg_admit_find_day(claim->state, now_ms, a);
        if (is_its_turn(claim, place, now_ms, a))
            a->action = TG_ACTION_PROXY;
    } while (
        !tg_state_key_is_current(claim->state, a->head.key_slot, a->key_seq));
    if (a->action == TG_ACTION_REFUSE)
        tg_queue_leave(claim, place);
}
