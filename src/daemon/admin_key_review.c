/*
 * Keys that may more than they are used for: docs/advice.md.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "advice_calls.h"
#include "civil.h"
#include "clock.h"
#include "err.h"
#include "leak_plan.h"
#include "own.h"
#include "plural.h"
#include "review_keys.h"
#include "route.h"
#include "shapes.h"

#define DEFAULT_DAYS 90
#define DAYS_MAX 3650
#define TEXT_SIZE 2048
#define DATE_SIZE 11

struct reviewing {
    struct tg_request *request;
    struct tg_reply *reply;
    struct tg_review_page page;
    char account_id[TG_ID_TEXT_SIZE];
    int64_t unused_days, rotated_days;
    bool wants_networks;
};

/* A text that is put together; what does not fit is cut. */
struct words {
    char text[TEXT_SIZE];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
add(struct words *words, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(words->text + words->len, TEXT_SIZE - words->len, format, ap);
    va_end(ap);
    if (n > 0)
        words->len += (size_t)n;
    if (words->len >= TEXT_SIZE)
        words->len = TEXT_SIZE - 1;
}

static void
add_list(struct words *words, const json_t *list, const char *before,
         const char *between)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item) add(
        words, "%s%s%s", i > 0 ? between : "", before, json_string_value(item));
}

static void
date_of(int64_t at_ms, char out[DATE_SIZE])
{
    tg_civil_format_date((int32_t)tg_civil_day_at(at_ms), out);
}

static json_t *
used_scopes(const struct tg_review_key *key)
{
    json_t *list = json_array();

    for (uint32_t bit = 1; bit <= TG_SCOPE_ALL; bit <<= 1) {
        if (key->facts.used_scopes & bit)
            json_array_append_new(
                list, json_string(tg_scope_name((enum tg_scope)bit)));
    }
    return list;
}

static json_t *
used_models(const struct reviewing *all, const struct tg_review_key *key)
{
    json_t *list = json_array();

    for (size_t i = 0; i < all->page.model_count; i++) {
        if (key->used >> i & 1)
            json_array_append_new(list, json_string(all->page.models[i]));
    }
    return list;
}

/* What was used, for sentences and proposals. */
struct used {
    json_t *scopes, *models;
};

static void
say_unused(const struct tg_review_key *key, enum tg_review_finding finding,
           struct words *words)
{
    const struct tg_review_facts *facts = &key->facts;
    char date[DATE_SIZE];

    date_of(finding == TG_REVIEW_NEVER_USED ? facts->created_at
                                            : facts->last_used_at,
            date);
    if (finding == TG_REVIEW_NEVER_USED)
        add(words, "it was made on %s and never used", date);
    else
        add(words, "it was used last on %s", date);
}

static void
say_wide(const struct tg_review_key *key, enum tg_review_finding finding,
         const struct used *used, struct words *words)
{
    bool is_scopes = finding == TG_REVIEW_SCOPES;
    const json_t *may = is_scopes ? key->scopes : key->models;

    add(words, "it may use ");
    if (json_array_size(may) > 0)
        add_list(words, may, "", ", ");
    else
        add(words, "all models that are priced");
    add(words, "; of %lld request%s all were of ",
        (long long)key->facts.requests, tg_plural(key->facts.requests));
    add_list(words, is_scopes ? used->scopes : used->models, "", ", ");
}

static void
say_late(const struct tg_review_key *key, struct words *words)
{
    char until[TG_CIVIL_TEXT_SIZE], used[TG_CIVIL_TEXT_SIZE];

    tg_civil_format(key->facts.old_until, until);
    tg_civil_format(key->facts.old_used_at, used);
    add(words,
        "its old secret ends at %s and was used at %s: a program has "
        "not got the new one",
        until, used);
}

static void
say_rate(const struct tg_review_key *key, struct words *words)
{
    const struct tg_review_facts *facts = &key->facts;

    if (facts->requests_per_minute == 0)
        add(words, "it may make any number of requests a minute");
    else
        add(words, "it may make %lld request%s a minute",
            (long long)facts->requests_per_minute,
            tg_plural(facts->requests_per_minute));
    add(words, "; on its busiest day it made %lld",
        (long long)facts->busiest_day);
}

static void
say(const struct tg_review_key *key, enum tg_review_finding finding,
    const struct used *used, struct words *words)
{
    const struct tg_review_facts *facts = &key->facts;
    char date[DATE_SIZE];

    switch (finding) {
    case TG_REVIEW_OLD_SECRET:
        say_late(key, words);
        break;
    case TG_REVIEW_NEVER_USED:
    case TG_REVIEW_UNUSED:
        say_unused(key, finding, words);
        break;
    case TG_REVIEW_SCOPES:
    case TG_REVIEW_MODELS:
        say_wide(key, finding, used, words);
        break;
    case TG_REVIEW_NOT_ROTATED:
        date_of(facts->secret_made_at, date);
        add(words, "its secret was made on %s", date);
        break;
    case TG_REVIEW_NO_EXPIRY:
        add(words, "it never expires");
        break;
    case TG_REVIEW_NO_NETWORK:
        add(words, "it may be used from anywhere");
        break;
    case TG_REVIEW_NO_BUDGET:
        add(words, "it has no budget, neither a day's nor a month's");
        break;
    case TG_REVIEW_LIMITS:
        say_rate(key, words);
        break;
    case TG_REVIEW_NO_ROTATION:
        add(words, "no schedule says when it is rotated");
        break;
    case TG_REVIEW_NO_OWNER:
        add(words, "nobody is named as its owner");
        break;
    case TG_REVIEW_KIND:
        add(words, "it is of kind production, and a restricted key would do "
                   "for what it is used for");
        break;
    case TG_REVIEW_FINDINGS:
        break;
    }
}

/* What a person types to cure it; words in capitals are for them to say. */
static void
cure(const struct tg_review_key *key, enum tg_review_finding finding,
     const struct used *used, struct words *words)
{
    static const char *const rows[TG_REVIEW_FINDINGS] = {
        [TG_REVIEW_OLD_SECRET] = "tollgate keys rotation extend %s",
        [TG_REVIEW_NEVER_USED] = "tollgate keys pause %s",
        [TG_REVIEW_UNUSED] = "tollgate keys pause %s",
        [TG_REVIEW_SCOPES] = "tollgate keys update %s",
        [TG_REVIEW_MODELS] = "tollgate keys update %s",
        [TG_REVIEW_NOT_ROTATED] = "tollgate keys rotate %s",
        [TG_REVIEW_NO_EXPIRY] = "tollgate keys update %s --expires 90d",
        [TG_REVIEW_NO_NETWORK] = "tollgate keys review %s --networks --apply",
        [TG_REVIEW_NO_BUDGET] =
            "tollgate keys update %s --monthly-limit AMOUNT",
        [TG_REVIEW_LIMITS] = "tollgate limits suggest %s --apply",
        [TG_REVIEW_NO_ROTATION] = "tollgate keys update %s --rotate-every 90d",
        [TG_REVIEW_NO_OWNER] = "tollgate keys update %s --owner NAME",
        [TG_REVIEW_KIND] = "tollgate keys create --kind restricted --name NAME",
    };
    const char *row = rows[finding], *at = strstr(row, "%s");

    if (at == NULL)
        add(words, "%s", row);
    else
        add(words, "%.*s%s%s", (int)(at - row), row, key->id, at + 2);
    if (finding == TG_REVIEW_SCOPES || finding == TG_REVIEW_KIND)
        add_list(words, used->scopes, " --scope ", "");
    if (finding == TG_REVIEW_MODELS || finding == TG_REVIEW_KIND)
        add_list(words, used->models, " --model ", "");
}

static json_t *
findings_of(const struct tg_review_key *key, uint32_t findings,
            const struct used *used)
{
    json_t *list = json_array();

    for (int i = 0; i < TG_REVIEW_FINDINGS; i++) {
        enum tg_review_finding finding = (enum tg_review_finding)i;
        const struct tg_review_row *row = tg_review_row(finding);
        struct words message = {.len = 0}, command = {.len = 0};

        if (!(findings >> i & 1))
            continue;
        say(key, finding, used, &message);
        cure(key, finding, used, &command);
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s,s:s}", "code", row->code,
                                        "severity", row->severity, "message",
                                        message.text, "command", command.text));
    }
    return list;
}

static int
take_address(void *arg, const struct tg_store_call *call)
{
    struct tg_tally_row *row = tg_tally_row(arg, call->ip);

    row->calls++;
    row->trusted += call->status == 200;
    return 0;
}

/* NULL: there are none, too many, or it cannot be said. */
static json_t *
networks_of(const struct reviewing *all, const struct tg_review_key *key)
{
    struct tg_tally *addresses = calloc(1, sizeof(*addresses));
    struct tg_store_filter filter = {
        .key_id = key->id, .since = all->page.since, .until = all->page.now_ms};
    struct tg_advice_walk walk = {.daemon = all->page.daemon,
                                  .filter = &filter,
                                  .most = TG_ADVICE_CALLS_MAX,
                                  .slice = TG_ADVICE_KEY_SLICE,
                                  .visit = take_address,
                                  .arg = addresses};
    json_t *networks = NULL;

    if (addresses != NULL && tg_advice_key_calls(&walk) == 0 && !walk.is_cut)
        networks = tg_leak_networks(addresses);
    free(addresses);
    return networks;
}

/* What could be narrowed by what was used; never to nothing. */
static json_t *
proposal_of(const struct reviewing *all, const struct tg_review_key *key,
            uint32_t findings, const struct used *used)
{
    json_t *proposal = json_object(), *networks = NULL;

    if (findings >> TG_REVIEW_SCOPES & 1)
        json_object_set(proposal, "scopes", used->scopes);
    if (findings >> TG_REVIEW_MODELS & 1)
        json_object_set(proposal, "models", used->models);
    if (all->wants_networks && key->facts.requests > 0 &&
        (findings >> TG_REVIEW_NO_NETWORK & 1))
        networks = networks_of(all, key);
    if (networks != NULL)
        json_object_set_new(proposal, "allowed_ips", networks);
    return proposal;
}

static json_t *
object_of(const struct reviewing *all, struct tg_review_key *key)
{
    struct used used = {used_scopes(key), used_models(all, key)};
    uint32_t findings;

    key->facts.unused_ms = all->unused_days * TG_MS_PER_DAY;
    key->facts.rotated_ms = all->rotated_days * TG_MS_PER_DAY;
    findings = tg_review(&key->facts);
    return json_pack(
        "{s:s,s:s,s:O,s:O,s:O,s:O,s:o,s:o,s:o,s:o,s:I,s:I,s:{s:o,s:o},s:o,"
        "s:o}",
        "object", "key_review", "key_id", key->id, "key_name", key->name,
        "account_id", key->account_id, "owner", key->owner, "kind", key->kind,
        "created_at", tg_reply_instant(key->facts.created_at), "last_used_at",
        tg_reply_instant(key->facts.last_used_at), "from",
        tg_reply_instant(all->page.since), "to",
        tg_reply_instant(all->page.now_ms), "requests",
        (json_int_t)key->facts.requests, "busiest_day",
        (json_int_t)key->facts.busiest_day, "used", "scopes", used.scopes,
        "models", used.models, "findings", findings_of(key, findings, &used),
        "proposal", proposal_of(all, key, findings, &used));
}

static void
answer(struct reviewing *all)
{
    struct tg_review_page *page = &all->page;
    json_t *list = json_array();
    const char *next = NULL;

    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(list, object_of(all, &page->keys[i]));
    if (page->has_more && page->count > 0)
        next = page->keys[page->count - 1].id;
    tg_reply_json(all->reply, 200, tg_reply_list(list, page->has_more, next));
}

static bool
read_days(const struct reviewing *all, const char *name, int64_t *days)
{
    const char *text = tg_request_argument(all->request, name);

    *days = DEFAULT_DAYS;
    if (text == NULL)
        return true;
    if (text[0] != '\0' && strlen(text) <= 4 &&
        strspn(text, "0123456789") == strlen(text))
        *days = strtoll(text, NULL, 10);
    else
        *days = 0;
    return (*days >= 1 && *days <= DAYS_MAX) ||
           tg_reply_invalid(all->reply, name, "%s is a number from 1 to %d",
                            name, DAYS_MAX);
}

static bool
read_networks(struct reviewing *all)
{
    const char *text = tg_request_argument(all->request, "networks");

    all->wants_networks = text != NULL && strcmp(text, "true") == 0;
    return text == NULL || all->wants_networks || strcmp(text, "false") == 0 ||
           tg_reply_invalid(all->reply, "networks",
                            "networks is true or false");
}

static void
review(struct reviewing *all, const struct tg_store_page *asked)
{
    struct tg_review_page *page = &all->page;
    int err = tg_review_page_read(page, asked->after, asked->limit);

    if (err == 0) {
        answer(all);
        return;
    }
    pthread_mutex_lock(&page->daemon->reports_lock);
    tg_reply_store(all->reply, page->daemon->reports, err, "key");
    pthread_mutex_unlock(&page->daemon->reports_lock);
}

void
tg_admin_key_review(struct tg_request *request, struct tg_reply *reply)
{
    struct tg_daemon *daemon = request->daemon;
    struct reviewing all = {
        .request = request,
        .reply = reply,
        .page = {.daemon = daemon, .now_ms = tg_clock_ms()}};
    struct tg_store_page asked;
    bool is_good;

    if (!tg_request_page(request, reply, "key_", &asked) ||
        !read_days(&all, "unused_days", &all.unused_days) ||
        !read_days(&all, "rotated_days", &all.rotated_days) ||
        !read_networks(&all))
        return;
    all.page.since = all.page.now_ms - all.unused_days * TG_MS_PER_DAY;
    tg_daemon_catch_up(daemon);
    pthread_mutex_lock(&daemon->reports_lock);
    is_good = tg_own_filter(request, daemon->reports, reply, all.account_id,
                            &all.page.account_id) &&
              tg_own_key(request, daemon->reports, reply, &all.page.key_id);
    pthread_mutex_unlock(&daemon->reports_lock);
    if (is_good)
        review(&all, &asked);
    tg_review_page_release(&all.page);
}
