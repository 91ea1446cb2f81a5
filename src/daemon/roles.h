/*
 * roles.h: what each role may do, and the names of permissions, by which a
 * token is made narrower than its operator.
 */
#ifndef TG_ROLES_H
#define TG_ROLES_H

#include "request.h"
#include "routes.h"

#define TG_BIT(permission) (1u << (permission))

/* The permissions of a role as bits; none for TG_ROLE_NONE. */
unsigned tg_role_permissions(enum tg_role role);

const char *tg_role_name(enum tg_role role);

/* TG_ROLE_NONE when there is none of that name. */
enum tg_role tg_role_named(const char *name);

/* "keys", "read"; the other way round, TG_MAY_NOTHING when there is none. */
const char *tg_permission_name(enum tg_permission permission);
enum tg_permission tg_permission_named(const char *name);

#endif
