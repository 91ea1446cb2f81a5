/*
 * serving.h: who serves a model: up to TG_MODEL_UPSTREAMS upstreams, the first
 * choice first, as a JSON list of their ids.
 */
#ifndef TG_SERVING_H
#define TG_SERVING_H

#include "reply.h"

/* Whether an id is in a JSON list of ids. */
bool tg_serving_has(const char *upstream_ids, const char *id);

/*
 * Lets an upstream serve a model, in place of those that do, or behind them if
 * it joins.  A model that is not known is made, if it may be: without a
 * price, so it is refused until it has one.  Within a transaction of the
 * caller's.  Returns what the store says, or TG_ERR_FULL when the model has as
 * many as it can have.
 */
int tg_serving_add(struct tg_store *store, const char *model,
                   const char *upstream_id, bool joins, bool may_make);

/*
 * Reads the members upstream (one) or upstreams of a request, ids or names,
 * into a list, which the caller frees; NULL when neither is there.  Returns
 * false with the reply made when they are wrong.
 */
bool tg_serving_read(struct tg_store *store, const json_t *body,
                     struct tg_reply *reply, char **upstream_ids);

#endif
