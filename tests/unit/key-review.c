/*
 * Goal: a key of which all is as it should be has no findings, and each fact
 * by itself makes those that it should, and no others.
 */
#include "advice_review.h"

#include "tap.h"

#define NOW INT64_C(1795737600000)
#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define BIT(finding) (1u << TG_REVIEW_##finding)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CHAT = 1, CODE = 2, IMAGE = 4 };

static struct tg_review_facts
sound(void)
{
    return (struct tg_review_facts){
        .now_ms = NOW,
        .unused_ms = 90 * DAY,
        .rotated_ms = 90 * DAY,
        .kind = TG_KIND_RESTRICTED,
        .created_at = NOW - 200 * DAY,
        .expires_at = NOW + DAY,
        .last_used_at = NOW - DAY,
        .secret_made_at = NOW - 10 * DAY,
        .rotate_days = 30,
        .has_owner = true,
        .has_network = true,
        .has_budget = true,
        .scopes = CHAT,
        .used_scopes = CHAT,
        .model_count = 2,
        .used_models = 2,
        .knows_models = true,
        .requests = 500,
        .busiest_day = 200,
        .requests_per_minute = 2000,
    };
}

static void
unused(struct tg_review_facts *facts, int64_t created, int64_t used)
{
    facts->created_at = created;
    facts->last_used_at = used;
    facts->requests = facts->busiest_day = 0;
    facts->used_scopes = 0;
    facts->used_models = 0;
}

static void
is(const char *what, struct tg_review_facts facts, uint32_t findings)
{
    is_int(tg_review(&facts), findings, "%s", what);
}

static void
test_use(void)
{
    struct tg_review_facts facts = sound();

    is("nothing", facts, 0);
    unused(&facts, NOW - 90 * DAY, 0);
    is("never used for 90 days", facts, BIT(NEVER_USED));
    unused(&facts, NOW - 90 * DAY + 1, 0);
    is("not yet 90 days old", facts, 0);
    unused(&facts, NOW - 200 * DAY, NOW - 90 * DAY);
    is("unused for 90 days", facts, BIT(UNUSED));
    unused(&facts, NOW - 200 * DAY, NOW - 90 * DAY + 1);
    is("used within them", facts, 0);
    facts = sound();
    facts.last_used_at = 0;
    is("its calls know better than its counters", facts, 0);
}

static void
test_policy(void)
{
    struct tg_review_facts facts = sound();

    facts.scopes = CHAT | IMAGE;
    is("a scope too many", facts, BIT(SCOPES));
    facts.used_scopes = 0;
    is("but not when none was used", facts, 0);
    facts = sound();
    facts.used_models = 1;
    is("a model too many", facts, BIT(MODELS));
    facts.knows_models = false;
    is("but not when it is not known", facts, 0);
    facts = sound();
    facts.is_any_model = true;
    is("any model", facts, BIT(MODELS));
    facts.used_models = 0;
    is("but not when none was used", facts, 0);
    facts = sound();
    facts.expires_at = 0;
    is("no end", facts, BIT(NO_EXPIRY));
    facts = sound();
    facts.has_network = facts.has_budget = facts.has_owner = false;
    is("no network, budget, owner", facts,
       BIT(NO_NETWORK) | BIT(NO_BUDGET) | BIT(NO_OWNER));
    facts = sound();
    facts.kind = TG_KIND_PRODUCTION;
    is("production for one thing", facts, BIT(KIND));
    facts.scopes = facts.used_scopes = CHAT | CODE;
    is("but not for two", facts, 0);
    facts.kind = TG_KIND_DEVELOPMENT;
    facts.used_scopes = facts.scopes = CHAT;
    is("nor one for development", facts, 0);
}

static void
test_secrets(void)
{
    struct tg_review_facts facts = sound();

    facts.secret_made_at = NOW - 90 * DAY;
    is("a secret of 90 days", facts, BIT(NOT_ROTATED));
    facts.secret_made_at = 0;
    is("none in force", facts, 0);
    facts = sound();
    facts.rotate_days = 0;
    is("no schedule", facts, BIT(NO_ROTATION));
    facts = sound();
    facts.old_until = NOW + 2 * DAY;
    facts.old_used_at = NOW - HOUR;
    is("the old secret is used in its last two days", facts, BIT(OLD_SECRET));
    facts.old_until++;
    is("and before them is nothing", facts, 0);
    facts.old_until = NOW + DAY;
    facts.old_used_at = NOW - DAY;
    is("nor is it when nobody did for a day", facts, 0);
    facts.old_used_at = 0;
    is("or ever", facts, 0);
    facts.old_used_at = NOW;
    facts.old_until = NOW;
    is("or it is over", facts, 0);
}

static void
test_limits(void)
{
    static const struct {
        int64_t limit, busiest;
        uint32_t findings;
        const char *what;
    } rows[] = {
        {0, 5, BIT(LIMITS), "no limit"},
        {1000, 5, 0, "what is ever suggested is 100, ten times"},
        {1009, 5, 0, "and a few"},
        {1010, 5, BIT(LIMITS), "more than that"},
        {2000, 200, 0, "ten times the busiest day"},
        {2010, 200, BIT(LIMITS), "more than that"},
        {INT64_MAX, INT64_MAX / 2, 0, "large ones"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tg_review_facts facts = sound();

        facts.requests_per_minute = rows[i].limit;
        facts.busiest_day = rows[i].busiest;
        is(rows[i].what, facts, rows[i].findings);
    }
    struct tg_review_facts facts = sound();

    unused(&facts, NOW - DAY, 0);
    facts.requests_per_minute = 0;
    is("of a key that is not used nothing is said", facts, 0);
}

static void
test_patterns(void)
{
    static const struct {
        const char *pattern, *model;
        bool covers;
    } rows[] = {
        {"gpt-4o", "gpt-4o", true},
        {"gpt-4o", "gpt-4o-mini", false},
        {"gpt-4o*", "gpt-4o", true},
        {"gpt-4o*", "gpt-4o-mini", true},
        {"deepseek-*", "gpt-4o", false},
        {"*", "anything", true},
        {"", "", true},
        {"", "a", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        ok(tg_review_covers(rows[i].pattern, rows[i].model) == rows[i].covers,
           "%s and %s", rows[i].pattern, rows[i].model);
}

static void
test_rows(void)
{
    for (int i = 0; i < TG_REVIEW_FINDINGS; i++) {
        const struct tg_review_row *row =
            tg_review_row((enum tg_review_finding)i);

        ok(row->code != NULL && row->severity != NULL, "finding %d has a name",
           i);
    }
}

int
main(void)
{
    test_use();
    test_policy();
    test_secrets();
    test_limits();
    test_patterns();
    test_rows();
    return done();
}
