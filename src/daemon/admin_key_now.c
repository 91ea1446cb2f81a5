#include "admin.h"
#include "clock.h"
#include "err.h"
#include "key_report.h"
#include "key_standing.h"
#include "usage_sums.h"

static json_t *
number_or_null(int64_t n, bool is_there)
{
    return is_there ? json_integer(n) : json_null();
}

static json_t *
limits_of(const struct tg_standing *standing)
{
    json_t *limits = json_object();

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        const struct tg_standing_rate *one = &standing->rates[i];

        json_object_set_new(limits, one->name,
                            number_or_null(one->size, one->size != 0));
    }
    return limits;
}

static json_t *
left_of(const struct tg_standing *standing)
{
    json_t *left = json_object();

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        const struct tg_standing_rate *one = &standing->rates[i];

        json_object_set_new(
            left, one->name,
            number_or_null(one->size - one->used, one->size != 0));
    }
    for (size_t i = 0; i < TG_STANDING_BUDGETS; i++) {
        const struct tg_standing_budget *one = &standing->budgets[i];
        int64_t nanos = one->size_nanos - one->used_nanos;

        json_object_set_new(left, one->name,
                            one->size_nanos == 0
                                ? json_null()
                                : tg_reply_money(nanos > 0 ? nanos : 0));
    }
    return left;
}

static json_t *
resets_of(const struct tg_standing *standing)
{
    json_t *resets = json_object();

    for (size_t i = 0; i < TG_STANDING_RATES; i++)
        json_object_set_new(resets, standing->rates[i].name,
                            tg_reply_instant(standing->rates[i].resets_at_ms));
    for (size_t i = 0; i < TG_STANDING_BUDGETS; i++)
        json_object_set_new(
            resets, standing->budgets[i].name,
            tg_reply_instant(standing->budgets[i].resets_at_ms));
    return resets;
}

static json_t *
limits_object(const struct tg_key_report *report,
              const struct tg_standing *standing)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:{s:o,s:o,s:s},s:o,s:o}", "object",
                     "rate_limits", "key_id", report->key_id, "at",
                     tg_reply_instant(standing->at_ms), "limits",
                     limits_of(standing), "budget", "daily",
                     tg_reply_money_or_null(report->daily_nanos), "monthly",
                     tg_reply_money_or_null(report->monthly_nanos), "timezone",
                     report->timezone, "left", left_of(standing), "resets_at",
                     resets_of(standing));
}

static json_t *
used_of(const struct tg_standing *standing)
{
    json_t *used = json_object();

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        const struct tg_standing_rate *one = &standing->rates[i];

        json_object_set_new(used, one->name,
                            number_or_null(one->used, one->size != 0));
    }
    return used;
}

/* Shares of what there is, 1 being all of it. */
static json_t *
utilization_of(const struct tg_standing *standing)
{
    json_t *shares = json_object();

    for (size_t i = 0; i < TG_STANDING_RATES; i++) {
        const struct tg_standing_rate *one = &standing->rates[i];

        json_object_set_new(shares, one->name,
                            one->size == 0
                                ? json_null()
                                : tg_usage_ratio(one->used, one->size, 4));
    }
    for (size_t i = 0; i < TG_STANDING_BUDGETS; i++) {
        const struct tg_standing_budget *one = &standing->budgets[i];

        json_object_set_new(
            shares, one->name,
            one->size_nanos == 0
                ? json_null()
                : tg_usage_ratio(one->used_nanos, one->size_nanos, 4));
    }
    return shares;
}

static json_t *
current_object(const struct tg_key_report *report,
               const struct tg_standing *standing)
{
    return json_pack("{s:s,s:s,s:o,s:o,s:{s:o,s:o},s:o}", "object",
                     "current_usage", "key_id", report->key_id, "at",
                     tg_reply_instant(standing->at_ms), "usage",
                     used_of(standing), "spent", "daily",
                     tg_reply_money(standing->budgets[0].used_nanos), "monthly",
                     tg_reply_money(standing->budgets[1].used_nanos),
                     "utilization", utilization_of(standing));
}

static void
answer(struct tg_request *request, struct tg_reply *reply,
       json_t *(*object_of)(const struct tg_key_report *,
                            const struct tg_standing *))
{
    struct tg_daemon *daemon = request->daemon;
    struct tg_key_report report = {0};
    struct tg_standing standing;
    bool is_there;

    pthread_mutex_lock(&daemon->admin_lock);
    is_there = tg_key_report_find(&report, daemon->admin, request, reply);
    if (is_there && tg_key_standing(daemon, request->subject, tg_clock_ms(),
                                    &standing) != 0)
        is_there = tg_reply_error(reply, 409, "key_deleted", NULL,
                                  "the key was deleted: it has no limits any "
                                  "more, and nothing counts");
    pthread_mutex_unlock(&daemon->admin_lock);
    if (is_there)
        tg_reply_json(reply, 200, object_of(&report, &standing));
}

void
tg_admin_key_limits(struct tg_request *request, struct tg_reply *reply)
{
    answer(request, reply, limits_object);
}

void
tg_admin_key_current(struct tg_request *request, struct tg_reply *reply)
{
    answer(request, reply, current_object);
}
