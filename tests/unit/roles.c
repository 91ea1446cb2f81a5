/* Goal: what each role may, and which names permissions have, is as said. */
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "roles.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *role;
    enum tg_permission permission;
    bool may;
} cases[] = {
    {"owner", TG_MAY_CHANGE_OWNERS, true},
    {"owner", TG_MAY_CHANGE_OPERATORS, true},
    {"admin", TG_MAY_CHANGE_OPERATORS, true},
    {"admin", TG_MAY_CHANGE_KEYS, true},
    {"admin", TG_MAY_CHANGE_OWNERS, false},
    {"auditor", TG_MAY_READ, true},
    {"auditor", TG_MAY_READ_USAGE, true},
    {"auditor", TG_MAY_ACT_FOR_ONESELF, true},
    {"auditor", TG_MAY_CHANGE_KEYS, false},
    {"auditor", TG_MAY_CHANGE_BUDGETS, false},
    {"auditor", TG_MAY_CHANGE_OPERATORS, false},
    {"billing", TG_MAY_CHANGE_ACCOUNTS, true},
    {"billing", TG_MAY_CHANGE_BUDGETS, true},
    {"billing", TG_MAY_CHANGE_KEYS, false},
    {"billing", TG_MAY_ADMIT_ACCOUNTS, false},
    {"billing", TG_MAY_CHANGE_OPERATORS, false},
    {"none", TG_MAY_READ, false},
    {"Owner", TG_MAY_READ, false},
    {"", TG_MAY_READ, false},
};

static void
test_roles(void)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum tg_role role = tg_role_named(cases[i].role);

        ok(((tg_role_permissions(role) & TG_BIT(cases[i].permission)) != 0) ==
               cases[i].may,
           "'%s' %s '%s'", cases[i].role, cases[i].may ? "may" : "may not",
           tg_permission_name(cases[i].permission));
    }
    for (int role = 0; role <= BILLING; role++)
        ok(!(tg_role_permissions((enum tg_role)role) & TG_BIT(TG_MAY_NOTHING)),
           "none may nothing");
}

static void
test_permissions(void)
{
    for (int i = 1; i < TG_PERMISSIONS; i++) {
        const char *name = tg_permission_name((enum tg_permission)i);

        is_int(tg_permission_named(name), i, "'%s' is one of a kind", name);
        ok(tg_role_permissions(OWNER) & TG_BIT(i), "and an owner has it");
    }
    is_int(tg_permission_named("nothing"), TG_MAY_NOTHING, "none to hand on");
    is_int(tg_permission_named("chat"), TG_MAY_NOTHING,
           "a key's scope is none");
}

static void
test_fields(void)
{
    static const struct tg_admin_route keys = {
        .method = "PATCH",
        .path = "/admin/v1/keys/{}",
        .permission = TG_MAY_CHANGE_KEYS,
        .also = TG_MAY_CHANGE_BUDGETS,
    };
    static const struct tg_admin_route other = {
        .method = "POST",
        .path = "/admin/v1/keys",
        .permission = TG_MAY_CHANGE_KEYS,
    };

    is_int(tg_field_permission(&keys, "budget"), TG_MAY_CHANGE_BUDGETS,
           "a budget is of those who pay");
    is_int(tg_field_permission(&keys, "status"), TG_MAY_CHANGE_KEYS,
           "a status is not");
    is_int(tg_field_permission(&keys, "no_such"), TG_MAY_CHANGE_KEYS,
           "nor is what nobody has named");
    is_int(tg_field_permission(&other, "budget"), TG_MAY_CHANGE_KEYS,
           "and not where a key is made");
}

int
main(void)
{
    test_roles();
    test_permissions();
    test_fields();
    return done();
}
