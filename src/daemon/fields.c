#include "fields.h"

#include <string.h>

/*
 * A route that its row opens to another permission, too, takes from those
 * who have only that one no member but these.
 */
static const struct tg_field fields[] = {
    {"PATCH", "/admin/v1/keys/{}", "budget", TG_MAY_CHANGE_BUDGETS},
    {"PATCH", "/admin/v1/accounts/{}", "status", TG_MAY_ADMIT_ACCOUNTS},
    {"PATCH", "/admin/v1/accounts/{}", "verification", TG_MAY_ADMIT_ACCOUNTS},
    {"POST", "/admin/v1/keys/{}/leak-response", "end_sessions",
     TG_MAY_CHANGE_OPERATORS},
};

const struct tg_field *
tg_fields(size_t *n)
{
    *n = sizeof(fields) / sizeof(fields[0]);
    return fields;
}

enum tg_permission
tg_field_permission(const struct tg_admin_route *route, const char *member)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(fields[i].method, route->method) == 0 &&
            strcmp(fields[i].path, route->path) == 0 &&
            strcmp(fields[i].member, member) == 0)
            return fields[i].permission;
    }
    return route->permission;
}
