#include "nouns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "glyph.h"

int
tg_noun_post(struct tg_cli *cli, const char *path, json_t **answer)
{
    json_t *body = tg_request_body(cli);
    int rc = tg_client_call(cli, "POST", path, body, answer);

    json_decref(body);
    return rc;
}

int
tg_noun_act(struct tg_cli *cli, const struct tg_act *act, const json_t *body)
{
    char *path = tg_request_path(act->noun, cli->operand, act->tail);
    const char *value = "";
    json_t *object;
    int rc = tg_client_call(cli, act->method, path, body, &object);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (act->member != NULL)
        value = tg_noun_text(object, act->member);
    if (cli->is_json)
        tg_table_json(object);
    else if (!cli->is_quiet)
        printf("%s %s%s%s.\n", cli->operand, act->said,
               *value != '\0' ? " " : "", value);
    json_decref(object);
    return TG_EXIT_OK;
}

int
tg_noun_show(struct tg_cli *cli, const char *noun,
             const struct tg_column *columns)
{
    char *path = tg_request_path(noun, cli->operand, "");
    json_t *object;
    int rc = tg_client_call(cli, "GET", path, NULL, &object);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json)
        tg_table_json(object);
    else
        tg_table_page(cli, columns, object);
    json_decref(object);
    return TG_EXIT_OK;
}

void
tg_noun_made(const struct tg_cli *cli, const struct tg_column *columns,
             const json_t *object)
{
    char *id;

    if (cli->is_json) {
        tg_table_json(object);
    } else if (cli->is_quiet) {
        id = tg_glyph_safe(tg_noun_text(object, "id"));
        printf("%s\n", id);
        free(id);
    } else {
        tg_table_page(cli, columns, object);
    }
}

int
tg_noun_require(const struct tg_cli *cli, const char *const *names)
{
    const struct tg_option *option;

    for (; *names != NULL; names++) {
        if (tg_args_has(cli, *names))
            continue;
        for (option = cli->command->options; option->name != NULL; option++) {
            if (strcmp(option->name, *names) == 0)
                break;
        }
        return tg_say_usage(cli, "--%s %s is needed: %s", *names,
                            option->argument, option->help);
    }
    return TG_EXIT_OK;
}

int
tg_noun_agree(const struct tg_cli *cli)
{
    const struct tg_option *none, *other;
    size_t i, j;

    for (i = 0; i < cli->arg_count; i++) {
        none = cli->args[i].option;
        for (j = 0; j < cli->arg_count && none->value == TG_VALUE_NONE; j++) {
            other = cli->args[j].option;
            if (other != none && other->member != NULL &&
                strcmp(other->member, none->member) == 0)
                return tg_say_usage(cli, "--%s and --%s contradict each other",
                                    other->name, none->name);
        }
    }
    return TG_EXIT_OK;
}

const char *
tg_noun_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(tg_cell_find(object, member));

    return text != NULL ? text : "";
}
