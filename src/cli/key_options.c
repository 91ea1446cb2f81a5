#include "nouns.h"
#include "to_files.h"

static const char *const kinds[] = {"production", "development", "restricted",
                                    NULL};
static const char *const scopes[] = {"chat",        "code",       "image",
                                     "audio",       "embeddings", "files",
                                     "fine_tuning", NULL};
static const char *const statuses[] = {"active",  "inactive", "disabled",
                                       "expired", "deleted",  NULL};

#define ROW(name, argument, help, value, member, choices)                      \
    {                                                                          \
        name, argument, help, TG_VALUE_##value, member, choices                \
    }

/* The policy of a key, new or not. */
#define POLICY                                                                 \
    ROW("name", "NAME", "what the key is for, 1 to 100 characters", TEXT,      \
        "name", NULL),                                                         \
        ROW("scope", "SCOPE", "what it may call; repeat for more", LIST,       \
            "scopes", scopes),                                                 \
        ROW("model", "MODEL",                                                  \
            "a model it may use, or deepseek-*; repeat for more", LIST,        \
            "models", NULL),                                                   \
        ROW("endpoint", "ROUTE",                                               \
            "e.g. \"POST /v1/chat/completions\"; repeatable", LIST,            \
            "endpoints", NULL),                                                \
        ROW("qps", "N", "requests per second", COUNT,                          \
            "limits.requests_per_second", NULL),                               \
        ROW("rpm", "N", "requests per minute", COUNT,                          \
            "limits.requests_per_minute", NULL),                               \
        ROW("rpd", "N", "requests per calendar day", COUNT,                    \
            "limits.requests_per_day", NULL),                                  \
        ROW("tpm", "N", "tokens per minute", COUNT,                            \
            "limits.tokens_per_minute", NULL),                                 \
        ROW("concurrency", "N", "calls at once", COUNT, "limits.concurrency",  \
            NULL),                                                             \
        ROW("queue", "MS",                                                     \
            "wait this long for room instead of 429; 500ms, 2s", MS,           \
            "limits.max_queue_ms", NULL),                                      \
        ROW("monthly-limit", "AMOUNT",                                         \
            "money it may spend in a calendar month", AMOUNT,                  \
            "budget.monthly", NULL),                                           \
        ROW("daily-limit", "AMOUNT", "money it may spend in a calendar day",   \
            AMOUNT, "budget.daily", NULL),                                     \
        ROW("timezone", "ZONE", "where its days and months begin; UTC", TEXT,  \
            "budget.timezone", NULL),                                          \
        ROW("allow-ip", "CIDR", "a network it may come from; repeat for more", \
            LIST, "allowed_ips", NULL),                                        \
        ROW("allow-referrer", "URL",                                           \
            "e.g. https://app.example.com/*; repeatable", LIST,                \
            "allowed_referrers", NULL),                                        \
        ROW("hours", "HOURS", "e.g. \"mon-fri 08:00-19:00 Asia/Shanghai\"",    \
            TEXT, "hours", NULL),                                              \
        ROW("expires", "WHEN", "a date, an instant, or 90d from now", TEXT,    \
            "expires_at", NULL),                                               \
        ROW("rotate-every", "DAYS", "another secret by the clock, e.g. 90d",   \
            DAYS, "rotation.interval_days", NULL),                             \
        ROW("grace", "DAYS", "a replaced secret stays valid so long; 7d",      \
            DAYS, "rotation.grace_days", NULL),                                \
        ROW("on", "EVENT=ACTION",                                              \
            "what an event does: alert, throttle or pause; repeat", LABEL,     \
            "responses", NULL),                                                \
        ROW("description", "TEXT", "more about it", TEXT, "description",       \
            NULL),                                                             \
        ROW("owner", "WHO", "whom to ask about it", TEXT, "owner", NULL),      \
        ROW("label", "NAME=VALUE", "a label; repeat for more", LABEL,          \
            "labels", NULL)

const struct tg_option tg_keys_create_options[] = {
    POLICY,
    {"name-style", NULL, "its name is environment_purpose_date",
     TG_VALUE_SWITCH, NULL, NULL},
    {"environment", "WORD", "of such a name: prod, staging, ci", TG_VALUE_TEXT,
     NULL, NULL},
    {"purpose", "WORD", "of such a name: search, batch", TG_VALUE_TEXT, NULL,
     NULL},
    {"kind", "KIND", "presets: production, development or restricted",
     TG_VALUE_TEXT, "kind", kinds},
    {"account", "ACCOUNT", "who pays: id or name; default", TG_VALUE_TEXT,
     "account", NULL},
    TG_TO_FILES_OPTIONS,
    {0},
};

/* An option that takes a member away. */
#define NONE(name, help, member) ROW(name, NULL, help, NONE, member, NULL)

const struct tg_option tg_keys_update_options[] = {
    POLICY,
    NONE("no-model", "all models that its kind may use", "models"),
    NONE("no-endpoint", "all endpoints that its scopes allow", "endpoints"),
    NONE("no-qps", "no limit a second", "limits.requests_per_second"),
    NONE("no-rpm", "no limit a minute", "limits.requests_per_minute"),
    NONE("no-rpd", "no limit a day", "limits.requests_per_day"),
    NONE("no-tpm", "no limit of tokens", "limits.tokens_per_minute"),
    NONE("no-concurrency", "any number of calls at once", "limits.concurrency"),
    NONE("no-monthly-limit", "no monthly budget", "budget.monthly"),
    NONE("no-daily-limit", "no daily budget", "budget.daily"),
    NONE("no-allow-ip", "from any network", "allowed_ips"),
    NONE("no-allow-referrer", "from any page", "allowed_referrers"),
    NONE("no-hours", "at any time", "hours"),
    NONE("no-expires", "it does not expire", "expires_at"),
    NONE("no-rotate-every", "not by the clock", "rotation.interval_days"),
    NONE("no-on", "as tollgate.conf says, for all events", "responses"),
    NONE("no-description", "without one", "description"),
    NONE("no-owner", "without one", "owner"),
    NONE("no-label", "without labels", "labels"),
    {0},
};

const struct tg_option tg_keys_rotate_options[] = {
    {"grace", "SPAN", "the old secret stays valid so long: 0, 24h, 7d",
     TG_VALUE_TEXT, "grace", NULL},
    TG_TO_FILES_OPTIONS,
    {"deliver", NULL, "only if it has sinks, which get the secret",
     TG_VALUE_SWITCH, "deliver", NULL},
    {"older-than", "DAYS", "all keys whose secret is older than that, e.g. 90d",
     TG_VALUE_DAYS, NULL, NULL},
    {"account", "ACCOUNT", "of these, only those of this account",
     TG_VALUE_TEXT, NULL, NULL},
    {"output", "FILE", "where the new secrets of these go", TG_VALUE_TEXT, NULL,
     NULL},
    {"dry-run", NULL, "say which these are, and change nothing",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

const struct tg_option tg_keys_rotation_options[] = {
    {"grace", "SPAN", "extend: by so much, e.g. 24h or 7d", TG_VALUE_TEXT,
     "grace", NULL},
    {0},
};

const struct tg_option tg_keys_list_options[] = {
    {"account", "ACCOUNT", "only keys of this account: id or name",
     TG_VALUE_TEXT, "account", NULL},
    {"status", "STATUS", "only keys in this state", TG_VALUE_TEXT, "status",
     statuses},
    {"name", "TEXT", "only keys whose name has this in it", TG_VALUE_TEXT,
     "name", NULL},
    {"label", "NAME[=TEXT]", "only keys with this label", TG_VALUE_TEXT,
     "label", NULL},
    {"kind", "KIND", "only keys of this kind", TG_VALUE_TEXT, "kind", kinds},
    {"owner", "TEXT", "only keys of this owner", TG_VALUE_TEXT, "owner", NULL},
    {"last-used-before", "WHEN", "only keys not used since, or never",
     TG_VALUE_WHEN, "last_used_before", NULL},
    {"expires-before", "WHEN", "only keys that end by then: 14d is from now",
     TG_VALUE_TEXT, "expires_before", NULL},
    {"limit", "N", "at most so many rows; all", TG_VALUE_COUNT, NULL, NULL},
    {0},
};
