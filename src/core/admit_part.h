/*
 * admit_part.h: the rows of the decision, one function each, for the files
 * that go down them: admit.c, admit_body.c, admit_take.c and check.c.
 *
 * A row returns whether the call may go on, and makes it a refusal when not.
 * It reads of the admission what its name says: the key (policy in force and
 * the digest of one of its secrets), the account, head.route and where the
 * request is from.
 */
#ifndef TG_ADMIT_PART_H
#define TG_ADMIT_PART_H

#include "admit_take.h"

/* Makes it a refusal.  Returns false, which is what a row says then. */
bool tg_admit_refuse(struct tg_admission *admission, enum tg_code code,
                     enum tg_reason reason);

bool tg_admit_has_status(struct tg_admission *admission);

/* Neither the key nor the secret is past its end. */
bool tg_admit_is_unexpired(int64_t now_ms, struct tg_admission *admission);

/* Also reads the account. */
bool tg_admit_has_account(const struct tg_state *state,
                          struct tg_admission *admission);

bool tg_admit_may_from_network(const struct tg_state *state,
                               struct tg_admission *admission);
bool tg_admit_may_from_page(const struct tg_state *state,
                            struct tg_admission *admission);
bool tg_admit_may_now(const struct tg_state *state, int64_t now_ms,
                      struct tg_admission *admission);
bool tg_admit_has_endpoint(struct tg_admission *admission);
bool tg_admit_has_scope(struct tg_admission *admission);

/*
 * The model of that name, which the key may use on this route, or NULL and a
 * refusal.  catalog may be NULL: then there is none.
 */
const struct tg_model *tg_admit_model(const struct tg_state *state,
                                      const struct tg_catalog *catalog,
                                      struct tg_str name,
                                      struct tg_admission *admission);

/*
 * The row that stands for a model where the route names none, for the key's
 * account.  NULL and a refusal when there is none; call.model names it then.
 */
const struct tg_model *tg_admit_service_row(const struct tg_catalog *catalog,
                                            struct tg_admission *admission);

/* The same, if the key may have done what the body asks for. */
const struct tg_model *tg_admit_service(const struct tg_state *state,
                                        const struct tg_catalog *catalog,
                                        const struct tg_body_facts *facts,
                                        struct tg_admission *admission);

/* Freezes the price of this moment in the call. */
bool tg_admit_has_price(const struct tg_catalog *catalog,
                        const struct tg_model *model, int64_t now_ms,
                        struct tg_admission *admission);

/*
 * Finds the upstream and the credential that would be chosen now; of
 * target.is_tied, the only ones that may be.
 */
bool tg_admit_has_upstream(const struct tg_state *state,
                           const struct tg_catalog *catalog,
                           const struct tg_model *model, int64_t now_ms,
                           struct tg_admission *admission);

/*
 * Chooses and takes them for the call in slot, which is told; target says
 * what was tried before.
 */
bool tg_admit_take_target(struct tg_area_claim *claim,
                          struct tg_call_slot *slot, int64_t now_ms,
                          struct tg_admission *admission);

/*
 * Plans what the upstream is told: how long each answer may be (-1: as the
 * request says), and to report its usage where edit_rule says so.
 */
void tg_admit_plan(const struct tg_body_facts *facts, int64_t max_tokens,
                   struct tg_admission *admission);

/* What is taken out of a stream that was asked for more: enum tg_edit_rule. */
uint8_t tg_admit_edit_rule(const struct tg_body_facts *facts,
                           const struct tg_admission *admission);

/* The key's day and month at this moment, and when they end. */
void tg_admit_find_day(const struct tg_state *state, int64_t now_ms,
                       struct tg_admission *admission);

/*
 * Whether the key's rates would let a call of about so many tokens in now;
 * takes nothing.  tg_admit_find_day comes before; so for the next one.
 */
bool tg_admit_has_room(const struct tg_state *state, int64_t tokens,
                       int64_t now_ms, struct tg_admission *admission);

/*
 * Whether the smallest call could be paid for, at the rates frozen in the call
 * if it is priced, else at any; takes nothing.
 */
bool tg_admit_has_money(const struct tg_state *state, bool is_priced,
                        struct tg_admission *admission);

/* Makes it the refusal that admission->budget calls for. */
bool tg_admit_refuse_money(struct tg_admission *admission);

/* Takes it from the rates of its key, all or none. */
bool tg_admit_take_rates(struct tg_area_claim *claim, int64_t now_ms,
                         struct tg_admission *admission);

/* The same when it is its turn; else action may also become WAIT. */
bool tg_admit_take_turn(struct tg_area_claim *claim,
                        struct tg_queue_place *place, int64_t now_ms,
                        struct tg_admission *admission);

#endif
