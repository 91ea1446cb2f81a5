#include "roles.h"

#include <string.h>

#define ALL (TG_BIT(TG_PERMISSIONS) - TG_BIT(1))
#define READS                                                                  \
    (TG_BIT(TG_MAY_READ) | TG_BIT(TG_MAY_READ_USAGE) |                         \
     TG_BIT(TG_MAY_READ_METRICS) | TG_BIT(TG_MAY_ACT_FOR_ONESELF))

static const struct {
    const char *name;
    unsigned permissions;
} roles[] = {
    [TG_ROLE_NONE] = {"none", 0},
    [OWNER] = {"owner", ALL},
    [ADMIN] = {"admin", ALL & ~TG_BIT(TG_MAY_CHANGE_OWNERS)},
    [AUDITOR] = {"auditor", READS | TG_BIT(TG_MAY_READ_AUDIT)},
    [BILLING] = {"billing", READS | TG_BIT(TG_MAY_CHANGE_ACCOUNTS) |
                                TG_BIT(TG_MAY_CHANGE_BUDGETS)},
};

static const char *const permissions[] = {
    [TG_MAY_NOTHING] = "nothing",
    [TG_MAY_READ] = "read",
    [TG_MAY_READ_USAGE] = "usage",
    [TG_MAY_CHANGE_KEYS] = "keys",
    [TG_MAY_CHANGE_ACCOUNTS] = "accounts",
    [TG_MAY_ADMIT_ACCOUNTS] = "verification",
    [TG_MAY_CHANGE_CATALOG] = "catalog",
    [TG_MAY_CHANGE_CREDENTIALS] = "credentials",
    [TG_MAY_CHANGE_BUDGETS] = "budgets",
    [TG_MAY_CHANGE_OPERATORS] = "operators",
    [TG_MAY_CHANGE_OWNERS] = "owners",
    [TG_MAY_REPORT_LEAKS] = "leaks",
    [TG_MAY_CHANGE_ALERTS] = "alerts",
    [TG_MAY_ACT_FOR_ONESELF] = "self",
    [TG_MAY_READ_AUDIT] = "audit",
    [TG_MAY_READ_METRICS] = "metrics",
};

_Static_assert(sizeof(permissions) / sizeof(permissions[0]) == TG_PERMISSIONS,
               "every permission has a name");
_Static_assert(TG_PERMISSIONS < 32, "they are bits of an unsigned");

unsigned
tg_role_permissions(enum tg_role role)
{
    return roles[role].permissions;
}

const char *
tg_role_name(enum tg_role role)
{
    return roles[role].name;
}

enum tg_role
tg_role_named(const char *name)
{
    for (size_t i = 1; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, name) == 0)
            return (enum tg_role)i;
    }
    return TG_ROLE_NONE;
}

const char *
tg_permission_name(enum tg_permission permission)
{
    return permissions[permission];
}

enum tg_permission
tg_permission_named(const char *name)
{
    for (size_t i = 1; i < TG_PERMISSIONS; i++) {
        if (strcmp(permissions[i], name) == 0)
            return (enum tg_permission)i;
    }
    return TG_MAY_NOTHING;
}
