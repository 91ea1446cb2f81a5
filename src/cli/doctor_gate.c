#include "doctor_gate.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "civil.h"
#include "own.h"
#include "route.h"

#define SHOWN_MAX 8 /* models that are named */
#define SOON_MS (7 * 86400000LL)

void
tg_doctor_span(char out[TG_DOCTOR_SPAN_SIZE], int64_t seconds)
{
    long long s = seconds < 0 ? -seconds : seconds;

    if (s < 120)
        snprintf(out, TG_DOCTOR_SPAN_SIZE, "%lld s", s);
    else if (s < 7200)
        snprintf(out, TG_DOCTOR_SPAN_SIZE, "%lld min", s / 60);
    else if (s < 2 * 86400)
        snprintf(out, TG_DOCTOR_SPAN_SIZE, "%lld h", s / 3600);
    else
        snprintf(out, TG_DOCTOR_SPAN_SIZE, "%lld d", s / 86400);
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

/* "a, b"; the caller's. */
static char *
join(const json_t *array, const char *member, size_t most)
{
    char *text = NULL;
    size_t size, i;
    const json_t *item;
    FILE *out = tg_own(open_memstream(&text, &size));

    json_array_foreach(array, i, item)
    {
        const char *one =
            member != NULL ? text_of(item, member) : json_string_value(item);

        if (i == most) {
            fprintf(out, ", … (%zu)", json_array_size(array));
            break;
        }
        fprintf(out, "%s%s", i > 0 ? ", " : "", one != NULL ? one : "?");
    }
    if (fclose(out) != 0)
        tg_own(NULL);
    return text;
}

static void
judge_expiry(struct tg_doctor_report *report, const json_t *key, int64_t now_ms)
{
    const char *until = text_of(key, "expires_at");
    enum tg_doctor_finding finding = tg_found_gate_active;
    int64_t at_ms;

    if (*until != '\0')
        finding = tg_civil_parse((struct tg_str){until, strlen(until)},
                                 &at_ms) == 0 &&
                          at_ms - now_ms < SOON_MS
                      ? tg_found_gate_expires_soon
                      : tg_found_gate_active_until;
    tg_report_add(report, finding, text_of(key, "name"), until, NULL);
}

static bool
has_text(const json_t *array, const char *wanted)
{
    const json_t *item;
    size_t i;

    json_array_foreach(array, i, item)
    {
        if (json_is_string(item) &&
            strcmp(json_string_value(item), wanted) == 0)
            return true;
    }
    return false;
}

/* Whether one of the endpoints needs the scope. */
static bool
has_endpoint(const json_t *endpoints, const char *scope)
{
    const json_t *item;
    size_t i;

    json_array_foreach(endpoints, i, item)
    {
        const char *name = json_string_value(item);
        const struct tg_route *route =
            name == NULL ? NULL
                         : tg_route_named((struct tg_str){name, strlen(name)});

        if (route != NULL &&
            route->scope == tg_scope_of((struct tg_str){scope, strlen(scope)}))
            return true;
    }
    return false;
}

static void
judge_scope(struct tg_doctor_report *report, const json_t *key,
            const char *scope)
{
    const json_t *scopes = json_object_get(key, "scopes");
    const json_t *endpoints = json_object_get(key, "endpoints");
    char *all = join(scopes, NULL, 99), *some = join(endpoints, NULL, 99);

    if (json_array_size(scopes) == 0)
        tg_report_add(report, tg_found_scope_none, NULL, NULL, NULL);
    else if (scope != NULL && !has_text(scopes, scope))
        tg_report_add(report, tg_found_scope_missing, scope, all, NULL);
    else if (scope != NULL && json_array_size(endpoints) > 0 &&
             !has_endpoint(endpoints, scope))
        tg_report_add(report, tg_found_scope_endpoints, scope, some, NULL);
    else
        tg_report_add(report, tg_found_scope_has,
                      json_array_size(endpoints) > 0 ? some : all, NULL, NULL);
    free(all);
    free(some);
}

/* Members of "left" and of "limits". */
static const char *const limits[] = {
    "requests_per_second",
    "requests_per_minute",
    "requests_per_day",
    "tokens_per_minute",
};

static void
judge_limits(struct tg_doctor_report *report, const json_t *key)
{
    const json_t *left = json_object_get(key, "left");
    const json_t *sizes = json_object_get(key, "limits");
    const json_t *one, *at_once = json_object_get(left, "concurrency");
    char *room = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&room, &size));
    bool is_spent = false, is_busy;

    is_busy = at_once != NULL && !json_is_null(at_once) &&
              json_integer_value(json_object_get(at_once, "left")) <= 0;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const char *name = limits[i];
        long long n, of;

        one = json_object_get(left, name);
        if (!json_is_object(one))
            continue;
        n = json_integer_value(json_object_get(one, "left"));
        of = json_integer_value(json_object_get(sizes, name));
        fprintf(out, "%s%s %lld/%lld", ftell(out) > 0 ? ", " : "", name, n, of);
        /* A second is over before anybody reads this. */
        if (n > 0 || i == 0)
            continue;
        is_spent = true;
        tg_report_add(report, tg_found_limits_spent, name,
                      text_of(one, "resets_at"), NULL);
    }
    if (fclose(out) != 0)
        tg_own(NULL);
    if (is_busy)
        tg_report_add(report, tg_found_limits_busy, NULL, NULL, NULL);
    else if (!is_spent)
        tg_report_add(
            report, *room != '\0' ? tg_found_limits_room : tg_found_limits_none,
            room, NULL, NULL);
    free(room);
}

/* "0.00", "-0.000001": is nothing left of it? */
static bool
is_nothing(const char *amount)
{
    return *amount == '-' || strspn(amount, "0.") == strlen(amount);
}

static void
judge_money(struct tg_doctor_report *report, const json_t *key)
{
    static const struct {
        const char *member;
        enum tg_doctor_finding spent;
    } rows[] = {
        {"daily", tg_found_budget_daily_spent},
        {"monthly", tg_found_budget_monthly_spent},
        {"balance", tg_found_balance_spent},
    };
    const json_t *left = json_object_get(key, "left"), *one;
    char *room = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&room, &size));
    bool is_spent = false;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *amount;

        one = json_object_get(left, rows[i].member);
        if (!json_is_object(one))
            continue;
        amount = text_of(one, "left");
        fprintf(out, "%s%s %s", ftell(out) > 0 ? ", " : "", rows[i].member,
                amount);
        if (!is_nothing(amount))
            continue;
        is_spent = true;
        tg_report_add(report, rows[i].spent,
                      rows[i].spent == tg_found_balance_spent
                          ? amount
                          : text_of(one, "resets_at"),
                      NULL, NULL);
    }
    if (fclose(out) != 0)
        tg_own(NULL);
    if (!is_spent)
        tg_report_add(report,
                      *room != '\0' ? tg_found_money_left
                                    : tg_found_money_unlimited,
                      room, NULL, NULL);
    free(room);
}

void
tg_doctor_gate_judge(struct tg_doctor_report *report, const json_t *key,
                     const char *scope, int64_t now_ms)
{
    judge_expiry(report, key, now_ms);
    judge_scope(report, key, scope);
    judge_limits(report, key);
    judge_money(report, key);
}

bool
tg_doctor_needs_model(const json_t *key)
{
    static const char *const without[] = {"files", "fine_tuning"};
    const json_t *scopes = json_object_get(key, "scopes");
    size_t others = json_array_size(scopes);

    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        others -= has_text(scopes, without[i]);
    return others > 0 || json_array_size(scopes) == 0;
}

static bool
is_listed(const json_t *data, const char *wanted)
{
    const json_t *item;
    size_t i;

    json_array_foreach(data, i, item)
    {
        if (strcmp(text_of(item, "id"), wanted) == 0)
            return true;
    }
    return false;
}

/* The first model that by its name may answer in words; "": none. */
static const char *
first_talker(const json_t *data)
{
    static const char *const mute[] = {
        "embed",   "tts",    "whisper",    "dall-e",   "image",
        "audio",   "rerank", "moderation", "realtime", "transcribe",
        "babbage", "sora",   "davinci",
    };
    const json_t *item;
    size_t i;

    json_array_foreach(data, i, item)
    {
        const char *id = text_of(item, "id");
        bool is_mute = false;

        for (size_t j = 0; j < sizeof(mute) / sizeof(mute[0]); j++)
            is_mute |= strcasestr(id, mute[j]) != NULL;
        if (!is_mute)
            return id;
    }
    return "";
}

static bool
is_retired(const char *model)
{
    return strcmp(model, "deepseek-chat") == 0 ||
           strcmp(model, "deepseek-reasoner") == 0;
}

void
tg_doctor_models_judge(struct tg_doctor_report *report, const json_t *list,
                       const char *wanted, bool is_deepseek, char *model,
                       size_t size)
{
    const json_t *data = json_object_get(list, "data");
    char *all = join(data, "id", SHOWN_MAX);

    if (json_array_size(data) == 0)
        tg_report_add(report, tg_found_model_none, NULL, NULL, NULL);
    else if (wanted == NULL)
        tg_report_add(report, tg_found_model_some, all, NULL, NULL);
    else if (is_listed(data, wanted))
        tg_report_add(report, tg_found_model_has, wanted, NULL, NULL);
    else
        tg_report_add(report,
                      is_deepseek && is_retired(wanted)
                          ? tg_found_model_retired
                          : tg_found_model_missing,
                      wanted, all, NULL);
    snprintf(model, size, "%s", wanted != NULL ? wanted : first_talker(data));
    free(all);
}
