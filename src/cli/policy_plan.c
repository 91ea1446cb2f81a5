#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "nouns.h"
#include "own.h"
#include "policy_part.h"
#include "say.h"

#define PAGE_ROWS 1000

int
tg_policy_each(struct tg_policy *policy, const char *path, bool has_pages,
               int (*visit)(void *, const json_t *), void *arg)
{
    char *target = NULL, *after = tg_own(strdup(""));
    const char *next;
    size_t i, seen = 0;
    json_t *page, *row;
    int rc = TG_EXIT_OK;

    while (rc == TG_EXIT_OK && after != NULL) {
        if (asprintf(&target, has_pages ? "%s%slimit=%d%s%s" : "%s", path,
                     strchr(path, '?') != NULL ? "&" : "?", PAGE_ROWS,
                     *after != '\0' ? "&after=" : "", after) < 0)
            tg_own(NULL);
        rc = tg_client_call(policy->cli, "GET", target, NULL, &page);
        free(target);
        free(after);
        after = NULL;
        json_array_foreach(json_object_get(page, "data"), i, row)
        {
            if (rc == TG_EXIT_OK)
                rc = visit(arg, row);
            seen++;
        }
        next = json_string_value(json_object_get(page, "next"));
        if (has_pages && next != NULL &&
            json_is_true(json_object_get(page, "has_more")))
            after = tg_own(strdup(next));
        if (after != NULL)
            tg_policy_progress(policy, "read", seen, 0);
        json_decref(page);
    }
    free(after);
    tg_policy_progress_end(policy);
    return rc;
}

json_t *
tg_policy_diff(const struct tg_policy_kind *kind, const json_t *want,
               const json_t *have)
{
    const struct tg_policy_member *member = kind->members;
    json_t *changes = json_object(), *wanted, *before;

    for (; member->name != NULL; member++) {
        if ((member->flags & TG_POLICY_NAMES) != 0)
            continue;
        wanted = json_incref(json_object_get(want, member->name));
        if (wanted == NULL && have != NULL)
            wanted = tg_policy_fallback(kind, member, want);
        if (wanted == NULL)
            continue;
        before = json_object_get(have, member->name);
        if (before == NULL || !tg_policy_is_same(member, wanted, before))
            json_object_set_new(changes, member->name,
                                json_pack("[O?,O]", before, wanted));
        json_decref(wanted);
    }
    return changes;
}

struct tg_policy_step *
tg_policy_add_step(struct tg_policy *policy, enum tg_policy_verb verb,
                   enum tg_policy_kind_number kind, struct tg_wish *wish,
                   const char *name)
{
    size_t n = policy->step_count;
    struct tg_policy_step *step;

    if ((n & (n - 1)) == 0)
        policy->steps = tg_own(realloc(
            policy->steps, (n > 0 ? 2 * n : 1) * sizeof(*policy->steps)));
    step = &policy->steps[policy->step_count++];
    *step = (struct tg_policy_step){
        .verb = verb, .kind = kind, .wish = wish, .name = strdup(name)};
    tg_own(step->name);
    policy->counts[verb]++;
    return step;
}

/* What is said when it is made stays: a file that says otherwise is wrong. */
static void
check_birth(const struct tg_wish *wish, const json_t *changes)
{
    const struct tg_policy_kind *kind = &tg_policy_kinds[wish->kind];
    const struct tg_policy_member *member = kind->members;
    const char *before;
    json_t *pair;

    for (; member->name != NULL; member++) {
        pair = json_object_get(changes, member->name);
        if (pair == NULL || (member->flags & TG_POLICY_BIRTH) == 0)
            continue;
        before = json_string_value(json_array_get(pair, 0));
        tg_policy_fault(wish->file, tg_policy_place(wish->node, member->name),
                        "the %s %s has the %s %s, which it keeps: write that, "
                        "or another name, and a new one is made",
                        kind->word, wish->name, member->name,
                        before != NULL ? before : "null");
    }
}

/* The step of a wish that meets an object of the gate; LEAVE has none. */
void
tg_plan_meet(struct tg_policy *policy, struct tg_wish *wish, const json_t *want,
             const json_t *have, const char *id)
{
    json_t *changes = tg_policy_diff(&tg_policy_kinds[wish->kind], want, have);
    struct tg_policy_step *step;

    wish->is_met = true;
    check_birth(wish, changes);
    if (json_object_size(changes) == 0) {
        policy->counts[TG_POLICY_LEAVE]++;
        json_decref(changes);
        return;
    }
    step = tg_policy_add_step(policy, TG_POLICY_CHANGE, wish->kind, wish,
                              wish->name);
    snprintf(step->id, sizeof(step->id), "%s", id);
    step->changes = changes;
}

/* A thing of the gate whose flat object needs nothing but its members. */
void
tg_plan_meet_object(struct tg_policy *policy, struct tg_wish *wish,
                    const json_t *object, const char *id)
{
    json_t *want = tg_wish_read(wish);
    json_t *have = tg_policy_have(policy, wish->kind, object);

    tg_plan_meet(policy, wish, want, have, id);
    json_decref(want);
    json_decref(have);
}

void
tg_plan_create_unmet(struct tg_policy *policy, enum tg_policy_kind_number kind)
{
    for (size_t i = 0; i < policy->wish_count; i++) {
        struct tg_wish *wish = &policy->wishes[i];
        struct tg_policy_step *step;
        json_t *want;

        if (wish->kind != kind || wish->is_met)
            continue;
        want = tg_wish_read(wish);
        step = tg_policy_add_step(policy, TG_POLICY_CREATE, kind, wish,
                                  wish->name);
        step->changes = tg_policy_diff(&tg_policy_kinds[kind], want, NULL);
        if (wish->ended != NULL &&
            asprintf(&step->note, "the one of this name, %s, was disabled",
                     wish->ended) < 0)
            tg_own(NULL);
        json_decref(want);
    }
}

void
tg_plan_index(struct tg_policy *policy, enum tg_policy_kind_number kind)
{
    json_t *index = policy->index[kind];

    for (size_t i = 0; i < policy->wish_count; i++) {
        const struct tg_wish *wish = &policy->wishes[i], *first;

        if (wish->kind != kind)
            continue;
        first = tg_policy_find(policy, kind, wish->name);
        if (first == NULL)
            json_object_set_new(index, wish->name, json_integer((json_int_t)i));
        else
            tg_policy_fault(wish->file, wish->node,
                            "the %s %s stands twice; first in %s:%u",
                            tg_policy_kinds[kind].word, wish->name,
                            first->file->path, first->node->line);
    }
}

bool
tg_plan_has(const struct tg_policy *policy, enum tg_policy_kind_number kind)
{
    for (size_t i = 0; i < policy->wish_count; i++) {
        if (policy->wishes[i].kind == kind)
            return true;
    }
    return false;
}

static int
take_account(void *arg, const json_t *object)
{
    struct tg_policy *policy = arg;
    const char *name = tg_noun_text(object, "name");
    struct tg_wish *wish = tg_policy_find(policy, TG_POLICY_ACCOUNT, name);

    json_object_set_new(policy->account_names, tg_noun_text(object, "id"),
                        json_string(name));
    if (wish != NULL)
        tg_plan_meet_object(policy, wish, object, tg_noun_text(object, "id"));
    return TG_EXIT_OK;
}

/* What is deleted goes last, when what takes its place is there. */
static int
by_order(const void *a, const void *b)
{
    const struct tg_policy_step *left = a, *right = b;
    bool left_ends = left->verb == TG_POLICY_DELETE;
    bool right_ends = right->verb == TG_POLICY_DELETE;

    if (left_ends != right_ends)
        return left_ends ? 1 : -1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->wish != right->wish)
        return left->wish < right->wish ? -1 : 1;
    return strcmp(left->name, right->name);
}

int
tg_policy_plan(struct tg_policy *policy)
{
    int rc = TG_EXIT_OK;

    tg_plan_index(policy, TG_POLICY_ACCOUNT);
    if (tg_plan_has(policy, TG_POLICY_ACCOUNT) ||
        tg_plan_has(policy, TG_POLICY_KEY))
        rc = tg_policy_each(policy, "/accounts", true, take_account, policy);
    tg_plan_create_unmet(policy, TG_POLICY_ACCOUNT);
    if (rc == TG_EXIT_OK)
        rc = tg_plan_catalog(policy);
    tg_plan_index(policy, TG_POLICY_PRICE);
    if (rc == TG_EXIT_OK && policy->faults == 0 &&
        tg_plan_has(policy, TG_POLICY_PRICE))
        rc = tg_policy_plan_prices(policy);
    if (rc == TG_EXIT_OK)
        rc = tg_plan_keys(policy);
    tg_plan_index(policy, TG_POLICY_ALERT);
    if (rc == TG_EXIT_OK && tg_plan_has(policy, TG_POLICY_ALERT))
        rc = tg_plan_alerts(policy);
    if (rc == TG_EXIT_OK)
        rc = tg_policy_settle_faults(policy);
    if (rc == TG_EXIT_OK && policy->step_count > 1)
        qsort(policy->steps, policy->step_count, sizeof(*policy->steps),
              by_order);
    return rc;
}
