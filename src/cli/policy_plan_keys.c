#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nouns.h"
#include "own.h"
#include "policy_part.h"
#include "secrets_file.h"

/* Gives keys' accounts their names; one that nobody has is a fault. */
static void
name_keys(struct tg_policy *policy)
{
    json_t *names = json_object(), *value;
    const char *id, *account, *name;

    json_object_foreach(policy->account_names, id, value)
        json_object_set_new(names, json_string_value(value), json_true());
    for (size_t i = 0; i < policy->wish_count; i++) {
        struct tg_wish *wish = &policy->wishes[i];
        json_t *flat;

        if (wish->kind == TG_POLICY_ACCOUNT) {
            json_object_set_new(names, wish->name, json_true());
            json_object_set_new(policy->named_accounts, wish->name,
                                json_true());
        }
        if (wish->kind != TG_POLICY_KEY)
            continue;
        flat = tg_wish_read(wish);
        account = json_string_value(json_object_get(flat, "account"));
        if (account == NULL)
            account = "default";
        value = json_object_get(policy->account_names, account);
        name = value != NULL ? json_string_value(value) : account;
        if (json_object_get(names, name) == NULL)
            tg_policy_fault(wish->file, tg_policy_place(wish->node, "account"),
                            "there is no account %s: add it under accounts",
                            name);
        json_object_set_new(policy->named_accounts, name, json_true());
        if (json_object_get(flat, "id") == NULL) {
            free(wish->name);
            if (asprintf(&wish->name, "%s/%s", name,
                         json_string_value(json_object_get(flat, "name"))) < 0)
                tg_own(NULL);
        }
        json_decref(flat);
    }
    json_decref(names);
}

/* A key of the gate that the files do not speak of. */
static void
prune_key(struct tg_policy *policy, const json_t *object, const char *account,
          const char *name)
{
    const char *status = tg_noun_text(object, "status");
    struct tg_policy_step *step;

    if (!policy->prunes || strcmp(status, "disabled") == 0 ||
        json_object_get(policy->named_accounts, account) == NULL)
        return;
    step =
        tg_policy_add_step(policy, TG_POLICY_DELETE, TG_POLICY_KEY, NULL, name);
    snprintf(step->id, sizeof(step->id), "%s", tg_noun_text(object, "id"));
}

/* What can never become of this key: false, said. */
static bool
check_key(const struct tg_wish *wish, const json_t *want, const json_t *object,
          const char *account)
{
    const char *asked = json_string_value(json_object_get(want, "account"));
    const char *id = tg_noun_text(object, "id");

    if (json_object_get(want, "id") != NULL && asked != NULL &&
        strcmp(asked, account) != 0 &&
        strcmp(asked, tg_noun_text(object, "account_id")) != 0) {
        tg_policy_fault(wish->file, tg_policy_place(wish->node, "account"),
                        "%s is of the account %s, and a key stays with its "
                        "account",
                        id, account);
        return false;
    }
    return true;
}

/*
 * Whether it was made by a run that died before its secret was written: then
 * nobody has it, and it was never used.
 */
static bool
is_lost(const struct tg_policy *policy, const json_t *want,
        const json_t *object, const char *account)
{
    return policy->secrets != NULL && json_object_get(want, "id") == NULL &&
           json_is_null(json_object_get(object, "last_used_at")) &&
           tg_secrets_is_lost(policy->secrets, account,
                              tg_noun_text(object, "name"));
}

static void
remake_lost(struct tg_policy *policy, struct tg_wish *wish, const char *id)
{
    struct tg_policy_step *step = tg_policy_add_step(
        policy, TG_POLICY_DELETE, TG_POLICY_KEY, NULL, wish->name);

    snprintf(step->id, sizeof(step->id), "%s", id);
    step->note = tg_own(strdup("its secret was lost when an apply was cut off; "
                               "another one is made"));
}

static void
meet_key(struct tg_policy *policy, struct tg_wish *wish, const json_t *object,
         const char *account)
{
    json_t *want = tg_wish_read(wish), *have;
    const char *status = json_string_value(json_object_get(want, "status"));
    const char *id = tg_noun_text(object, "id");
    bool is_ended = strcmp(tg_noun_text(object, "status"), "disabled") == 0;
    bool wants_end = status != NULL && strcmp(status, "disabled") == 0;

    if (is_ended && !wants_end && json_object_get(want, "id") != NULL) {
        tg_policy_fault(wish->file, tg_policy_place(wish->node, "id"),
                        "%s was disabled for good: write status: disabled, or "
                        "leave id out and another key is made",
                        id);
    } else if (is_ended) {
        if (wish->ended == NULL)
            wish->ended = tg_own(strdup(id));
    } else if (wish->is_met) {
        tg_policy_fault(wish->file, wish->node,
                        "there are several keys %s, one of them %s: say which "
                        "one by its id",
                        wish->name, id);
    } else if (is_lost(policy, want, object, account)) {
        remake_lost(policy, wish, id);
    } else if (check_key(wish, want, object, account)) {
        have = tg_policy_have(policy, TG_POLICY_KEY, object);
        tg_plan_meet(policy, wish, want, have, id);
        json_decref(have);
    }
    json_decref(want);
}

static int
take_key(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *id = tg_noun_text(object, "id"), *account;
    struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_KEY, id);
    char *name = NULL;

    account = json_string_value(json_object_get(
        policy->account_names, tg_noun_text(object, "account_id")));
    if (account == NULL)
        account = tg_noun_text(object, "account_id");
    if (asprintf(&name, "%s/%s", account, tg_noun_text(object, "name")) < 0)
        tg_own(NULL);
    if (wish == NULL)
        wish = tg_policy_find(policy, TG_POLICY_KEY, name);
    if (wish != NULL)
        meet_key(policy, wish, object, account);
    else
        prune_key(policy, object, account, name);
    free(name);
    return TG_EXIT_OK;
}

/* A key that shall be disabled and is not there, is as it shall be. */
static void
settle_ended(struct tg_policy *policy)
{
    for (size_t i = 0; i < policy->wish_count; i++) {
        struct tg_wish *wish = &policy->wishes[i];
        const char *status;
        json_t *flat;

        if (wish->kind != TG_POLICY_KEY || wish->is_met)
            continue;
        flat = tg_wish_read(wish);
        status = json_string_value(json_object_get(flat, "status"));
        if (status != NULL && strcmp(status, "disabled") == 0) {
            wish->is_met = true;
            policy->counts[TG_POLICY_LEAVE]++;
        } else if (json_object_get(flat, "id") != NULL) {
            tg_policy_fault(wish->file, tg_policy_place(wish->node, "id"),
                            "there is no key %s: leave id out to have one made",
                            wish->name);
        }
        json_decref(flat);
    }
}

int
tg_plan_keys(struct tg_policy *policy)
{
    int rc;

    name_keys(policy);
    tg_plan_index(policy, TG_POLICY_KEY);
    if (!tg_plan_has(policy, TG_POLICY_KEY) &&
        !(policy->prunes && tg_plan_has(policy, TG_POLICY_ACCOUNT)))
        return TG_EXIT_OK;
    rc = tg_policy_each(policy, "/keys", true, take_key, policy);
    settle_ended(policy);
    tg_plan_create_unmet(policy, TG_POLICY_KEY);
    return rc;
}
