/*
 * policy_value.h: values of a policy in their one spelling.
 */
#ifndef TG_POLICY_VALUE_H
#define TG_POLICY_VALUE_H

#include "policy_form.h"

#define TG_POLICY_WHY_SIZE 200

/*
 * The one spelling of a value that is JSON: of a list its items, too.  Returns
 * the caller's value, or NULL with what it must be in why.
 */
json_t *tg_policy_value(const struct tg_policy_member *member,
                        const json_t *value, char why[TG_POLICY_WHY_SIZE]);

/* The same of one item of a list. */
json_t *tg_policy_item(const struct tg_policy_member *member,
                       const json_t *value, char why[TG_POLICY_WHY_SIZE]);

bool tg_policy_is_list(const struct tg_policy_member *member);
bool tg_policy_is_map(const struct tg_policy_member *member);

#endif
