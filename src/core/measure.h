/*
 * measure.h: how much a call takes of what is not counted in tokens: on entry
 * the most it can, at the end what it did.
 *
 * Images are known by `n` and size, characters by `input`, and a call is one.
 * Audio is known by its length alone, which only the upstream finds out: a
 * form's bytes bound it, at the fewest bytes a second of speech that is in use
 * (AMR in its lowest mode has 594, Opus 750).  Silence can be packed tighter:
 * its seconds beyond the bound are not charged.
 */
#ifndef TG_MEASURE_H
#define TG_MEASURE_H

#include "body.h"
#include "call.h"
#include "meter.h"
#include "price.h"
#include "route.h"

#define TG_MEASURE_BYTES_A_SECOND 500

/* What is charged of a bound when nobody says how long it was: 4000 bytes a
 * second, which is below what recordings mostly have. */
#define TG_MEASURE_LIKELY 8

/* Tokens of a second of audio, at most: Whisper's successors have 10 to 17. */
#define TG_MEASURE_TOKENS_A_SECOND 20

struct tg_measure {
    int64_t units;              /* at most */
    int64_t picos;              /* of one */
    enum tg_body_member member; /* what is wrong, for TG_ERR_RANGE */
};

/*
 * Measures a request by the unit of its price; 0 of none when that is tokens
 * alone.  is_peak chooses the band.  Returns 0; TG_ERR_NOT_FOUND when calls
 * of this family cannot be measured by the unit; TG_ERR_RANGE when a member
 * says what has no price.
 *
 * An image for which neither size nor quality are named costs the unit's
 * price.  Sizes of the price are for what is named: a bare size is of the
 * quality that is not named, or `standard`; `auto`, and a size that is not
 * named beside a quality, count as the dearest that they can be.
 */
int tg_measure(const struct tg_body_facts *facts, enum tg_family family,
               const struct tg_price *price, bool is_peak,
               struct tg_measure *measure);

/* Room for the names of all sizes of a price, with commas between. */
#define TG_MEASURE_SIZES_SIZE (TG_PRICE_SIZES * (TG_SIZE_NAME_MAX + 2))

/* Writes these names, zero-terminated. */
void tg_measure_sizes(const struct tg_price *price,
                      char out[TG_MEASURE_SIZES_SIZE]);

/* The most tokens that the files of a form are, for models priced by tokens.
 * max_image_tokens and max_context_tokens are the model's, 0: not known. */
int64_t tg_measure_file_tokens(const struct tg_body_facts *facts,
                               enum tg_family family, int64_t max_image_tokens,
                               int64_t max_context_tokens);

/*
 * What a call took of its unit: *units, at most its bound, and how they
 * became known.  is_over: the answer came to its end.
 */
enum tg_basis tg_measure_used(const struct tg_call *call,
                              const struct tg_meter *meter,
                              const struct tg_usage *usage, bool is_over,
                              int64_t *units);

#endif
