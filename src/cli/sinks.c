#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "request.h"
#include "say.h"
#include "sink_credentials.h"
#include "table.h"

#define PEM_MAX 65536

static const char *const kinds[] = {"kubernetes", "vault",  "aws",     "azure",
                                    "google",     "dotenv", "compose", NULL};

#define CONFIG_OPTIONS                                                         \
    {"url",         "URL",        "its address; of Azure the vault's",         \
     TG_VALUE_TEXT, "config.url", NULL},                                       \
        {"namespace",        "NAME", "of Kubernetes or Vault", TG_VALUE_TEXT,  \
         "config.namespace", NULL},                                            \
        {"mount",       "NAME",         "of Vault's KV engine; secret",        \
         TG_VALUE_TEXT, "config.mount", NULL},                                 \
        {"region", "NAME", "of AWS", TG_VALUE_TEXT, "config.region", NULL},    \
        {"tenant", "ID", "of Azure", TG_VALUE_TEXT, "config.tenant_id", NULL}, \
        {"client",           "ID", "the application, of Azure", TG_VALUE_TEXT, \
         "config.client_id", NULL},                                            \
        {"project",           "ID", "of Google; the account's", TG_VALUE_TEXT, \
         "config.project_id", NULL},                                           \
        {"login-url",                                                          \
         "URL",                                                                \
         "where Azure's tokens come from",                                     \
         TG_VALUE_TEXT,                                                        \
         "config.login_url",                                                   \
         NULL},                                                                \
        {"token-url",                                                          \
         "URL",                                                                \
         "where Google's tokens come from",                                    \
         TG_VALUE_TEXT,                                                        \
         "config.token_url",                                                   \
         NULL},                                                                \
        {"scope",       "SCOPE",        "of Azure's tokens",                   \
         TG_VALUE_TEXT, "config.scope", NULL},                                 \
        {"ca-file",     "FILE", "certificates, PEM, that vouch for it",        \
         TG_VALUE_TEXT, NULL,   NULL},                                         \
    {                                                                          \
        "credential-file", "FILE",                                             \
            "its credentials; - or none: standard input", TG_VALUE_TEXT, NULL, \
            NULL                                                               \
    }

const struct tg_option tg_sinks_add_options[] = {
    {"kind", "KIND", "kubernetes, vault, aws, azure, google, dotenv or compose",
     TG_VALUE_TEXT, "kind", kinds},
    CONFIG_OPTIONS,
    {0},
};

const struct tg_option tg_sinks_update_options[] = {
    CONFIG_OPTIONS,
    {0},
};

const struct tg_option tg_sinks_test_options[] = {
    {"place", "PLACE", "whether a secret is there and can be read",
     TG_VALUE_TEXT, "place", NULL},
    {"name", "NAME", "its name in that place", TG_VALUE_TEXT, "name", NULL},
    {0},
};

static const char *const states[] = {"waiting", "done", "failed", "dropped",
                                     NULL};

const struct tg_option tg_sinks_deliveries_options[] = {
    {"key", "ID", "only of this key", TG_VALUE_TEXT, "key", NULL},
    {"sink", "ID", "only to this sink", TG_VALUE_TEXT, "sink", NULL},
    {"state", "STATE", "waiting, done, failed or dropped", TG_VALUE_TEXT,
     "state", states},
    {"limit", "N", "at most so many rows, newest first; 100", TG_VALUE_COUNT,
     NULL, NULL},
    {0},
};

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"KIND", "kind", TG_CELL_TEXT, NULL, 0},
    {"PLACES", "places", TG_CELL_COUNT, NULL, 0},
    {"URL", "config.url", TG_CELL_TEXT, "the kind's own", 48},
    {"CHANGED", "changed_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column page_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"Name", "name", TG_CELL_TEXT, NULL, 0},
    {"Kind", "kind", TG_CELL_TEXT, NULL, 0},
    {"URL", "config.url", TG_CELL_TEXT, "the kind's own", 0},
    {"Namespace", "config.namespace", TG_CELL_TEXT, NULL, 0},
    {"Mount", "config.mount", TG_CELL_TEXT, NULL, 0},
    {"Region", "config.region", TG_CELL_TEXT, NULL, 0},
    {"Tenant", "config.tenant_id", TG_CELL_TEXT, NULL, 0},
    {"Project", "config.project_id", TG_CELL_TEXT, NULL, 0},
    {"Has credentials", "has_credentials", TG_CELL_YES, NULL, 0},
    {"Places of keys", "places", TG_CELL_COUNT, NULL, 0},
    {"Created", "created_at", TG_CELL_WHEN, NULL, 0},
    {"Changed", "changed_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

static const struct tg_column delivery_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"STATE", "state", TG_CELL_STATUS, NULL, 0},
    {"SINK", "sink", TG_CELL_TEXT, NULL, 32},
    {"PLACE", "place", TG_CELL_TEXT, NULL, 40},
    {"NAME", "name", TG_CELL_TEXT, NULL, 32},
    {"ATTEMPTS", "attempts", TG_CELL_COUNT, NULL, 0},
    {"NEXT", "next_at", TG_CELL_WHEN, NULL, 0},
    {"ENDED", "ended_at", TG_CELL_WHEN, NULL, 0},
    {"KEY", "key_id", TG_CELL_TEXT, NULL, 0},
    {"ERROR", "error", TG_CELL_TEXT, NULL, 80},
    {0},
};

/* The config has the file's text, not its name. */
static int
add_ca(struct tg_cli *cli, json_t *body)
{
    const char *path = tg_args_value(cli, "ca-file");
    char text[PEM_MAX];
    json_t *config;
    FILE *file;
    size_t len;

    if (path == NULL)
        return TG_EXIT_OK;
    file = fopen(path, "re");
    if (file == NULL)
        return tg_say_failed("cannot read %s: %s", path, strerror(errno));
    len = fread(text, 1, sizeof(text), file);
    fclose(file);
    if (len == sizeof(text) || len == 0)
        return tg_say_failed("%s is empty, or too long to be certificates",
                             path);
    config = json_object_get(body, "config");
    if (config == NULL) {
        config = json_object();
        json_object_set_new(body, "config", config);
    }
    json_object_set_new(config, "ca", json_stringn(text, len));
    return TG_EXIT_OK;
}

static int
add_credentials(struct tg_cli *cli, json_t *body, const char *kind)
{
    json_t *credentials = NULL;
    int rc;

    /* Files have none. */
    if (strcmp(kind, "dotenv") == 0 || strcmp(kind, "compose") == 0)
        return TG_EXIT_OK;
    rc = tg_sink_credentials(kind, tg_args_value(cli, "credential-file"),
                             &credentials);

    if (rc == TG_EXIT_OK)
        json_object_set(body, "credentials", credentials);
    json_decref(credentials);
    return rc;
}

int
tg_sinks_add(struct tg_cli *cli)
{
    static const char *const needed[] = {"kind", NULL};
    json_t *body = tg_request_body(cli), *sink = NULL;
    int rc = tg_noun_require(cli, needed);

    json_object_set_new(body, "name", json_string(cli->operand));
    if (rc == TG_EXIT_OK)
        rc = add_ca(cli, body);
    if (rc == TG_EXIT_OK)
        rc = add_credentials(cli, body, tg_args_value(cli, "kind"));
    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "POST", "/sinks", body, &sink);
    if (rc == TG_EXIT_OK)
        tg_noun_made(cli, page_columns, sink);
    json_decref(sink);
    json_decref(body);
    return rc;
}

/* A config is replaced as a whole: what is not said stays as it was. */
static int
merge(struct tg_cli *cli, json_t *body, const json_t *sink)
{
    json_t *config = json_object_get(body, "config"), *whole;
    int rc = add_ca(cli, body);

    config = json_object_get(body, "config");
    if (rc != TG_EXIT_OK || config == NULL)
        return rc;
    whole = json_deep_copy(json_object_get(sink, "config"));
    json_object_update(whole, config);
    json_object_set_new(body, "config", whole);
    return TG_EXIT_OK;
}

int
tg_sinks_update(struct tg_cli *cli)
{
    static const struct tg_act act = {
        "PATCH", "sinks", "", "is changed; what waits for it is tried", NULL};
    char *path = tg_request_path("sinks", cli->operand, "");
    json_t *body = tg_request_body(cli), *sink = NULL;
    int rc = tg_client_call(cli, "GET", path, NULL, &sink);

    if (rc == TG_EXIT_OK)
        rc = merge(cli, body, sink);
    if (rc == TG_EXIT_OK && tg_args_has(cli, "credential-file"))
        rc = add_credentials(cli, body, tg_noun_text(sink, "kind"));
    if (rc == TG_EXIT_OK && json_object_size(body) == 0)
        rc = tg_say_usage(cli, "say what to change, for example "
                               "--credential-file new.token");
    if (rc == TG_EXIT_OK)
        rc = tg_noun_act(cli, &act, body);
    json_decref(sink);
    json_decref(body);
    free(path);
    return rc;
}

int
tg_sinks_list(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/sinks", list_columns,
        "There are no sinks. Add one: tollgate sinks add NAME --kind vault "
        "--url URL --credential-file FILE",
        true, 0};

    return tg_list_run(cli, &list);
}

int
tg_sinks_show(struct tg_cli *cli)
{
    return tg_noun_show(cli, "sinks", page_columns);
}

int
tg_sinks_delete(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "sinks", "", "is deleted",
                                      NULL};
    int rc = tg_say_confirm(cli, "Delete the sink %s, and its credentials?",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_sinks_test(struct tg_cli *cli)
{
    char *path = tg_request_path("sinks", cli->operand, "/test");
    json_t *test = NULL;
    bool is_fine;
    int rc = tg_noun_post(cli, path, &test);

    free(path);
    if (rc != TG_EXIT_OK)
        return rc;
    is_fine = strcmp(tg_noun_text(test, "status"), "ok") == 0;
    if (cli->is_json)
        tg_table_json(test);
    else
        printf("%s: %s\n", cli->operand, tg_noun_text(test, "message"));
    json_decref(test);
    return is_fine ? TG_EXIT_OK : TG_EXIT_FAILED;
}

int
tg_sinks_deliveries(struct tg_cli *cli)
{
    static const struct tg_list list = {
        "/deliveries", delivery_columns,
        "There are no such deliveries. Say where a key's secrets go: tollgate "
        "keys deliver ID --sink NAME --place PLACE",
        true, 100};

    return tg_list_run(cli, &list);
}
