#include "members.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "money.h"

#define LIST_TEXT_MAX 255

static const json_t *
member(const json_t *object, const char *param)
{
    const char *dot = strrchr(param, '.');
    const json_t *value =
        object ? json_object_get(object, dot ? dot + 1 : param) : NULL;

    return value;
}

static bool
is_one_of(const char *names, const char *name)
{
    size_t len = strlen(name);

    while (*names != '\0') {
        size_t n = strcspn(names, " ");

        if (n == len && memcmp(names, name, n) == 0)
            return true;
        names += n + strspn(names + n, " ");
    }
    return false;
}

bool
tg_members_only(struct tg_reply *reply, const json_t *object,
                const char *prefix, const char *names)
{
    const char *name;
    json_t *value;
    char param[128];

    json_object_foreach((json_t *)object, name, value)
    {
        if (is_one_of(names, name))
            continue;
        snprintf(param, sizeof(param), "%s%.64s", prefix, name);
        return tg_reply_error(reply, 400, "unknown_member", param,
                              *names != '\0'
                                  ? "there is no member '%s' here; known are: "
                                    "%s"
                                  : "there is no member '%s' here; nor any "
                                    "other%s",
                              param, names);
    }
    return true;
}

/* Characters of UTF-8 text, or -1 when one of them is a control character. */
static long
count_characters(const char *text)
{
    long n = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';
         p++) {
        if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
            return -1;
        n += (*p & 0xc0) != 0x80;
    }
    return n;
}

bool
tg_members_text(struct tg_reply *reply, const json_t *object, const char *param,
                size_t min, size_t max, const char **text)
{
    const json_t *value = member(object, param);
    long n;

    if ((value == NULL || json_is_null(value)) && min == 0)
        return true;
    if (value == NULL)
        return tg_reply_invalid(reply, param, "%s is missing", param);
    if (!json_is_string(value))
        return tg_reply_invalid(reply, param, "%s must be a string", param);
    n = count_characters(json_string_value(value));
    if (n < 0)
        return tg_reply_invalid(reply, param,
                                "%s must not have control characters", param);
    if ((size_t)n < min || (size_t)n > max)
        return tg_reply_invalid(reply, param,
                                "%s must have %zu to %zu characters", param,
                                min, max);
    *text = json_string_value(value);
    return true;
}

bool
tg_members_choice(struct tg_reply *reply, const json_t *object,
                  const char *param, const char *names, const char **text)
{
    const json_t *value = member(object, param);

    if (value == NULL)
        return true;
    if (!json_is_string(value) || !is_one_of(names, json_string_value(value)))
        return tg_reply_invalid(reply, param, "%s must be one of: %s", param,
                                names);
    *text = json_string_value(value);
    return true;
}

bool
tg_members_bool(struct tg_reply *reply, const json_t *object, const char *param,
                bool *value)
{
    const json_t *found = member(object, param);

    if (found == NULL)
        return true;
    if (!json_is_boolean(found))
        return tg_reply_invalid(reply, param, "%s must be true or false",
                                param);
    *value = json_is_true(found);
    return true;
}

bool
tg_members_number(struct tg_reply *reply, const json_t *object,
                  const char *param, int64_t min, int64_t max, int64_t *value)
{
    const json_t *found = member(object, param);
    int64_t n;

    if (found == NULL)
        return true;
    if (json_is_null(found)) {
        *value = 0;
        return true;
    }
    n = json_is_integer(found) ? json_integer_value(found) : min - 1;
    if (n < min || n > max)
        return tg_reply_invalid(reply, param,
                                "%s must be a whole number from %lld to %lld, "
                                "or null",
                                param, (long long)min, (long long)max);
    *value = n;
    return true;
}

bool
tg_members_money(struct tg_reply *reply, const json_t *object,
                 const char *param, int64_t *nanos)
{
    const json_t *found = member(object, param);
    int64_t n = 0;
    int err = TG_ERR_FORMAT;

    if (found == NULL)
        return true;
    if (json_is_null(found)) {
        *nanos = 0;
        return true;
    }
    if (json_is_string(found))
        err = tg_money_parse((struct tg_str){json_string_value(found),
                                             json_string_length(found)},
                             &n);
    if (err == TG_ERR_RANGE)
        return tg_reply_invalid(reply, param,
                                "%s is too large, or has more than nine "
                                "decimals; the most is 9223372036.854775807",
                                param);
    if (err != 0 || n == 0)
        return tg_reply_invalid(reply, param,
                                "%s must be a decimal string above zero, such "
                                "as \"12.50\", or null",
                                param);
    *nanos = n;
    return true;
}

bool
tg_members_object(struct tg_reply *reply, const json_t *object,
                  const char *param, const json_t **value)
{
    const json_t *found = member(object, param);

    if (found == NULL || json_is_null(found))
        return true;
    if (!json_is_object(found))
        return tg_reply_invalid(reply, param, "%s must be an object", param);
    *value = found;
    return true;
}

static bool
stands_before(const json_t *list, size_t index)
{
    const char *text = json_string_value(json_array_get(list, index));

    for (size_t i = 0; i < index; i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
            return true;
    }
    return false;
}

bool
tg_members_texts(struct tg_reply *reply, const json_t *object,
                 const char *param, size_t max, tg_text_check *check,
                 const json_t **list)
{
    const json_t *found = member(object, param), *item;
    size_t i;

    if (found == NULL || json_is_null(found))
        return true;
    if (!json_is_array(found) || json_array_size(found) > max)
        return tg_reply_invalid(
            reply, param, "%s must be a list of up to %zu strings", param, max);
    json_array_foreach((json_t *)found, i, item)
    {
        size_t len = json_string_length(item);

        if (!json_is_string(item) || len == 0 || len > LIST_TEXT_MAX ||
            count_characters(json_string_value(item)) < 0)
            return tg_reply_invalid(reply, param,
                                    "%s must hold strings of 1 to %d bytes",
                                    param, LIST_TEXT_MAX);
        if (stands_before(found, i))
            return tg_reply_invalid(reply, param, "%s has '%s' twice", param,
                                    json_string_value(item));
        if (check != NULL && !check(reply, param, json_string_value(item)))
            return false;
    }
    *list = found;
    return true;
}
