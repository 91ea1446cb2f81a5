/*
 * policy_part.h: what the parts of a plan share.
 */
#ifndef TG_POLICY_PART_H
#define TG_POLICY_PART_H

#include "policy.h"

/* The step of a wish that meets a thing of the gate; one that is alike needs
 * none.  want and have are flat. */
void tg_plan_meet(struct tg_policy *policy, struct tg_wish *wish,
                  const json_t *want, const json_t *have, const char *id);

/* The same of the API's object. */
void tg_plan_meet_object(struct tg_policy *policy, struct tg_wish *wish,
                         const json_t *object, const char *id);

/* A step for each wish of a kind that met nothing. */
void tg_plan_create_unmet(struct tg_policy *policy,
                          enum tg_policy_kind_number kind);

/* Wishes of a kind are found by their names; one that stands twice is said. */
void tg_plan_index(struct tg_policy *policy, enum tg_policy_kind_number kind);

bool tg_plan_has(const struct tg_policy *policy,
                 enum tg_policy_kind_number kind);

/* Upstreams, credentials and models; then keys, whose accounts are known. */
int tg_plan_catalog(struct tg_policy *policy);
int tg_plan_keys(struct tg_policy *policy);
int tg_plan_alerts(struct tg_policy *policy);

#endif
