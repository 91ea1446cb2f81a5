#include "code.h"

#define INVALID "invalid_request_error"
#define AUTHENTICATION "authentication_error"
#define PERMISSION "permission_error"
#define BILLING "billing_error"
#define SERVER "api_error"

static const struct tg_code_row rows[TG_CODE_COUNT] = {
    [TG_CODE_NONE] = {200, "", "", 0},
    [TG_CODE_MISSING_API_KEY] = {401, AUTHENTICATION, "missing_api_key", 0},
    [TG_CODE_MALFORMED_API_KEY] = {401, AUTHENTICATION, "malformed_api_key",
                                   0},
    [TG_CODE_INVALID_API_KEY] = {401, AUTHENTICATION, "invalid_api_key", 0},
    [TG_CODE_KEY_EXPIRED] = {401, AUTHENTICATION, "key_expired", 0},
    [TG_CODE_KEY_DISABLED] = {401, AUTHENTICATION, "key_disabled", 0},
    [TG_CODE_KEY_INACTIVE] = {401, AUTHENTICATION, "key_inactive", 0},
    [TG_CODE_KEY_ROTATED] = {401, AUTHENTICATION, "key_rotated", 0},
    [TG_CODE_ACCOUNT_UNVERIFIED] = {403, PERMISSION, "account_unverified", 0},
    [TG_CODE_ACCOUNT_SUSPENDED] = {403, PERMISSION, "account_suspended", 0},
    [TG_CODE_IP_NOT_ALLOWED] = {403, PERMISSION, "ip_not_allowed", 0},
    [TG_CODE_REFERRER_NOT_ALLOWED] = {403, PERMISSION, "referrer_not_allowed",
                                      0},
    [TG_CODE_PERMISSION_DENIED] = {403, PERMISSION, "permission_denied", 0},
    [TG_CODE_MODEL_NOT_FOUND] = {404, INVALID, "model_not_found", 0},
    [TG_CODE_INVALID_REQUEST] = {400, INVALID, "invalid_request", 0},
    [TG_CODE_DUPLICATE_FIELD] = {400, INVALID, "duplicate_field", 0},
    [TG_CODE_REQUEST_TOO_LARGE] = {413, INVALID, "request_too_large", 0},
    [TG_CODE_UNSUPPORTED_MEDIA_TYPE] = {415, INVALID,
                                        "unsupported_media_type", 0},
    [TG_CODE_RATE_LIMIT_EXCEEDED] = {429, "rate_limit_error",
                                     "rate_limit_exceeded", 0},
    [TG_CODE_INSUFFICIENT_BALANCE] = {402, BILLING, "insufficient_balance",
                                      "false"},
    [TG_CODE_BUDGET_EXCEEDED] = {402, BILLING, "budget_exceeded", "false"},
    [TG_CODE_MODEL_NOT_PRICED] = {400, INVALID, "model_not_priced", 0},
    [TG_CODE_UPSTREAM_ERROR] = {502, SERVER, "upstream_error", 0},
    [TG_CODE_UPSTREAM_UNAVAILABLE] = {503, SERVER, "upstream_unavailable", 0},
    [TG_CODE_UPSTREAM_TIMEOUT] = {504, SERVER, "upstream_timeout", 0},
    [TG_CODE_NOT_FOUND] = {404, INVALID, "not_found", 0},
    [TG_CODE_METHOD_NOT_ALLOWED] = {405, INVALID, "method_not_allowed", 0},
    [TG_CODE_INTERNAL_ERROR] = {500, SERVER, "internal_error", 0},
    [TG_CODE_GATE_UNAVAILABLE] = {503, SERVER, "gate_unavailable", 0},
    [TG_CODE_CLIENT_CLOSED] = {499, INVALID, "client_closed_request", 0},
};

const struct tg_code_row *
tg_code_row(enum tg_code code)
{
    if ((unsigned)code >= TG_CODE_COUNT)
        code = TG_CODE_INTERNAL_ERROR;
    return &rows[code];
}
