#include <stdio.h>
#include <string.h>

#include "admit.h"
#include "agenda.h"
#include "budget.h"
#include "err.h"
#include "health_report.h"
#include "key_standing.h"
#include "plural.h"
#include "reply.h"
#include "rotation.h"

#define DAY_MS INT64_C(86400000)
#define PACE_MS (7 * DAY_MS)
#define PACE_MIN_MS INT64_C(3600000)
#define LOW_DAYS 7
#define SOON_DAYS 14

/* What is known of the key before anything is said. */
struct subject {
    struct tg_health *health;
    struct tg_daemon *daemon;
    struct tg_store *store;
    const char *id;
    json_t *name;
    char status[16], response[16];
    char account_id[TG_ID_TEXT_SIZE], account[256], account_status[16];
    char verification[16], billing[16];
    int64_t account_since;
    int64_t expires_at, rotation_at, rotate_days;
    bool has_standing;
    struct tg_standing standing;
};

static int
take_key(void *arg, const struct tg_store_key *row)
{
    struct subject *subject = arg;

    subject->name = tg_reply_text(row->name);
    snprintf(subject->status, sizeof(subject->status), "%s", row->status);
    snprintf(subject->response, sizeof(subject->response), "%s", row->response);
    snprintf(subject->account_id, sizeof(subject->account_id), "%s",
             row->account_id);
    subject->expires_at = row->expires_at;
    subject->rotation_at = tg_agenda_rotation_at(row);
    subject->rotate_days = row->rotate_days;
    return 0;
}

static int
take_account(void *arg, const struct tg_store_account *row)
{
    struct subject *subject = arg;

    snprintf(subject->account, sizeof(subject->account), "%s", row->name);
    snprintf(subject->account_status, sizeof(subject->account_status), "%s",
             row->status);
    snprintf(subject->verification, sizeof(subject->verification), "%s",
             row->verification);
    snprintf(subject->billing, sizeof(subject->billing), "%s", row->billing);
    subject->account_since = row->created_at;
    return 0;
}

static void
say_status(struct subject *subject)
{
    static const struct {
        const char *status, *words;
        bool is_resumed;
        enum tg_health_status is;
    } rows[] = {
        {"inactive", "it is paused: its calls are refused", true, TG_WARNING},
        {"disabled", "it was disabled for good: its calls are refused", false,
         TG_UNHEALTHY},
        {"deleted", "it was deleted: its calls are refused", false,
         TG_UNHEALTHY},
    };
    char cure[96];

    snprintf(cure, sizeof(cure), "tollgate keys resume %s", subject->id);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(subject->status, rows[i].status) != 0)
            continue;
        tg_health_say(subject->health, "status", rows[i].is,
                      rows[i].is_resumed ? cure
                                         : "tollgate keys create --name NAME",
                      "%s", rows[i].words);
        return;
    }
    if (subject->response[0] != '\0')
        tg_health_say(subject->health, "status", TG_WARNING, cure,
                      "it is active, but throttled because of an event");
    else
        tg_health_say(subject->health, "status", TG_HEALTHY, NULL,
                      "it is active");
}

static void
say_account(struct subject *subject)
{
    struct tg_settings settings;
    char cure[96];

    tg_state_settings(&subject->daemon->state, &settings);
    snprintf(cure, sizeof(cure), "tollgate accounts %s %s",
             strcmp(subject->account_status, "active") != 0 ? "resume"
                                                            : "verify",
             subject->account_id);
    if (strcmp(subject->account_status, "active") != 0)
        tg_health_say(subject->health, "account", TG_UNHEALTHY, cure,
                      "its account %s is suspended: calls are refused",
                      subject->account);
    else if (settings.requires_verification &&
             strcmp(subject->verification, "verified") != 0)
        tg_health_say(subject->health, "account", TG_UNHEALTHY, cure,
                      "its account %s is not verified: calls are refused",
                      subject->account);
    else
        tg_health_say(subject->health, "account", TG_HEALTHY, NULL,
                      "its account %s is in order", subject->account);
}

/* Those that serve a model which the key may use. */
static void
find_upstreams(const struct subject *subject, struct tg_health_upstreams *which)
{
    struct tg_daemon *daemon = subject->daemon;
    const struct tg_catalog *catalog;
    struct tg_key_policy policy;
    uint32_t slot;
    uint64_t seq;

    which->is_of_some = true;
    pthread_mutex_lock(&daemon->publish_lock);
    catalog = daemon->catalog;
    if (catalog != NULL &&
        tg_publisher_key_slot(daemon->publisher, subject->id, &slot) == 0 &&
        tg_state_key(&daemon->state, slot, &policy, &seq) == 0) {
        for (uint32_t i = 0; i < catalog->model_count; i++) {
            const struct tg_model *model = &catalog->models[i];

            for (int u = 0; model->price_count > 0 && u < model->upstream_count;
                 u++)
                which->has[model->upstreams[u]] |=
                    tg_admit_may_use(&daemon->state, &policy, model);
        }
    }
    pthread_mutex_unlock(&daemon->publish_lock);
}

static const char *
flag_of(const char *limit)
{
    static const char *const flags[][2] = {
        {"requests_per_second", "--qps"}, {"requests_per_minute", "--rpm"},
        {"requests_per_day", "--rpd"},    {"tokens_per_minute", "--tpm"},
        {"concurrency", "--concurrency"},
    };
    size_t i = 0;

    while (i + 1 < sizeof(flags) / sizeof(flags[0]) &&
           strcmp(flags[i][0], limit) != 0)
        i++;
    return flags[i][1];
}

static void
say_limit(struct subject *subject, const struct tg_standing_rate *one)
{
    int64_t share = tg_health_share(one->used, one->size);
    bool is_high = share >= TG_HEALTH_USED_PERCENT * 100,
         is_at_once = strcmp(one->name, "concurrency") == 0;
    bool is_gone =
        one->used >= one->size && strcmp(one->name, "requests_per_day") == 0;
    char name[64], cure[128], reset[TG_HEALTH_TEXT_SIZE + 32] = "";
    char span[TG_HEALTH_TEXT_SIZE];
    json_t *row;

    snprintf(name, sizeof(name), "limit %s", one->name);
    snprintf(cure, sizeof(cure), "tollgate keys update %s %s N", subject->id,
             flag_of(one->name));
    if (one->resets_at_ms > subject->health->now_ms)
        snprintf(reset, sizeof(reset), "; whole again in %s",
                 tg_health_span(
                     one->resets_at_ms - subject->health->now_ms + 999, span));
    row = tg_health_say(subject->health, name,
                        is_gone   ? TG_UNHEALTHY
                        : is_high ? TG_WARNING
                                  : TG_HEALTHY,
                        cure, "%lld of %lld %s%s%s %s used (%lld %%)%s",
                        (long long)one->used, (long long)one->size,
                        strcmp(one->name, "tokens_per_minute") == 0 ? "token"
                        : is_at_once                                ? "call"
                                                                    : "request",
                        tg_plural(one->size), is_at_once ? " at once" : "",
                        tg_plural_are(one->size), (long long)(share / 100),
                        reset);
    json_object_set_new(row, "used", json_integer(one->used));
    json_object_set_new(row, "size", json_integer(one->size));
}

static void
say_limits(struct subject *subject)
{
    bool has_any = false;

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        if (subject->standing.rates[i].size == 0)
            continue;
        has_any = true;
        say_limit(subject, &subject->standing.rates[i]);
    }
    if (!has_any)
        tg_health_say(subject->health, "limits", TG_HEALTHY, NULL,
                      "no rate is limited");
}

static void
say_budget(struct subject *subject, const struct tg_standing_budget *one)
{
    int64_t share = tg_health_share(one->used_nanos, one->size_nanos);
    char name[32], cure[128], used[TG_HEALTH_TEXT_SIZE];
    char size[TG_HEALTH_TEXT_SIZE], span[TG_HEALTH_TEXT_SIZE];
    json_t *row;

    snprintf(name, sizeof(name), "budget %s", one->name);
    snprintf(cure, sizeof(cure), "tollgate keys update %s --%s-limit AMOUNT",
             subject->id, one->name);
    row = tg_health_say(
        subject->health, name,
        share >= 10000                          ? TG_UNHEALTHY
        : share >= TG_HEALTH_USED_PERCENT * 100 ? TG_WARNING
                                                : TG_HEALTHY,
        cure, "%s of %s are used (%lld %%), with what calls hold; new in %s",
        tg_health_money(one->used_nanos, used),
        tg_health_money(one->size_nanos, size), (long long)(share / 100),
        tg_health_span(one->resets_at_ms - subject->health->now_ms, span));
    json_object_set_new(row, "used", tg_reply_money(one->used_nanos));
    json_object_set_new(row, "size", tg_reply_money(one->size_nanos));
}

static void
say_budgets(struct subject *subject)
{
    bool has_any = false;

    for (size_t i = 0; i < TG_STANDING_BUDGETS; i++) {
        if (subject->standing.budgets[i].size_nanos == 0)
            continue;
        has_any = true;
        say_budget(subject, &subject->standing.budgets[i]);
    }
    if (!has_any)
        tg_health_say(subject->health, "budget", TG_HEALTHY, NULL,
                      "it has no budget");
}

/* Of the account, as calls see it: what is left, and with what is held. */
static int
read_balance(const struct subject *subject, int64_t *left_nanos)
{
    struct tg_daemon *daemon = subject->daemon;
    struct tg_account_policy account;
    uint32_t slot;
    int err;

    pthread_mutex_lock(&daemon->publish_lock);
    err = tg_publisher_account_slot(daemon->publisher, subject->account_id,
                                    &slot);
    if (err == 0)
        err = tg_state_account(&daemon->state, slot, &account);
    pthread_mutex_unlock(&daemon->publish_lock);
    if (err == 0)
        *left_nanos =
            tg_budget_balance(&account, &daemon->state.accounts[slot].counters);
    return err;
}

/* At the pace of the last seven days, or since the account was made. */
static void
say_days_left(struct subject *subject, int64_t left, int64_t spent,
              int64_t pace_ms)
{
    char cure[96], money[TG_HEALTH_TEXT_SIZE], pace[TG_HEALTH_TEXT_SIZE];
    __int128 days =
        spent <= 0 ? INT32_MAX : (__int128)left * pace_ms / spent / DAY_MS;
    json_t *row;

    snprintf(cure, sizeof(cure), "tollgate accounts top-up %s AMOUNT",
             subject->account_id);
    if (left <= 0)
        row = tg_health_say(subject->health, "balance", TG_UNHEALTHY, cure,
                            "the account's balance is %s: calls are refused",
                            tg_health_money(left, money));
    else if (spent <= 0)
        row = tg_health_say(
            subject->health, "balance", TG_HEALTHY, NULL,
            "the account's balance is %s; nothing was spent in 7 days",
            tg_health_money(left, money));
    else
        row = tg_health_say(
            subject->health, "balance",
            days < LOW_DAYS ? TG_WARNING : TG_HEALTHY, cure,
            "the account's balance is %s: %s%lld day%s at the pace of the last "
            "%s",
            tg_health_money(left, money), days > 3650 ? "more than " : "",
            (long long)(days > 3650 ? 3650 : days), tg_plural(days),
            tg_health_span(pace_ms, pace));
    json_object_set_new(row, "balance", tg_reply_money(left));
}

static int
say_balance(struct subject *subject)
{
    int64_t now_ms = subject->health->now_ms, left;
    int64_t pace_ms = now_ms - subject->account_since;
    struct tg_usage_question question = {.account_id = subject->account_id,
                                         .until = now_ms + 1};
    struct tg_store_usage all = {0};
    int err;

    if (strcmp(subject->billing, "prepaid") != 0) {
        tg_health_say(subject->health, "balance", TG_HEALTHY, NULL,
                      "its account is postpaid: no balance can run out");
        return 0;
    }
    if (pace_ms > PACE_MS)
        pace_ms = PACE_MS;
    if (pace_ms < PACE_MIN_MS)
        pace_ms = PACE_MIN_MS;
    question.since = now_ms - pace_ms;
    if (read_balance(subject, &left) != 0)
        return 0;
    err =
        subject->store->ops->usage(subject->store, &question, &all, NULL, NULL);
    if (err == 0)
        say_days_left(subject, left, all.sums.cost_nanos, pace_ms);
    return err;
}

static void
say_expiry(struct subject *subject)
{
    int64_t left_ms = subject->expires_at - subject->health->now_ms;
    char cure[96], span[TG_HEALTH_TEXT_SIZE];

    snprintf(cure, sizeof(cure), "tollgate keys update %s --expires 90d",
             subject->id);
    if (subject->expires_at == 0)
        tg_health_say(subject->health, "expiry", TG_HEALTHY, NULL,
                      "it never expires");
    else if (left_ms <= 0)
        tg_health_say(subject->health, "expiry", TG_UNHEALTHY, cure,
                      "it expired %s ago: its calls are refused",
                      tg_health_span(left_ms, span));
    else
        tg_health_say(subject->health, "expiry",
                      left_ms <= DAY_MS               ? TG_UNHEALTHY
                      : left_ms <= SOON_DAYS * DAY_MS ? TG_WARNING
                                                      : TG_HEALTHY,
                      cure, "it expires in %s", tg_health_span(left_ms, span));
}

static int
look_up(struct subject *subject)
{
    struct tg_store *store = subject->store;
    int err = store->ops->key_get(store, subject->id, take_key, subject);

    if (err == 0)
        err = store->ops->account_get(store, subject->account_id, take_account,
                                      subject);
    if (err == 0)
        subject->has_standing =
            tg_key_standing(subject->daemon, subject->id,
                            subject->health->now_ms, &subject->standing) == 0;
    return err;
}

static int
say_all(struct subject *subject)
{
    struct tg_health_upstreams which = {0};
    struct tg_health_rotation rotation = {.key_id = subject->id,
                                          .due_at = subject->rotation_at,
                                          .every_days = subject->rotate_days};
    int err;

    say_status(subject);
    say_account(subject);
    say_expiry(subject);
    tg_health_gate(subject->health, subject->daemon);
    find_upstreams(subject, &which);
    err = tg_health_upstreams(subject->health, subject->daemon, subject->store,
                              &which);
    if (err == 0)
        err = tg_health_errors(subject->health, subject->store, subject->id);
    if (err == 0 && subject->has_standing) {
        say_limits(subject);
        say_budgets(subject);
    }
    if (err == 0)
        err = say_balance(subject);
    if (err == 0)
        err = tg_health_rotation(subject->health, subject->store, &rotation);
    return err;
}

int
tg_health_key(struct tg_health *health, struct tg_daemon *daemon,
              struct tg_store *store, const char *key_id, json_t **name)
{
    struct subject subject = {
        .health = health, .daemon = daemon, .store = store, .id = key_id};
    int err = look_up(&subject);

    if (err == 0)
        err = say_all(&subject);
    if (err == 0)
        *name = subject.name;
    else
        json_decref(subject.name);
    return err;
}
