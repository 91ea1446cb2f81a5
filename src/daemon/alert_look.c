#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alert_part.h"
#include "code.h"
#include "money.h"

/* How the kinds of rules look at a key or an account. */

#define MINUTE_MS INT64_C(60000)
#define SPAN_WINDOWS 4 /* an average is of so many windows at least */
#define BACK_PERCENT 80

/* A rule's look at one subject. */
struct look {
    struct tg_alerts *alerts;
    const struct tg_alert_rule *rule;
    const struct tg_alert_sight *sight;
    struct tg_track *watched; /* NULL, or one to be ended if not measured */
    bool is_seen;
    char message[TG_ALERT_MESSAGE_SIZE];
    char evidence[TG_ALERT_MESSAGE_SIZE];
};

__attribute__((format(printf, 2, 3))) static void
say(struct look *look, const char *fmt, ...)
{
    const struct tg_alert_sight *sight = look->sight;
    char name[TG_SIGHT_NAME_SIZE];
    va_list ap;
    int n;

    tg_alert_sight_name(sight, look->alerts->daemon, name);
    n = snprintf(look->message, sizeof(look->message),
                 "%s %s (%s): ", sight->key_id[0] != '\0' ? "key" : "account",
                 name,
                 sight->key_id[0] != '\0' ? sight->key_id : sight->account_id);
    va_start(ap, fmt);
    vsnprintf(look->message + n, sizeof(look->message) - (size_t)n, fmt, ap);
    va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void
prove(struct look *look, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(look->evidence, sizeof(look->evidence), fmt, ap);
    va_end(ap);
}

static const char *
subject_of(const struct tg_alert_sight *sight)
{
    return sight->key_id[0] != '\0' ? sight->key_id : sight->account_id;
}

static bool
is_over(const struct tg_alert_measure *measure)
{
    return measure->is_enough &&
           (measure->value > measure->threshold ||
            (!measure->is_strict && measure->value == measure->threshold));
}

/*
 * Whether a measure is worth words: nearly none is.  What is open is looked at
 * by itself, as the one that is watched.
 */
static bool
matters(const struct look *look, const struct tg_alert_measure *measure)
{
    return look->watched != NULL || is_over(measure);
}

/* By the threshold of its beginning: an average moves with what it measures. */
static bool
is_back(const struct tg_alert_measure *measure, const struct tg_track *track)
{
    if (measure->back_at == 0)
        return false;
    if (measure->back_at == 100)
        return measure->is_strict ? measure->value <= track->threshold
                                  : measure->value < track->threshold;
    return (__int128)measure->value * 100 <=
           (__int128)track->threshold * measure->back_at;
}

static void
wait_for_it(struct look *look, const struct tg_alert_measure *measure)
{
    struct tg_track track = {.state = TG_TRACK_WAITING,
                             .since_ms = look->sight->now_ms,
                             .last_ms = look->sight->now_ms};

    snprintf(track.rule_id, sizeof(track.rule_id), "%s", look->rule->id);
    snprintf(track.subject, sizeof(track.subject), "%s",
             subject_of(look->sight));
    snprintf(track.about, sizeof(track.about), "%s", measure->about);
    (void)tg_tracks_add(look->alerts->tracks, &track);
}

static void
begin(struct look *look, const struct tg_alert_measure *measure)
{
    if (tg_alert_covers(look->alerts, look->rule, look->sight->key_id,
                        look->sight->account_id))
        tg_alert_begins(look->alerts, look->rule, look->sight, measure);
}

/* Decides what a measure means, by what was before. */
static void
measured(struct look *look, struct tg_alert_measure *measure)
{
    struct tg_alerts *alerts = look->alerts;
    struct tg_track *track =
        tg_tracks_find(alerts->tracks, look->rule->id, subject_of(look->sight),
                       measure->about);
    int64_t held_ms;

    measure->message = look->message;
    measure->evidence = look->evidence;
    if (track != NULL && track == look->watched)
        look->is_seen = true;
    if (track == NULL) {
        if (is_over(measure) && measure->for_ms > 0)
            wait_for_it(look, measure);
        else if (is_over(measure))
            begin(look, measure);
        return;
    }
    if (track->state == TG_TRACK_OPEN && is_back(measure, track)) {
        tg_alert_ends(alerts, look->rule, track, "recovered");
    } else if (track->state == TG_TRACK_WAITING) {
        held_ms = look->sight->now_ms - track->since_ms;
        if (is_over(measure) && held_ms >= 0 && held_ms < measure->for_ms)
            return;
        tg_tracks_remove(alerts->tracks, track);
        if (is_over(measure) && held_ms >= 0)
            begin(look, measure);
    }
}

static struct tg_tally_sums
sums_of(const struct look *look, int64_t window_ms)
{
    return tg_alert_sums(look->alerts, look->sight, window_ms);
}

/* Of a percent, rounded down; __int128 takes ten times as long to divide. */
static int64_t
thousandths(int64_t used, int64_t whole)
{
    int64_t times;

    if (used == 0 || whole == 0)
        return 0;
    return __builtin_mul_overflow(used, INT64_C(100000), &times)
               ? (int64_t)((__int128)used * 100000 / whole)
               : times / whole;
}

static void
look_requests(struct look *look)
{
    const struct tg_alert_params *params = &look->rule->params;
    int64_t window_ms = params->window_minutes * MINUTE_MS;
    struct tg_tally_sums sums = sums_of(look, window_ms);
    struct tg_alert_measure measure = {.about = "requests",
                                       .value = sums.requests,
                                       .threshold = INT64_MAX,
                                       .is_strict = true,
                                       .back_at = BACK_PERCENT,
                                       .severity = look->rule->severity};
    struct tg_baseline usual = {0};
    int64_t average = 0;

    /* Most keys end here, so that the store is asked for few. */
    if (sums.requests >= params->min_requests &&
        tg_baselines_find(look->alerts->baselines, look->sight->key_id,
                          look->sight->policy.created_at_ms,
                          look->sight->now_ms, &usual) &&
        usual.span_ms >= SPAN_WINDOWS * window_ms) {
        __int128 percent = (__int128)usual.requests * window_ms *
                           params->percent / usual.span_ms;

        average =
            (int64_t)((__int128)usual.requests * window_ms / usual.span_ms);
        measure.threshold = (int64_t)(percent / 100);
        measure.is_enough = true;
    }
    if (!matters(look, &measure))
        return;
    say(look,
        "%lld calls in the last %lld min, above %lld %% of its average of "
        "%lld",
        (long long)sums.requests, (long long)params->window_minutes,
        (long long)params->percent, (long long)average);
    prove(look,
          "{\"requests\":%lld,\"average_requests\":%lld,"
          "\"window_minutes\":%lld}",
          (long long)sums.requests, (long long)average,
          (long long)params->window_minutes);
    measured(look, &measure);
}

static void
look_error_rate(struct look *look)
{
    const struct tg_alert_params *params = &look->rule->params;
    struct tg_tally_sums sums =
        sums_of(look, params->window_minutes * MINUTE_MS);
    int64_t rate = thousandths(sums.errors, sums.requests);
    struct tg_alert_measure measure = {.about = "error_rate",
                                       .value = rate,
                                       .threshold = params->percent * 1000,
                                       .is_enough = sums.requests >=
                                                    params->min_requests,
                                       .is_strict = true,
                                       .back_at = BACK_PERCENT,
                                       .severity = look->rule->severity};

    if (!matters(look, &measure))
        return;
    say(look,
        "%lld of %lld calls failed in the last %lld min (%lld.%lld %%), above "
        "%lld %%",
        (long long)sums.errors, (long long)sums.requests,
        (long long)params->window_minutes, (long long)(rate / 1000),
        (long long)(rate / 100 % 10), (long long)params->percent);
    prove(look, "{\"requests\":%lld,\"errors\":%lld,\"window_minutes\":%lld}",
          (long long)sums.requests, (long long)sums.errors,
          (long long)params->window_minutes);
    measured(look, &measure);
}

static const char *
money(int64_t nanos, char text[TG_MONEY_TEXT_SIZE])
{
    tg_money_format(nanos, text);
    return text;
}

static void
look_cost(struct look *look)
{
    const struct tg_alert_sight *sight = look->sight;
    int64_t own = look->rule->params.amount_nanos;
    int64_t threshold = own != 0 ? own : sight->policy.daily_nanos;
    char about[TG_ALERT_ABOUT_SIZE];
    char spent[TG_MONEY_TEXT_SIZE], most[TG_MONEY_TEXT_SIZE];
    struct tg_alert_measure measure = {.about = about,
                                       .value = sight->day_nanos,
                                       .threshold = threshold,
                                       .is_enough = true,
                                       .is_single = true,
                                       .severity = look->rule->severity};

    if (threshold == 0 || !matters(look, &measure))
        return;
    snprintf(about, sizeof(about), "cost/%d/%lld", sight->day,
             (long long)threshold);
    say(look, "it cost %s %s today, %s %s %s", money(sight->day_nanos, spent),
        look->alerts->currency,
        own != 0 ? "at or above" : "all of its daily budget of",
        money(threshold, most), look->alerts->currency);
    prove(look, "{\"cost\":\"%s\",\"daily_budget\":\"%s\"}", spent, most);
    measured(look, &measure);
}

/* What is not the whole is no more than a warning. */
static enum tg_severity
severity_at(const struct tg_alert_rule *rule, int64_t percent)
{
    enum tg_severity most = percent >= 100  ? TG_CRITICAL
                            : percent >= 80 ? TG_WARNING
                                            : TG_INFO;

    return rule->severity < most ? rule->severity : most;
}

static int
found_denial(void *arg, const struct tg_store_denial *row)
{
    *(int64_t *)arg = row->last_at;
    return 0;
}

/*
 * A budget is used up when what is left is not enough for a call; to the
 * nano-unit it seldom is.  Calls that were refused for it say so, when no
 * other holds anything.
 */
static bool
is_used_up(struct look *look, int64_t spent, int64_t budget)
{
    const struct tg_alert_sight *sight = look->sight;
    struct tg_store *store = look->alerts->store;
    struct tg_store_denial_filter filter = {
        .key_id = sight->key_id,
        .code = TG_CODE_BUDGET_EXCEEDED,
        .since = sight->now_ms - 15 * MINUTE_MS,
        .limit = 1,
    };
    int64_t at = 0;

    return sight->held_nanos == 0 && spent > budget / 10 * 9 &&
           store->ops->denial_each(store, &filter, found_denial, &at) == 0 &&
           at > 0;
}

/* Percents of a budget, rounded up: exactly at, not below. */
static int64_t
line_at(int64_t budget, int64_t percent)
{
    __int128 line;
    int64_t times;

    if (!__builtin_mul_overflow(budget, percent, &times))
        return times / 100 + (times % 100 != 0);
    line = (__int128)budget * percent;
    return line / 100 > INT64_MAX - 1
               ? INT64_MAX
               : (int64_t)(line / 100) + (line % 100 != 0);
}

static void
look_budget_of(struct look *look, const char *which, int32_t period,
               int64_t spent, int64_t budget)
{
    const int64_t *percents = look->rule->params.percents;
    char about[TG_ALERT_ABOUT_SIZE];
    char used[TG_MONEY_TEXT_SIZE], most[TG_MONEY_TEXT_SIZE];

    for (int i = 0; i < TG_ALERT_PERCENTS && percents[i] != 0; i++) {
        int64_t threshold = line_at(budget, percents[i]);
        struct tg_alert_measure measure = {
            .about = about,
            .value = spent,
            .threshold = threshold,
            .is_enough = true,
            .is_single = true,
            .severity = severity_at(look->rule, percents[i])};

        if (percents[i] == 100 && spent < threshold &&
            is_used_up(look, spent, budget))
            measure.value = threshold;
        if (!matters(look, &measure))
            continue;
        snprintf(about, sizeof(about), "%s/%d/%lld/%lld", which, period,
                 (long long)budget, (long long)percents[i]);
        say(look, "%lld %% of its %s budget is used: %s of %s %s",
            (long long)percents[i], which, money(spent, used),
            money(budget, most), look->alerts->currency);
        prove(look,
              "{\"budget\":\"%s\",\"percent\":%lld,\"used\":\"%s\","
              "\"of\":\"%s\"}",
              which, (long long)percents[i], used, most);
        measured(look, &measure);
    }
}

static void
look_budget(struct look *look)
{
    const struct tg_alert_sight *sight = look->sight;

    if (sight->policy.daily_nanos != 0)
        look_budget_of(look, "daily", sight->day, sight->day_nanos,
                       sight->policy.daily_nanos);
    if (sight->policy.monthly_nanos != 0)
        look_budget_of(look, "monthly", sight->month, sight->month_nanos,
                       sight->policy.monthly_nanos);
}

static void
look_utilisation(struct look *look)
{
    const struct tg_alert_sight *sight = look->sight;
    struct tg_tally_sums sums = sums_of(look, MINUTE_MS);
    const struct {
        const char *name;
        int64_t used, limit;
    } limits[] = {
        {"requests_per_minute", sums.requests,
         sight->policy.requests_per_minute},
        {"tokens_per_minute", sums.tokens, sight->policy.tokens_per_minute},
        {"concurrency", sight->in_flight, sight->policy.concurrency},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct tg_alert_measure measure = {
            .about = limits[i].name,
            .threshold = look->rule->params.percent * 1000,
            .is_enough = true,
            .is_strict = true,
            .back_at = BACK_PERCENT,
            .for_ms = look->rule->params.for_seconds * 1000,
            .severity = look->rule->severity};

        if (limits[i].limit == 0)
            continue;
        measure.value = thousandths(limits[i].used, limits[i].limit);
        if (!matters(look, &measure))
            continue;
        say(look, "%lld of %lld %s are used, above %lld %%",
            (long long)limits[i].used, (long long)limits[i].limit,
            limits[i].name, (long long)look->rule->params.percent);
        prove(look, "{\"limit\":\"%s\",\"used\":%lld,\"of\":%lld}",
              limits[i].name, (long long)limits[i].used,
              (long long)limits[i].limit);
        measured(look, &measure);
    }
}

/* Turned over: low is what it looks for. */
static void
look_balance(struct look *look)
{
    const struct tg_alert_sight *sight = look->sight;
    int64_t amount = look->rule->params.amount_nanos;
    char left[TG_MONEY_TEXT_SIZE], least[TG_MONEY_TEXT_SIZE];
    struct tg_alert_measure measure = {.about = "balance",
                                       .value = -sight->balance_nanos,
                                       .threshold = -amount,
                                       .is_enough = sight->has_had_money,
                                       .is_strict = true,
                                       .back_at = 100,
                                       .severity = look->rule->severity};

    if (!sight->is_prepaid || !matters(look, &measure))
        return;
    say(look, "its balance of %s %s is below %s %s",
        money(sight->balance_nanos, left), look->alerts->currency,
        money(amount, least), look->alerts->currency);
    prove(look, "{\"balance\":\"%s\",\"below\":\"%s\"}", left, least);
    measured(look, &measure);
}

/* By kind: who looks, and whether at keys. */
static const struct {
    void (*look)(struct look *look);
    bool is_of_keys;
} looks[TG_ALERT_KINDS] = {
    [TG_ALERT_REQUESTS] = {look_requests, true},
    [TG_ALERT_ERROR_RATE] = {look_error_rate, true},
    [TG_ALERT_COST] = {look_cost, true},
    [TG_ALERT_BUDGET] = {look_budget, true},
    [TG_ALERT_UTILISATION] = {look_utilisation, true},
    [TG_ALERT_BALANCE] = {look_balance, false},
};

void
tg_alert_look(struct tg_alerts *alerts, const struct tg_alert_rule *rule,
              const struct tg_alert_sight *sight, struct tg_track *watched)
{
    struct look look;

    if (looks[rule->kind].look == NULL ||
        looks[rule->kind].is_of_keys != (sight->key_id[0] != '\0'))
        return;
    /* Its texts are written when there is something to say: most never are. */
    look.alerts = alerts;
    look.rule = rule;
    look.sight = sight;
    look.watched = watched;
    look.is_seen = false;
    looks[rule->kind].look(&look);
    /* What it was about is not there any more: a day that is over, a limit. */
    if (watched != NULL && !look.is_seen) {
        if (watched->state == TG_TRACK_OPEN)
            tg_alert_ends(alerts, rule, watched, "recovered");
        else
            tg_tracks_remove(alerts->tracks, watched);
    }
}
