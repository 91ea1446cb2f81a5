/*
 * advice_saving.h: what the calls of one key with one model would have cost,
 * had they been made otherwise.
 *
 * Pure: calls go in, in the order of their instants, up or down; figures come
 * out.  Each call is priced again by the price book as it was at its instant,
 * with the arithmetic of settle.c.  docs/advice.md has the rules.
 */
#ifndef TG_ADVICE_SAVING_H
#define TG_ADVICE_SAVING_H

#include <stdbool.h>

#include "state.h"

#define TG_SAVING_CANDIDATES 4
#define TG_SAVING_CLASSES 8
#define TG_SAVING_EXAMPLES 3

/* Requests below this are small. */
#define TG_SAVING_SMALL_TOKENS 100

/* Fewer calls or prompt tokens say nothing of a hit rate. */
#define TG_SAVING_RATE_CALLS 20
#define TG_SAVING_RATE_TOKENS 10000

/* Some calls, and what they cost. */
struct tg_saving_calls {
    int64_t calls, tokens; /* prompt and completion */
    int64_t cost_nanos;
    size_t example_count;
    struct tg_call_id examples[TG_SAVING_EXAMPLES];
};

/* Prompts, and how much of them came from the provider's cache. */
struct tg_saving_prompts {
    int64_t day; /* since 1970-01-01, UTC */
    int64_t calls, prompt_tokens, cached_tokens;
};

/* Prompts at the same rates. */
struct tg_saving_class {
    struct tg_rates rates;
    int64_t prompt_tokens, cached_tokens, written_tokens;
};

/* Small calls within a minute, at the same rates. */
struct tg_saving_run {
    int64_t minute, calls, least_prompt, cost_nanos;
    uint8_t unit;
    struct tg_rates rates;
    struct tg_quantity sum;
};

/* Zeros but for its head to begin with. */
struct tg_saving_group {
    char key_id[TG_ID_TEXT_SIZE], account_id[TG_ID_TEXT_SIZE];
    char model[TG_MODEL_NAME_MAX + 1];
    int row;             /* of the model in the catalog; -1: it has none */
    uint32_t factor_ppm; /* of the key's kind */
    size_t candidate_count;
    uint16_t candidates[TG_SAVING_CANDIDATES]; /* rows in the catalog */

    struct tg_saving_calls all; /* that can be priced again */
    int64_t left_out;           /* that can't, and what they cost */
    int64_t left_out_nanos;
    /* Another model: what all would have cost with it, and how many it can't
       take. */
    int64_t then_nanos[TG_SAVING_CANDIDATES];
    int64_t misfits[TG_SAVING_CANDIDATES];
    /* Small calls that came with others in a minute. */
    struct tg_saving_run run;
    struct tg_saving_calls small;
    int64_t small_requests; /* that would be left, were they merged */
    int64_t merged_nanos;   /* what these would have cost */
    int64_t shared_nanos;   /* and with the least prompt of each sent once */
    /* The provider's cache. */
    struct tg_saving_class classes[TG_SAVING_CLASSES];
    size_t class_count;
    struct tg_saving_prompts prompts, today, best_day;
    /* Peak hours: all calls in them, and those that were not streamed. */
    struct tg_saving_calls peak, movable;
    int64_t peak_then_nanos, movable_then_nanos;
};

/*
 * Chooses which models could stand in for the group's: served, not larger in
 * any price of now, in either band, smaller in one, and, for a key of kind
 * development, marked for it.  The cheapest come first.
 */
void tg_saving_choose(struct tg_saving_group *group,
                      const struct tg_catalog *catalog, int64_t now_ms,
                      bool is_development);

void tg_saving_take(struct tg_saving_group *group,
                    const struct tg_catalog *catalog,
                    const struct tg_call *call);

/* All calls are taken. */
void tg_saving_end(struct tg_saving_group *group);

/*
 * The candidate that takes all calls and costs least, as an index, and what
 * it saves; -1 when none saves anything.
 */
int tg_saving_model(const struct tg_saving_group *group, int64_t *nanos);

/* Whether they are enough to say something of a hit rate. */
bool tg_saving_has_rate(const struct tg_saving_prompts *prompts);

/* Whether a has a higher hit rate than b.  Exact. */
bool tg_saving_is_better(const struct tg_saving_prompts *a,
                         const struct tg_saving_prompts *b);

/*
 * What it would have saved to hit as often as target did: so many tokens more
 * in all, and of each rate's prompts no more than at that rate; those that save
 * least come first.  Rounded down once.  *hits says how many tokens would have
 * been hits then.
 */
int64_t tg_saving_cache(const struct tg_saving_group *group,
                        const struct tg_saving_prompts *target, int64_t *hits);

/* What is saved in a month of 30 days, of a saving in so many ms. */
int64_t tg_saving_per_month(int64_t nanos, int64_t lasted_ms);

/*
 * Writes the hours that are not peak as a key's hours are written, in UTC,
 * into out[TG_SAVING_HOURS_SIZE].
 */
#define TG_SAVING_HOURS_SIZE 512
void tg_saving_hours(const uint32_t peak_quarters[TG_WEEK_WORDS], char *out);

#endif
