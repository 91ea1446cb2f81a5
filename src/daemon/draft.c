#include "draft.h"

#include <stdlib.h>
#include <string.h>

#include "draft_text.h"
#include "err.h"
#include "hours.h"
#include "money.h"
#include "network.h"
#include "response_draft.h"
#include "preset.h"
#include "rotation.h"
#include "zone.h"

#define LIST_MAX 256
#define RATE_MAX 1000000000
#define QUEUE_MAX_MS 60000
#define INTERVAL_DAYS_MAX 3650
#define GRACE_DAYS 7
#define POLICY_MEMBERS                                                         \
    "name description owner labels scopes models endpoints limits budget "     \
    "allowed_ips allowed_referrers hours expires_at rotation responses "       \
    "name_style"

static const char all_scopes[] = "[\"chat\",\"code\",\"image\",\"audio\","
                                 "\"embeddings\",\"files\",\"fine_tuning\"]";

static void
take_preset(struct tg_draft *draft)
{
    const struct tg_preset *preset = tg_preset_of(draft->kind);

    draft->row.kind = tg_key_kind_name(draft->kind);
    draft->row.scopes = preset->has_all_scopes ? all_scopes : "[]";
    draft->row.requests_per_minute = preset->requests_per_minute;
    draft->row.tokens_per_minute = preset->tokens_per_minute;
    draft->row.monthly_nanos = preset->monthly_nanos;
}

/* What only a new key takes: a kind is part of its secret. */
static bool
read_birth(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    const char *kind = "production";

    if (!tg_members_text(reply, body, "account", 0, 100, &draft->account) ||
        !tg_members_choice(reply, body, "kind",
                           "production development restricted", &kind))
        return false;
    draft->kind = tg_key_kind_of((struct tg_str){kind, strlen(kind)});
    take_preset(draft);
    return true;
}

/* Whether a name is of the style that is asked for. */
static bool
has_style(const struct tg_store_key *row, const json_t *body,
          struct tg_reply *reply)
{
    const char *style = NULL;

    if (!tg_members_choice(reply, body, "name_style",
                           "environment_purpose_date", &style))
        return false;
    if (style == NULL || tg_draft_is_styled(row->name))
        return true;
    return tg_reply_invalid(reply, "name",
                            "'%s' is not environment_purpose_date: write a "
                            "name such as prod_search_20261126, of lower-case "
                            "letters, digits and '-', and a date",
                            row->name);
}

static bool
read_texts(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    struct tg_store_key *row = &draft->row;
    bool has_name = row->name == NULL || json_object_get(body, "name") != NULL;

    return (!has_name ||
            tg_members_text(reply, body, "name", 1, 100, &row->name)) &&
           has_style(row, body, reply) &&
           tg_members_text(reply, body, "description", 0, 1000,
                           &row->description) &&
           tg_members_text(reply, body, "owner", 0, 200, &row->owner);
}

static bool
read_labels(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    const json_t *labels = NULL;
    const char *name;
    json_t *value;

    if (!tg_members_object(reply, body, "labels", &labels))
        return false;
    if (json_object_size(labels) > 64)
        return tg_reply_invalid(reply, "labels", "up to 64 labels");
    json_object_foreach((json_t *)labels, name, value)
    {
        const char *text = NULL;
        char param[96] = "labels";

        if (strlen(name) == 0 || strlen(name) > 63 ||
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_/") != strlen(name))
            return tg_reply_invalid(reply, param,
                                    "a label's name has 1 to 63 letters, "
                                    "digits, '-', '_' or '/'");
        strcat(strcat(param, "."), name);
        if (!tg_members_text(reply, labels, param, 0, 200, &text))
            return false;
        if (text == NULL)
            return tg_reply_invalid(reply, param, "%s must be a string", param);
    }
    draft->lists[DRAFT_LABELS] =
        labels ? json_dumps(labels, JSON_COMPACT) : NULL;
    return true;
}

/* A network in its one spelling; an endpoint by the name of its route. */
static json_t *
canonical(int which, const char *text)
{
    char clean[TG_NETWORK_TEXT_SIZE];

    if (which == DRAFT_IPS && tg_network_normalize(text, clean) == 0)
        return json_string(clean);
    if (which == DRAFT_ENDPOINTS)
        return json_string(tg_draft_route(text)->name);
    return json_string(text);
}

static bool
read_lists(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    static const struct {
        int which;
        const char *param;
        tg_text_check *check;
    } rows[] = {
        {DRAFT_SCOPES, "scopes", tg_draft_scope},
        {DRAFT_MODELS, "models", tg_draft_model},
        {DRAFT_ENDPOINTS, "endpoints", tg_draft_endpoint},
        {DRAFT_IPS, "allowed_ips", tg_draft_network},
        {DRAFT_REFERRERS, "allowed_referrers", tg_draft_referrer},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *list = NULL, *item;
        json_t *clean;
        size_t j;

        if (!tg_members_texts(reply, body, rows[i].param, LIST_MAX,
                              rows[i].check, &list))
            return false;
        if (list == NULL)
            continue;
        clean = json_array();
        json_array_foreach((json_t *)list, j, item) json_array_append_new(
            clean, canonical(rows[i].which, json_string_value(item)));
        draft->lists[rows[i].which] = json_dumps(clean, JSON_COMPACT);
        json_decref(clean);
    }
    return true;
}

static bool
read_limits(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    struct tg_store_key *row = &draft->row;
    const json_t *limits = NULL;
    const struct {
        const char *param;
        int64_t max, *value;
    } rows[] = {
        {"limits.requests_per_second", RATE_MAX, &row->requests_per_second},
        {"limits.requests_per_minute", RATE_MAX, &row->requests_per_minute},
        {"limits.requests_per_day", RATE_MAX, &row->requests_per_day},
        {"limits.tokens_per_minute", RATE_MAX, &row->tokens_per_minute},
        {"limits.concurrency", RATE_MAX, &row->concurrency},
    };

    if (!tg_members_object(reply, body, "limits", &limits) ||
        !tg_members_only(reply, limits, "limits.",
                         "requests_per_second requests_per_minute "
                         "requests_per_day tokens_per_minute concurrency "
                         "max_queue_ms"))
        return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!tg_members_number(reply, limits, rows[i].param, 1, rows[i].max,
                               rows[i].value))
            return false;
    }
    return tg_members_number(reply, limits, "limits.max_queue_ms", 0,
                             QUEUE_MAX_MS, &row->max_queue_ms);
}

static bool
read_budget(struct tg_draft *draft, const json_t *body, struct tg_reply *reply)
{
    struct tg_store_key *row = &draft->row;
    const json_t *budget = NULL;
    const char *name = NULL;
    struct tg_zone zone;

    if (!tg_members_object(reply, body, "budget", &budget) ||
        !tg_members_only(reply, budget, "budget.", "monthly daily timezone") ||
        !tg_members_money(reply, budget, "budget.monthly",
                          &row->monthly_nanos) ||
        !tg_members_money(reply, budget, "budget.daily", &row->daily_nanos) ||
        !tg_members_text(reply, budget, "budget.timezone", 0, 64, &name))
        return false;
    if (name == NULL)
        return true;
    if (tg_zone_open(&zone, name) != 0)
        return tg_reply_invalid(reply, "budget.timezone",
                                "there is no time zone '%s'; write a name "
                                "such as Asia/Shanghai",
                                name);
    tg_zone_close(&zone);
    row->timezone = name;
    return true;
}

static bool
are_hours(struct tg_reply *reply, const char *hours)
{
    switch (tg_hours_check(hours)) {
    case 0:
        return true;
    case TG_ERR_RANGE:
        return tg_reply_invalid(reply, "hours",
                                "hours begin and end at quarter-hours, such "
                                "as 08:00 or 08:15");
    case TG_ERR_NOT_FOUND:
        return tg_reply_invalid(reply, "hours",
                                "the time zone of the hours does not exist; "
                                "write a name such as Asia/Shanghai");
    default:
        return tg_reply_invalid(reply, "hours",
                                "hours are days, a span and a time zone, such "
                                "as 'mon-fri 08:00-19:00 Asia/Shanghai'");
    }
}

static bool
read_times(struct tg_draft *draft, const json_t *body, int64_t now_ms,
           struct tg_reply *reply)
{
    struct tg_store_key *row = &draft->row;
    const char *expires = NULL, *hours = NULL;

    if (!tg_members_text(reply, body, "hours", 0, 200, &hours) ||
        !tg_members_text(reply, body, "expires_at", 0, 64, &expires))
        return false;
    if (hours != NULL && hours[0] != '\0' && !are_hours(reply, hours))
        return false;
    if (hours != NULL)
        row->hours = hours;
    if (expires == NULL)
        return true;
    if (tg_draft_expiry(expires, now_ms, &row->expires_at) != 0)
        return tg_reply_invalid(reply, "expires_at",
                                "expires_at is a date such as 2027-01-31, an "
                                "instant such as 2027-01-31T18:00:00Z, or a "
                                "span such as 90d");
    if (row->expires_at <= now_ms)
        return tg_reply_invalid(
            reply, "expires_at",
            "expires_at lies in the past; give a later date, "
            "or a span from now such as 90d");
    return true;
}

static bool
is_null(const json_t *object, const char *name)
{
    return object != NULL && json_is_null(json_object_get(object, name));
}

static bool
read_rotation(struct tg_draft *draft, const json_t *body,
              struct tg_reply *reply)
{
    struct tg_store_key *row = &draft->row;
    const json_t *rotation = NULL;

    if (!tg_members_object(reply, body, "rotation", &rotation) ||
        !tg_members_only(reply, rotation, "rotation.",
                         "interval_days grace_days") ||
        !tg_members_number(reply, rotation, "rotation.interval_days", 1,
                           INTERVAL_DAYS_MAX, &row->rotate_days) ||
        !tg_members_number(reply, rotation, "rotation.grace_days", 0,
                           TG_GRACE_DAYS_MAX, &row->grace_days))
        return false;
    if (is_null(rotation, "grace_days"))
        row->grace_days = GRACE_DAYS;
    if (row->rotate_days == 0 || row->grace_days < row->rotate_days)
        return true;
    return tg_reply_invalid(reply, "rotation.grace_days",
                            "rotation.grace_days (%lld) must be less than "
                            "rotation.interval_days (%lld), because a key has "
                            "two secrets at most",
                            (long long)row->grace_days,
                            (long long)row->rotate_days);
}

static void
take_lists(struct tg_draft *draft)
{
    struct tg_store_key *row = &draft->row;
    const char **const targets[] = {
        [DRAFT_SCOPES] = &row->scopes,
        [DRAFT_MODELS] = &row->models,
        [DRAFT_ENDPOINTS] = &row->endpoints,
        [DRAFT_IPS] = &row->allowed_ips,
        [DRAFT_REFERRERS] = &row->allowed_referrers,
        [DRAFT_LABELS] = &row->labels,
        [DRAFT_RESPONSES] = &row->responses,
    };

    for (int i = 0; i < DRAFT_LISTS; i++) {
        if (draft->lists[i] != NULL)
            *targets[i] = draft->lists[i];
    }
}

static bool
read_policy(struct tg_draft *draft, const json_t *body, int64_t now_ms,
            struct tg_reply *reply)
{
    if (!read_texts(draft, body, reply) || !read_labels(draft, body, reply) ||
        !read_lists(draft, body, reply) || !read_limits(draft, body, reply) ||
        !read_budget(draft, body, reply) ||
        !read_times(draft, body, now_ms, reply) ||
        !read_rotation(draft, body, reply) ||
        !tg_responses_read(reply, body, draft->row.responses,
                           &draft->lists[DRAFT_RESPONSES]))
        return false;
    take_lists(draft);
    return true;
}

bool
tg_draft_read(struct tg_draft *draft, const json_t *body, int64_t now_ms,
              struct tg_reply *reply)
{
    *draft = (struct tg_draft){
        .account = "default",
        .row = {.description = "",
                .owner = "",
                .labels = "{}",
                .status = "active",
                .models = "[]",
                .endpoints = "[]",
                .allowed_ips = "[]",
                .allowed_referrers = "[]",
                .timezone = "UTC",
                .hours = "",
                .grace_days = GRACE_DAYS,
                .responses = "{}"},
    };
    return tg_members_only(reply, body, "", "account kind " POLICY_MEMBERS) &&
           read_birth(draft, body, reply) &&
           read_policy(draft, body, now_ms, reply);
}

/* null takes a member away, which reading takes for one that is not there. */
static void
take_away(struct tg_store_key *row, const json_t *body)
{
    const struct {
        const char *member, **text, *empty;
    } rows[] = {
        {"description", &row->description, ""},
        {"owner", &row->owner, ""},
        {"labels", &row->labels, "{}"},
        {"scopes", &row->scopes, "[]"},
        {"models", &row->models, "[]"},
        {"endpoints", &row->endpoints, "[]"},
        {"allowed_ips", &row->allowed_ips, "[]"},
        {"allowed_referrers", &row->allowed_referrers, "[]"},
        {"hours", &row->hours, ""},
        {"responses", &row->responses, "{}"},
        {"budget", &row->timezone, "UTC"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_null(body, rows[i].member))
            *rows[i].text = rows[i].empty;
    }
    if (is_null(json_object_get(body, "budget"), "timezone"))
        row->timezone = "UTC";
    if (is_null(body, "budget"))
        row->monthly_nanos = row->daily_nanos = 0;
    if (is_null(body, "expires_at"))
        row->expires_at = 0;
    if (is_null(body, "rotation")) {
        row->rotate_days = 0;
        row->grace_days = GRACE_DAYS;
    }
    if (!is_null(body, "limits"))
        return;
    row->requests_per_second = row->requests_per_minute = 0;
    row->requests_per_day = row->tokens_per_minute = 0;
    row->concurrency = row->max_queue_ms = 0;
}

bool
tg_draft_change(struct tg_draft *draft, const struct tg_store_key *row,
                const json_t *body, int64_t now_ms, struct tg_reply *reply)
{
    *draft = (struct tg_draft){.row = *row};
    if (!tg_members_only(reply, body, "", POLICY_MEMBERS))
        return false;
    take_away(&draft->row, body);
    return read_policy(draft, body, now_ms, reply);
}

void
tg_draft_release(struct tg_draft *draft)
{
    for (int i = 0; i < DRAFT_LISTS; i++)
        free(draft->lists[i]);
}
