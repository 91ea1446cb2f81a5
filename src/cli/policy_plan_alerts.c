#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nouns.h"
#include "own.h"
#include "policy_part.h"

static int
take_name(void *arg, const json_t *object)
{
    json_object_set(arg, tg_noun_text(object, "id"),
                    json_object_get(object, "name"));
    return TG_EXIT_OK;
}

int
tg_policy_learn_names(struct tg_policy *policy)
{
    int rc = tg_policy_each(policy, "/channels", false, take_name,
                            policy->channel_names);

    if (rc == TG_EXIT_OK && json_object_size(policy->account_names) == 0)
        rc = tg_policy_each(policy, "/accounts", true, take_name,
                            policy->account_names);
    return rc;
}

/* A list in which ids that are known are names. */
static json_t *
named(const json_t *names, const json_t *list)
{
    json_t *result = json_array(), *item, *name;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        name = json_object_get(names, json_string_value(item));
        json_array_append(result, name != NULL ? name : item);
    }
    return result;
}

/* What a rule is about, and whom it tells, by names. */
static json_t *
alert_object(const struct tg_policy *policy, const json_t *object)
{
    const char *scope = tg_noun_text(object, "scope"), *name = NULL;
    json_t *copy = json_copy((json_t *)object);
    char *text = NULL;

    json_object_set_new(
        copy, "channels",
        named(policy->channel_names, json_object_get(object, "channels")));
    if (strncmp(scope, "account:", 8) == 0)
        name = json_string_value(
            json_object_get(policy->account_names, scope + 8));
    if (name != NULL) {
        if (asprintf(&text, "account:%s", name) < 0)
            tg_own(NULL);
        json_object_set_new(copy, "scope", json_string(text));
        free(text);
    }
    return copy;
}

json_t *
tg_policy_have(const struct tg_policy *policy, enum tg_policy_kind_number kind,
               const json_t *object)
{
    json_t *named = kind == TG_POLICY_ALERT ? alert_object(policy, object)
                                            : json_incref((json_t *)object);
    json_t *flat = tg_policy_of(&tg_policy_kinds[kind], named);

    /* That is said by expires_at: beneath it, the key is active. */
    if (kind == TG_POLICY_KEY &&
        strcmp(tg_noun_text(object, "status"), "expired") == 0)
        json_object_set_new(flat, "status", json_string("active"));
    json_decref(named);
    return flat;
}

static int
take_alert(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *id = tg_noun_text(object, "id");
    struct tg_wish *wish =
        tg_policy_find(policy, TG_POLICY_ALERT, tg_noun_text(object, "name"));

    if (wish != NULL && wish->is_met)
        tg_policy_fault(wish->file, wish->node,
                        "the gate has several alerts %s, one of them %s: give "
                        "them names of their own",
                        wish->name, id);
    else if (wish != NULL)
        tg_plan_meet_object(policy, wish, object, id);
    return TG_EXIT_OK;
}

int
tg_plan_alerts(struct tg_policy *policy)
{
    int rc = tg_policy_learn_names(policy);

    if (rc == TG_EXIT_OK)
        rc = tg_policy_each(policy, "/alerts", false, take_alert, policy);
    tg_plan_create_unmet(policy, TG_POLICY_ALERT);
    return rc;
}
