/*
 * fields.h: members of a body that another permission opens than the
 * route's own.
 */
#ifndef TG_FIELDS_H
#define TG_FIELDS_H

#include "routes.h"

struct tg_field {
    const char *method, *path, *member;
    enum tg_permission permission;
};

/* The rows, for those that list them.  *n is how many. */
const struct tg_field *tg_fields(size_t *n);

/*
 * What setting a member through a route takes: its row's permission, else
 * the route's.
 */
enum tg_permission tg_field_permission(const struct tg_admin_route *route,
                                       const char *member);

#endif
