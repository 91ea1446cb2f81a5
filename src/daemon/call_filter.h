/*
 * call_filter.h: which calls a request asks for, by its arguments.
 */
#ifndef TG_CALL_FILTER_H
#define TG_CALL_FILTER_H

#include "request.h"

/* Zeros to begin with.  The filter points into it and into the request. */
struct tg_call_query {
    struct tg_store_call_filter filter;
    struct tg_call_id id;
    char account_id[TG_ID_TEXT_SIZE], upstream_id[TG_ID_TEXT_SIZE];
};

/*
 * Reads them, each by its own name; the caller holds the lock of store's
 * connection.  An operator that is bound to accounts gets theirs.  Returns
 * false with the reply made: what is wrong, and what it takes.
 */
bool tg_call_filter_read(const struct tg_request *request,
                         struct tg_store *store, struct tg_reply *reply,
                         struct tg_call_query *query);

/* Reads "call_…" or "req_…", which say the same. */
bool tg_call_filter_id(const char *text, struct tg_call_id *id);

/* The code of a name such as rate_limit_exceeded; TG_CODE_NONE: none. */
int64_t tg_call_filter_code(const char *name);

#endif
