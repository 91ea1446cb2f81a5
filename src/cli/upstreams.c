#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"

static const char *const dialects[] = {"deepseek", "openai", "vllm",
                                       "anthropic", NULL};

const struct tg_option tg_upstreams_add_options[] = {
    {"name", "NAME", "what it is called here", TG_VALUE_TEXT, "name", NULL},
    {"base-url", "URL", "e.g. https://api.deepseek.com", TG_VALUE_TEXT,
     "base_url", NULL},
    {"dialect", "DIALECT", "deepseek, openai, vllm or anthropic", TG_VALUE_TEXT,
     "dialect", dialects},
    {"model", "MODEL",
     "a model it serves; repeat for more; those known of "
     "its dialect",
     TG_VALUE_LIST, "models", NULL},
    {"join", NULL, "serve them behind those that serve them already",
     TG_VALUE_SWITCH, "join", NULL},
    {"replace", NULL, "change the upstream of this name, if there is one",
     TG_VALUE_SWITCH, "replace", NULL},
    {"no-secret", NULL, "it asks for no secret, as a vLLM of one's own may",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column upstream_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"DIALECT", "dialect", TG_CELL_TEXT, NULL, 0},
    {"BASE_URL", "base_url", TG_CELL_TEXT, NULL, 48},
    {"SECRETS", "last4", TG_CELL_LIST, "none", 32},
    {"MODELS", "models", TG_CELL_LIST, "none", 48},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column upstream_page[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Dialect", "dialect", TG_CELL_TEXT, NULL, 0},
    {"Base URL", "base_url", TG_CELL_TEXT, NULL, 0},
    {"Addresses", "addresses", TG_CELL_LIST, "not resolved yet", 0},
    {"Secrets, last four", "last4", TG_CELL_LIST, "none", 0},
    {"Models", "models", TG_CELL_LIST, "none", 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

/*
 * Calls go out with a credential always; to one that asks for none, a word
 * that is no secret is sent, whose last four read well in lists.
 */
static int
give_no_secret(struct tg_cli *cli, json_t *upstream)
{
    static const char word[] = "no-secret-but-none";
    json_t *credential = NULL;
    json_t *body =
        tg_own(json_pack("{s:s,s:s}", "upstream",
                         tg_noun_text(upstream, "name"), "secret", word));
    int rc = tg_client_call(cli, "POST", "/credentials", body, &credential);

    if (rc == TG_EXIT_OK)
        json_object_set_new(upstream, "last4",
                            json_pack("[s]", "none is asked for"));
    json_decref(body);
    json_decref(credential);
    return rc;
}

static bool
is_empty(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);

    return json_is_array(value) && json_array_size(value) == 0;
}

/* What it lacks before a call can go there. */
static void
note_lacks(const struct tg_cli *cli, const json_t *upstream)
{
    const char *name = tg_noun_text(upstream, "name");

    if (cli->is_json)
        return;
    if (is_empty(upstream, "last4"))
        tg_say_note(cli,
                    "It has no secret yet: tollgate credentials add "
                    "--upstream %s (or --no-secret here, when it asks for "
                    "none)",
                    name);
    if (is_empty(upstream, "models"))
        tg_say_note(cli,
                    "It serves no model yet: tollgate models add MODEL "
                    "--upstream %s --prompt PRICE --completion PRICE",
                    name);
}

int
tg_upstreams_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", "base-url", NULL};
    json_t *upstream;
    int rc = tg_noun_require(cli, needed);

    if (rc == TG_EXIT_OK)
        rc = tg_noun_post(cli, "/upstreams", &upstream);
    if (rc != TG_EXIT_OK)
        return rc;
    if (tg_args_has(cli, "no-secret"))
        rc = give_no_secret(cli, upstream);
    tg_noun_made(cli, upstream_page, upstream);
    note_lacks(cli, upstream);
    json_decref(upstream);
    return rc;
}

static const struct tg_column check_columns[] = {
    {"CREDENTIAL", "credential_id", TG_CELL_TEXT, "none", 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"RESULT", "status", TG_CELL_STATUS, NULL, 0},
    {"STATUS", "http_status", TG_CELL_COUNT, NULL, 0},
    {"LATENCY", "latency_ms", TG_CELL_MS, NULL, 0},
    {"WHAT", "message", TG_CELL_TEXT, NULL, 0},
    {0},
};

static void
print_test(const struct tg_cli *cli, const json_t *test)
{
    struct tg_table table;

    if (cli->is_json) {
        tg_table_json(test);
        return;
    }
    if (cli->is_quiet)
        return;
    tg_table_init(&table, cli, check_columns);
    tg_table_rows(&table, json_object_get(test, "checks"));
    tg_say_note(cli, "Asked was %s", tg_noun_text(test, "url"));
}

int
tg_upstreams_test(struct tg_cli *cli)
{
    char *path = tg_request_path("upstreams", cli->operand, "/test");
    json_t *body = json_object(), *test = NULL;
    int rc = tg_client_call(cli, "POST", path, body, &test);

    free(path);
    json_decref(body);
    if (rc != TG_EXIT_OK)
        return rc;
    print_test(cli, test);
    if (strcmp(tg_noun_text(test, "status"), "ok") != 0)
        rc = TG_EXIT_FAILED;
    json_decref(test);
    return rc;
}

int
tg_upstreams_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/upstreams", upstream_columns,
        "There are no upstreams. Add one: tollgate upstreams add --name NAME "
        "--base-url URL",
        false, 0};

    return tg_list_run(cli, &list);
}
