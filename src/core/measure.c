#include "measure.h"

#include "err.h"
#include "usage.h"

#define MS_PER_SECOND 1000

static struct tg_str
text_of(const struct tg_body_word *word)
{
    return (struct tg_str){word->text, strlen(word->text)};
}

/* A row's name, "hd 1024x1792", in its two parts. */
static void
split(const struct tg_size_price *row, struct tg_str *quality,
      struct tg_str *size)
{
    size_t len = tg_field_len(row->name, sizeof(row->name));
    const char *blank = memchr(row->name, ' ', len);
    size_t n = blank == NULL ? 0 : (size_t)(blank - row->name);

    *quality = (struct tg_str){row->name, n};
    n += blank != NULL;
    *size = (struct tg_str){row->name + n, len - n};
}

static bool
is_auto(struct tg_str word)
{
    return tg_str_eq(word, TG_STR("auto"));
}

/* is_any: a size without a bare row is of whatever quality. */
static bool
has_quality(struct tg_str row, struct tg_str asked, bool is_any)
{
    if (is_auto(asked) || (is_any && asked.len == 0))
        return true;
    if (tg_str_eq(asked, TG_STR("standard")) && row.len == 0)
        return true;
    return tg_str_eq(row, asked);
}

/* The dearest row that an image can be of; -1 when there is none. */
static int64_t
dearest(const struct tg_body_facts *facts, const struct tg_price *price,
        bool is_any)
{
    struct tg_str asked = text_of(&facts->size), quality, size;
    int64_t picos = -1;

    for (uint32_t i = 0; i < price->size_count && i < TG_PRICE_SIZES; i++) {
        split(&price->sizes[i], &quality, &size);
        if (asked.len != 0 && !is_auto(asked) && !tg_str_eq(size, asked))
            continue;
        if (has_quality(quality, text_of(&facts->quality), is_any) &&
            price->sizes[i].picos > picos)
            picos = price->sizes[i].picos;
    }
    return picos;
}

static int
find_size(const struct tg_body_facts *facts, const struct tg_price *price,
          struct tg_measure *measure)
{
    struct tg_str size = text_of(&facts->size);
    struct tg_str quality = text_of(&facts->quality);

    if (price->size_count == 0 || (size.len == 0 && quality.len == 0))
        return 0;
    measure->picos = dearest(facts, price, false);
    if (measure->picos < 0)
        measure->picos = dearest(facts, price, true);
    measure->member = size.len != 0 ? TG_BODY_SIZE : TG_BODY_QUALITY;
    return measure->picos < 0 ? TG_ERR_RANGE : 0;
}

static int
measure_images(const struct tg_body_facts *facts, const struct tg_price *price,
               struct tg_measure *measure)
{
    int64_t n = facts->members[TG_BODY_N].value;

    measure->units = n > 1 ? n : 1;
    measure->member = TG_BODY_N;
    if (measure->units > TG_USAGE_TOKENS_MAX)
        return TG_ERR_RANGE;
    return find_size(facts, price, measure);
}

void
tg_measure_sizes(const struct tg_price *price, char out[TG_MEASURE_SIZES_SIZE])
{
    size_t at = 0;

    for (uint32_t i = 0; i < price->size_count && i < TG_PRICE_SIZES; i++) {
        const char *name = price->sizes[i].name;
        size_t len = tg_field_len(name, TG_SIZE_NAME_MAX);

        if (at > 0) {
            memcpy(out + at, ", ", 2);
            at += 2;
        }
        memcpy(out + at, name, len);
        at += len;
    }
    out[at] = '\0';
}

/* Bytes of a body are far below 2^53, so they can be multiplied. */
static int64_t
audio_ms(const struct tg_body_facts *facts)
{
    return (int64_t)(facts->total_bytes * MS_PER_SECOND /
                         TG_MEASURE_BYTES_A_SECOND +
                     1);
}

int
tg_measure(const struct tg_body_facts *facts, enum tg_family family,
           const struct tg_price *price, bool is_peak,
           struct tg_measure *measure)
{
    *measure = (struct tg_measure){
        .picos = tg_price_rates(price, is_peak)->unit_picos,
    };
    switch ((enum tg_unit)price->unit) {
    case TG_UNIT_NONE:
        /* Objects have no tokens: what has no price of a call has none. */
        return family == TG_FAMILY_OBJECTS ? TG_ERR_NOT_FOUND : 0;
    case TG_UNIT_CALL:
        measure->units = 1;
        return 0;
    case TG_UNIT_IMAGE:
        if (family == TG_FAMILY_IMAGES)
            return measure_images(facts, price, measure);
        break;
    case TG_UNIT_CHARACTER:
        measure->units = facts->members[TG_BODY_INPUT].value;
        if (family == TG_FAMILY_SPEECH)
            return 0;
        break;
    case TG_UNIT_MILLISECOND:
        measure->units = audio_ms(facts);
        if (family == TG_FAMILY_LISTENING)
            return 0;
        break;
    }
    return TG_ERR_NOT_FOUND;
}

int64_t
tg_measure_file_tokens(const struct tg_body_facts *facts, enum tg_family family,
                       int64_t max_image_tokens, int64_t max_context_tokens)
{
    int64_t tokens = (int64_t)facts->file_bytes;

    if (family == TG_FAMILY_IMAGES && max_image_tokens > 0)
        return __builtin_mul_overflow(facts->file_count, max_image_tokens,
                                      &tokens) ||
                       tokens > TG_USAGE_TOKENS_MAX
                   ? TG_USAGE_TOKENS_MAX
                   : tokens;
    if (family != TG_FAMILY_LISTENING)
        return tokens;
    tokens = audio_ms(facts) * TG_MEASURE_TOKENS_A_SECOND / MS_PER_SECOND + 1;
    return max_context_tokens > 0 && tokens > max_context_tokens
               ? max_context_tokens
               : tokens;
}

enum tg_basis
tg_measure_used(const struct tg_call *call, const struct tg_meter *meter,
                const struct tg_usage *usage, bool is_over, int64_t *units)
{
    int64_t bound = call->unit_bound, images = (int64_t)meter->images;

    *units = bound;
    switch ((enum tg_unit)call->unit) {
    case TG_UNIT_IMAGE:
        /* What was left in the middle may be made to the end all the same. */
        if (!is_over || images <= 0)
            return TG_BASIS_HELD;
        *units = images < bound ? images : bound;
        return TG_BASIS_COUNTED;
    case TG_UNIT_MILLISECOND:
        if (is_over && usage->audio_ms >= 0 && usage->audio_ms <= bound) {
            *units = usage->audio_ms;
            return TG_BASIS_REPORTED;
        }
        /* A report that cannot be is not believed. */
        if (is_over && usage->audio_ms >= 0)
            return TG_BASIS_HELD;
        *units = bound / TG_MEASURE_LIKELY;
        return TG_BASIS_COUNTED;
    default:
        return TG_BASIS_COUNTED;
    }
}
