/*
 * idempotency.h: a POST under an Idempotency-Key is done once, however often
 * it is sent within a day, and each time the first answer is given.
 *
 * What says that it was done is committed with the change, so after a kill
 * at any point a repetition finds the change made and answered, or neither.
 * The answer follows in a transaction of its own; where that was not reached
 * it is made anew: the object as it is, and what of it is told once, which
 * was sealed with the change.  A route whose request makes several changes is
 * noted before the first; one that was cut short is not begun again.
 * docs/store.md has the whole story.
 */
#ifndef TG_IDEMPOTENCY_H
#define TG_IDEMPOTENCY_H

#include "request.h"

/* Of one request; all 0 where there is no key. */
struct tg_idempotency {
    bool is_on;
    bool is_committed;
    struct tg_digest key, request;
    json_t *told_once; /* members of the answer; NULL: none */
};

/*
 * Looks whether the request, whose route and body were read, was made before.
 * body is its bytes.  Returns true when it is
 * to be handled, and tg_idempotency_end then ends it; false with the reply
 * made.
 */
bool tg_idempotency_begin(struct tg_request *request,
                          struct tg_idempotency *state, struct tg_str body,
                          struct tg_reply *reply);

/*
 * For a handler, before tg_change_end: a member of the answer that cannot be
 * read again, such as a new key.
 */
void tg_idempotency_tell(struct tg_request *request, const char *member,
                         struct tg_str text);

/*
 * For change.c: notes, in the transaction of the change, that it is made.
 * Returns 0, or what the store says.
 */
int tg_idempotency_commit(struct tg_request *request, const char *subject);

/* Keeps the answer. */
void tg_idempotency_end(struct tg_request *request, struct tg_reply *reply);

/* Once a minute those go that are a day old, or too many: a row of rounds.c. */
void tg_idempotency_pass(struct tg_daemon *daemon, struct tg_store *store,
                         int64_t now_ms);

#endif
