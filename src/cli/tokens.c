#include <stdio.h>

#include "args.h"
#include "list.h"
#include "nouns.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_tokens_create_options[] = {
    {"name", "NAME", "what it is for", TG_VALUE_TEXT, "name", NULL},
    {"operator", "OPERATOR", "whose it is; yourself", TG_VALUE_TEXT, "operator",
     NULL},
    {"scope", "SCOPE",
     "what it may, of what its operator may; repeat; all of it", TG_VALUE_LIST,
     "scopes", NULL},
    {"account", "ACCOUNT", "the only account that it is for", TG_VALUE_TEXT,
     "account", NULL},
    {"expires", "WHEN", "a date, an instant, or 90d from now", TG_VALUE_TEXT,
     "expires_at", NULL},
    {0},
};

const struct tg_option tg_tokens_list_options[] = {
    {"operator", "OPERATOR", "whose; all that you may see", TG_VALUE_TEXT,
     "operator", NULL},
    {"limit", "N", "at most so many rows; all", TG_VALUE_COUNT, NULL, NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"OPERATOR", "operator", TG_CELL_TEXT, NULL, 32},
    {"STATUS", "status", TG_CELL_STATUS, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"FROM", "last_used_ip", TG_CELL_TEXT, NULL, 0},
    {"EXPIRES", "expires_at", TG_CELL_WHEN, "never", 0},
    {"SCOPES", "scopes", TG_CELL_LIST, "all", 0},
    {"ACCOUNT", "account_id", TG_CELL_TEXT, "all", 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Operator", "operator", TG_CELL_TEXT, NULL, 0},
    {"Scopes", "scopes", TG_CELL_LIST, "all that its role has", 0},
    {"Account", "account_id", TG_CELL_TEXT, "all of its operator's", 0},
    {"Expires", "expires_at", TG_CELL_WHEN, "never", 0},
    {0},
};

int
tg_tokens_list(struct tg_cli *cli)
{
    static const struct tg_list list = {"/tokens", list_columns,
                                        "There are no such tokens.", true, 0};

    return tg_list_run(cli, &list);
}

/* The token itself cannot be asked for again. */
static int
print_made(const struct tg_cli *cli, const json_t *token)
{
    const char *secret = tg_noun_text(token, "token");

    if (cli->is_json) {
        tg_table_json(token);
    } else if (cli->is_quiet) {
        printf("%s\n", secret);
    } else {
        tg_table_page(cli, page_columns, token);
        printf("\n    %s\n\n", secret);
    }
    if (fflush(stdout) != 0)
        return tg_say_failed("%s was made, but it could not be printed and is "
                             "lost: tollgate tokens revoke %s --yes",
                             tg_noun_text(token, "id"),
                             tg_noun_text(token, "id"));
    if (!cli->is_json)
        tg_say_note(cli, "This is the only time the token is shown.");
    return TG_EXIT_OK;
}

int
tg_tokens_create(struct tg_cli *cli)
{
    static const char *const needed[] = {"name", NULL};
    json_t *token;
    int rc = tg_noun_require(cli, needed);

    if (rc == TG_EXIT_OK)
        rc = tg_noun_post(cli, "/tokens", &token);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = print_made(cli, token);
    json_decref(token);
    return rc;
}

int
tg_tokens_revoke(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "tokens", "", "is revoked",
                                      NULL};
    int rc = tg_say_confirm(cli, "Revoke the token %s for good?", cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}
