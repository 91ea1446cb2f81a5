#include "fate.h"

#define RETRY_MS_MAX 86400000

/*
 * A credential that is not valid is asked about again soon, because providers
 * err, too, and then ever more rarely; money takes people to come.
 */
static const struct tg_fate_row rows[TG_FATE_COUNT] = {
    [TG_FATE_NOTHING] = {.goes_on = false},
    [TG_FATE_FINE] = {.goes_on = false},
    [TG_FATE_UNWELCOME] = {.goes_on = true},
    [TG_FATE_CROWDED] = {true, false, false, 0, 1000, 30000},
    [TG_FATE_BUSY] = {true, false, false, 0, 1000, 30000},
    [TG_FATE_OVERLOADED] = {true, true, false, 0, 1000, 30000},
    [TG_FATE_FAILED] = {true, true, false, 2, 1000, 30000},
    [TG_FATE_BROKEN] = {false, true, false, 2, 1000, 30000},
    [TG_FATE_UNREACHED] = {true, true, false, 0, 1000, 30000},
    [TG_FATE_REJECTED] = {true, false, true, 0, 5000, 900000},
    [TG_FATE_UNPAID] = {true, false, true, 0, 60000, 900000},
};

const struct tg_fate_row *
tg_fate_row(enum tg_fate fate)
{
    if ((unsigned)fate >= TG_FATE_COUNT)
        fate = TG_FATE_NOTHING;
    return &rows[fate];
}

/* What stands behind phrase, which is in lower case; NULL: it is not there. */
static const char *
behind(struct tg_str text, const char *phrase)
{
    size_t n = strlen(phrase);

    for (size_t i = 0; i + n <= text.len; i++) {
        size_t j = 0;

        while (j < n && (text.data[i + j] >= 'A' && text.data[i + j] <= 'Z'
                             ? text.data[i + j] + 32
                             : text.data[i + j]) == phrase[j])
            j++;
        if (j == n)
            return text.data + i + n;
    }
    return NULL;
}

static bool
has_any(struct tg_str text, const char *const *phrases)
{
    while (*phrases != NULL) {
        if (behind(text, *phrases++) != NULL)
            return true;
    }
    return false;
}

/* A number from 1 at the front of the text; 0: there is none. */
static int64_t
number_at(const char *p, const char *end, int64_t most)
{
    int64_t n = 0;

    while (p < end && *p >= '0' && *p <= '9' && n <= most)
        n = n * 10 + (*p++ - '0');
    return n <= most ? n : most;
}

/* DeepSeek's: "… which exceeds your concurrency limit of 39 based on …". */
static uint32_t
limit_in(struct tg_str text)
{
    const char *p = behind(text, "concurrency limit of ");

    if (p == NULL)
        return 0;
    return (uint32_t)number_at(p, text.data + text.len, 1000000);
}

/* 429 for an account that is empty: OpenAI's codes, with their quotes. */
static enum tg_fate
fate_of_429(struct tg_str text, uint32_t *limit)
{
    static const char *const empty[] = {
        "\"insufficient_quota\"",
        "\"credit_balance_exhausted\"",
        "\"organization_spend_limit_exceeded\"",
        "\"project_spend_limit_exceeded\"",
        "\"organization_usage_limit_exceeded\"",
        NULL,
    };
    static const char *const large[] = {"request too large", NULL};
    uint32_t found = limit_in(text);

    if (found > 0) {
        *limit = found;
        return TG_FATE_CROWDED;
    }
    if (has_any(text, empty))
        return TG_FATE_UNPAID;
    return has_any(text, large) ? TG_FATE_UNWELCOME : TG_FATE_BUSY;
}

static enum tg_fate
fate_of(uint16_t status, struct tg_str text, uint32_t *limit)
{
    /* What a valid credential may lack, or what a request may bring on. */
    static const char *const lacks_scope[] = {"scope", "permission", NULL};
    static const char *const is_of_request[] = {
        "model", "moderat", "flagged", "content", "policy", "safety", NULL,
    };

    switch (status) {
    case 401:
        return has_any(text, lacks_scope) ? TG_FATE_UNWELCOME
                                          : TG_FATE_REJECTED;
    case 402:
        return TG_FATE_UNPAID;
    case 403:
        return has_any(text, is_of_request) ? TG_FATE_UNWELCOME
                                            : TG_FATE_REJECTED;
    case 408:
        return TG_FATE_FAILED;
    case 429:
        return fate_of_429(text, limit);
    case 503:
    case 529:
        return TG_FATE_OVERLOADED;
    case 504:
    case 520:
    case 524:
        /* Of a proxy in between, which does not know how it went. */
        return TG_FATE_BROKEN;
    default:
        break;
    }
    if (status >= 500 || (status >= 300 && status < 400))
        return TG_FATE_FAILED;
    return TG_FATE_NOTHING;
}

struct tg_try
tg_fate_of_answer(uint16_t status, struct tg_str text)
{
    struct tg_try found = {.status = status};

    found.fate = fate_of(status, text, &found.limit);
    return found;
}

struct tg_try
tg_fate_of_silence(bool was_sent)
{
    return (struct tg_try){.fate =
                               was_sent ? TG_FATE_BROKEN : TG_FATE_UNREACHED};
}

static int64_t
number_of(struct tg_str text, int64_t most)
{
    if (text.len == 0)
        return 0;
    return number_at(text.data, text.data + text.len, most);
}

int64_t
tg_fate_retry_ms(struct tg_str ms, struct tg_str seconds)
{
    int64_t wait = number_of(ms, RETRY_MS_MAX);

    if (wait == 0)
        wait = number_of(seconds, RETRY_MS_MAX / 1000) * 1000;
    return wait;
}
