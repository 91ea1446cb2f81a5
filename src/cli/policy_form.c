#include "policy_form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "money.h"
#include "own.h"
#include "preset.h"
#include "say.h"

#define FAULTS_SHOWN 20
#define RATE_MAX 1000000000

#define ROW(name, type, choices, fallback, flags, max)                         \
    {                                                                          \
        name, TG_POLICY_##type, choices, fallback, flags, max                  \
    }
#define NEEDED TG_POLICY_NEEDED
#define NAMES TG_POLICY_NAMES
#define APART TG_POLICY_APART
#define BIRTH TG_POLICY_BIRTH

static const struct tg_policy_member upstream_members[] = {
    ROW("name", TEXT, NULL, NULL, NEEDED | NAMES, 31),
    ROW("base_url", TEXT, NULL, NULL, NEEDED, 250),
    ROW("dialect", CHOICE, "deepseek openai vllm anthropic", NULL, 0, 0),
    {0},
};

static const struct tg_policy_member credential_members[] = {
    ROW("upstream", TEXT, NULL, NULL, NEEDED | NAMES, 40),
    ROW("id", TEXT, NULL, NULL, NAMES, 40),
    ROW("from_file", TEXT, NULL, NULL, NAMES, 0),
    ROW("from_env", TEXT, NULL, NULL, NAMES, 0),
    ROW("concurrency", COUNT, NULL, "null", 0, 1000000),
    ROW("expires_at", INSTANT, NULL, "null", 0, 0),
    ROW("balance_alert", AMOUNT, NULL, "null", 0, 0),
    {0},
};

static const struct tg_policy_member model_members[] = {
    ROW("id", TEXT, NULL, NULL, NEEDED | NAMES, 64),
    ROW("upstreams", TEXTS, NULL, NULL, 0, 0),
    ROW("scopes", SCOPES, NULL, NULL, 0, 0),
    ROW("development", BOOL, NULL, NULL, 0, 0),
    ROW("max_context_tokens", COUNT, NULL, NULL, 0, INT64_C(1) << 32),
    ROW("max_output_tokens", COUNT, NULL, NULL, 0, INT64_C(1) << 32),
    ROW("max_image_tokens", COUNT, NULL, NULL, 0, INT64_C(1) << 32),
    {0},
};

static const struct tg_policy_member price_members[] = {
    ROW("model", TEXT, NULL, NULL, NEEDED | NAMES, 64),
    ROW("effective_at", INSTANT, NULL, NULL, NAMES, 0),
    ROW("prompt", AMOUNT, NULL, NULL, 0, 0),
    ROW("prompt_cache_hit", AMOUNT, NULL, NULL, 0, 0),
    ROW("prompt_cache_write", AMOUNT, NULL, NULL, 0, 0),
    ROW("completion", AMOUNT, NULL, NULL, 0, 0),
    ROW("unit", CHOICE, "image second character call", NULL, 0, 0),
    ROW("unit_price", AMOUNT, NULL, NULL, 0, 0),
    ROW("sizes", AMOUNTS, NULL, NULL, 0, 0),
    ROW("peak.hours", TEXTS, NULL, NULL, 0, 0),
    ROW("peak.not_on_holidays", BOOL, NULL, NULL, 0, 0),
    ROW("peak.prompt", AMOUNT, NULL, NULL, 0, 0),
    ROW("peak.prompt_cache_hit", AMOUNT, NULL, NULL, 0, 0),
    ROW("peak.prompt_cache_write", AMOUNT, NULL, NULL, 0, 0),
    ROW("peak.completion", AMOUNT, NULL, NULL, 0, 0),
    ROW("peak.unit_price", AMOUNT, NULL, NULL, 0, 0),
    ROW("source", TEXT, NULL, NULL, 0, 127),
    {0},
};

#define RESPONSE(event)                                                        \
    ROW("responses." event, CHOICE, "alert throttle pause", "null", 0, 0)

static const struct tg_policy_member account_members[] = {
    ROW("name", TEXT, NULL, NULL, NEEDED | NAMES, 100),
    ROW("plan", TEXT, NULL, "null", 0, 64),
    ROW("billing", CHOICE, "prepaid postpaid", "\"prepaid\"", 0, 0),
    ROW("verification", CHOICE, "unverified pending verified", "\"unverified\"",
        APART, 0),
    ROW("status", CHOICE, "active suspended", "\"active\"", APART, 0),
    RESPONSE("unauthorized_access"),
    RESPONSE("rate_limit_exceeded"),
    RESPONSE("suspicious_pattern"),
    RESPONSE("expired_key_used"),
    RESPONSE("ip_denied"),
    RESPONSE("budget_exhausted"),
    RESPONSE("leak_reported"),
    {0},
};

static const struct tg_policy_member key_members[] = {
    ROW("id", TEXT, NULL, NULL, NAMES, 40),
    ROW("account", TEXT, NULL, NULL, NAMES, 100),
    ROW("name", TEXT, NULL, NULL, NEEDED, 100),
    ROW("kind", CHOICE, "production development restricted", "\"production\"",
        BIRTH, 0),
    ROW("status", CHOICE, "active inactive disabled", "\"active\"", APART, 0),
    ROW("description", TEXT, NULL, "null", 0, 1000),
    ROW("owner", TEXT, NULL, "null", 0, 200),
    ROW("labels", LABELS, NULL, "{}", 0, 0),
    ROW("scopes", SCOPES, NULL, NULL, 0, 0),
    ROW("models", SET, NULL, "[]", 0, 0),
    ROW("endpoints", ENDPOINTS, NULL, "[]", 0, 0),
    ROW("limits.requests_per_second", COUNT, NULL, "null", 0, RATE_MAX),
    ROW("limits.requests_per_minute", COUNT, NULL, NULL, 0, RATE_MAX),
    ROW("limits.requests_per_day", COUNT, NULL, "null", 0, RATE_MAX),
    ROW("limits.tokens_per_minute", COUNT, NULL, NULL, 0, RATE_MAX),
    ROW("limits.concurrency", COUNT, NULL, "null", 0, RATE_MAX),
    ROW("limits.max_queue_ms", COUNT_0, NULL, "0", 0, 60000),
    ROW("budget.monthly", AMOUNT, NULL, NULL, 0, 0),
    ROW("budget.daily", AMOUNT, NULL, "null", 0, 0),
    ROW("budget.timezone", ZONE, NULL, "\"UTC\"", 0, 64),
    ROW("allowed_ips", NETWORKS, NULL, "[]", 0, 0),
    ROW("allowed_referrers", SET, NULL, "[]", 0, 0),
    ROW("hours", TEXT, NULL, "null", 0, 200),
    ROW("expires_at", INSTANT, NULL, "null", 0, 0),
    ROW("rotation.interval_days", COUNT, NULL, "null", 0, 3650),
    ROW("rotation.grace_days", COUNT_0, NULL, "7", 0, 365),
    RESPONSE("unauthorized_access"),
    RESPONSE("rate_limit_exceeded"),
    RESPONSE("suspicious_pattern"),
    RESPONSE("expired_key_used"),
    RESPONSE("ip_denied"),
    RESPONSE("budget_exhausted"),
    RESPONSE("leak_reported"),
    {0},
};

/* All of the first ones is there: what is not said stays. */
static const struct tg_policy_member alert_members[] = {
    ROW("name", TEXT, NULL, NULL, NEEDED | NAMES, 100),
    ROW("kind", CHOICE,
        "requests error_rate cost budget utilisation event balance", NULL,
        NEEDED | BIRTH, 0),
    ROW("on", BOOL, NULL, NULL, 0, 0),
    ROW("severity", CHOICE, "info warning critical", NULL, 0, 0),
    ROW("scope", TEXT, NULL, NULL, 0, 200),
    ROW("channels", SET, NULL, NULL, 0, 0),
    ROW("recovery", BOOL, NULL, NULL, 0, 0),
    ROW("params.percent", COUNT, NULL, NULL, 0, 100000),
    ROW("params.percents", COUNTS, NULL, NULL, 0, 1000),
    ROW("params.window_minutes", COUNT, NULL, NULL, 0, 1440),
    ROW("params.min_requests", COUNT, NULL, NULL, 0, RATE_MAX),
    ROW("params.for_seconds", COUNT, NULL, NULL, 0, 3600),
    ROW("params.quiet_minutes", COUNT, NULL, NULL, 0, 43200),
    ROW("params.amount", AMOUNT, NULL, NULL, 0, 0),
    ROW("params.types", SET, NULL, NULL, 0, 0),
    {0},
};

const struct tg_policy_kind tg_policy_kinds[TG_POLICY_KINDS] = {
    [TG_POLICY_UPSTREAM] = {"upstreams", "upstream", "an upstream",
                            upstream_members},
    [TG_POLICY_CREDENTIAL] = {"credentials", "credential", "a credential",
                              credential_members},
    [TG_POLICY_MODEL] = {"models", "model", "a model", model_members},
    [TG_POLICY_PRICE] = {"prices", "price", "a price", price_members},
    [TG_POLICY_ACCOUNT] = {"accounts", "account", "an account",
                           account_members},
    [TG_POLICY_KEY] = {"keys", "key", "a key", key_members},
    [TG_POLICY_ALERT] = {"alerts", "alert", "an alert", alert_members},
};

void
tg_policy_fault(const struct tg_policy_file *file,
                const struct tg_yaml_node *node, const char *format, ...)
{
    char *text = NULL;
    va_list ap;

    if (++*file->faults > FAULTS_SHOWN)
        return;
    va_start(ap, format);
    if (vasprintf(&text, format, ap) < 0)
        tg_own(NULL);
    va_end(ap);
    tg_say_error("%s:%u:%u: %s", file->path, node->line, node->column, text);
    free(text);
}

/* What the kind of a key sets, which others never have. */
static json_t *
preset_value(const struct tg_policy_member *member, const json_t *flat)
{
    const char *kind = json_string_value(json_object_get(flat, "kind"));
    const struct tg_preset *preset;
    char amount[TG_MONEY_TEXT_SIZE];
    int64_t count = 0;

    if (kind == NULL)
        kind = "production";
    preset = tg_preset_of(tg_key_kind_of((struct tg_str){kind, strlen(kind)}));
    if (strcmp(member->name, "scopes") == 0)
        return preset->has_all_scopes
                   ? json_pack("[s,s,s,s,s,s,s]", "audio", "chat", "code",
                               "embeddings", "files", "fine_tuning", "image")
                   : json_array();
    if (strcmp(member->name, "budget.monthly") == 0) {
        tg_money_format(preset->monthly_nanos, amount);
        return preset->monthly_nanos != 0 ? json_string(amount) : json_null();
    }
    if (strcmp(member->name, "limits.requests_per_minute") == 0)
        count = preset->requests_per_minute;
    else if (strcmp(member->name, "limits.tokens_per_minute") == 0)
        count = preset->tokens_per_minute;
    else
        return NULL;
    return count != 0 ? json_integer(count) : json_null();
}

json_t *
tg_policy_fallback(const struct tg_policy_kind *kind,
                   const struct tg_policy_member *member, const json_t *flat)
{
    if (member->fallback != NULL)
        return tg_own(json_loads(member->fallback, JSON_DECODE_ANY, NULL));
    return kind == &tg_policy_kinds[TG_POLICY_KEY] ? preset_value(member, flat)
                                                   : NULL;
}

void
tg_policy_put(json_t *body, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');
    char group[32];
    json_t *inner;

    if (dot == NULL) {
        json_object_set_new(body, name, value);
        return;
    }
    snprintf(group, sizeof(group), "%.*s", (int)(dot - name), name);
    inner = json_object_get(body, group);
    if (!json_is_object(inner)) {
        inner = json_object();
        json_object_set_new(body, group, inner);
    }
    json_object_set_new(inner, dot + 1, value);
}

const struct tg_yaml_node *
tg_policy_place(const struct tg_yaml_node *node, const char *name)
{
    const struct tg_yaml_node *inner;
    char part[64];
    size_t len;

    while (name != NULL && *name != '\0') {
        len = strcspn(name, ".[");
        snprintf(part, sizeof(part), "%.*s", (int)len, name);
        inner = tg_yaml_member(node, part);
        if (inner == NULL)
            return node;
        node = inner;
        name += len;
        if (*name == '[') {
            size_t index = strtoul(name + 1, NULL, 10);

            if (node->kind == TG_YAML_LIST && index < node->count)
                node = node->items[index];
            name += strcspn(name, ".");
        }
        name += *name == '.';
    }
    return node;
}
