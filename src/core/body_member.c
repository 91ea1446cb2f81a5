#include "body_member.h"

#include <string.h>

static const struct member {
    const char *name;
    const char *said; /* in a sentence, where that differs */
    enum tg_body_type type;
} members[TG_BODY_MEMBERS] = {
    [TG_BODY_NONE] = {"", NULL, TG_BODY_ANY},
    [TG_BODY_MODEL] = {"model", NULL, TG_BODY_STRING},
    [TG_BODY_STREAM] = {"stream", NULL, TG_BODY_BOOLEAN},
    [TG_BODY_STREAM_OPTIONS] = {"stream_options", NULL, TG_BODY_OBJECT},
    [TG_BODY_INCLUDE_USAGE] = {"include_usage", "stream_options.include_usage",
                               TG_BODY_BOOLEAN},
    [TG_BODY_MAX_TOKENS] = {"max_tokens", NULL, TG_BODY_INTEGER},
    [TG_BODY_MAX_COMPLETION_TOKENS] = {"max_completion_tokens", NULL,
                                       TG_BODY_INTEGER},
    [TG_BODY_MAX_OUTPUT_TOKENS] = {"max_output_tokens", NULL, TG_BODY_INTEGER},
    [TG_BODY_N] = {"n", NULL, TG_BODY_INTEGER},
    [TG_BODY_BEST_OF] = {"best_of", NULL, TG_BODY_INTEGER},
};

const char *
tg_body_member_name(enum tg_body_member member)
{
    return members[member].said ? members[member].said : members[member].name;
}

enum tg_body_type
tg_body_member_type(enum tg_body_member member)
{
    return members[member].type;
}

/* The length of what matches c at p whatever its case, 0 for nothing. */
static size_t
alike_len(const char *p, size_t left, char c)
{
    if (*p == c || (*p >= 'A' && *p <= 'Z' && (*p | 0x20) == c))
        return 1;
    /* The long s and the Kelvin sign: Unicode folds them to these. */
    if (c == 's' && left >= 2 && memcmp(p, "\xc5\xbf", 2) == 0)
        return 2;
    if (c == 'k' && left >= 3 && memcmp(p, "\xe2\x84\xaa", 3) == 0)
        return 3;
    return 0;
}

static bool
is_alike(const struct tg_json *json, const char *name)
{
    size_t at = 0, len;

    for (; *name && at < json->text_len; name++, at += len) {
        len = alike_len(json->text + at, json->text_len - at, *name);
        if (len == 0)
            return false;
    }
    return *name == '\0' && at == json->text_len;
}

enum tg_body_member
tg_body_member_find(const struct tg_json *json, bool in_options)
{
    int m;

    if (!json->text)
        return TG_BODY_NONE;
    for (m = TG_BODY_MODEL; m < TG_BODY_MEMBERS; m++)
        if ((m == TG_BODY_INCLUDE_USAGE) == in_options &&
            is_alike(json, members[m].name))
            return (enum tg_body_member)m;
    return TG_BODY_NONE;
}

bool
tg_body_member_hides(const struct tg_json *json)
{
    static const char *const names[] = {
        "include_reasoning",                   /* vLLM */
        "use_beam_search", "stream_reasoning", /* SGLang */
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json->text && json->text_len == strlen(names[i]) &&
            memcmp(json->text, names[i], json->text_len) == 0)
            return true;
    }
    return false;
}

bool
tg_body_member_is_exact(const struct tg_json *json, enum tg_body_member member)
{
    const char *name = members[member].name;

    return json->text_len == strlen(name) &&
           memcmp(json->text, name, json->text_len) == 0;
}
