#include <string.h>

#include "admin.h"
#include "leak.h"

static const char *
text_of(const json_t *match, const char *member)
{
    const char *text = json_string_value(json_object_get(match, member));

    return text != NULL && strlen(text) <= TG_LEAK_TEXT_MAX ? text : "";
}

/* One verdict, as GitHub reads it. */
static json_t *
verdict_of(const json_t *match, const struct tg_leak_result *result)
{
    return json_pack("{s:s,s:o,s:s}", "token_hash", result->hash, "token_type",
                     tg_reply_text(text_of(match, "type")), "label",
                     result->is_ours ? "true_positive" : "false_positive");
}

static bool
take_match(struct tg_request *request, struct tg_reply *reply,
           const json_t *match, json_t *verdicts)
{
    const json_t *token = json_object_get(match, "token");
    struct tg_leak_find find = {
        .token = {json_string_value(token), json_string_length(token)},
        .source = "github",
        .place = text_of(match, "source"),
        .url = text_of(match, "url"),
        .shuts = true,
    };
    struct tg_leak_result result;
    int err;

    if (!json_is_string(token))
        return tg_reply_invalid(reply, "token",
                                "a match is an object with a \"token\"");
    err = tg_leak_take(request, &find, &result);
    if (err != 0)
        return tg_reply_store(reply, request->daemon->admin, err, "key");
    json_array_append_new(verdicts, verdict_of(match, &result));
    return true;
}

/* What failed in the middle is reported again, and the rest is done then. */
void
tg_admin_leak_github(struct tg_request *request, struct tg_reply *reply)
{
    json_t *verdicts = json_array(), *match;
    bool is_done = true;
    size_t i;

    json_array_foreach(request->body, i, match)
    {
        is_done = is_done && take_match(request, reply, match, verdicts);
    }
    if (is_done)
        tg_reply_json(reply, 200, verdicts);
    else
        json_decref(verdicts);
}
