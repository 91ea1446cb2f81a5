/*
 * call_text.h: a call in the admin API's words.
 */
#ifndef TG_CALL_TEXT_H
#define TG_CALL_TEXT_H

#include <jansson.h>

#include "request.h"

/* Names of upstreams, read once for many calls.  Zeros to begin with. */
struct tg_upstream_names {
    struct {
        char id[TG_ID_TEXT_SIZE];
        char *name;
    } * rows;
    size_t count, room;
    size_t last; /* the one that was asked for last */
};

/* 0 or TG_ERR_*. */
int tg_upstream_names_read(struct tg_upstream_names *names,
                           struct tg_store *store);
void tg_upstream_names_release(struct tg_upstream_names *names);

/* NULL: there is none of this id. */
const char *tg_upstream_name(struct tg_upstream_names *names, const char *id);

/* Names of numbers of the journal; NULL for none. */
const char *tg_call_basis(int64_t basis);
const char *tg_call_code(int64_t code);
const char *tg_call_endpoint(int64_t endpoint);

/* The object "call". */
json_t *tg_call_object(struct tg_upstream_names *names,
                       const struct tg_store_call *row);

/*
 * How its cost came about: what was counted of each kind, and the prices that
 * were frozen when it came in.
 */
json_t *tg_call_cost_lines(const struct tg_call *call);

#endif
