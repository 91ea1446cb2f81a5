#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "nouns.h"
#include "request.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_keys_deliver_options[] = {
    {"sink", "SINK", "new secrets go there, too; with --place", TG_VALUE_TEXT,
     NULL, NULL},
    {"place", "PLACE", "where in the sink: app/prod", TG_VALUE_TEXT, NULL,
     NULL},
    {"name", "NAME", "which field of it is the key", TG_VALUE_TEXT, NULL, NULL},
    {"remove", "SINK", "new secrets go there no more", TG_VALUE_TEXT, NULL,
     NULL},
    {"secret-file", "FILE",
     "deliver this secret of the key now; -: standard input", TG_VALUE_TEXT,
     NULL, NULL},
    {"again", NULL, "try what waits at once", TG_VALUE_SWITCH, NULL, NULL},
    {0},
};

static const struct tg_column place_columns[] = {
    {"SINK", "sink", TG_CELL_TEXT, NULL, 32},
    {"PLACE", "place", TG_CELL_TEXT, NULL, 48},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"SINK_ID", "sink_id", TG_CELL_TEXT, NULL, 0},
    {0},
};

/* The places as they shall be: those there are, one more, some less. */
static json_t *
places_of(const struct tg_cli *cli, const json_t *now)
{
    const char *gone = tg_args_value(cli, "remove");
    const char *sink = tg_args_value(cli, "sink");
    const char *name = tg_args_value(cli, "name");
    json_t *list = json_array(), *item;
    size_t i;

    json_array_foreach(json_object_get(now, "data"), i, item)
    {
        if (gone == NULL || (strcmp(tg_noun_text(item, "sink"), gone) != 0 &&
                             strcmp(tg_noun_text(item, "sink_id"), gone) != 0))
            json_array_append_new(
                list, json_pack("{s:s,s:s,s:s}", "sink",
                                tg_noun_text(item, "sink_id"), "place",
                                tg_noun_text(item, "place"), "name",
                                tg_noun_text(item, "name")));
    }
    if (sink != NULL)
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s}", "sink", sink, "place",
                                        tg_args_value(cli, "place"), "name",
                                        name != NULL ? name : ""));
    return json_pack("{s:o}", "sinks", list);
}

static void
show(const struct tg_cli *cli, const json_t *places)
{
    const json_t *rows = json_object_get(places, "data");
    struct tg_table table;

    if (cli->is_json) {
        tg_table_json(places);
    } else if (json_array_size(rows) == 0) {
        tg_say_note(cli,
                    "New secrets of %s go nowhere. Say where: tollgate keys "
                    "deliver %s --sink NAME --place PLACE --name NAME",
                    cli->operand, cli->operand);
    } else {
        tg_table_init(&table, cli, place_columns);
        tg_table_rows(&table, rows);
    }
}

static int
change(struct tg_cli *cli, const char *path, json_t **places)
{
    json_t *body = places_of(cli, *places), *after = NULL;
    int rc = tg_client_call(cli, "PUT", path, body, &after);

    json_decref(body);
    if (rc == TG_EXIT_OK) {
        json_decref(*places);
        *places = after;
    }
    return rc;
}

static int
see_places(struct tg_cli *cli)
{
    char *path = tg_request_path("keys", cli->operand, "/sinks");
    json_t *places = NULL;
    int rc = tg_client_call(cli, "GET", path, NULL, &places);

    if (rc == TG_EXIT_OK &&
        (tg_args_has(cli, "sink") || tg_args_has(cli, "remove")))
        rc = change(cli, path, &places);
    if (rc == TG_EXIT_OK)
        show(cli, places);
    json_decref(places);
    free(path);
    return rc;
}

static void
print_delivery(const struct tg_cli *cli, const json_t *delivery)
{
    if (cli->is_json)
        tg_table_json(delivery);
    else if (json_integer_value(json_object_get(delivery, "deliveries")) == 0)
        tg_say_note(cli,
                    "No secret of %s waits to be delivered. Where its new ones "
                    "go: tollgate keys deliver %s",
                    cli->operand, cli->operand);
    else if (!cli->is_quiet)
        printf("%s is on its way; tollgate sinks deliveries shows it.\n",
               cli->operand);
}

static int
deliver(struct tg_cli *cli)
{
    const char *file = tg_args_value(cli, "secret-file");
    char *path = tg_request_path("keys", cli->operand, "/deliver");
    json_t *body = json_object(), *delivery = NULL;
    struct tg_asked secret;
    int rc = TG_EXIT_OK;

    if (file != NULL)
        rc = tg_ask_secret(cli, file, &secret);
    if (file != NULL && rc == TG_EXIT_OK) {
        json_object_set_new(body, "secret", json_string(secret.data));
        explicit_bzero(&secret, sizeof(secret));
    }
    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "POST", path, body, &delivery);
    if (rc == TG_EXIT_OK)
        print_delivery(cli, delivery);
    json_decref(delivery);
    json_decref(body);
    free(path);
    return rc;
}

int
tg_keys_deliver(struct tg_cli *cli)
{
    bool has_sink = tg_args_has(cli, "sink");
    bool delivers =
        tg_args_has(cli, "secret-file") || tg_args_has(cli, "again");

    if (has_sink != tg_args_has(cli, "place"))
        return tg_say_usage(cli, "--sink and --place go together, as in --sink "
                                 "prod-vault --place app/prod --name API_KEY");
    if (delivers && (has_sink || tg_args_has(cli, "remove")))
        return tg_say_usage(cli, "say where it goes first, and deliver then");
    return delivers ? deliver(cli) : see_places(cli);
}
