/*
 * model_draft.h: a model, or its change, as it is asked for, checked member by
 * member.
 */
#ifndef TG_MODEL_DRAFT_H
#define TG_MODEL_DRAFT_H

#include "call.h"
#include "id.h"
#include "reply.h"

/* A model over what the store has of it.  Texts point into its body. */
struct tg_model_draft {
    struct tg_store_model row;
    bool is_known;   /* the store has it: this is a change */
    bool has_scopes; /* named in the request */
    bool has_price;
    struct tg_store_price price;
    char *upstream_ids; /* JSON list; NULL: as they were */
    char name[TG_MODEL_NAME_MAX + 1];
    char *scopes;
};

/*
 * Reads the object of a model: what is absent stays, or is what a new one
 * begins with.  Returns false with the reply made when a member is wrong.
 * Either way tg_model_draft_release ends it.
 */
bool tg_model_draft_read(struct tg_model_draft *draft, struct tg_store *store,
                         const json_t *body, struct tg_reply *reply);

/* Stores model and price, within a transaction of the caller's. */
int tg_model_draft_put(const struct tg_model_draft *draft,
                       struct tg_store *store);

void tg_model_draft_release(struct tg_model_draft *draft);

/* Whether the catalog has room for so many models more; else answers. */
bool tg_model_draft_fits(struct tg_store *store, size_t more,
                         struct tg_reply *reply);

#endif
