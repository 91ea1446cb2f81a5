/*
 * What two readings of an upstream say, and the ledger in between: when that
 * is a difference, and when it may be calls in flight or rounding.
 */
#include <stdlib.h>
#include <string.h>

#include "reconcile.h"
#include "tap.h"

#define STEP 10000000 /* 0.01 */

static struct tg_reading first, last;
static struct tg_tallies ledger;

static long
differences(int64_t ledger_nanos)
{
    struct tg_findings findings;
    json_t *figures = json_array();
    long count;

    tg_findings_init(&findings, "USD");
    tg_reconcile(&first, &last, &ledger, ledger_nanos, &findings, figures);
    count = (long)findings.count;
    tg_findings_release(&findings);
    json_decref(figures);
    return count;
}

static bool
reads(struct tg_reading *reading, const char *total)
{
    json_t *answer = json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "balance_infos",
                               "currency", "CNY", "total_balance", "7",
                               "currency", "USD", "total_balance", total);
    int err = tg_reading_balance(reading, answer, "USD");

    json_decref(answer);
    return err == 0;
}

static void
test_balance(void)
{
    ok(reads(&first, "100.00") && reads(&last, "99.50"), "two balances");
    is_int(first.balance_nanos, 100000000000, "of the ledger's currency");
    is_int(first.step_nanos, STEP, "told in hundredths");
    is_int(differences(500000000), 0, "what it fell by is what calls cost");
    is_int(differences(500000000 + STEP), 0, "to within a hundredth");
    is_int(differences(500000000 - STEP), 0, "both ways");
    is_int(differences(500000000 + STEP + 1), 1, "and no further");
    is_int(differences(500000000 - STEP - 1), 1, "both ways");
    first.slack.nanos = 3000;
    is_int(differences(500000000 + STEP + 3000), 0,
           "calls in flight at first may have been charged before");
    is_int(differences(500000000 - STEP - 1), 1, "but not later");
    last.slack.nanos = 3000;
    is_int(differences(500000000 - STEP - 3000), 0,
           "those in flight at last may be charged already");
    ok(!reads(&last, "1e3") && !reads(&last, ""), "what is no amount is none");
}

static struct tg_call
call_of(const char *model, enum tg_basis basis)
{
    struct tg_call call = {
        .basis = (uint8_t)basis, .prompt_tokens = 10, .completion_tokens = 4};

    memcpy(call.model, model, strlen(model));
    return call;
}

static bool
counts(struct tg_reading *reading, int requests)
{
    json_t *answer =
        json_pack("{s:{s:{s:i,s:i,s:i},s:{s:i}}}", "models", "m", "requests",
                  requests, "prompt_tokens", requests * 10, "completion_tokens",
                  requests * 4, "(files)", "requests", 2);
    int err = tg_reading_counts(reading, answer);

    json_decref(answer);
    return err == 0;
}

static void
test_counts(void)
{
    struct tg_call call = call_of("m", TG_BASIS_REPORTED);
    struct tg_call failed = call_of("m", TG_BASIS_NONE);
    json_t *saved;

    memset(&first, 0, sizeof(first));
    memset(&last, 0, sizeof(last));
    ok(counts(&first, 5) && counts(&last, 7), "two counts");
    is_str(first.counts.list[1].model, "files", "what is no model has a name");
    tg_tally_call(&ledger, &call);
    is_int(differences(0), 3, "a call too few, in requests and tokens");
    tg_tally_call(&ledger, &call);
    tg_tally_call(&ledger, &failed);
    is_int(differences(0), 0, "all are there; one that failed is none");
    last.slack = (struct tg_slack){.calls = 1, .tokens = 20};
    ok(counts(&last, 8), "one more");
    is_int(differences(0), 0, "which may be the one in flight");
    first.at_ms = 77;
    first.seq = 9;
    first.slack.calls = 3;
    saved = tg_reading_save(&first);
    ok(tg_reading_load(&last, saved) == 0 &&
           memcmp(&first, &last, sizeof(first)) == 0,
       "a reading comes back as it was kept");
    json_decref(saved);
    ok(counts(&last, 3) && tg_reading_is_newer(&first, &last),
       "counts that fell began anew");
}

int
main(void)
{
    test_balance();
    test_counts();
    return done();
}
