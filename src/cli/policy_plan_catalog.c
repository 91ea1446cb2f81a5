#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "nouns.h"
#include "own.h"
#include "policy_part.h"

static int
take_upstream(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *name = tg_noun_text(object, "name");
    struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_UPSTREAM, name);

    json_object_set_new(policy->upstream_names, name, json_true());
    if (wish != NULL)
        tg_plan_meet_object(policy, wish, object, tg_noun_text(object, "id"));
    return TG_EXIT_OK;
}

/* A credential is told by what it ends in: the gate shows no more. */
static int
name_credentials(struct tg_policy *policy)
{
    struct tg_asked secret;
    size_t i, len;
    int rc = TG_EXIT_OK;

    for (i = 0; i < policy->wish_count && rc == TG_EXIT_OK; i++) {
        struct tg_wish *wish = &policy->wishes[i];
        json_t *flat;

        if (wish->kind != TG_POLICY_CREDENTIAL)
            continue;
        flat = tg_wish_read(wish);
        if (json_object_get(flat, "id") == NULL) {
            rc = tg_wish_secret(policy->cli, wish, &secret);
            len = strlen(secret.data);
            free(wish->name);
            if (asprintf(&wish->name, "%s ...%s",
                         json_string_value(json_object_get(flat, "upstream")),
                         secret.data + (len > 4 ? len - 4 : 0)) < 0)
                tg_own(NULL);
            explicit_bzero(&secret, sizeof(secret));
        }
        json_decref(flat);
    }
    return rc;
}

static bool
names_upstream(const struct tg_policy *policy, const char *name)
{
    bool is_named = false;

    for (size_t i = 0; i < policy->wish_count && !is_named; i++) {
        json_t *flat;

        if (policy->wishes[i].kind != TG_POLICY_CREDENTIAL)
            continue;
        flat = tg_wish_read(&policy->wishes[i]);
        is_named = strcmp(json_string_value(json_object_get(flat, "upstream")),
                          name) == 0;
        json_decref(flat);
    }
    return is_named;
}

static int
take_credential(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *id = tg_noun_text(object, "id");
    const char *upstream = tg_noun_text(object, "upstream");
    struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_CREDENTIAL, id);
    struct tg_policy_step *step;
    char *name = NULL;

    if (strcmp(tg_noun_text(object, "status"), "active") != 0)
        return TG_EXIT_OK;
    if (asprintf(&name, "%s ...%s", upstream, tg_noun_text(object, "last4")) <
        0)
        tg_own(NULL);
    if (wish == NULL)
        wish = tg_policy_find(policy, TG_POLICY_CREDENTIAL, name);
    if (wish != NULL) {
        tg_plan_meet_object(policy, wish, object, id);
    } else if (policy->prunes && names_upstream(policy, upstream)) {
        step = tg_policy_add_step(policy, TG_POLICY_DELETE,
                                  TG_POLICY_CREDENTIAL, NULL, name);
        snprintf(step->id, sizeof(step->id), "%s", id);
    }
    free(name);
    return TG_EXIT_OK;
}

static int
take_model(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *id = tg_noun_text(object, "id");
    struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_MODEL, id);

    if (wish != NULL)
        tg_plan_meet_object(policy, wish, object, id);
    return TG_EXIT_OK;
}

/* What refers to an upstream, or to a credential that must be there. */
static void
check_references(struct tg_policy *policy)
{
    const json_t *name;
    size_t i, j;

    for (i = 0; i < policy->wish_count; i++) {
        const struct tg_wish *wish = &policy->wishes[i];
        json_t *flat = NULL, *names = NULL;

        if (wish->kind == TG_POLICY_MODEL) {
            flat = tg_wish_read(wish);
            names = json_incref(json_object_get(flat, "upstreams"));
        } else if (wish->kind == TG_POLICY_CREDENTIAL) {
            flat = tg_wish_read(wish);
            names = json_pack("[O]", json_object_get(flat, "upstream"));
            if (!wish->is_met && json_object_get(flat, "id") != NULL)
                tg_policy_fault(wish->file, tg_policy_place(wish->node, "id"),
                                "the gate has no credential %s in use: give "
                                "its secret, by from_file or from_env",
                                wish->name);
        }
        json_array_foreach(names, j, name)
        {
            if (json_object_get(policy->upstream_names,
                                json_string_value(name)) == NULL)
                tg_policy_fault(
                    wish->file,
                    tg_policy_place(wish->node, wish->kind == TG_POLICY_MODEL
                                                    ? "upstreams"
                                                    : "upstream"),
                    "there is no upstream %s: add it under "
                    "upstreams",
                    json_string_value(name));
        }
        json_decref(names);
        json_decref(flat);
    }
}

int
tg_plan_catalog(struct tg_policy *policy)
{
    bool has_models = tg_plan_has(policy, TG_POLICY_MODEL);
    bool has_credentials = tg_plan_has(policy, TG_POLICY_CREDENTIAL);
    int rc = TG_EXIT_OK;

    tg_plan_index(policy, TG_POLICY_UPSTREAM);
    if (!has_models && !has_credentials &&
        !tg_plan_has(policy, TG_POLICY_UPSTREAM))
        return rc;
    rc = tg_policy_each(policy, "/upstreams", false, take_upstream, policy);
    for (size_t i = 0; i < policy->wish_count; i++) {
        if (policy->wishes[i].kind == TG_POLICY_UPSTREAM)
            json_object_set_new(policy->upstream_names, policy->wishes[i].name,
                                json_true());
    }
    tg_plan_create_unmet(policy, TG_POLICY_UPSTREAM);
    if (rc == TG_EXIT_OK && has_credentials)
        rc = name_credentials(policy);
    tg_plan_index(policy, TG_POLICY_CREDENTIAL);
    if (rc == TG_EXIT_OK && has_credentials)
        rc = tg_policy_each(policy, "/credentials", false, take_credential,
                            policy);
    tg_plan_create_unmet(policy, TG_POLICY_CREDENTIAL);
    tg_plan_index(policy, TG_POLICY_MODEL);
    if (rc == TG_EXIT_OK && has_models)
        rc = tg_policy_each(policy, "/models", false, take_model, policy);
    tg_plan_create_unmet(policy, TG_POLICY_MODEL);
    check_references(policy);
    return rc;
}
