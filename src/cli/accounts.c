#include "list.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "value.h"

static const char *const billings[] = {"prepaid", "postpaid", NULL};

const struct tg_option tg_accounts_create_options[] = {
    {"name", "NAME", "what it is called", TG_VALUE_TEXT, "name", NULL},
    {"billing", "HOW", "prepaid or postpaid", TG_VALUE_TEXT, "billing",
     billings},
    {"plan", "PLAN", "the name of its plan, for people", TG_VALUE_TEXT, "plan",
     NULL},
    {0},
};

const struct tg_option tg_accounts_update_options[] = {
    {"name", "NAME", "another name", TG_VALUE_TEXT, "name", NULL},
    {"billing", "HOW", "prepaid or postpaid", TG_VALUE_TEXT, "billing",
     billings},
    {"plan", "PLAN", "the name of its plan, for people", TG_VALUE_TEXT, "plan",
     NULL},
    {"no-plan", NULL, "without one", TG_VALUE_NONE, "plan", NULL},
    {"on", "EVENT=ACTION", "for its keys: alert, throttle or pause; repeat",
     TG_VALUE_LABEL, "responses", NULL},
    {"no-on", NULL, "as tollgate.conf says, for all events", TG_VALUE_NONE,
     "responses", NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"BILLING", "billing", TG_CELL_TEXT, NULL, 0},
    {"VERIFICATION", "verification", TG_CELL_TEXT, NULL, 0},
    {"BALANCE", "balance", TG_CELL_AMOUNT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Status", "status", TG_CELL_STATUS, NULL, 0},
    {"Plan", "plan", TG_CELL_TEXT, "none", 0},
    {"Verification", "verification", TG_CELL_TEXT, NULL, 0},
    {"Billing", "billing", TG_CELL_TEXT, NULL, 0},
    {"Balance", "balance", TG_CELL_AMOUNT, NULL, 0},
    {"  of it granted", "granted_balance", TG_CELL_AMOUNT, NULL, 0},
    {"  of it topped up", "topped_up_balance", TG_CELL_AMOUNT, NULL, 0},
    {"Held for calls in flight", "held", TG_CELL_AMOUNT, NULL, 0},
    {"Spent so far", "spent", TG_CELL_AMOUNT, NULL, 0},
    {"Granted so far", "granted", TG_CELL_AMOUNT, NULL, 0},
    {"Topped up so far", "topped_up", TG_CELL_AMOUNT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

int
tg_accounts_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/accounts", list_columns,
        "There are no accounts. Make one: tollgate accounts create --name NAME",
        true, 0};

    return tg_list_run(cli, &list);
}

int
tg_accounts_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "accounts", page_columns);
}

int
tg_accounts_update(struct tg_cli *cli)
{
    static const struct tg_act act = {"PATCH", "accounts", "", "is changed",
                                      NULL};
    json_t *body = tg_request_body(cli);
    int rc = tg_noun_agree(cli);

    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example --billing "
                               "postpaid");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

int
tg_accounts_create(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", NULL};
    json_t *account;
    int rc = tg_noun_require(cli, needed);

    if (rc == TG_EXIT_OK)
        rc = tg_noun_post(cli, "/accounts", &account);
    if (rc != TG_EXIT_OK)
        return rc;
    tg_noun_made(cli, page_columns, account);
    json_decref(account);
    return TG_EXIT_OK;
}

static int
give_money(struct tg_cli *cli, const struct tg_act *act)
{
    json_t *body;
    int rc;

    if (!tg_value_is_amount(cli->second))
        return tg_say_usage(cli,
                            "AMOUNT is an amount such as 10 or 0.28, not "
                            "\"%s\"",
                            cli->second);
    body = tg_own(json_pack("{s:s}", "amount", cli->second));
    rc = tg_noun_act(cli, act, body);
    json_decref(body);
    return rc;
}

int
tg_accounts_top_up(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "accounts", "/top-up",
                                      "is topped up; its balance is",
                                      "balance"};

    return give_money(cli, &act);
}

int
tg_accounts_grant(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "accounts", "/grant",
                                      "got its grant; its balance is",
                                      "balance"};

    return give_money(cli, &act);
}

int
tg_accounts_verify(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "accounts", "/verify",
                                      "is verified", NULL};

    return tg_noun_act(cli, &act, NULL);
}

int
tg_accounts_suspend(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "accounts", "/suspend",
                                      "is suspended: none of its keys may call",
                                      NULL};

    return tg_noun_act(cli, &act, NULL);
}

int
tg_accounts_resume(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "accounts", "/resume",
                                      "is active again", NULL};

    return tg_noun_act(cli, &act, NULL);
}
