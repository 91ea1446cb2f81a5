#include "check_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "civil.h"
#include "money.h"
#include "plural.h"
#include "text.h"
#include "unit.h"

#define NANOS_PER_PICO_OF_MILLION 1000

const char *
tg_check_name(enum tg_check_row row)
{
    static const char *const names[TG_CHECK_ROWS] = {
        [TG_CHECK_CREDENTIAL] = "credential", [TG_CHECK_STATUS] = "status",
        [TG_CHECK_EXPIRY] = "expiry",         [TG_CHECK_ACCOUNT] = "account",
        [TG_CHECK_NETWORK] = "network",       [TG_CHECK_REFERRER] = "referrer",
        [TG_CHECK_HOURS] = "hours",           [TG_CHECK_ENDPOINT] = "endpoint",
        [TG_CHECK_SCOPE] = "scope",           [TG_CHECK_MODEL] = "model",
        [TG_CHECK_RATES] = "rates",           [TG_CHECK_BUDGET] = "budget",
        [TG_CHECK_PRICE] = "price",           [TG_CHECK_UPSTREAM] = "upstream",
    };

    return names[row];
}

/* A text being put together; jansson takes it when it is whole. */
struct line {
    FILE *out;
    char *text;
    size_t len;
};

static bool
begin(struct line *line)
{
    line->text = NULL;
    line->out = open_memstream(&line->text, &line->len);
    return line->out != NULL;
}

static json_t *
end(struct line *line)
{
    json_t *value;

    fclose(line->out);
    value = line->text != NULL ? json_string(line->text) : NULL;
    free(line->text);
    return value != NULL ? value : json_null();
}

static void
put_str(FILE *out, struct tg_str s)
{
    fwrite(s.data, 1, s.len, out);
}

static void
put_field(FILE *out, const char *field, size_t size)
{
    put_str(out, (struct tg_str){field, tg_field_len(field, size)});
}

static void
put_instant(FILE *out, int64_t at_ms)
{
    char text[TG_CIVIL_TEXT_SIZE] = "";

    tg_civil_format(at_ms, text);
    fputs(text, out);
}

static void
put_money(FILE *out, int64_t nanos)
{
    char text[TG_MONEY_TEXT_SIZE];

    tg_money_format(nanos, text);
    fputs(text, out);
}

static const char *
scope_of(const struct tg_check_said *said)
{
    const struct tg_route *route = said->admission->head.route;
    const char *name =
        tg_scope_name(route != NULL ? route->scope : said->question->scope);

    return name != NULL ? name : "";
}

struct tg_str
tg_check_model(const struct tg_check_said *said)
{
    const struct tg_admission *a = said->admission;

    if (a->head.route == NULL || a->head.route->service.len == 0)
        return said->question->model;
    return (struct tg_str){a->call.model,
                           tg_field_len(a->call.model, sizeof(a->call.model))};
}

static void
put_ip(FILE *out, const struct tg_check_said *said)
{
    char text[TG_TEXT_IP_SIZE];

    tg_text_ip(text, said->question->ip);
    fputs(text, out);
}

/* How the rows stand that let the call pass. */

static void
say_expiry(FILE *out, const struct tg_check_said *said)
{
    if (said->admission->key.expires_at_ms == 0) {
        fputs("it does not expire", out);
        return;
    }
    fputs("it expires at ", out);
    put_instant(out, said->admission->key.expires_at_ms);
}

static void
say_place(FILE *out, const struct tg_check_said *said)
{
    const struct tg_key_policy *key = &said->admission->key;

    if (said->row == TG_CHECK_NETWORK && key->networks == 0) {
        fputs("from any address", out);
    } else if (said->row == TG_CHECK_NETWORK) {
        put_ip(out, said);
        fputs(" is in its networks", out);
    } else if (key->referrers == 0) {
        fputs("from any page", out);
    } else {
        put_str(out, said->question->referrer);
        fputs(" is one of its pages", out);
    }
}

static void
say_hours(FILE *out, const struct tg_check_said *said)
{
    struct tg_str hours =
        tg_state_blob(said->state, said->admission->key.hours);

    if (said->admission->key.hours == 0) {
        fputs("at any time", out);
        return;
    }
    fputs("within ", out);
    put_str(out, tg_calendar_text(hours));
}

static void
say_rates(FILE *out, const struct tg_check_said *said)
{
    static const char *const units[][2] = {
        [TG_RATE_TOKENS] = {"token", "a minute"},
        [TG_RATE_MINUTE] = {"request", "a minute"},
        [TG_RATE_SECOND] = {"request", "a second"},
        [TG_RATE_DAY] = {"request", "a day"},
        [TG_RATE_CONCURRENCY] = {"call", "at once"},
    };
    const struct tg_admission *a = said->admission;
    const char *before = "left: ";

    for (int i = TG_RATE_TOKENS; i <= TG_RATE_CONCURRENCY; i++) {
        struct tg_rate_standing one =
            tg_rate_stand(&said->state->keys[a->head.key_slot].counters,
                          &a->key, said->question->now_ms, (int32_t)a->call.day,
                          (enum tg_rate_limit)i);

        if (one.limit == TG_RATE_NONE)
            continue;
        fprintf(out, "%s%u of %u %s%s %s", before, one.left, one.size,
                units[i][0], tg_plural(one.size), units[i][1]);
        before = ", ";
    }
    if (strcmp(before, ", ") != 0)
        fputs("no limits", out);
}

static void
say_budget(FILE *out, const struct tg_check_said *said)
{
    static const char *const names[] = {
        [TG_BUDGET_DAILY] = " of its day",
        [TG_BUDGET_MONTHLY] = " of its month",
        [TG_BUDGET_BALANCE] = " of its account's balance",
    };
    const struct tg_admission *a = said->admission;
    struct tg_budget_verdict all[TG_BUDGETS];
    struct tg_call call = {.key_slot = a->head.key_slot,
                           .account_slot = a->key.account,
                           .day = a->call.day,
                           .month = a->call.month};
    const char *before = "left: ";

    tg_budget_stand(said->state, &call, &a->key, &a->account, all);
    for (int i = 0; i < TG_BUDGETS; i++) {
        if (all[i].kind == TG_BUDGET_NONE)
            continue;
        fputs(before, out);
        put_money(out, all[i].left_nanos);
        fputs(names[all[i].kind], out);
        before = ", ";
    }
    if (strcmp(before, ", ") != 0)
        fputs("no budget, and its account pays afterwards", out);
}

static void
say_price(FILE *out, const struct tg_check_said *said)
{
    const struct tg_call *call = &said->admission->call;
    enum tg_unit unit = (enum tg_unit)call->unit;
    bool has_tokens = unit == TG_UNIT_NONE || call->rates.miss_picos != 0 ||
                      call->rates.output_picos != 0;

    if (has_tokens) {
        put_money(out, call->rates.miss_picos * NANOS_PER_PICO_OF_MILLION);
        fputs(" per million prompt tokens, ", out);
        put_money(out, call->rates.output_picos * NANOS_PER_PICO_OF_MILLION);
        fputs(" completion", out);
    }
    if (unit != TG_UNIT_NONE) {
        fputs(has_tokens ? ", and " : "", out);
        put_money(out, tg_unit_price_nanos(unit, call->rates.unit_picos));
        fprintf(out, " per %s", tg_unit_name(unit));
    }
    if (call->flags & TG_CALL_PEAK)
        fputs(", at this hour", out);
}

json_t *
tg_check_yes(const struct tg_check_said *said)
{
    const struct tg_admission *a = said->admission;
    struct line line;

    if (!begin(&line))
        return json_null();
    switch (said->row) {
    case TG_CHECK_CREDENTIAL:
        fputs("its secret ends in ", line.out);
        put_field(line.out, a->key.last4, sizeof(a->key.last4));
        break;
    case TG_CHECK_STATUS:
        fputs("active", line.out);
        break;
    case TG_CHECK_EXPIRY:
        say_expiry(line.out, said);
        break;
    case TG_CHECK_ACCOUNT:
        put_str(line.out, tg_state_blob(said->state, a->account.name));
        fputs(" is in order", line.out);
        break;
    case TG_CHECK_NETWORK:
    case TG_CHECK_REFERRER:
        say_place(line.out, said);
        break;
    case TG_CHECK_HOURS:
        say_hours(line.out, said);
        break;
    case TG_CHECK_ENDPOINT:
        fputs(a->head.route->name, line.out);
        break;
    case TG_CHECK_SCOPE:
        fprintf(line.out, "it has %s", scope_of(said));
        break;
    case TG_CHECK_MODEL:
        fputs("it may use ", line.out);
        put_str(line.out, tg_check_model(said));
        break;
    case TG_CHECK_RATES:
        say_rates(line.out, said);
        break;
    case TG_CHECK_BUDGET:
        say_budget(line.out, said);
        break;
    case TG_CHECK_PRICE:
        say_price(line.out, said);
        break;
    default:
        put_field(line.out, a->upstream.name, sizeof(a->upstream.name));
        fputs(" serves it", line.out);
    }
    return end(&line);
}

json_t *
tg_check_unasked(const struct tg_check_said *said)
{
    const struct tg_route *route = said->admission->head.route;

    if (said->row >= TG_CHECK_MODEL && route != NULL &&
        route->served == TG_SERVED_LOCALLY)
        return json_string("the gate answers by itself, for free");
    switch (said->row) {
    case TG_CHECK_NETWORK:
        return json_string("only from some networks: name an address");
    case TG_CHECK_REFERRER:
        return json_string("only from some pages: name a referrer");
    case TG_CHECK_MODEL:
    case TG_CHECK_PRICE:
    case TG_CHECK_UPSTREAM:
        return json_string(tg_check_model(said).len == 0 ? "name a model"
                                                         : "see the model");
    default:
        return json_string("name a scope, an endpoint or a model");
    }
}

/* What there is none of, to be followed by the model. */
static const char *
upstream_lack(enum tg_reason reason)
{
    switch (reason) {
    case TG_REASON_NO_CREDENTIAL:
    case TG_REASON_POOL_OUT:
        return "a credential that is accepted for ";
    case TG_REASON_POOL_BUSY:
    case TG_REASON_POOL_FULL:
        return "room at the upstreams of ";
    case TG_REASON_NO_ADDRESS:
        return "an address of the upstream of ";
    default:
        return "an upstream for ";
    }
}

json_t *
tg_check_missing(const struct tg_check_said *said)
{
    const struct tg_admission *a = said->admission;
    struct line line;

    if (!begin(&line))
        return json_null();
    switch (said->row) {
    case TG_CHECK_CREDENTIAL:
        fputs("the key itself, which is gone", line.out);
        break;
    case TG_CHECK_STATUS:
        fputs("the status active", line.out);
        break;
    case TG_CHECK_EXPIRY:
        fputs("a later end", line.out);
        break;
    case TG_CHECK_ACCOUNT:
        fputs("an account in order", line.out);
        break;
    case TG_CHECK_NETWORK:
        fputs("a network with ", line.out);
        put_ip(line.out, said);
        break;
    case TG_CHECK_REFERRER:
        fputs("the page ", line.out);
        put_str(line.out, said->question->referrer);
        break;
    case TG_CHECK_HOURS:
        fputs("this hour", line.out);
        break;
    case TG_CHECK_ENDPOINT:
        fprintf(line.out, "the endpoint %s",
                a->head.route != NULL ? a->head.route->name : scope_of(said));
        break;
    case TG_CHECK_SCOPE:
        fprintf(line.out, "the scope %s", scope_of(said));
        break;
    case TG_CHECK_RATES:
        fputs("room in its limits", line.out);
        break;
    case TG_CHECK_BUDGET:
        fputs("money", line.out);
        break;
    default:
        fputs(said->row == TG_CHECK_MODEL   ? "the model "
              : said->row == TG_CHECK_PRICE ? "a price of "
                                            : upstream_lack(a->reason),
              line.out);
        put_str(line.out, tg_check_model(said));
    }
    return end(&line);
}
