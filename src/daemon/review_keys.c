#include "review_keys.h"

#include <stdlib.h>
#include <string.h>

#include "admin_key.h"
#include "advice_calls.h"
#include "civil.h"
#include "err.h"
#include "key_secrets.h"
#include "route.h"

/* One key's rows of the store come one after the other. */
struct walk {
    struct tg_review_page *page;
    uint32_t limit;
    struct tg_rotation rotation;
};

/* What a question's rows are about. */
struct asking {
    struct tg_review_page *page;
    size_t model;
    enum tg_scope scope;
};

static uint32_t
scopes_of(const json_t *list)
{
    uint32_t scopes = 0;
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item) scopes |= tg_scope_of(
        (struct tg_str){json_string_value(item), json_string_length(item)});
    return scopes;
}

static json_t *
list_of(const char *text)
{
    json_t *list = json_loads(text, 0, NULL);

    return list != NULL ? list : json_array();
}

/* A restricted key that names no models has none. */
static void
note_models(struct tg_review_key *key)
{
    json_t *item;
    size_t i;

    key->facts.model_count = json_array_size(key->models);
    key->facts.is_any_model =
        key->facts.model_count == 0 && key->facts.kind != TG_KIND_RESTRICTED;
    json_array_foreach(key->models, i, item)
    {
        if (strchr(json_string_value(item), '*') != NULL)
            key->facts.is_any_model = true;
    }
}

static void
begin(struct tg_review_page *page, struct tg_review_key *key,
      const struct tg_store_key *row)
{
    snprintf(key->id, sizeof(key->id), "%s", row->id);
    key->name = tg_reply_text(row->name);
    key->account_id = tg_reply_text(row->account_id);
    key->owner = tg_reply_text(row->owner);
    key->kind = tg_reply_text(row->kind);
    key->scopes = list_of(row->scopes);
    key->models = list_of(row->models);
    key->facts = (struct tg_review_facts){
        .now_ms = page->now_ms,
        .kind = tg_key_kind_of((struct tg_str){row->kind, strlen(row->kind)}),
        .created_at = row->created_at,
        .expires_at = row->expires_at,
        .rotate_days = row->rotate_days,
        .has_owner = row->owner[0] != '\0',
        .has_network = strcmp(row->allowed_ips, "[]") != 0,
        .has_budget = row->daily_nanos != 0 || row->monthly_nanos != 0,
        .scopes = scopes_of(key->scopes),
        .requests_per_minute = row->requests_per_minute,
    };
    note_models(key);
}

static void
take_secret(struct walk *walk, struct tg_review_key *key,
            const struct tg_store_secret *secret)
{
    tg_rotation_take(&walk->rotation, secret, walk->page->now_ms);
    key->facts.secret_made_at = walk->rotation.begun_at;
    key->facts.old_until =
        walk->rotation.is_under_way ? walk->rotation.old_until : 0;
    if (secret->last_used_at > key->facts.last_used_at)
        key->facts.last_used_at = secret->last_used_at;
}

static int
take_row(void *arg, const struct tg_store_key *row,
         const struct tg_store_secret *secret)
{
    struct walk *walk = arg;
    struct tg_review_page *page = walk->page;
    struct tg_review_key *key;

    if (page->key_id != NULL && strcmp(page->key_id, row->id) != 0)
        return 0;
    key = page->count > 0 ? &page->keys[page->count - 1] : NULL;
    if (key == NULL || strcmp(key->id, row->id) != 0) {
        page->has_more = page->count == walk->limit;
        if (page->has_more)
            return 1;
        key = &page->keys[page->count++];
        begin(page, key, row);
        walk->rotation = (struct tg_rotation){0};
    }
    if (secret != NULL)
        take_secret(walk, key, secret);
    return 0;
}

static int
take_one(void *arg, const struct tg_store_key *row)
{
    struct walk *walk = arg;
    const char *account_id = walk->page->account_id;

    if (strcmp(row->status, "active") != 0 ||
        (account_id != NULL && strcmp(account_id, row->account_id) != 0))
        return TG_ERR_NOT_FOUND;
    begin(walk->page, walk->page->keys, row);
    walk->page->count = 1;
    return 0;
}

static int
take_its_secret(void *arg, const struct tg_store_secret *row)
{
    struct walk *walk = arg;

    take_secret(walk, walk->page->keys, row);
    return 0;
}

static int
read_keys(struct walk *walk, const char *after)
{
    struct tg_review_page *page = walk->page;
    struct tg_store *store = page->daemon->reports;
    struct tg_store_key_filter filter = {.account_id = page->account_id,
                                         .status = "active",
                                         .now_ms = page->now_ms};
    struct tg_store_page asked = {.after = after, .limit = walk->limit + 1};
    int err;

    if (page->key_id == NULL) {
        err = store->ops->key_list(store, &filter, &asked, take_row, walk);
        return err == 1 ? 0 : err;
    }
    err = store->ops->key_get(store, page->key_id, take_one, walk);
    return err != 0 ? err
                    : store->ops->secret_each(store, page->key_id,
                                              take_its_secret, walk);
}

/* Calls know it better than the counters of a state file that is new. */
static int
take_last(void *arg, const struct tg_store_call *call)
{
    struct tg_review_key *key = arg;

    if (call->at > key->facts.last_used_at)
        key->facts.last_used_at = call->at;
    return 0;
}

static int
take_old_use(void *arg, const struct tg_store_secret *row)
{
    struct tg_review_key *key = arg;

    if (row->valid_until != 0 && row->valid_until == key->facts.old_until)
        key->facts.old_used_at = row->last_used_at;
    return 0;
}

static int
look_at_uses(struct tg_review_page *page, struct tg_review_key *key)
{
    struct tg_daemon *daemon = page->daemon;
    struct tg_store *store = daemon->reports;
    struct tg_store_filter filter = {.key_id = key->id};
    int64_t used_at = tg_admin_key_used_at(daemon, key->id);
    int err = 0;

    if (used_at > key->facts.last_used_at)
        key->facts.last_used_at = used_at;
    pthread_mutex_lock(&daemon->reports_lock);
    if (used_at == 0)
        err = store->ops->call_each(store, &filter, NULL, 1, take_last, key);
    if (err == 0 && key->facts.old_until != 0)
        err = store->ops->secret_uses(store, key->id, take_old_use, key);
    pthread_mutex_unlock(&daemon->reports_lock);
    return err;
}

static int
take_model(void *arg, const struct tg_store_usage *row)
{
    struct tg_review_page *page = arg;

    if (row->group[0] == '\0')
        return 0;
    if (page->model_count == TG_REVIEW_MODELS_MAX) {
        page->has_all_models = false;
        return 0;
    }
    page->models[page->model_count] = strdup(row->group);
    return page->models[page->model_count++] != NULL ? 0 : TG_ERR_SYSTEM;
}

static int
compare_id(const void *id, const void *key)
{
    return strcmp(id, (*(struct tg_review_key *const *)key)->id);
}

static int
compare_keys(const void *a, const void *b)
{
    return compare_id((*(struct tg_review_key *const *)a)->id, b);
}

static int
sort(struct tg_review_page *page)
{
    page->by_id = calloc(page->count, sizeof(struct tg_review_key *));
    if (page->by_id == NULL)
        return TG_ERR_SYSTEM;
    for (size_t i = 0; i < page->count; i++)
        page->by_id[i] = &page->keys[i];
    qsort(page->by_id, page->count, sizeof(struct tg_review_key *),
          compare_keys);
    return 0;
}

static struct tg_review_key *
find(const struct tg_review_page *page, const char *id)
{
    struct tg_review_key **found =
        bsearch(id, page->by_id, page->count, sizeof(struct tg_review_key *),
                compare_id);

    return found != NULL ? *found : NULL;
}

static int
take_used_model(void *arg, const struct tg_store_usage *row)
{
    struct asking *asking = arg;
    struct tg_review_key *key = find(asking->page, row->group);

    if (key != NULL)
        key->used |= UINT64_C(1) << asking->model;
    return 0;
}

static int
take_used_scope(void *arg, const struct tg_store_usage *row)
{
    struct asking *asking = arg;
    struct tg_review_key *key = find(asking->page, row->group);

    if (key != NULL)
        key->facts.used_scopes |= asking->scope;
    return 0;
}

static int
take_day(void *arg, const struct tg_store_usage *row)
{
    struct asking *asking = arg;
    struct tg_review_key *key = find(asking->page, row->group);

    if (key == NULL)
        return 0;
    key->facts.requests += row->sums.requests;
    if (row->sums.requests > key->facts.busiest_day)
        key->facts.busiest_day = row->sums.requests;
    return 0;
}

static int64_t
day_of(void *arg, int64_t quarter)
{
    (void)arg;
    return quarter / (TG_MS_PER_DAY / TG_QUARTER_MS);
}

static struct tg_usage_question
question_of(const struct tg_review_page *page, enum tg_usage_by by)
{
    return (struct tg_usage_question){
        .key_id = page->key_id,
        .account_id = page->account_id,
        .since = page->since,
        .until = page->now_ms,
        .by = by,
    };
}

/* One question is one slice. */
static int
ask(struct tg_review_page *page, struct tg_usage_question question,
    int (*visit)(void *, const struct tg_store_usage *), void *arg)
{
    struct tg_daemon *daemon = page->daemon;
    struct tg_store *store = daemon->reports;
    int err;

    pthread_mutex_lock(&daemon->reports_lock);
    err = store->ops->usage(store, &question, NULL, visit, arg);
    pthread_mutex_unlock(&daemon->reports_lock);
    tg_advice_let_others();
    return err;
}

static uint64_t
endpoints_of(enum tg_scope scope)
{
    const struct tg_route *route;
    uint64_t endpoints = 0;

    for (size_t i = 0; (route = tg_route_at(i)) != NULL; i++) {
        if (route->scope == scope)
            endpoints |= UINT64_C(1) << route->endpoint;
    }
    return endpoints;
}

static int
ask_days_and_scopes(struct tg_review_page *page)
{
    struct tg_usage_question question = question_of(page, TG_BY_KEY);
    struct asking asking = {.page = page};
    int err;

    question.span_of = day_of;
    err = ask(page, question, take_day, &asking);
    for (uint32_t bit = 1; bit <= TG_SCOPE_ALL && err == 0; bit <<= 1) {
        question = question_of(page, TG_BY_KEY);
        asking.scope = (enum tg_scope)bit;
        question.endpoints = endpoints_of(asking.scope);
        err = ask(page, question, take_used_scope, &asking);
    }
    return err;
}

static int
ask_models(struct tg_review_page *page)
{
    struct tg_usage_question question = question_of(page, TG_BY_MODEL);
    struct asking asking = {.page = page};
    int err;

    page->has_all_models = true;
    err = ask(page, question, take_model, page);
    for (size_t i = 0; i < page->model_count && err == 0; i++) {
        question = question_of(page, TG_BY_KEY);
        question.model = page->models[i];
        asking.model = i;
        err = ask(page, question, take_used_model, &asking);
    }
    return err;
}

/* A name or pattern that the policy has, for a model that was used. */
static bool
is_allowed(const struct tg_review_key *key, const char *model)
{
    json_t *item;
    size_t i;

    json_array_foreach(key->models, i, item)
    {
        if (tg_review_covers(json_string_value(item), model))
            return true;
    }
    return json_array_size(key->models) == 0 && key->facts.is_any_model;
}

/* What was used and may be no more is of no account. */
static void
settle(const struct tg_review_page *page, struct tg_review_key *key)
{
    for (size_t i = 0; i < page->model_count; i++) {
        if (!is_allowed(key, page->models[i]))
            key->used &= ~(UINT64_C(1) << i);
    }
    key->facts.used_scopes &= key->facts.scopes;
    key->facts.knows_models = page->has_all_models;
    key->facts.used_models = (size_t)__builtin_popcountll(key->used);
}

int
tg_review_page_read(struct tg_review_page *page, const char *after,
                    uint32_t limit)
{
    struct walk walk = {.page = page, .limit = limit};
    int err;

    page->keys = calloc(limit, sizeof(*page->keys));
    if (page->keys == NULL)
        return TG_ERR_SYSTEM;
    pthread_mutex_lock(&page->daemon->reports_lock);
    err = read_keys(&walk, after);
    pthread_mutex_unlock(&page->daemon->reports_lock);
    for (size_t i = 0; i < page->count && err == 0; i++)
        err = look_at_uses(page, &page->keys[i]);
    if (err == 0 && page->count > 0)
        err = sort(page);
    if (err == 0 && page->count > 0)
        err = ask_days_and_scopes(page);
    if (err == 0 && page->count > 0)
        err = ask_models(page);
    for (size_t i = 0; i < page->count && err == 0; i++)
        settle(page, &page->keys[i]);
    return err;
}

void
tg_review_page_release(struct tg_review_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        json_decref(page->keys[i].name);
        json_decref(page->keys[i].account_id);
        json_decref(page->keys[i].owner);
        json_decref(page->keys[i].kind);
        json_decref(page->keys[i].scopes);
        json_decref(page->keys[i].models);
    }
    for (size_t i = 0; i < page->model_count; i++)
        free(page->models[i]);
    free(page->by_id);
    free(page->keys);
}
