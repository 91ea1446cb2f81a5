/*
 * catalogue.h: the models, paths and fixed answers of each dialect.
 */
#ifndef SIM_CATALOGUE_H
#define SIM_CATALOGUE_H

#include "ask.h"
#include "buf.h"
#include "options.h"
#include "request.h"

/* The endpoint that method and path lead to, with or without /v1; SIM_NOWHERE
 * when the dialect has none there.  *item is what follows /models/, or for
 * SIM_OBJECTS the path without /v1. */
enum sim_endpoint sim_catalogue_route(enum sim_dialect dialect,
                                      const struct sim_request *request,
                                      struct tg_str *item);

struct sim_model {
    const char *name; /* it is served and counted under; may be the asked one */
    bool is_by_tokens; /* its usage is reported in tokens */
};

/* Finds the model that serves what was asked for at the endpoint; false when
 * the dialect has none there. */
bool sim_catalogue_model(enum sim_dialect dialect, enum sim_endpoint endpoint,
                         const char *asked, struct sim_model *model);

/* Appends the list of models, or one of them; -1 when there is no such one. */
void sim_catalogue_list(enum sim_dialect dialect, struct sim_buf *out);
int sim_catalogue_item(enum sim_dialect dialect, struct tg_str item,
                       struct sim_buf *out);

/* Appends DeepSeek's answer to GET /user/balance. */
void sim_catalogue_balance(struct sim_buf *out);

#endif
