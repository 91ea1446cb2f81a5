/*
 * draft.h: a key, or its change, as it is asked for, checked member by member.
 */
#ifndef TG_DRAFT_H
#define TG_DRAFT_H

#include "id.h"
#include "key.h"
#include "reply.h"

/* The lists of a key, in the order of their JSON texts in a draft. */
enum {
    DRAFT_SCOPES,
    DRAFT_MODELS,
    DRAFT_ENDPOINTS,
    DRAFT_IPS,
    DRAFT_REFERRERS,
    DRAFT_LABELS,
    DRAFT_RESPONSES, /* an object, too */
    DRAFT_LISTS
};

/* Texts of row point into the body it was read from, and into the draft. */
struct tg_draft {
    struct tg_store_key row; /* without id, account_id, created_at */
    enum tg_key_kind kind;
    const char *account; /* id or name */
    char *lists[DRAFT_LISTS];
};

/*
 * Reads the body of a request for a new key, with what its kind sets where
 * the body is silent.  Returns false with the reply made, naming the member,
 * when one of them is wrong.  Either way tg_draft_release ends it.
 */
bool tg_draft_read(struct tg_draft *draft, const json_t *body, int64_t now_ms,
                   struct tg_reply *reply);

/*
 * Reads the body of a change of a key, which now is row: what is absent stays,
 * null takes a member away, a list or labels replace those that were, limits
 * and budget are changed member by member.  As tg_draft_read otherwise; texts
 * of draft->row may be row's.
 */
bool tg_draft_change(struct tg_draft *draft, const struct tg_store_key *row,
                     const json_t *body, int64_t now_ms,
                     struct tg_reply *reply);

void tg_draft_release(struct tg_draft *draft);

#endif
