/*
 * code.h: the codes of product.md 4, one row a code: status, type, name.
 *
 * The numbers stand in the journal: append, never renumber.
 */
#ifndef TG_CODE_H
#define TG_CODE_H

#include <stdint.h>

enum tg_code {
    TG_CODE_NONE = 0,
    TG_CODE_MISSING_API_KEY,
    TG_CODE_MALFORMED_API_KEY,
    TG_CODE_INVALID_API_KEY,
    TG_CODE_KEY_EXPIRED,
    TG_CODE_KEY_DISABLED,
    TG_CODE_KEY_INACTIVE,
    TG_CODE_KEY_ROTATED,
    TG_CODE_ACCOUNT_UNVERIFIED,
    TG_CODE_ACCOUNT_SUSPENDED,
    TG_CODE_IP_NOT_ALLOWED,
    TG_CODE_REFERRER_NOT_ALLOWED,
    TG_CODE_PERMISSION_DENIED,
    TG_CODE_MODEL_NOT_FOUND,
    TG_CODE_INVALID_REQUEST,
    TG_CODE_DUPLICATE_FIELD,
    TG_CODE_REQUEST_TOO_LARGE,
    TG_CODE_UNSUPPORTED_MEDIA_TYPE,
    TG_CODE_RATE_LIMIT_EXCEEDED,
    TG_CODE_INSUFFICIENT_BALANCE,
    TG_CODE_BUDGET_EXCEEDED,
    TG_CODE_MODEL_NOT_PRICED,
    TG_CODE_UPSTREAM_ERROR,
    TG_CODE_UPSTREAM_UNAVAILABLE,
    TG_CODE_UPSTREAM_TIMEOUT,
    TG_CODE_NOT_FOUND,
    TG_CODE_METHOD_NOT_ALLOWED,
    TG_CODE_INTERNAL_ERROR,
    TG_CODE_GATE_UNAVAILABLE,
    TG_CODE_CLIENT_CLOSED,
    TG_CODE_COUNT
};

struct tg_code_row {
    uint16_t status; /* HTTP */
    const char *type;
    const char *name;
    const char *should_retry; /* x-should-retry: NULL for no header */
};

/* The row of a code; that of TG_CODE_INTERNAL_ERROR for an unknown one. */
const struct tg_code_row *tg_code_row(enum tg_code code);

#endif
