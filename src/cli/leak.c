#include <stdio.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_leak_report_options[] = {
    {"stdin", NULL, "read it from standard input, where no one else sees it",
     TG_VALUE_SWITCH, NULL, NULL},
    {"file", "FILE", "read it from a file (-f)", TG_VALUE_TEXT, NULL, NULL},
    {"url", "URL", "where it was found", TG_VALUE_TEXT, "url", NULL},
    {"place", "WORDS", "what that is: a commit, a chat, a log", TG_VALUE_TEXT,
     "place", NULL},
    {"disable", NULL, "shut the key at once, for good; asks first",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

const struct tg_option tg_leak_list_options[] = {
    {"key", "KEY", "only reports of this key", TG_VALUE_TEXT, "key", NULL},
    {"limit", "N", "at most so many rows; all", TG_VALUE_COUNT, NULL, NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"AT", "at", TG_CELL_WHEN, NULL, 0},
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"BY", "source", TG_CELL_TEXT, NULL, 0},
    {"PLACE", "place", TG_CELL_TEXT, NULL, 24},
    {"URL", "url", TG_CELL_TEXT, NULL, 60},
    {"IN_FORCE", "was_in_force", TG_CELL_YES, NULL, 0},
    {"DISABLED", "disabled", TG_CELL_YES, NULL, 0},
    {"REPLACED_BY", "replaced_by", TG_CELL_TEXT, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"Key", "key.id", TG_CELL_TEXT, NULL, 0},
    {"Name", "key.name", TG_CELL_TEXT, NULL, 0},
    {"Owner", "key.owner", TG_CELL_TEXT, NULL, 0},
    {"Account", "key.account_id", TG_CELL_TEXT, NULL, 0},
    {"Status", "key.status", TG_CELL_STATUS, NULL, 0},
    {"Last used", "key.last_used_at", TG_CELL_WHEN, "never", 0},
    {"Secret", "secret_id", TG_CELL_TEXT, NULL, 0},
    {"Could call", "was_in_force", TG_CELL_YES, NULL, 0},
    {0},
};

static int
send_report(struct tg_cli *cli, const struct tg_asked *secret, json_t **answer)
{
    const char *url = tg_args_value(cli, "url");
    const char *place = tg_args_value(cli, "place");
    json_t *body = json_pack("{s:s,s:b}", "token", secret->data, "disable",
                             tg_args_has(cli, "disable"));
    int rc;

    if (url != NULL)
        json_object_set_new(body, "url", json_string(url));
    if (place != NULL)
        json_object_set_new(body, "place", json_string(place));
    rc = tg_client_call(cli, "POST", "/leaks", tg_own(body), answer);
    json_decref(body);
    return rc;
}

static void
print_report(const struct tg_cli *cli, const json_t *answer)
{
    const char *id = tg_noun_text(answer, "key.id");

    if (cli->is_json) {
        tg_table_json(answer);
    } else if (!json_is_true(json_object_get(answer, "found"))) {
        printf("It is no key of this gate.\n");
    } else {
        tg_table_page(cli, page_columns, answer);
        if (!json_is_true(json_object_get(answer, "disabled")))
            tg_say_note(cli, "It can still call: tollgate leak respond %s", id);
    }
}

int
tg_leak_report(struct tg_cli *cli)
{
    const char *file = tg_args_value(cli, "file");
    struct tg_asked secret;
    json_t *answer;
    int rc;

    if (file == NULL && !tg_args_has(cli, "stdin"))
        return tg_say_usage(cli, "say where the key is read from: --stdin or "
                                 "--file FILE");
    rc = tg_ask_secret(cli, file, &secret);
    if (rc == TG_EXIT_OK && tg_args_has(cli, "disable"))
        rc = tg_say_confirm(cli, "Disable the key that this is, for good?");
    if (rc == TG_EXIT_OK)
        rc = send_report(cli, &secret, &answer);
    explicit_bzero(&secret, sizeof(secret));
    if (rc != TG_EXIT_OK)
        return rc;
    print_report(cli, answer);
    rc = json_is_true(json_object_get(answer, "found")) ? TG_EXIT_OK
                                                        : TG_EXIT_FAILED;
    json_decref(answer);
    return rc;
}

int
tg_leak_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/leaks", list_columns, "No key was reported as leaked.", true, 0};

    return tg_list_run(cli, &list);
}
