/*
 * review_keys.h: a page of keys with what was used of each.
 *
 * Sums are asked by model and by scope of all keys at once, each question for
 * itself under the lock of daemon->reports: so a page costs as many questions
 * as there are models and scopes, however many keys it has.
 */
#ifndef TG_REVIEW_KEYS_H
#define TG_REVIEW_KEYS_H

#include <jansson.h>

#include "advice_review.h"
#include "daemon.h"

#define TG_REVIEW_KEYS 1000

/* Models of a gate that are told apart. */
#define TG_REVIEW_MODELS_MAX 64

/* A key as it is, and what was used of it. */
struct tg_review_key {
    char id[TG_ID_TEXT_SIZE];
    json_t *name, *account_id, *owner, *kind;
    json_t *scopes, *models; /* lists, as its policy has them */
    struct tg_review_facts facts;
    uint64_t used; /* a bit for each of the page's models */
};

struct tg_review_page {
    struct tg_daemon *daemon;
    const char *account_id, *key_id; /* NULL: any */
    int64_t now_ms, since;

    struct tg_review_key *keys;   /* newest first */
    struct tg_review_key **by_id; /* the same, by id */
    size_t count;
    bool has_more;
    char *models[TG_REVIEW_MODELS_MAX];
    size_t model_count;
    bool has_all_models; /* there were no more than these */
};

/*
 * Reads the keys in force behind after (NULL: from the newest), at most limit
 * of them, and what was used since page->since.  Fills all facts but
 * unused_ms and rotated_ms.  The caller holds no lock.  Returns 0 or TG_ERR_*;
 * release it in any case.
 */
int tg_review_page_read(struct tg_review_page *page, const char *after,
                        uint32_t limit);

void tg_review_page_release(struct tg_review_page *page);

#endif
