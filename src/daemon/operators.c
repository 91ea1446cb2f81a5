#include "operators.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "roles.h"

struct reading {
    struct tg_store *store;
    struct tg_operator_row *row;
};

json_t *
tg_operator_object(struct tg_store *store, const struct tg_store_operator *row)
{
    int64_t left = 0;

    store->operators->count_recovery(store, row->id, &left);
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:o,s:b,s:b,s:I,s:o,s:o}", "object", "operator",
        "id", row->id, "name", row->name, "role", row->role, "status",
        row->status, "accounts", tg_reply_stored(row->accounts), "has_password",
        row->has_password, "has_totp", row->has_totp, "recovery_codes_left",
        (json_int_t)left, "created_at", tg_reply_instant(row->created_at),
        "ended_at", tg_reply_instant(row->ended_at));
}

static int
take(void *arg, const struct tg_store_operator *row)
{
    struct reading *reading = arg;
    struct tg_operator_row *to = reading->row;

    snprintf(to->id, sizeof(to->id), "%s", row->id);
    snprintf(to->name, sizeof(to->name), "%s", row->name);
    to->role = tg_role_named(row->role);
    to->is_active = strcmp(row->status, "active") == 0;
    to->is_disabled = strcmp(row->status, "disabled") == 0;
    to->has_password = row->has_password;
    to->has_totp = row->has_totp;
    to->object = tg_operator_object(reading->store, row);
    return 0;
}

void
tg_operator_fold(const char *given, char name[TG_OPERATOR_NAME_SIZE])
{
    bool is_id = strncmp(given, "op_", 3) == 0;

    snprintf(name, TG_OPERATOR_NAME_SIZE, "%s", given);
    for (char *c = name; *c != '\0' && !is_id; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c |= 0x20;
    }
}

bool
tg_operator_read(struct tg_request *request, struct tg_reply *reply,
                 const char *id_or_name, struct tg_operator_row *row)
{
    struct tg_store *store = request->daemon->admin;
    struct reading reading = {store, row};
    char name[TG_OPERATOR_NAME_SIZE];
    int err;

    *row = (struct tg_operator_row){0};
    tg_operator_fold(id_or_name, name);
    err = store->operators->get(
        store, strcmp(name, "me") == 0 ? request->operator.id : name, take,
        &reading);
    return err == 0 || tg_reply_store(reply, store, err, "operator");
}

void
tg_operator_release(struct tg_operator_row *row)
{
    json_decref(row->object);
    row->object = NULL;
}

bool
tg_operator_has(const struct tg_request *request, unsigned permissions)
{
    return (permissions & ~request->operator.permissions) == 0;
}

bool
tg_operator_may_act(const struct tg_request *request, struct tg_reply *reply,
                    const struct tg_operator_row *row)
{
    if (strcmp(row->id, request->operator.id) == 0)
        return true;
    if (request->operator.is_bound || !tg_operator_has(
            request, TG_BIT(TG_MAY_CHANGE_OPERATORS)))
        return tg_reply_error(reply, 403, "permission_denied", NULL,
                              "only an owner or admin may do this for others");
    return tg_operator_has(request, tg_role_permissions(row->role)) ||
           tg_reply_error(reply, 403, "permission_denied", NULL,
                          "'%s' may do more than you: ask an owner", row->name);
}
