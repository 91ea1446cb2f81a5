#include <string.h>

#include "habit.h"
#include "varint.h"

#define VERSION 3
#define VERSION_FIXED 2 /* numbers as they are in memory */
#define HOURS 24
#define NAME_FULL (TG_HABIT_NAME - 1) /* so long, it may have been cut */

/* Most of a number: its sight's length, name and hash, and two instants. */
#define SIGHT_BYTES_MAX (1 + NAME_FULL + 8 + 2 * TG_VARINT_MAX)
#define HEAD_BYTES_MAX (1 + 16 * TG_VARINT_MAX + HOURS * 3)

_Static_assert(HEAD_BYTES_MAX + 3 * (1 + TG_VARINT_MAX +
                                     TG_HABIT_SIGHTS * SIGHT_BYTES_MAX) <=
                   TG_HABIT_BYTES_MAX,
               "room for the fullest");

/* Of a habit; instants lie shortly before its last call, or are 0. */
static const struct {
    size_t offset;
    bool is_instant;
} members[] = {
    {offsetof(struct tg_habit, first_at_ms), true},
    {offsetof(struct tg_habit, calls), false},
    {offsetof(struct tg_habit, seq), false},
    {offsetof(struct tg_habit, told_at_ms), true},
    {offsetof(struct tg_habit, suspect_at_ms), true},
    {offsetof(struct tg_habit, day), false},
    {offsetof(struct tg_habit, hour), false},
    {offsetof(struct tg_habit, hour_nanos), false},
    {offsetof(struct tg_habit, hour_calls), false},
    {offsetof(struct tg_habit, peak_nanos), false},
    {offsetof(struct tg_habit, usual_at_ms), true},
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

static uint8_t *
put(uint8_t *out, const void *data, size_t len)
{
    memcpy(out, data, len);
    return out + len;
}

/* Most are of one byte. */
static inline uint8_t *
put_unsigned(uint8_t *out, uint64_t value)
{
    if (value > 0x7f)
        return out + tg_varint_put(out, value);
    *out = (uint8_t)value;
    return out + 1;
}

static uint8_t *
put_number(uint8_t *out, int64_t value)
{
    return put_unsigned(out, tg_varint_fold(value));
}

/* 0 stays 0; all others are told by how far they are from the last call. */
static uint8_t *
put_instant(uint8_t *out, int64_t at, int64_t last_at)
{
    uint64_t apart =
        tg_varint_fold((int64_t)((uint64_t)last_at - (uint64_t)at));

    return put_unsigned(out, at == 0 ? 0 : apart + 1);
}

static uint8_t *
put_sights(uint8_t *out, const struct tg_sights *sights, int64_t last_at)
{
    uint8_t *count = out++;

    *count = 0;
    out = put_number(out, sights->novelty);
    for (int i = 0; i < TG_HABIT_SIGHTS; i++) {
        const struct tg_sight *sight = &sights->list[i];
        uint8_t len = (uint8_t)strnlen(sight->name, NAME_FULL);

        if (sight->hash == 0)
            continue;
        *out++ = len;
        out = put(out, sight->name, len);
        if (len == NAME_FULL)
            out = put(out, &sight->hash, sizeof(sight->hash));
        out = put_instant(out, sight->new_at_ms, last_at);
        out = put_instant(out, sight->last_at_ms, last_at);
        ++*count;
    }
    return out;
}

/* Those of the day that are used, which are few as a rule. */
static uint8_t *
put_hours(uint8_t *out, const uint16_t hours[HOURS])
{
    uint32_t used = 0;

    for (int i = 0; i < HOURS; i++)
        used |= (uint32_t)(hours[i] != 0) << i;
    out = put_number(out, used);
    for (int i = 0; i < HOURS; i++) {
        if (hours[i] != 0)
            out = put_unsigned(out, hours[i]);
    }
    return out;
}

size_t
tg_habit_pack(const struct tg_habit *habit, uint8_t out[TG_HABIT_BYTES_MAX])
{
    int64_t value, last_at = habit->last_at_ms;
    uint8_t *end = out;

    *end++ = VERSION;
    end = put_number(end, last_at);
    for (size_t i = 0; i < MEMBERS; i++) {
        memcpy(&value, (const char *)habit + members[i].offset, sizeof(value));
        end = members[i].is_instant ? put_instant(end, value, last_at)
                                    : put_number(end, value);
    }
    end = put_number(end, habit->days);
    end = put_number(end, habit->activity);
    end = put_number(end, habit->today);
    end = put_hours(end, habit->hours);
    end = put_sights(end, &habit->networks, last_at);
    end = put_sights(end, &habit->agents, last_at);
    end = put_sights(end, &habit->models, last_at);
    return (size_t)(end - out);
}

struct reader {
    const uint8_t *at, *end;
    bool is_bad;
};

static void
get(struct reader *reader, void *data, size_t len)
{
    if ((size_t)(reader->end - reader->at) < len) {
        reader->is_bad = true;
        return;
    }
    memcpy(data, reader->at, len);
    reader->at += len;
}

static uint8_t
get_byte(struct reader *reader)
{
    uint8_t byte = 0;

    get(reader, &byte, 1);
    return byte;
}

static inline uint64_t
get_unsigned(struct reader *reader)
{
    uint64_t value = 0;

    if (reader->at < reader->end && *reader->at <= 0x7f)
        return *reader->at++;
    if (tg_varint_get(&reader->at, reader->end, &value) != 0)
        reader->is_bad = true;
    return value;
}

static int64_t
get_number(struct reader *reader)
{
    return tg_varint_unfold(get_unsigned(reader));
}

static int64_t
get_instant(struct reader *reader, int64_t last_at)
{
    uint64_t apart = get_unsigned(reader);

    if (apart == 0)
        return 0;
    return (int64_t)((uint64_t)last_at - (uint64_t)tg_varint_unfold(apart - 1));
}

static void
get_sight(struct reader *reader, struct tg_sight *sight, int64_t last_at)
{
    uint8_t len = get_byte(reader);

    if (len > NAME_FULL) {
        reader->is_bad = true;
        return;
    }
    get(reader, sight->name, len);
    if (len == NAME_FULL)
        get(reader, &sight->hash, sizeof(sight->hash));
    else
        sight->hash = tg_habit_hash(sight->name);
    sight->new_at_ms = get_instant(reader, last_at);
    sight->last_at_ms = get_instant(reader, last_at);
}

static void
get_sights(struct reader *reader, struct tg_sights *sights, int64_t last_at)
{
    uint8_t count = get_byte(reader);

    sights->novelty = (int32_t)get_number(reader);
    reader->is_bad |= count > TG_HABIT_SIGHTS;
    for (int i = 0; i < count && !reader->is_bad; i++)
        get_sight(reader, &sights->list[i], last_at);
}

static void
get_all(struct reader *reader, struct tg_habit *habit)
{
    int64_t value, last_at = get_number(reader);
    uint32_t used;

    habit->last_at_ms = last_at;
    for (size_t i = 0; i < MEMBERS; i++) {
        value = members[i].is_instant ? get_instant(reader, last_at)
                                      : get_number(reader);
        memcpy((char *)habit + members[i].offset, &value, sizeof(value));
    }
    habit->days = (int32_t)get_number(reader);
    habit->activity = (int32_t)get_number(reader);
    habit->today = (uint32_t)get_number(reader);
    used = (uint32_t)get_number(reader);
    for (int i = 0; used >> i != 0 && i < HOURS; i++) {
        if (used >> i & 1)
            habit->hours[i] = (uint16_t)get_unsigned(reader);
    }
    get_sights(reader, &habit->networks, last_at);
    get_sights(reader, &habit->agents, last_at);
    get_sights(reader, &habit->models, last_at);
}

/* What a habit has beside its sights, and what a sight has beside its name. */
#define FIXED_HEAD offsetof(struct tg_habit, networks)
#define FIXED_SIGHT offsetof(struct tg_sight, name)

_Static_assert(FIXED_HEAD == 160 && FIXED_SIGHT == 24, "as version 2 has them");

static void
get_fixed_sights(struct reader *reader, struct tg_sights *sights)
{
    uint8_t len, count = get_byte(reader);

    get(reader, &sights->novelty, sizeof(sights->novelty));
    reader->is_bad |= count > TG_HABIT_SIGHTS;
    for (int i = 0; i < count && !reader->is_bad; i++) {
        get(reader, &sights->list[i], FIXED_SIGHT);
        len = get_byte(reader);
        reader->is_bad |= len > NAME_FULL;
        if (reader->is_bad)
            return;
        get(reader, sights->list[i].name, len);
        if (len < NAME_FULL)
            sights->list[i].hash = tg_habit_hash(sights->list[i].name);
    }
}

static void
get_fixed(struct reader *reader, struct tg_habit *habit)
{
    get(reader, habit, FIXED_HEAD);
    get_fixed_sights(reader, &habit->networks);
    get_fixed_sights(reader, &habit->agents);
    get_fixed_sights(reader, &habit->models);
}

/* In parts, which the C library does with wide stores, and the whole not. */
static void
clear(struct tg_habit *habit)
{
    memset(habit, 0, FIXED_HEAD);
    memset(&habit->networks, 0, sizeof(habit->networks));
    memset(&habit->agents, 0, sizeof(habit->agents));
    memset(&habit->models, 0, sizeof(habit->models));
}

bool
tg_habit_unpack(struct tg_habit *habit, const void *data, size_t len)
{
    /* Where nothing is kept there are no bytes, nor a place of them. */
    struct reader reader = {
        .at = data, .end = len == 0 ? data : (const uint8_t *)data + len};
    uint8_t version = get_byte(&reader);

    clear(habit);
    if (version == VERSION)
        get_all(&reader, habit);
    else if (version == VERSION_FIXED)
        get_fixed(&reader, habit);
    else
        reader.is_bad = true;
    if (!reader.is_bad && reader.at == reader.end)
        return true;
    clear(habit);
    return false;
}
