#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "own.h"
#include "policy.h"
#include "say.h"
#include "table.h"
#include "yaml_text.h"

const struct tg_option tg_export_options[] = {
    {"account", "ACCOUNT", "only this account and its keys: id or name",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

/* Things of one kind, as text that is sorted: 100 000 keys are a lot of JSON.
 */
struct thing {
    char *name;
    char *text; /* JSON */
    bool needs_id;
    char id[TG_POLICY_ID_SIZE];
};

struct writing {
    struct tg_cli *cli;
    struct tg_policy policy; /* for its progress and accounts' names */
    char account_id[TG_POLICY_ID_SIZE]; /* "": all */
    enum tg_policy_kind_number kind;
    struct thing *things;
    size_t count;
    json_t *root; /* with --json: all of it */
};

static bool
is_empty(const json_t *value)
{
    return json_is_null(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* What a file need not say: what a new one has anyway, or has not. */
static bool
goes_without_saying(const struct tg_policy_kind *kind,
                    const struct tg_policy_member *member, const json_t *flat)
{
    const json_t *value = json_object_get(flat, member->name);
    json_t *fallback;
    bool is_same;

    if (value == NULL)
        return true;
    fallback = tg_policy_fallback(kind, member, flat);
    if (fallback == NULL)
        return is_empty(value) && strcmp(member->name, "effective_at") != 0;
    is_same = tg_policy_is_same(member, value, fallback);
    json_decref(fallback);
    return is_same;
}

static json_t *
worth_saying(const struct tg_policy_kind *kind, const json_t *flat)
{
    const struct tg_policy_member *member = kind->members;
    json_t *object = json_object(), *value;

    for (; member->name != NULL; member++) {
        if (goes_without_saying(kind, member, flat))
            continue;
        value = json_object_get(flat, member->name);
        tg_policy_put(object, member->name, json_incref(value));
    }
    return object;
}

static void
add_thing(struct writing *w, const char *name, const char *id,
          const json_t *flat)
{
    size_t n = w->count;
    json_t *object = worth_saying(&tg_policy_kinds[w->kind], flat);

    if ((n & (n - 1)) == 0)
        w->things = tg_own(
            realloc(w->things, (n > 0 ? 2 * n : 1) * sizeof(*w->things)));
    w->things[w->count++] = (struct thing){
        .name = tg_own(strdup(name)),
        .text = tg_own(json_dumps(object, JSON_COMPACT)),
    };
    snprintf(w->things[n].id, TG_POLICY_ID_SIZE, "%s", id);
    json_decref(object);
}

static int
take_named(void *arg, const json_t *object)
{
    struct writing *w = arg;
    const char *member = w->kind == TG_POLICY_MODEL ? "id" : "name";
    const char *id = tg_noun_text(object, "id");
    json_t *flat;

    if (w->kind == TG_POLICY_ACCOUNT) {
        json_object_set_new(w->policy.account_names, id,
                            json_string(tg_noun_text(object, "name")));
        if (*w->account_id != '\0' && strcmp(w->account_id, id) != 0)
            return TG_EXIT_OK;
    }
    flat = tg_policy_have(&w->policy, w->kind, object);
    add_thing(w, tg_noun_text(object, member), id, flat);
    json_decref(flat);
    return TG_EXIT_OK;
}

static int
take_credential(void *arg, const json_t *object)
{
    struct writing *w = arg;
    json_t *flat;

    if (strcmp(tg_noun_text(object, "status"), "active") != 0)
        return TG_EXIT_OK;
    flat = tg_policy_of(&tg_policy_kinds[TG_POLICY_CREDENTIAL], object);
    add_thing(w, tg_noun_text(object, "upstream"), tg_noun_text(object, "id"),
              flat);
    json_decref(flat);
    return TG_EXIT_OK;
}

static int
take_price(void *arg, const json_t *object)
{
    struct writing *w = arg;
    json_t *flat = tg_policy_of(&tg_policy_kinds[TG_POLICY_PRICE], object);
    char *name = NULL;

    if (asprintf(&name, "%s %s", tg_noun_text(object, "model"),
                 tg_noun_text(object, "effective_at")) < 0)
        tg_own(NULL);
    add_thing(w, name, "", flat);
    free(name);
    json_decref(flat);
    return TG_EXIT_OK;
}

/* Keys that have ended are history, not policy. */
static int
take_key(void *arg, const json_t *object)
{
    struct writing *w = arg;
    const char *status = tg_noun_text(object, "status"), *account;
    json_t *flat;
    char *name = NULL;

    if (strcmp(status, "disabled") == 0)
        return TG_EXIT_OK;
    account = json_string_value(json_object_get(
        w->policy.account_names, tg_noun_text(object, "account_id")));
    if (account == NULL)
        account = tg_noun_text(object, "account_id");
    flat = tg_policy_have(&w->policy, TG_POLICY_KEY, object);
    json_object_set_new(flat, "account", json_string(account));
    json_object_del(flat, "id");
    if (asprintf(&name, "%s\n%s", account, tg_noun_text(object, "name")) < 0)
        tg_own(NULL);
    add_thing(w, name, tg_noun_text(object, "id"), flat);
    free(name);
    json_decref(flat);
    return TG_EXIT_OK;
}

static int
by_name(const void *a, const void *b)
{
    const struct thing *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : strcmp(left->id, right->id);
}

/* Keys of the same name in an account can only be told by their ids. */
static void
sort(struct writing *w)
{
    struct thing *things = w->things;

    if (w->count > 1)
        qsort(things, w->count, sizeof(*things), by_name);
    for (size_t i = 1; w->kind == TG_POLICY_KEY && i < w->count; i++) {
        if (strcmp(things[i].name, things[i - 1].name) == 0)
            things[i].needs_id = things[i - 1].needs_id = true;
    }
}

static json_t *
object_of(const struct thing *thing)
{
    json_t *object = tg_own(json_loads(thing->text, 0, NULL)), *whole;

    if (!thing->needs_id)
        return object;
    whole = json_pack("{s:s}", "id", thing->id);
    json_object_update(whole, object);
    json_decref(object);
    return whole;
}

static void
put_section(struct writing *w, const char *section)
{
    json_t *list = json_array(), *object;

    if (!w->cli->is_json && w->count > 0)
        printf("%s:\n", section);
    for (size_t i = 0; i < w->count; i++) {
        object = object_of(&w->things[i]);
        if (w->cli->is_json)
            json_array_append(list, object);
        else
            tg_yaml_put_item(stdout, object);
        json_decref(object);
        free(w->things[i].name);
        free(w->things[i].text);
    }
    if (w->cli->is_json && w->count > 0)
        json_object_set(w->root, section, list);
    else if (w->count > 0)
        putchar('\n');
    json_decref(list);
    free(w->things);
    w->things = NULL;
    w->count = 0;
}

static int
find_account(struct writing *w, const char *account)
{
    char *name = tg_client_escape(account), *path = NULL;
    json_t *object;
    int rc;

    if (asprintf(&path, "/accounts/%s", name) < 0)
        tg_own(NULL);
    rc = tg_client_call(w->cli, "GET", path, NULL, &object);
    if (rc == TG_EXIT_OK)
        snprintf(w->account_id, sizeof(w->account_id), "%s",
                 tg_noun_text(object, "id"));
    json_decref(object);
    free(path);
    free(name);
    return rc;
}

/* In the order in which a file is best read. */
static const struct {
    enum tg_policy_kind_number kind;
    const char *path;
    bool has_pages, is_catalog;
    int (*take)(void *, const json_t *);
} sections[] = {
    {TG_POLICY_UPSTREAM, "/upstreams", false, true, take_named},
    {TG_POLICY_CREDENTIAL, "/credentials", false, true, take_credential},
    {TG_POLICY_MODEL, "/models", false, true, take_named},
    {TG_POLICY_PRICE, "/prices", false, true, take_price},
    {TG_POLICY_ACCOUNT, "/accounts", true, false, take_named},
    {TG_POLICY_KEY, "/keys", true, false, take_key},
    {TG_POLICY_ALERT, "/alerts", false, true, take_named},
};

static int
put_all(struct writing *w)
{
    bool has_account = *w->account_id != '\0';
    int rc = TG_EXIT_OK;
    char *path = NULL;

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (sections[i].is_catalog && has_account)
            continue;
        w->kind = sections[i].kind;
        if (asprintf(&path, "%s%s%s", sections[i].path,
                     has_account && w->kind == TG_POLICY_KEY ? "?account=" : "",
                     has_account && w->kind == TG_POLICY_KEY ? w->account_id
                                                             : "") < 0)
            tg_own(NULL);
        rc = tg_policy_each(&w->policy, path, sections[i].has_pages,
                            sections[i].take, w);
        free(path);
        if (rc != TG_EXIT_OK)
            break;
        sort(w);
        put_section(w, tg_policy_kinds[w->kind].section);
    }
    return rc;
}

int
tg_export(struct tg_cli *cli)
{
    struct writing writing = {.cli = cli, .root = json_object()};
    const char *account = tg_args_value(cli, "account");
    int rc = TG_EXIT_OK;

    tg_policy_init(&writing.policy, cli);
    if (account != NULL)
        rc = find_account(&writing, account);
    else
        rc = tg_policy_learn_names(&writing.policy);
    if (rc == TG_EXIT_OK && !cli->is_json)
        printf("# What this gate has, as \"tollgate apply -f FILE\" takes it. "
               "It holds no secrets:\n"
               "# a credential is named by its id; elsewhere give from_file "
               "or from_env instead.\n\n");
    if (rc == TG_EXIT_OK)
        rc = put_all(&writing);
    if (rc == TG_EXIT_OK && cli->is_json)
        tg_table_json(writing.root);
    for (size_t i = 0; i < writing.count; i++) {
        free(writing.things[i].name);
        free(writing.things[i].text);
    }
    free(writing.things);
    json_decref(writing.root);
    tg_policy_release(&writing.policy);
    return rc;
}
