#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"

const struct tg_option tg_credentials_add_options[] = {
    {"upstream", "NAME", "whose secret it is", TG_VALUE_TEXT, "upstream", NULL},
    {"file", "FILE", "where the secret stands; - or none: standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {"concurrency", "N", "calls at once that its account takes; any",
     TG_VALUE_COUNT, "concurrency", NULL},
    {"replace", NULL, "end the other credentials of the upstream",
     TG_VALUE_SWITCH, "replace", NULL},
    {0},
};

const struct tg_option tg_credentials_rotate_options[] = {
    {"file", "FILE", "where the new secret stands; - or none: standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

const struct tg_option tg_credentials_update_options[] = {
    {"concurrency", "N", "calls at once that its account takes", TG_VALUE_COUNT,
     "concurrency", NULL},
    {"no-concurrency", NULL, "any number of calls at once", TG_VALUE_NONE,
     "concurrency", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"UPSTREAM", "upstream", TG_CELL_TEXT, NULL, 32},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"HEALTH", "health.state", TG_CELL_STATUS, NULL, 0},
    {"UNTIL", "health.until", TG_CELL_WHEN, NULL, 0},
    {"LAST_STATUS", "health.last_status", TG_CELL_COUNT, NULL, 0},
    {"FAILURES", "health.failures", TG_CELL_COUNT, NULL, 0},
    {"AT_ONCE", "health.calls_at_once", TG_CELL_COUNT, NULL, 0},
    {"LIMIT", "concurrency", TG_CELL_COUNT, NULL, 0},
    {"LEARNED", "health.concurrency", TG_CELL_COUNT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Upstream", "upstream", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Last four", "last4", TG_CELL_TEXT, NULL, 0},
    {"Calls at once, at most", "concurrency", TG_CELL_COUNT, "any number", 0},
    {"Health", "health.state", TG_CELL_STATUS, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

/* Sends a secret, asked for here, with the options to a path. */
static int
send_secret(struct tg_cli *cli, const char *path)
{
    struct tg_asked secret;
    json_t *body, *credential = NULL;
    int rc = tg_ask_secret(cli, tg_args_value(cli, "file"), &secret);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_request_body(cli);
    json_object_set_new(body, "secret", json_string(secret.data));
    explicit_bzero(&secret, sizeof(secret));
    rc = tg_client_call(cli, "POST", path, body, &credential);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, credential);
    json_decref(credential);
    return rc;
}

int
tg_credentials_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"upstream", NULL};
    int rc = tg_noun_require(cli, needed);

    return rc == TG_EXIT_OK ? send_secret(cli, "/credentials") : rc;
}

int
tg_credentials_rotate(struct tg_cli *cli)
{
    char *path = tg_request_path("credentials", cli->operand, "/rotate");
    int rc = send_secret(cli, path);

    free(path);
    return rc;
}

int
tg_credentials_update(struct tg_cli *cli)
{
    static const struct tg_act act = {
        "PATCH", "credentials", "", "is changed, from the next call on", NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --concurrency "
                               "100");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_credentials_disable(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "credentials", "/disable",
                                      "is disabled: no call uses it", NULL};
    int rc = tg_say_confirm(cli,
                            "Disable %s for good? Calls go on with the others "
                            "of its pool, if there are any.",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_credentials_reopen(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "credentials", "/reopen",
                                      "is used again", NULL};

    return tg_noun_act(cli, &act, NULL);
}

int
tg_credentials_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/credentials", list_columns,
        "There are no credentials. Add one: tollgate credentials add "
        "--upstream NAME --file FILE",
        false, 0};

    return tg_list_run(cli, &list);
}
