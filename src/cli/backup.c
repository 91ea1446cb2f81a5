#include <sys/stat.h>

#include "args.h"
#include "nouns.h"
#include "once.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_restore_options[] = {
    {"accept-gap", NULL, "also when calls behind the backup are kept nowhere",
     TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column backup_page[] = {
    {"File", "file", TG_CELL_TEXT, NULL, 0},
    {"Made", "at", TG_CELL_WHEN, NULL, 0},
    {"Bytes", "bytes", TG_CELL_COUNT, NULL, 0},
    {"Calls", "calls", TG_CELL_COUNT, NULL, 0},
    {"Last call", "last_call_at", TG_CELL_WHEN, "none", 0},
    {0},
};

static const struct tg_column restore_page[] = {
    {"Restored", "file", TG_CELL_TEXT, NULL, 0},
    {"Made", "backup_at", TG_CELL_WHEN, "not known", 0},
    {"Calls", "calls", TG_CELL_COUNT, NULL, 0},
    {"Last call", "last_call_at", TG_CELL_WHEN, "none", 0},
    {"Segments to take in", "segments", TG_CELL_COUNT, NULL, 0},
    {"Calls settled", "calls_settled", TG_CELL_COUNT, NULL, 0},
    {"Calls may lack until", "gap_until", TG_CELL_WHEN, "none lacks", 0},
    {"Present store, now", "set_aside", TG_CELL_TEXT, "there was none", 0},
    {0},
};

static void
print(const struct tg_cli *cli, const struct tg_column *columns,
      const json_t *object)
{
    if (cli->is_json)
        tg_table_json(object);
    else if (!cli->is_quiet)
        tg_table_page(cli, columns, object);
}

int
tg_backup(struct tg_cli *cli)
{
    const char *words[] = {"--backup", cli->operand, NULL, NULL};
    struct tg_up_home home;
    struct stat st;
    json_t *object;
    int rc = tg_once_home(cli, &home, false);

    if (rc == TG_EXIT_OK && lstat(cli->operand, &st) == 0) {
        rc = tg_say_confirm(cli, "%s is there already. Replace it?",
                            cli->operand);
        words[2] = "--replace";
    }
    if (rc == TG_EXIT_OK)
        rc = tg_once_run(&home, words, &object);
    if (rc != TG_EXIT_OK)
        return rc;
    print(cli, backup_page, object);
    if (!cli->is_json)
        tg_say_note(cli,
                    "Keep %s somewhere else: without it the credentials in "
                    "the backup cannot be read, with it all of them can",
                    home.paths.master_key);
    json_decref(object);
    return TG_EXIT_OK;
}

int
tg_restore(struct tg_cli *cli)
{
    const char *words[] = {
        "--restore", cli->operand,
        tg_args_has(cli, "accept-gap") ? "--accept-gap" : NULL, NULL};
    struct tg_up_home home;
    json_t *object;
    int rc = tg_once_home(cli, &home, true);

    if (rc == TG_EXIT_OK && tg_up_holder(&home) != 0)
        return tg_say_failed("the gate runs on %s: end it first, with tollgate "
                             "down",
                             home.paths.home);
    if (rc == TG_EXIT_OK)
        rc = tg_say_confirm(cli,
                            "Put %s in the place of the store in %s? Keys, "
                            "accounts, top-ups and prices made since are lost, "
                            "calls are not.",
                            cli->operand, home.paths.home);
    if (rc == TG_EXIT_OK)
        rc = tg_once_run(&home, words, &object);
    if (rc != TG_EXIT_OK)
        return rc;
    print(cli, restore_page, object);
    json_decref(object);
    return TG_EXIT_OK;
}
