/*
 * habit.h: how a key is used from day to day, and what of a call is unlike it.
 *
 * A habit is learnt from calls that were admitted, forgets over weeks, and
 * has a fixed size: networks, kinds of programs and models that were seen, the
 * hours of the day (UTC), and the most that was spent in an hour.  Until a key
 * has been used for some days and calls nothing is unlike it.  What is new for
 * a key whose networks, programs or models change often weighs less, or
 * nothing.  docs/events.md says it for operators.
 *
 * Pure: instants (Unix time in ms) are arguments.
 */
#ifndef TG_HABIT_H
#define TG_HABIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_HABIT_NAME 32 /* with a NUL; a longer name is cut */
#define TG_HABIT_SIGHTS 16

/* What a call can have that is unlike the key, in the order of their table. */
enum tg_trait {
    TG_TRAIT_NETWORK = 0,
    TG_TRAIT_TOGETHER, /* and the old ones go on beside it */
    TG_TRAIT_AGENT,
    TG_TRAIT_MODEL,
    TG_TRAIT_HOUR,
    TG_TRAIT_SPEND,
    TG_TRAIT_SPEND_FAR,
    TG_TRAIT_COUNT
};

struct tg_trait_row {
    const char *name; /* in evidence */
    int weight;
    const char *sentence; /* "from a network that is new for it" */
};

extern const struct tg_trait_row tg_traits[TG_TRAIT_COUNT];

/* So much together, in one call, is suspicious. */
#define TG_HABIT_SUSPICIOUS 6

/* A network, a kind of program, or a model. */
struct tg_sight {
    uint64_t hash;     /* of the whole name; 0: a free place */
    int64_t new_at_ms; /* 0: known since the key was learnt */
    int64_t last_at_ms;
    char name[TG_HABIT_NAME];
};

struct tg_sights {
    struct tg_sight list[TG_HABIT_SIGHTS];
    int32_t novelty; /* how many were new lately, in 1/1024 */
    int32_t last;    /* where the last call's is */
};

struct tg_habit {
    int64_t first_at_ms, last_at_ms; /* calls */
    int64_t calls;
    int64_t seq; /* the last call that it knows of, for its keeper */
    int64_t told_at_ms, suspect_at_ms; /* the episode's begin and last call */
    int64_t day;                       /* since 1970, of the last call */
    int64_t hour;                      /* the same, of hour_nanos */
    int64_t hour_nanos, hour_calls;
    int64_t peak_nanos;  /* the most in an hour; fades */
    int64_t usual_at_ms; /* the last call from a network that is not new */
    int32_t days;        /* on which there were calls, in all */
    int32_t activity;    /* lately, in 1/1024 */
    uint32_t today;      /* bits: hours with calls */
    uint16_t hours[24];
    struct tg_sights networks, agents, models;
};

/* How long a key is learnt before anything is unlike it. */
struct tg_habit_learning {
    int64_t days, calls;
};

/* A call, as far as a habit is of it; texts are NUL-terminated. */
struct tg_habit_call {
    int64_t at_ms;
    int64_t cost_nanos;
    const char *ip, *user_agent, *model;
};

/* What one call shows. */
struct tg_habit_look {
    uint32_t traits; /* bits 1 << enum tg_trait */
    int weight;
    bool is_told; /* an episode begins: tell it */
    int64_t hour_nanos, hour_calls, peak_nanos;
    char network[TG_HABIT_NAME], agent[TG_HABIT_NAME];
};

/* Zeros are the habit of a key that never called. */

/*
 * Takes a call in and says what of it is unlike the key before.  Calls of one
 * key come in the order in which they ended; an earlier instant than the last
 * one's counts as that one.
 */
void tg_habit_take(struct tg_habit *habit, const struct tg_habit_call *call,
                   const struct tg_habit_learning *learning,
                   struct tg_habit_look *look);

/* Whether the key has been learnt by now. */
bool tg_habit_is_learnt(const struct tg_habit *habit,
                        const struct tg_habit_learning *learning,
                        int64_t now_ms);

/*
 * "203.0.113.0/24" or "2001:db8:1::/48" of an address's text, into
 * out[TG_HABIT_NAME]; what is no address stays as it is.
 */
void tg_habit_network(const char *ip, char *out);

/*
 * The kind of program: a user agent without versions, in lower case
 * ("openai/python", "curl"), into out[TG_HABIT_NAME]; "none" when it is empty.
 */
void tg_habit_agent(const char *user_agent, char *out);

/*
 * Of a sight's name: tells them apart where names are cut.  Never 0.  That of a
 * name that may have been cut, TG_HABIT_NAME - 1 characters or more, is in
 * stores and stays as it is.
 */
uint64_t tg_habit_hash(const char *name);

/*
 * As the store keeps it, and memory: some 150 bytes where a key is used from
 * one place, by one program, for one model.
 */
#define TG_HABIT_BYTES_MAX 3200

/* Writes it without its free places; returns the bytes. */
size_t tg_habit_pack(const struct tg_habit *habit,
                     uint8_t out[TG_HABIT_BYTES_MAX]);

/*
 * Reads it back, also as an older version wrote it.  False, and habit is zeros,
 * when that cannot be it.
 */
bool tg_habit_unpack(struct tg_habit *habit, const void *data, size_t len);

#endif
