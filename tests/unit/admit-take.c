/*
 * What an admitted call takes from rates, budgets and balance: all of it or
 * nothing; and what the upstream is told when the money is short.
 */
#include "admit_judge.h"
#include "admit_take.h"
#include "edit.h"
#include "tap.h"

static struct tg_area_claim claim;
static struct tg_queue_place place; /* in no line: none of its keys has one */

#define SAY(members) "{\"model\":\"deepseek-flash\"" members "}"
#define STREAM ",\"stream\":true"

/* The catalog's off-peak price: 150 nanos a prompt token, 600 an answer's. */
#define OUTPUT_NANOS 600

static struct tg_call_slot *
take(const char *text, const struct test_policy *key, struct tg_admission *a)
{
    struct body_case body = {"", CHAT_PATH, text, *key, NULL};

    judge_body(&body, NOON, a);
    if (a->action != TG_ACTION_PROXY) {
        printf("Bail out! not admitted: %s\n", text);
        exit(1);
    }
    return tg_admit_take(&claim, &judged, &place, instant(NOON), a);
}

static const struct tg_counters *
counters(void)
{
    return &state.keys[0].counters;
}

static int64_t
used_today(void)
{
    return atomic_load(&state.keys[0].day.used_nanos);
}

static void
is_untouched(const char *when)
{
    is_int(atomic_load(&counters()->in_flight), 0, "%s: none in flight", when);
    is_int(atomic_load(&counters()->held_nanos), 0, "%s: none held", when);
    is_int(used_today(), 0, "%s: nothing used", when);
}

static void
test_all_or_nothing(void)
{
    static const struct test_policy key = {.daily_nanos = 2000000000};
    struct tg_admission a;
    struct tg_call_slot *slot = take(SAY(), &key, &a);

    ok(slot != NULL, "a call that is affordable is taken");
    is_int(atomic_load(&counters()->in_flight), 1, "it is in flight");
    is_int(used_today(), a.call.held_nanos, "its worst cost is used today");
    is_int(a.edit_count, 0, "nothing needs to be said to the upstream");
    tg_admit_give_back(&claim, slot, &a);
    is_untouched("given back");
}

static void
test_usage_is_asked_for(void)
{
    static const struct test_policy key = {0};
    struct tg_admission a;
    struct tg_call_slot *slot =
        take("{\"model\":\"gpt-4o\"" STREAM "}", &key, &a);

    is_int(a.edit_rule, TG_EDIT_ALL_USAGE, "usage is taken out again");
    is_int(a.edit_count, 1, "after it was asked for");
    ok(memmem(a.edits[0].insert, a.edits[0].insert_len, "include_usage", 13) !=
           NULL,
       "in so many words");
    tg_admit_give_back(&claim, slot, &a);
    is_untouched("given back");
}

/* The edits put together as one text, for a glance. */
static const char *
edits_of(const struct tg_admission *a)
{
    static char text[256];
    size_t len = 0;

    for (size_t i = 0; i < a->edit_count; i++)
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "-%u+%.*s", a->edits[i].remove_len,
            (int)a->edits[i].insert_len, a->edits[i].insert);
    text[len] = '\0';
    return text;
}

static void
test_a_short_budget_shortens_the_answer(void)
{
    static const struct {
        const char *what, *body;
        int64_t budget_answers; /* beyond the prompt's hold */
        const char *edits;
        int64_t held_answers;
    } rows[] = {
        {"a limit is added", SAY(), 100, "-0+\"max_tokens\":100,", 100},
        {"a larger one replaced", SAY(",\"max_tokens\":5000"), 100, "-4+100",
         100},
        {"a smaller one stays", SAY(",\"max_tokens\":50"), 100, "", 50},
        {"the least there is", SAY(), 16, "-0+\"max_tokens\":16,", 16},
        {"a stream holds a slice of it", SAY(STREAM), 5000,
         "-0+\"max_tokens\":5000,", 1024},
        {"or what there is", SAY(STREAM), 100, "-0+\"max_tokens\":100,", 100},
        {"down to the least", SAY(STREAM), 16, "-0+\"max_tokens\":16,", 16},
    };
    struct test_policy key = {.daily_nanos = 1};
    struct tg_admission a;
    struct tg_call_slot *slot;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct body_case body = {"", CHAT_PATH, rows[i].body, {0}, NULL};

        judge_body(&body, NOON, &a);
        key.daily_nanos =
            a.call.prompt_bound * 150 + rows[i].budget_answers * OUTPUT_NANOS;
        slot = take(rows[i].body, &key, &a);
        if (!ok(slot != NULL, "%s: it is taken", rows[i].what))
            continue;
        is_str(edits_of(&a), rows[i].edits, "%s: the edit", rows[i].what);
        is_int(used_today(),
               a.call.prompt_bound * 150 + rows[i].held_answers * OUTPUT_NANOS,
               "%s: what is held", rows[i].what);
        ok(used_today() <= key.daily_nanos, "%s: within the budget",
           rows[i].what);
        tg_admit_give_back(&claim, slot, &a);
        is_untouched(rows[i].what);
    }
}

static void
test_refusals(void)
{
    static const struct {
        const char *what;
        struct test_policy key;
        const char *want; /* the beginning of the message */
        enum tg_code code;
        int64_t retry_ms;
    } rows[] = {
        {"a daily budget too small",
         {.daily_nanos = 1000},
         "The daily budget of this API key is 0.000001, of which 0.00 is used "
         "or held",
         TG_CODE_BUDGET_EXCEEDED,
         0},
        {"a monthly one",
         {.monthly_nanos = 1000},
         "The monthly budget of this API key is 0.000001, of which 0.00 is",
         TG_CODE_BUDGET_EXCEEDED,
         0},
    };
    struct tg_admission a;

    for (size_t i = 0; i < COUNT(rows); i++) {
        ok(take(SAY(), &rows[i].key, &a) == NULL, "%s: refused", rows[i].what);
        is_int(a.code, rows[i].code, "%s: by its code", rows[i].what);
        is_int(tg_admit_retry_ms(&a), rows[i].retry_ms, "%s: retry",
               rows[i].what);
        ok(strstr(refusal(&a, (struct tg_str){NULL, 0}), rows[i].want) != NULL,
           "%s: %s", rows[i].what, answer);
        is_untouched(rows[i].what);
    }
}

static void
test_rates(void)
{
    static const struct test_policy once = {.requests_per_minute = 1};
    static const struct test_policy alone = {.concurrency = 1};
    struct tg_admission first, second;
    struct tg_call_slot *slot = take(SAY(), &once, &first);

    ok(slot != NULL, "one request a minute passes");
    ok(take(SAY(), &once, &second) == NULL, "two do not");
    is_int(second.code, TG_CODE_RATE_LIMIT_EXCEEDED, "by its code");
    is_int(tg_admit_retry_ms(&second), 60000, "for a minute");
    ok(strstr(refusal(&second, (struct tg_str){NULL, 0}),
              "limit of 1 request per minute. Try again in 1m0s.") != NULL,
       "%s", answer);
    tg_admit_give_back(&claim, slot, &first);
    is_untouched("given back");

    slot = take(SAY(), &alone, &first);
    ok(slot != NULL, "one call at once passes");
    ok(take(SAY(), &alone, &second) == NULL, "a second one does not");
    is_int(atomic_load(&counters()->in_flight), 1, "and leaves no trace");
    tg_admit_give_back(&claim, slot, &first);
    slot = take(SAY(), &alone, &first);
    ok(slot != NULL, "when it has ended, the next one passes");
    tg_admit_give_back(&claim, slot, &first);
    is_untouched("at the end");
}

/* A revocation that comes between the judging and the taking counts. */
static void
test_the_key_is_asked_last(void)
{
    static const struct test_policy sound = {0};
    static const struct test_policy disabled = {.status = TG_KEY_DISABLED};
    struct body_case body = {"", CHAT_PATH, SAY(), sound, NULL};
    struct tg_admission a;

    judge_body(&body, NOON, &a);
    is_int(a.action, TG_ACTION_PROXY, "a sound key is admitted");
    publish_policy(&disabled);
    ok(tg_admit_take(&claim, &judged, &place, instant(NOON), &a) == NULL,
       "and disabled before anything is taken");
    is_int(a.action, TG_ACTION_REFUSE, "it is refused");
    is_int(a.code, TG_CODE_KEY_DISABLED, "as what it is now");
    is_untouched("refused");
}

int
main(void)
{
    admit_test_begin();
    tg_publish_ready(publisher, 1);
    if (tg_area_claim(&claim, &state, 77, 1) != 0)
        return 1;
    test_all_or_nothing();
    test_usage_is_asked_for();
    test_a_short_budget_shortens_the_answer();
    test_refusals();
    test_rates();
    test_the_key_is_asked_last();
    tg_area_leave(&claim);
    admit_test_end();
    return done();
}
