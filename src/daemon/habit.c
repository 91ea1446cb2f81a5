#include "habit.h"

#include <string.h>

#define MS_PER_HOUR INT64_C(3600000)
#define MS_PER_DAY (24 * MS_PER_HOUR)
#define NEW_MS MS_PER_DAY       /* a new one is new for this long */
#define TOGETHER_MS MS_PER_HOUR /* a move to another network takes as long */
#define EPISODE_MS MS_PER_DAY   /* without a suspicious call: it is over */
#define CROWDED_MS (30 * MS_PER_DAY)
#define ONE 1024
#define FADE(n) ((n) - (n) / 20)      /* in a day: by half in two weeks */
#define FADE_SLOW(n) ((n) - (n) / 32) /* in three */
#define FADE_DAYS_MAX 400
#define HOUR_SEEN 64
#define HOURS_OF_A_PATTERN 14
#define PATTERN_DAYS (8 * ONE)
#define SPEND_FLOOR_NANOS INT64_C(500000000)
#define SPEND_TIMES 5
#define SPEND_FAR_TIMES 20

const struct tg_trait_row tg_traits[TG_TRAIT_COUNT] = {
    [TG_TRAIT_NETWORK] = {"new_network", 4, "from a network that is new"},
    [TG_TRAIT_TOGETHER] = {"old_network_goes_on", 2,
                           "while it goes on from its old one"},
    [TG_TRAIT_AGENT] = {"new_user_agent", 2, "by another kind of program"},
    [TG_TRAIT_MODEL] = {"new_model", 1, "with a model it never used"},
    [TG_TRAIT_HOUR] = {"unusual_hour", 1, "at an hour it was never used at"},
    [TG_TRAIT_SPEND] = {"fast_spending", 2,
                        "spending more than five times its most in an hour"},
    [TG_TRAIT_SPEND_FAR] = {"very_fast_spending", 4,
                            "more than twenty times, even"},
};

#define HASH_BEGIN UINT64_C(14695981039346656037)
#define HASH_TIMES UINT64_C(1099511628211)
#define WORDS_TIMES UINT64_C(0x9e3779b97f4a7c15)

/* FNV-1a, a character at a time. */
static uint64_t
hash_long(const char *text)
{
    uint64_t hash = HASH_BEGIN;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * HASH_TIMES;
    return hash | 1;
}

static uint64_t
mix(uint64_t hash, const char *eight)
{
    uint64_t word;

    memcpy(&word, eight, sizeof(word));
    hash = (hash ^ word) * WORDS_TIMES;
    return hash ^ hash >> 32;
}

/* Eight at a time: a habit that is read has its names hashed. */
uint64_t
tg_habit_hash(const char *text)
{
    size_t at = 0, len = strnlen(text, TG_HABIT_NAME - 1);
    uint64_t hash = HASH_BEGIN + len;

    if (len == TG_HABIT_NAME - 1 || len < 8)
        return hash_long(text);
    for (; at + 8 <= len; at += 8)
        hash = mix(hash, text + at);
    /* The last eight, some of them once more. */
    if (at < len)
        hash = mix(hash, text + len - 8);
    return hash | 1;
}

static void
copy_name(char *out, const char *text, size_t len)
{
    if (len >= TG_HABIT_NAME)
        len = TG_HABIT_NAME - 1;
    memset(out, 0, TG_HABIT_NAME);
    memcpy(out, text, len);
}

/* The place of a name, or where it goes: free, or seen longest ago. */
static int
place_of(const struct tg_sights *sights, uint64_t hash, bool *is_there)
{
    int oldest = 0;

    *is_there = true;
    if (sights->list[sights->last].hash == hash)
        return sights->last;
    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        if (sights->list[i].hash == hash)
            return i;
        if (sights->list[i].last_at_ms < sights->list[oldest].last_at_ms)
            oldest = i;
    }
    *is_there = false;
    return oldest;
}

/* Whether so many are in use that a new one means nothing. */
static bool
is_crowded(const struct tg_sights *sights, int64_t at_ms)
{
    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        if (at_ms - sights->list[i].last_at_ms > CROWDED_MS)
            return false;
    }
    return true;
}

/*
 * Takes one in.  is_learnt: a name that was not there is new, else it is
 * known.  Returns whether it is, or still is, new.
 */
static bool
see(struct tg_sights *sights, const char *name, int64_t at_ms, bool is_learnt)
{
    uint64_t hash = tg_habit_hash(name);
    bool is_there, was_crowded, is_first = sights->list[0].hash == 0;
    int place = place_of(sights, hash, &is_there);
    struct tg_sight *sight = &sights->list[place];

    sights->last = place;
    if (!is_there) {
        was_crowded = is_crowded(sights, at_ms);
        *sight = (struct tg_sight){
            .hash = hash,
            .new_at_ms = is_learnt && !was_crowded ? at_ms : 0,
        };
        copy_name(sight->name, name, strlen(name));
        if (!is_first)
            sights->novelty += ONE;
    }
    sight->last_at_ms = at_ms;
    return sight->new_at_ms != 0 && at_ms - sight->new_at_ms < NEW_MS;
}

/*
 * What of a weight is left where new ones come often: more than one every
 * second day are no news, more than one a week are half.  The newest one does
 * not count against itself.
 */
static int
weighed(const struct tg_habit *habit, const struct tg_sights *sights,
        int weight)
{
    int32_t often = sights->novelty > ONE ? sights->novelty - ONE : 0;

    if (often * 2 > habit->activity)
        return 0;
    return often * 7 > habit->activity ? weight / 2 : weight;
}

static void
fade_sights(struct tg_sights *sights)
{
    sights->novelty = FADE(sights->novelty);
}

/* A day is over: what it had is learnt, and all fades a little. */
static void
end_day(struct tg_habit *habit)
{
    for (int i = 0; i < 24; i++) {
        habit->hours[i] = (uint16_t)(habit->hours[i] * 31 / 32);
        if (habit->today & (1u << i))
            habit->hours[i] = (uint16_t)(habit->hours[i] + HOUR_SEEN);
    }
    habit->today = 0;
    habit->activity = FADE(habit->activity);
    habit->peak_nanos = FADE_SLOW(habit->peak_nanos);
    fade_sights(&habit->networks);
    fade_sights(&habit->agents);
    fade_sights(&habit->models);
}

static void
end_hour(struct tg_habit *habit, int64_t hour)
{
    if (hour == habit->hour)
        return;
    if (habit->hour_nanos > habit->peak_nanos)
        habit->peak_nanos = habit->hour_nanos;
    habit->hour = hour;
    habit->hour_nanos = habit->hour_calls = 0;
}

/* Brings the habit to the day and the hour of a call. */
static void
go_to(struct tg_habit *habit, int64_t at_ms)
{
    int64_t day = at_ms / MS_PER_DAY, hour = at_ms / MS_PER_HOUR;
    bool is_first = habit->calls == 0;

    if (is_first)
        habit->first_at_ms = at_ms;
    end_hour(habit, hour);
    if (!is_first && day - habit->day > FADE_DAYS_MAX)
        habit->day = day - FADE_DAYS_MAX;
    if (is_first || day != habit->day) {
        for (; !is_first && habit->day < day; habit->day++)
            end_day(habit);
        habit->day = day;
        habit->days++;
        habit->activity += ONE;
    }
    habit->last_at_ms = at_ms;
}

bool
tg_habit_is_learnt(const struct tg_habit *habit,
                   const struct tg_habit_learning *learning, int64_t now_ms)
{
    int64_t days = learning->days < 3 ? learning->days : 3;

    return habit->calls >= learning->calls && habit->days >= days &&
           now_ms - habit->first_at_ms >= learning->days * MS_PER_DAY;
}

/* An hour before and behind an hour that was used is as usual. */
static bool
is_unusual_hour(const struct tg_habit *habit, int64_t at_ms)
{
    int hour = (int)(at_ms / MS_PER_HOUR % 24), used = 0;

    for (int i = 0; i < 24; i++)
        used += habit->hours[i] != 0;
    return habit->activity >= PATTERN_DAYS && used > 0 &&
           used <= HOURS_OF_A_PATTERN && habit->hours[hour] == 0 &&
           habit->hours[(hour + 1) % 24] == 0 &&
           habit->hours[(hour + 23) % 24] == 0;
}

static void
add_trait(struct tg_habit_look *look, enum tg_trait trait, int weight)
{
    if (weight <= 0)
        return;
    look->traits |= 1u << trait;
    look->weight += weight;
}

static void
look_at_network(struct tg_habit *habit, int64_t at_ms, bool is_learnt,
                struct tg_habit_look *look)
{
    int weight = tg_traits[TG_TRAIT_NETWORK].weight;
    const struct tg_sight *sight;

    if (!see(&habit->networks, look->network, at_ms, is_learnt)) {
        habit->usual_at_ms = at_ms;
        return;
    }
    sight = &habit->networks.list[habit->networks.last];
    add_trait(look, TG_TRAIT_NETWORK, weighed(habit, &habit->networks, weight));
    if (weighed(habit, &habit->networks, weight) == weight &&
        habit->usual_at_ms - sight->new_at_ms >= TOGETHER_MS)
        add_trait(look, TG_TRAIT_TOGETHER, tg_traits[TG_TRAIT_TOGETHER].weight);
}

static void
look_at_spending(struct tg_habit *habit, int64_t cost_nanos, bool is_learnt,
                 struct tg_habit_look *look)
{
    int64_t base = habit->peak_nanos > SPEND_FLOOR_NANOS ? habit->peak_nanos
                                                         : SPEND_FLOOR_NANOS;

    habit->hour_calls++;
    if (cost_nanos > 0 && __builtin_add_overflow(habit->hour_nanos, cost_nanos,
                                                 &habit->hour_nanos))
        habit->hour_nanos = INT64_MAX;
    look->hour_nanos = habit->hour_nanos;
    look->hour_calls = habit->hour_calls;
    look->peak_nanos = habit->peak_nanos;
    if (!is_learnt)
        return;
    if (habit->hour_nanos / SPEND_TIMES >= base)
        add_trait(look, TG_TRAIT_SPEND, tg_traits[TG_TRAIT_SPEND].weight);
    if (habit->hour_nanos / SPEND_FAR_TIMES >= base)
        add_trait(look, TG_TRAIT_SPEND_FAR,
                  tg_traits[TG_TRAIT_SPEND_FAR].weight);
}

static void
judge(struct tg_habit *habit, int64_t at_ms, struct tg_habit_look *look)
{
    if (look->weight < TG_HABIT_SUSPICIOUS)
        return;
    look->is_told =
        habit->told_at_ms == 0 || at_ms - habit->suspect_at_ms > EPISODE_MS;
    if (look->is_told)
        habit->told_at_ms = at_ms;
    habit->suspect_at_ms = at_ms;
}

void
tg_habit_take(struct tg_habit *habit, const struct tg_habit_call *call,
              const struct tg_habit_learning *learning,
              struct tg_habit_look *look)
{
    int64_t at_ms =
        call->at_ms > habit->last_at_ms ? call->at_ms : habit->last_at_ms;
    bool is_learnt;

    memset(look, 0, sizeof(*look));
    tg_habit_network(call->ip, look->network);
    tg_habit_agent(call->user_agent, look->agent);
    go_to(habit, at_ms);
    is_learnt = tg_habit_is_learnt(habit, learning, at_ms);
    look_at_network(habit, at_ms, is_learnt, look);
    if (see(&habit->agents, look->agent, at_ms, is_learnt))
        add_trait(
            look, TG_TRAIT_AGENT,
            weighed(habit, &habit->agents, tg_traits[TG_TRAIT_AGENT].weight));
    if (call->model[0] != '\0' &&
        see(&habit->models, call->model, at_ms, is_learnt))
        add_trait(
            look, TG_TRAIT_MODEL,
            weighed(habit, &habit->models, tg_traits[TG_TRAIT_MODEL].weight));
    if (is_learnt && is_unusual_hour(habit, at_ms))
        add_trait(look, TG_TRAIT_HOUR, tg_traits[TG_TRAIT_HOUR].weight);
    look_at_spending(habit, call->cost_nanos, is_learnt, look);
    habit->today |= 1u << (at_ms / MS_PER_HOUR % 24);
    habit->calls++;
    judge(habit, at_ms, look);
}
