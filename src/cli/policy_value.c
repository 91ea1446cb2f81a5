#include "policy_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "err.h"
#include "money.h"
#include "network.h"
#include "own.h"
#include "route.h"

#define MS_PER_DAY INT64_C(86400000)

__attribute__((format(printf, 2, 3))) static json_t *
refuse(char *why, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, TG_POLICY_WHY_SIZE, format, ap);
    va_end(ap);
    return NULL;
}

static struct tg_str
str_of(const char *text)
{
    return (struct tg_str){text, strlen(text)};
}

bool
tg_policy_is_list(const struct tg_policy_member *member)
{
    return member->type >= TG_POLICY_TEXTS && member->type <= TG_POLICY_COUNTS;
}

bool
tg_policy_is_map(const struct tg_policy_member *member)
{
    return member->type == TG_POLICY_LABELS ||
           member->type == TG_POLICY_AMOUNTS;
}

/* What null says. */
static json_t *
nothing(const struct tg_policy_member *member, char *why)
{
    if (tg_policy_is_list(member))
        return json_array();
    if (tg_policy_is_map(member))
        return json_object();
    if (member->type == TG_POLICY_ZONE)
        return json_string("UTC");
    if (member->type == TG_POLICY_COUNT_0)
        return json_loads(member->fallback, JSON_DECODE_ANY, NULL);
    if (member->type == TG_POLICY_BOOL)
        return refuse(why, "must be true or false");
    if ((member->flags & TG_POLICY_NEEDED) != 0 ||
        (member->type == TG_POLICY_CHOICE && member->fallback != NULL &&
         strcmp(member->fallback, "null") != 0))
        return refuse(why, "must not be null");
    return json_null();
}

static size_t
characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static json_t *
text_value(const struct tg_policy_member *member, const json_t *value,
           char *why)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return refuse(why, "must be a text");
    if (*text == '\0')
        return nothing(member, why);
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return refuse(why, "must not have control characters");
    }
    if (member->max != 0 && characters(text) > (size_t)member->max)
        return refuse(why, "must have at most %lld characters",
                      (long long)member->max);
    return json_string(text);
}

static json_t *
choice_value(const struct tg_policy_member *member, const json_t *value,
             char *why)
{
    const char *text = json_string_value(value), *choice = member->choices;
    size_t len = text != NULL ? strlen(text) : 0;

    while (text != NULL && *choice != '\0') {
        size_t n = strcspn(choice, " ");

        if (n == len && memcmp(choice, text, n) == 0)
            return json_string(text);
        choice += n + (choice[n] == ' ');
    }
    return refuse(why, "must be one of: %s", member->choices);
}

static json_t *
count_value(const struct tg_policy_member *member, const json_t *value,
            char *why)
{
    json_int_t min = member->type == TG_POLICY_COUNT_0 ? 0 : 1;
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : min - 1;

    if (n < min || n > member->max)
        return refuse(why, "must be a whole number from %lld to %lld",
                      (long long)min, (long long)member->max);
    return json_integer(n);
}

static json_t *
amount_value(const json_t *value, char *why)
{
    const char *text = json_string_value(value);
    char clean[TG_MONEY_TEXT_SIZE];
    int64_t nanos;

    if (text == NULL || tg_money_parse(str_of(text), &nanos) != 0)
        return refuse(why, "must be an amount such as 12.50, with at most "
                           "nine decimals");
    tg_money_format(nanos, clean);
    return json_string(clean);
}

static json_t *
instant_value(const json_t *value, char *why)
{
    const char *text = json_string_value(value);
    char clean[TG_CIVIL_TEXT_SIZE];
    int64_t at_ms;
    int32_t day;

    if (text != NULL && tg_civil_parse_date(str_of(text), &day) == 0)
        at_ms = day * MS_PER_DAY;
    else if (text == NULL || tg_civil_parse(str_of(text), &at_ms) != 0)
        return refuse(why, "must be a date such as 2027-01-31 or an instant "
                           "such as 2027-01-31T18:00:00Z; a span would mean "
                           "another instant each time");
    if (tg_civil_format(at_ms, clean) != 0)
        return refuse(why, "is out of the calendar");
    return json_string(clean);
}

static json_t *
network_item(const char *text, char *why)
{
    char clean[TG_NETWORK_TEXT_SIZE];
    int err = tg_network_normalize(text, clean);

    if (err == TG_ERR_RANGE)
        return refuse(why,
                      "'%.60s' has bits behind its prefix; did you mean "
                      "%s?",
                      text, clean);
    if (err != 0)
        return refuse(why,
                      "'%.60s' is no network; write CIDR such as "
                      "203.0.113.0/24, or an address",
                      text);
    return json_string(clean);
}

json_t *
tg_policy_item(const struct tg_policy_member *member, const json_t *value,
               char why[TG_POLICY_WHY_SIZE])
{
    const char *text = json_string_value(value);

    if (member->type == TG_POLICY_AMOUNTS)
        return amount_value(value, why);
    if (member->type == TG_POLICY_COUNTS)
        return count_value(member, value, why);
    if (text == NULL)
        return refuse(why, "must be a text");
    if (member->type == TG_POLICY_NETWORKS)
        return network_item(text, why);
    if (member->type == TG_POLICY_SCOPES &&
        tg_scope_of(str_of(text)) == TG_SCOPE_NONE)
        return refuse(why,
                      "there is no scope '%.40s'; scopes are chat, code, "
                      "image, audio, embeddings, files, fine_tuning",
                      text);
    if (member->type == TG_POLICY_ENDPOINTS) {
        const struct tg_route *route = tg_route_named(str_of(text));

        if (route == NULL)
            return refuse(why,
                          "'%.60s' is no endpoint of the gate; write a "
                          "method and a path such as 'POST "
                          "/v1/chat/completions'",
                          text);
        text = route->name;
    }
    return json_string(text);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A list whose order says nothing is sorted. */
static json_t *
sorted(json_t *list)
{
    size_t count = json_array_size(list), i;
    const char **texts = tg_own(calloc(count + 1, sizeof(*texts)));
    json_t *result = json_array();

    for (i = 0; i < count; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    qsort(texts, count, sizeof(*texts), by_text);
    for (i = 0; i < count; i++)
        json_array_append_new(result, json_string(texts[i]));
    free(texts);
    json_decref(list);
    return result;
}

static json_t *
list_value(const struct tg_policy_member *member, const json_t *value,
           char *why)
{
    json_t *list, *item, *clean;
    size_t i;

    if (!json_is_array(value))
        return refuse(why, "must be a list");
    list = json_array();
    json_array_foreach((json_t *)value, i, item)
    {
        clean = tg_policy_item(member, item, why);
        if (clean == NULL) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, clean);
    }
    return member->type == TG_POLICY_TEXTS || member->type == TG_POLICY_COUNTS
               ? list
               : sorted(list);
}

static json_t *
map_value(const struct tg_policy_member *member, const json_t *value, char *why)
{
    json_t *map, *item, *clean;
    const char *name;

    if (!json_is_object(value))
        return refuse(why, "must be a map");
    map = json_object();
    json_object_foreach((json_t *)value, name, item)
    {
        clean = tg_policy_item(member, item, why);
        if (clean == NULL) {
            json_decref(map);
            return NULL;
        }
        json_object_set_new(map, name, clean);
    }
    return map;
}

json_t *
tg_policy_value(const struct tg_policy_member *member, const json_t *value,
                char why[TG_POLICY_WHY_SIZE])
{
    if (value == NULL || json_is_null(value))
        return nothing(member, why);
    if (tg_policy_is_list(member))
        return list_value(member, value, why);
    if (tg_policy_is_map(member))
        return map_value(member, value, why);
    switch (member->type) {
    case TG_POLICY_CHOICE:
        return choice_value(member, value, why);
    case TG_POLICY_COUNT:
    case TG_POLICY_COUNT_0:
        return count_value(member, value, why);
    case TG_POLICY_AMOUNT:
        return amount_value(value, why);
    case TG_POLICY_INSTANT:
        return instant_value(value, why);
    case TG_POLICY_BOOL:
        return json_is_boolean(value) ? json_incref((json_t *)value)
                                      : refuse(why, "must be true or false");
    default:
        return text_value(member, value, why);
    }
}

bool
tg_policy_is_same(const struct tg_policy_member *member, const json_t *a,
                  const json_t *b)
{
    (void)member;
    return json_equal((json_t *)a, (json_t *)b) == 1;
}
