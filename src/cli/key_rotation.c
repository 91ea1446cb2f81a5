#include "key_rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "nouns.h"
#include "request.h"
#include "say.h"
#include "table.h"
#include "to_files.h"
#include "when.h"

static const struct tg_column columns[] = {
    {"SECRET", "id", TG_CELL_TEXT, NULL, 0},
    {"LAST4", "last4", TG_CELL_TEXT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {"VALID_UNTIL", "valid_until", TG_CELL_WHEN, "no end of its own", 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, "never", 0},
    {"FROM", "last_used_ip", TG_CELL_TEXT, NULL, 0},
    {"BY", "last_used_agent", TG_CELL_TEXT, NULL, 48},
    {0},
};

static const json_t *
secret_of(const json_t *key, const char *id)
{
    json_t *secrets = json_object_get(key, "secrets"), *secret;
    size_t i;

    json_array_foreach(secrets, i, secret)
    {
        if (strcmp(tg_noun_text(secret, "id"), id) == 0)
            return secret;
    }
    return NULL;
}

static void
say_use(const struct tg_cli *cli, const json_t *key, const json_t *old,
        const char *until)
{
    int64_t used_at, begun_at = 0;
    char ago[TG_WHEN_SIZE];
    const char *id = tg_noun_text(key, "id");

    (void)tg_instant_parse(tg_noun_text(key, "rotation.begun_at"), &begun_at);
    if (!tg_instant_parse(tg_noun_text(old, "last_used_at"), &used_at)) {
        tg_say_note(cli,
                    "Nobody has used the old secret (…%s): tollgate keys "
                    "rotation end %s",
                    tg_noun_text(old, "last4"), id);
        return;
    }
    tg_instant_relative(used_at, cli->now_ms, ago);
    if (used_at < begun_at)
        tg_say_note(cli,
                    "Nobody has used the old secret (…%s) since the rotation, "
                    "the last one was %s: tollgate keys rotation end %s",
                    tg_noun_text(old, "last4"), ago, id);
    else
        tg_say_note(cli,
                    "The old secret (…%s) was used %s, from %s by %s; it is "
                    "valid until %s.",
                    tg_noun_text(old, "last4"), ago,
                    tg_noun_text(old, "last_used_ip"),
                    tg_noun_text(old, "last_used_agent"),
                    *until != '\0' ? until : "the new one is delivered");
}

void
tg_keys_say_old(const struct tg_cli *cli, const json_t *key)
{
    const json_t *old =
        secret_of(key, tg_noun_text(key, "rotation.old_secret"));

    if (old != NULL)
        say_use(cli, key, old, tg_noun_text(key, "rotation.ends_at"));
}

static int
rotate_one(struct tg_cli *cli)
{
    char *path = tg_request_path("keys", cli->operand, "/rotate");
    json_t *key;
    int rc = tg_to_files_check(cli);

    if (rc == TG_EXIT_OK)
        rc = tg_noun_post(cli, path, &key);
    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    rc = tg_keys_print_secret(cli, key, "rotation undo");
    json_decref(key);
    return rc;
}

int
tg_keys_rotate(struct tg_cli *cli)
{
    bool is_bulk = tg_args_has(cli, "older-than");

    if (is_bulk && cli->operand != NULL)
        return tg_say_usage(cli, "say a key's ID, or --older-than, not both");
    if (is_bulk && tg_to_files_wanted(cli))
        return tg_say_usage(cli, "--to-env and --to-compose take the secret of "
                                 "one key");
    if (is_bulk)
        return tg_keys_rotate_old(cli);
    if (cli->operand == NULL)
        return tg_say_usage(cli, "say which key: its ID, or --older-than 90d "
                                 "for all that are older");
    if (tg_args_has(cli, "output") || tg_args_has(cli, "dry-run") ||
        tg_args_has(cli, "account"))
        return tg_say_usage(cli, "--output, --dry-run and --account go with "
                                 "--older-than");
    return rotate_one(cli);
}

static int
show(struct tg_cli *cli, const char *id)
{
    char *path = tg_request_path("keys", id, "");
    struct tg_table secrets;
    json_t *key;
    int rc = tg_client_call(cli, "GET", path, NULL, &key);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    if (cli->is_json) {
        tg_table_json(key);
    } else {
        tg_table_init(&secrets, cli, columns);
        tg_table_rows(&secrets, json_object_get(key, "secrets"));
        if (secret_of(key, tg_noun_text(key, "rotation.old_secret")) == NULL)
            tg_say_note(cli, "No rotation of %s is under way.", id);
        tg_keys_say_old(cli, key);
    }
    json_decref(key);
    return TG_EXIT_OK;
}

int
tg_keys_rotation(struct tg_cli *cli)
{
    static const struct {
        const char *step;
        struct tg_act act;
    } steps[] = {
        {"end",
         {"POST", "keys", "/rotation/end",
          "has one secret; the old one is dead", NULL}},
        {"extend",
         {"POST", "keys", "/rotation/extend",
          "goes on with two secrets, the old one until", "rotation.ends_at"}},
        {"undo",
         {"POST", "keys", "/rotation/undo",
          "is as it was; the new secret is dead, the old one has no end",
          NULL}},
    };
    const char *step = cli->second != NULL ? cli->operand : "show";
    json_t *body;
    int rc;

    if (cli->second != NULL)
        cli->operand = cli->second;
    if (strcmp(step, "show") == 0)
        return show(cli, cli->operand);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(steps[i].step, step) != 0)
            continue;
        body = tg_request_body(cli);
        rc = tg_noun_act(cli, &steps[i].act, body);
        json_decref(body);
        return rc;
    }
    return tg_say_usage(cli,
                        "\"%s\" is no step of a rotation; they are: show, "
                        "end, extend, undo",
                        step);
}
