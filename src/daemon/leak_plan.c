#include "leak_plan.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "advice_rules.h"
#include "civil.h"
#include "network.h"
#include "plural.h"
#include "route.h"

#define NETWORKS_MAX 256 /* of a key */

/* What the new key has as the old one had it. */
static const char *const kept[] = {
    "name",      "description",       "owner",  "labels",     "kind",
    "budget",    "allowed_referrers", "hours",  "expires_at", "endpoints",
    "limits",    "rotation",          "scopes", "models",     "allowed_ips",
    "responses",
};

__attribute__((format(printf, 2, 3))) static void
note(json_t *notes, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_array_append_new(notes, json_string(text));
}

static bool
has_text(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        if (strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

static void
add_once(json_t *list, const char *text)
{
    if (!has_text(list, text))
        json_array_append_new(list, json_string(text));
}

static json_t *
scopes_of(const struct tg_leak_usage *usage, const json_t *old)
{
    json_t *list = json_array();

    for (uint32_t bit = 1; bit <= TG_SCOPE_ALL; bit <<= 1) {
        const char *name = tg_scope_name((enum tg_scope)bit);

        if ((usage->scopes & bit) != 0 && has_text(old, name))
            json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *
models_of(const struct tg_leak_usage *usage)
{
    json_t *list = json_array();

    for (size_t i = 0; i < usage->models.count; i++)
        json_array_append_new(list, json_string(usage->models.rows[i].text));
    return list;
}

/* The network of an address that is cut to so many bits. */
static bool
put_network(const char *address, int bits_v4, int bits_v6, char *out)
{
    uint8_t bytes[16];
    int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    int bits = family == AF_INET ? bits_v4 : bits_v6;
    int size = family == AF_INET ? 4 : 16;
    char text[INET6_ADDRSTRLEN], whole[TG_NETWORK_TEXT_SIZE + 8];

    if (inet_pton(family, address, bytes) != 1)
        return false;
    for (int i = 0; i < size; i++) {
        int left = bits - 8 * i;

        if (left <= 0)
            bytes[i] = 0;
        else if (left < 8)
            bytes[i] &= (uint8_t)(0xff << (8 - left));
    }
    inet_ntop(family, bytes, text, sizeof(text));
    snprintf(whole, sizeof(whole), "%s/%d", text, bits);
    return tg_network_normalize(whole, out) == 0;
}

/* How many trusted addresses lie in the same network. */
static size_t
neighbours(const struct tg_tally *addresses, const char *network)
{
    char other[TG_NETWORK_TEXT_SIZE];
    size_t n = 0;

    for (size_t i = 0; i < addresses->count; i++) {
        const struct tg_tally_row *row = &addresses->rows[i];

        n += row->trusted > 0 && put_network(row->text, 24, 64, other) &&
             strcmp(other, network) == 0;
    }
    return n;
}

json_t *
tg_leak_networks(const struct tg_tally *addresses)
{
    char wide[TG_NETWORK_TEXT_SIZE], narrow[TG_NETWORK_TEXT_SIZE];
    json_t *list = json_array();

    for (size_t i = 0; i < addresses->count; i++) {
        const struct tg_tally_row *row = &addresses->rows[i];

        if (row->trusted == 0 || !put_network(row->text, 24, 64, wide) ||
            !put_network(row->text, 32, 64, narrow))
            continue;
        add_once(list, neighbours(addresses, wide) >= TG_LEAK_NEIGHBOURS
                           ? wide
                           : narrow);
    }
    if (addresses->rest.trusted == 0 && json_array_size(list) > 0 &&
        json_array_size(list) <= NETWORKS_MAX)
        return list;
    json_decref(list);
    return NULL;
}

/* A limit that is no wider than the old one; null is no limit. */
static void
tighten(json_t *limits, const char *name, int64_t value)
{
    const json_t *old = json_object_get(limits, name);

    if (json_is_integer(old) && json_integer_value(old) < value)
        return;
    json_object_set_new(limits, name, json_integer(value));
}

static void
set_limits(json_t *plan, const struct tg_leak_usage *usage, int64_t created_at,
           json_t *notes)
{
    json_t *limits = json_object_get(plan, "limits");
    const struct tg_leak_span *span = &usage->span;
    int64_t rate =
        tg_advice_rate(usage->minutes.requests.requests, TG_LEAK_RATE_FLOOR);
    int64_t from =
        created_at > span->trusted_since ? created_at : span->trusted_since;
    int64_t lasted = span->trusted_until - from;
    int64_t daily = tg_advice_daily(usage->trusted_calls, lasted);

    tighten(limits, "requests_per_minute", rate);
    tighten(limits, "requests_per_day", daily);
    note(notes,
         "the peak was %lld request%s in a minute; 120 %% of it, at least %d, "
         "and no more than before, is the new limit",
         (long long)usage->minutes.requests.requests,
         tg_plural(usage->minutes.requests.requests), TG_LEAK_RATE_FLOOR);
    note(notes,
         "%lld request%s in %lld day%s; three times their mean is the new "
         "daily limit",
         (long long)usage->trusted_calls, tg_plural(usage->trusted_calls),
         (long long)tg_advice_days(lasted), tg_plural(tg_advice_days(lasted)));
}

static void
narrow(json_t *plan, const struct tg_leak_usage *usage, json_t *notes)
{
    json_t *models = models_of(usage),
           *networks = tg_leak_networks(&usage->addresses);

    json_object_set_new(plan, "scopes",
                        scopes_of(usage, json_object_get(plan, "scopes")));
    if (json_array_size(models) > 0 && usage->models.rest.calls == 0)
        json_object_set(plan, "models", models);
    else if (json_array_size(models) > 0)
        note(notes,
             "it was used with more than %d models: they stay as they "
             "were",
             TG_TALLY_ROWS);
    if (networks != NULL)
        json_object_set(plan, "allowed_ips", networks);
    else
        note(notes, "it was used from more places than a key can name: "
                    "allowed_ips stays as it was");
    json_decref(models);
    json_decref(networks);
}

/* An end that has come is no end for a new key. */
static void
drop_past(json_t *plan, int64_t now_ms)
{
    const char *text = json_string_value(json_object_get(plan, "expires_at"));
    int64_t at_ms;

    if (text != NULL &&
        (tg_civil_parse((struct tg_str){text, strlen(text)}, &at_ms) != 0 ||
         at_ms <= now_ms))
        json_object_del(plan, "expires_at");
}

/* How a rotation of the old one stands is not the new one's. */
static void
keep_schedule(json_t *plan)
{
    const json_t *old = json_object_get(plan, "rotation");

    json_object_set_new(plan, "rotation",
                        json_pack("{s:O?,s:O?}", "interval_days",
                                  json_object_get(old, "interval_days"),
                                  "grace_days",
                                  json_object_get(old, "grace_days")));
}

json_t *
tg_leak_plan(const json_t *key, const struct tg_leak_usage *usage,
             int64_t created_at, json_t *notes)
{
    json_t *plan = json_object(), *value;

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        value = json_object_get(key, kept[i]);
        if (value != NULL && !json_is_null(value))
            json_object_set_new(plan, kept[i], json_deep_copy(value));
    }
    json_object_set(plan, "account", json_object_get(key, "account_id"));
    keep_schedule(plan);
    drop_past(plan, usage->span.until);
    if (usage->scopes == 0) {
        note(notes, "no call of the time that is looked at was answered with "
                    "200: the new key may what the old one might");
        return plan;
    }
    narrow(plan, usage, notes);
    set_limits(plan, usage, created_at, notes);
    return plan;
}
