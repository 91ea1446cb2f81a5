/*
 * book.h: the price book that is built in: models, prices, sources.
 *
 * What a first start offers until an operator imports another.  Amounts are
 * USD.  docs/prices.md lists the rows and what is not known about them.
 */
#ifndef TG_BOOK_H
#define TG_BOOK_H

#include <stddef.h>
#include <stdint.h>

#include "price.h"

#define TG_BOOK_CURRENCY "USD"

struct tg_book_model {
    const char *name;
    const char *provider; /* "deepseek", "openai", "simulator" */
    uint32_t scopes;      /* enum tg_scope, route.h: what it is used for */
    int64_t max_context_tokens;
    int64_t max_output_tokens;     /* chat; 0: none */
    int64_t max_fim_tokens;        /* 0: none */
    const struct tg_price *prices; /* oldest first */
    const char *const *sources;    /* one for each price: where it is from */
    size_t price_count;
    int64_t max_image_tokens; /* one image in a prompt; 0: not known */
};

/* All models; static.  *n is how many. */
const struct tg_book_model *tg_book_models(size_t *n);

/* The model of that name, or NULL. */
const struct tg_book_model *tg_book_find(const char *name);

/*
 * Chinese public holidays that fall on weekdays, as UTC days, sorted; static.
 * The days of years that are not yet announced are absent.
 */
const int32_t *tg_book_holidays(size_t *n);

#endif
