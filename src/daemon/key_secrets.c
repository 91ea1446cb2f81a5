#include "key_secrets.h"

#include "agenda.h"
#include "reply.h"

int
tg_key_secrets_add(void *arg, const struct tg_store_secret *row)
{
    struct tg_key_secrets *secrets = arg;

    tg_rotation_take(&secrets->rotation, row, secrets->now_ms);
    if (row->last_used_at > secrets->last_used_at)
        secrets->last_used_at = row->last_used_at;
    json_array_append_new(
        secrets->list,
        json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", row->id, "last4",
                  row->last4, "created_at", tg_reply_instant(row->created_at),
                  "valid_until", tg_reply_instant(row->valid_until),
                  "last_used_at", tg_reply_instant(row->last_used_at),
                  "last_used_ip", tg_reply_text(row->last_used_ip),
                  "last_used_agent", tg_reply_text(row->last_used_agent)));
    return 0;
}

static json_t *
rotation_object(const struct tg_store_key *row, const struct tg_rotation *of)
{
    const char *state = !of->is_under_way ? "none"
                        : of->is_awaited  ? "delivering"
                                          : "grace";

    return json_pack(
        "{s:o,s:I,s:o,s:s,s:o,s:o,s:o}", "interval_days",
        row->rotate_days != 0 ? json_integer(row->rotate_days) : json_null(),
        "grace_days", (json_int_t)row->grace_days, "next_at",
        tg_reply_instant(tg_agenda_rotation_at(row)), "state", state,
        "begun_at",
        of->is_under_way ? tg_reply_instant(of->begun_at) : json_null(),
        "old_secret", tg_reply_text(of->old), "ends_at",
        tg_reply_instant(of->old_until));
}

void
tg_key_secrets_say(const struct tg_key_secrets *secrets,
                   const struct tg_store_key *row, json_t *key)
{
    const struct tg_rotation *rotation = &secrets->rotation;

    json_object_set_new(key, "prefix", json_string(rotation->prefix));
    json_object_set_new(key, "last4", json_string(rotation->last4));
    json_object_set_new(key, "rotation", rotation_object(row, rotation));
}
