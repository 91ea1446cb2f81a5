#include "doctor_said.h"

#include <string.h>

#define ANY (-1)

enum where { ALWAYS, CODE, KIND, MESSAGE };

/*
 * One meaning a row, the first that fits wins: whose words they are, the
 * status, and what stands where in the answer.
 */
static const struct rule {
    int server; /* or ANY */
    int status; /* or ANY */
    enum where where;
    const char *pattern; /* a part of it */
    enum tg_doctor_finding finding;
} rules[] = {
#define GATE(code, found)                                                      \
    {                                                                          \
        TG_SERVER_GATE, ANY, CODE, code, tg_found_##found                      \
    }
    {TG_SERVER_GATE, ANY, MESSAGE, "Two different API keys",
     tg_found_header_two},
    {TG_SERVER_GATE, ANY, MESSAGE, "at this hour", tg_found_gate_hours},
    /* Too many wrong keys of an address do not make this one right. */
    {TG_SERVER_GATE, 429, MESSAGE, "not known here", tg_found_gate_key_unknown},
    GATE("missing_api_key", gate_malformed),
    GATE("malformed_api_key", gate_malformed),
    GATE("invalid_api_key", gate_key_unknown),
    GATE("key_expired", gate_key_expired),
    GATE("key_disabled", gate_key_disabled),
    GATE("key_inactive", gate_key_inactive),
    GATE("key_rotated", gate_key_rotated),
    GATE("account_unverified", gate_account_unverified),
    GATE("account_suspended", gate_account_suspended),
    GATE("ip_not_allowed", gate_ip),
    GATE("referrer_not_allowed", gate_referrer),
    GATE("permission_denied", gate_scope),
    GATE("model_not_found", model_refused),
    GATE("model_not_priced", model_unpriced),
    GATE("rate_limit_exceeded", rate_refused),
    GATE("insufficient_balance", gate_money),
    GATE("budget_exceeded", gate_money),
    GATE("upstream_", call_upstream),
    GATE("gate_unavailable", api_starting),
    GATE("internal_error", api_down),
#undef GATE

    {TG_SERVER_DEEPSEEK, 401, MESSAGE, "auth header format",
     tg_found_deepseek_header},
    {TG_SERVER_DEEPSEEK, 401, MESSAGE, "(governor)", tg_found_deepseek_header},
    {TG_SERVER_DEEPSEEK, 401, ALWAYS, "", tg_found_deepseek_key},
    {TG_SERVER_DEEPSEEK, 402, ALWAYS, "", tg_found_deepseek_balance},
    {TG_SERVER_DEEPSEEK, 429, MESSAGE, "concurrency",
     tg_found_deepseek_concurrency},

    {ANY, ANY, CODE, "missing_scope", tg_found_openai_scope},
    {ANY, 401, MESSAGE, "insufficient permissions", tg_found_openai_scope},
    {ANY, 401, MESSAGE, "IP not authorized", tg_found_openai_ip},
    {ANY, 401, CODE, "ip_not_authorized", tg_found_openai_ip},
    {ANY, 401, CODE, "mismatched_", tg_found_openai_organization},
    {ANY, 401, CODE, "invalid_organization", tg_found_openai_organization},
    {ANY, 401, MESSAGE, "member of an organization",
     tg_found_openai_organization},
    {ANY, 403, CODE, "unsupported_country", tg_found_openai_region},
    {ANY, 403, MESSAGE, "region, or territory", tg_found_openai_region},
    {ANY, ANY, CODE, "model_not_found", tg_found_model_refused},
    {ANY, 429, KIND, "insufficient_quota", tg_found_openai_quota},
    {ANY, 429, CODE, "insufficient_quota", tg_found_openai_quota},
    {ANY, 429, CODE, "credit_balance_exhausted", tg_found_openai_quota},
    {ANY, 429, CODE, "spend_limit_exceeded", tg_found_openai_quota},
    {ANY, 429, CODE, "usage_limit_exceeded", tg_found_openai_quota},
    {ANY, 429, MESSAGE, "exceeded your current quota", tg_found_openai_quota},
    {TG_SERVER_OPENAI, 401, ALWAYS, "", tg_found_openai_key},

    {TG_SERVER_ANTHROPIC, 401, ALWAYS, "", tg_found_anthropic_key},
    {ANY, ANY, KIND, "billing_error", tg_found_anthropic_billing},
    {ANY, 400, MESSAGE, "credit balance is too low",
     tg_found_anthropic_billing},
    {ANY, 403, KIND, "permission_error", tg_found_anthropic_permission},
    {ANY, ANY, KIND, "overloaded_error", tg_found_busy},

    {TG_SERVER_VLLM, 401, ALWAYS, "", tg_found_vllm_key},

    {ANY, 400, MESSAGE, "Model Not Exist", tg_found_model_refused},
    {ANY, 400, MESSAGE, "supported API model names", tg_found_model_refused},
    {ANY, 404, MESSAGE, "model", tg_found_model_refused},
    {ANY, 401, ALWAYS, "", tg_found_other_401},
    {ANY, 400, MESSAGE, "API key", tg_found_other_401},
    {ANY, 402, ALWAYS, "", tg_found_other_402},
    {ANY, 403, ALWAYS, "", tg_found_other_403},
    {ANY, 429, ALWAYS, "", tg_found_rate_refused},
    {ANY, 503, ALWAYS, "", tg_found_busy},
    {ANY, 529, ALWAYS, "", tg_found_busy},
    {ANY, 500, ALWAYS, "", tg_found_api_down},
    {ANY, 502, ALWAYS, "", tg_found_api_down},
    {ANY, 504, ALWAYS, "", tg_found_api_down},
    {ANY, 400, ALWAYS, "", tg_found_call_request},
    {ANY, 404, ALWAYS, "", tg_found_call_request},
    {ANY, 422, ALWAYS, "", tg_found_call_request},
};

static bool
fits(const struct rule *rule, const struct tg_said *said,
     enum tg_doctor_server server)
{
    const char *const texts[] = {
        [ALWAYS] = "",
        [CODE] = said->code,
        [KIND] = said->kind,
        [MESSAGE] = said->message,
    };

    return (rule->server == ANY || rule->server == (int)server) &&
           (rule->status == ANY || rule->status == said->status) &&
           strcasestr(texts[rule->where], rule->pattern) != NULL;
}

enum tg_doctor_finding
tg_said_means(const struct tg_said *said, enum tg_doctor_server server)
{
    if (said->status >= 200 && said->status < 300 && !said->is_error)
        return tg_found_none;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (fits(&rules[i], said, server))
            return rules[i].finding;
    }
    return tg_found_call_odd;
}
