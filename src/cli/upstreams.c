#include <string.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "ask.h"

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
    {"replace", NULL, "change the upstream of this name, if there is one",
     TG_VALUE_SWITCH, "replace", NULL},
    {0},
};

const struct tg_option tg_credentials_add_options[] = {
    {"upstream", "NAME", "whose secret it is", TG_VALUE_TEXT, "upstream", NULL},
    {"file", "FILE", "where the secret stands; - or none: standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

static const struct tg_column upstream_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"DIALECT", "dialect", TG_CELL_TEXT, NULL, 0},
    {"BASE_URL", "base_url", TG_CELL_TEXT, NULL, 48},
    {"SECRET", "credential.last4", TG_CELL_TEXT, "none", 0},
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
    {"Secret, last four", "credential.last4", TG_CELL_TEXT, "none", 0},
    {"Models", "models", TG_CELL_LIST, "none", 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column credential_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"UPSTREAM", "upstream_id", TG_CELL_TEXT, NULL, 0},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column credential_page[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Upstream", "upstream_id", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Last four", "last4", TG_CELL_TEXT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

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
    tg_noun_made(cli, upstream_page, upstream);
    json_decref(upstream);
    return TG_EXIT_OK;
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

int
tg_credentials_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"upstream", NULL};
    struct tg_asked secret;
    json_t *body, *credential = NULL;
    int rc = tg_noun_require(cli, needed);

    if (rc == TG_EXIT_OK)
        rc = tg_ask_secret(cli, tg_args_value(cli, "file"), &secret);
    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "secret", json_string(secret.data));
    explicit_bzero(&secret, sizeof(secret));
    rc = tg_client_call(cli, "POST", "/credentials", body, &credential);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, credential_page, credential);
    json_decref(credential);
    return rc;
}

int
tg_credentials_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/credentials", credential_columns,
        "There are no credentials. Add one: tollgate credentials add "
        "--upstream NAME --file FILE",
        false, 0};

    return tg_list_run(cli, &list);
}
