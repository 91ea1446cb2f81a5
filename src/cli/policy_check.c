#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "nouns.h"
#include "policy.h"

/* A member of a flat object: its names have dots in them. */
static const char *
text_of(const json_t *flat, const char *member)
{
    const char *text = json_string_value(json_object_get(flat, member));

    return text != NULL ? text : "";
}

__attribute__((format(printf, 1, 2))) static char *
print(const char *format, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        tg_own(NULL);
    va_end(ap);
    return text;
}

static void
check_credential(const struct tg_wish *wish, const json_t *flat)
{
    int ways = (*text_of(flat, "id") != '\0') +
               (*text_of(flat, "from_file") != '\0') +
               (*text_of(flat, "from_env") != '\0');

    if (ways != 1)
        tg_policy_fault(wish->file, wish->node,
                        "a credential has one of the members id (of one that "
                        "the gate has), from_file and from_env");
}

static void
check_model(const struct tg_wish *wish, const json_t *flat)
{
    const json_t *names = json_object_get(flat, "upstreams"), *name;
    size_t i;

    json_array_foreach((json_t *)names, i, name)
    {
        if (strncmp(json_string_value(name), "up_", 3) == 0)
            tg_policy_fault(wish->file,
                            tg_policy_place(wish->node, "upstreams"),
                            "upstreams are named by their names, not by ids");
    }
}

/* Accounts may be named by id; that is seen to once they are known. */
static char *
name_of(const struct tg_wish *wish, const json_t *flat)
{
    const char *account = text_of(flat, "account");

    switch (wish->kind) {
    case TG_POLICY_MODEL:
        return print("%s", text_of(flat, "id"));
    case TG_POLICY_PRICE:
        if (json_object_get(flat, "effective_at") == NULL)
            return print("%s", text_of(flat, "model"));
        return print("%s from %s", text_of(flat, "model"),
                     *text_of(flat, "effective_at") != '\0'
                         ? text_of(flat, "effective_at")
                         : "ever");
    case TG_POLICY_CREDENTIAL:
        return *text_of(flat, "id") != '\0'
                   ? print("%s", text_of(flat, "id"))
                   : print("%s, %s%s", text_of(flat, "upstream"),
                           text_of(flat, "from_file"),
                           text_of(flat, "from_env"));
    case TG_POLICY_KEY:
        return *text_of(flat, "id") != '\0'
                   ? print("%s", text_of(flat, "id"))
                   : print("%s/%s", *account != '\0' ? account : "default",
                           text_of(flat, "name"));
    default:
        return print("%s", text_of(flat, "name"));
    }
}

static int
by_kind(const void *a, const void *b)
{
    const struct tg_wish *left = a, *right = b;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    if (left->node->line != right->node->line)
        return left->node->line < right->node->line ? -1 : 1;
    return (left->node->column > right->node->column) -
           (left->node->column < right->node->column);
}

void
tg_policy_check(struct tg_policy *policy)
{
    for (size_t i = 0; i < policy->wish_count; i++) {
        struct tg_wish *wish = &policy->wishes[i];
        json_t *flat = tg_wish_read(wish);

        if (flat == NULL)
            continue;
        if (wish->kind == TG_POLICY_CREDENTIAL)
            check_credential(wish, flat);
        if (wish->kind == TG_POLICY_MODEL)
            check_model(wish, flat);
        wish->name = name_of(wish, flat);
        json_decref(flat);
    }
    if (policy->faults == 0 && policy->wish_count > 1)
        qsort(policy->wishes, policy->wish_count, sizeof(*policy->wishes),
              by_kind);
}
