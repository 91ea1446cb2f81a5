#include "response_draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "members.h"

static bool
is_response_type(const char *name)
{
    int i = 0;

    while (tg_conf_response_types[i] != NULL &&
           strcmp(tg_conf_response_types[i], name) != 0)
        i++;
    return tg_conf_response_types[i] != NULL;
}

/* One event's: null takes it away, else it is one of the actions. */
static bool
read_response(const json_t *given, const char *type, json_t *responses,
              struct tg_reply *reply)
{
    char param[96];
    const char *action = NULL;

    snprintf(param, sizeof(param), "responses.%.64s", type);
    if (!is_response_type(type))
        return tg_reply_error(reply, 400, "unknown_member", param,
                              "no key is answered for an event '%s'; known "
                              "are: unauthorized_access "
                              "rate_limit_exceeded suspicious_pattern "
                              "expired_key_used ip_denied "
                              "budget_exhausted leak_reported",
                              type);
    if (json_is_null(json_object_get(given, type))) {
        json_object_del(responses, type);
        return true;
    }
    if (!tg_members_choice(reply, given, param, "alert throttle pause",
                           &action))
        return false;
    json_object_set_new(responses, type, json_string(action));
    return true;
}

static json_t *
object_of(const char *stored)
{
    json_t *object = stored != NULL ? json_loads(stored, 0, NULL) : NULL;

    if (json_is_object(object))
        return object;
    json_decref(object);
    return json_object();
}

bool
tg_responses_read(struct tg_reply *reply, const json_t *body,
                  const char *stored, char **text)
{
    bool is_none = json_is_null(json_object_get(body, "responses"));
    const json_t *given = NULL;
    json_t *responses, *value;
    const char *type;
    bool is_fine = true;

    *text = NULL;
    if (!tg_members_object(reply, body, "responses", &given))
        return false;
    if (given == NULL && !is_none)
        return true;
    responses = object_of(is_none ? NULL : stored);
    json_object_foreach((json_t *)given, type, value)
    {
        if (is_fine)
            is_fine = read_response(given, type, responses, reply);
    }
    if (is_fine)
        *text = json_dumps(responses, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(responses);
    return is_fine;
}
