#include "args.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"

static const char *const roles[] = {"owner", "admin", "auditor", "billing",
                                    NULL};
static const char *const statuses[] = {"active", "suspended", NULL};

const struct tg_option tg_operators_create_options[] = {
    {"name", "NAME", "what it is called, and logs in as", TG_VALUE_TEXT, "name",
     NULL},
    {"role", "ROLE", "owner, admin, auditor (reads) or billing", TG_VALUE_TEXT,
     "role", roles},
    {"account", "ACCOUNT", "bind it to this account; repeat", TG_VALUE_LIST,
     "accounts", NULL},
    {0},
};

const struct tg_option tg_operators_update_options[] = {
    {"name", "NAME", "another name", TG_VALUE_TEXT, "name", NULL},
    {"role", "ROLE", "owner, admin, auditor (reads) or billing", TG_VALUE_TEXT,
     "role", roles},
    {"status", "STATUS", "suspended, or active again", TG_VALUE_TEXT, "status",
     statuses},
    {"account", "ACCOUNT", "bind it to this account; repeat", TG_VALUE_LIST,
     "accounts", NULL},
    {"all-accounts", NULL, "bind it to none", TG_VALUE_NONE, "accounts", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"ROLE", "role", TG_CELL_TEXT, NULL, 0},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"ACCOUNTS", "accounts", TG_CELL_LIST, "all", 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Role", "role", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Accounts", "accounts", TG_CELL_LIST, "all", 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {"Ended", "ended_at", TG_CELL_WHEN, "no", 0},
    {0},
};

int
tg_operators_list(struct tg_cli *cli)
{
    static const struct tg_list list = {"/operators", list_columns,
                                        "There are no operators.", true, 0};

    return tg_list_run(cli, &list);
}

int
tg_operators_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "operators", page_columns);
}

int
tg_operators_create(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", "role", NULL};
    json_t *operator;
    int rc = tg_noun_require(cli, needed);

    if (rc == TG_EXIT_OK)
        rc = tg_noun_post(cli, "/operators", &operator);
    if (rc != TG_EXIT_OK)
        return rc;
    tg_noun_made(cli, page_columns, operator);
    if (!cli->is_json)
        tg_say_note(cli,
                    "It has no token yet: tollgate tokens create --operator %s "
                    "--name NAME",
                    tg_noun_text(operator, "name"));
    json_decref(operator);
    return TG_EXIT_OK;
}

int
tg_operators_update(struct tg_cli *cli)
{
    static const struct tg_act act = {"PATCH", "operators", "", "is changed",
                                      NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --role "
                               "auditor");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_operators_disable(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "operators", "",
                                      "is disabled, and its tokens and "
                                      "sessions have ended",
                                      NULL};
    int rc = tg_say_confirm(cli,
                            "Disable the operator %s for good? Its tokens and "
                            "sessions end, too.",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}
