#include <stdio.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "list.h"
#include "nouns.h"
#include "own.h"
#include "profile.h"
#include "proof.h"
#include "say.h"
#include "table.h"
#include "verdict.h"

#define SESSION_PREFIX "tgs_"

static const struct tg_column list_columns[] = {
    {"ID", "id", TG_CELL_TEXT, NULL, 0},
    {"OPERATOR", "operator", TG_CELL_TEXT, NULL, 32},
    {"KIND", "kind", TG_CELL_TEXT, NULL, 0},
    {"CREATED", "created_at", TG_CELL_WHEN, NULL, 0},
    {"LAST_USED", "last_used_at", TG_CELL_WHEN, NULL, 0},
    {"FROM", "last_used_ip", TG_CELL_TEXT, NULL, 0},
    {"BY", "last_used_agent", TG_CELL_TEXT, NULL, 48},
    {"ENDS", "expires_at", TG_CELL_WHEN, NULL, 0},
    {0},
};

int
tg_sessions_list(struct tg_cli *cli)
{
    static const struct tg_list list = {"/sessions", list_columns,
                                        "Nobody is logged in.", true, 0};

    return tg_list_run(cli, &list);
}

int
tg_sessions_end(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "sessions", "", "has ended",
                                      NULL};

    return tg_noun_act(cli, &act, NULL);
}

/* A permanent token of the profile is not thrown away unasked. */
static int
make_room(struct tg_cli *cli)
{
    struct tg_profile profile;
    int rc = tg_profile_read(&profile);

    if (rc == TG_EXIT_OK && profile.token != NULL &&
        strncmp(profile.token, SESSION_PREFIX, 4) != 0)
        rc = tg_say_confirm(cli,
                            "Put a session in the place of the token in "
                            "%s?",
                            profile.path);
    tg_profile_release(&profile);
    return rc;
}

/* A line is a code, or stands in for one. */
static void
add_code(json_t *body, const char *typed)
{
    if (*typed != '\0')
        json_object_set_new(body,
                            tg_proof_is_code(typed) ? "code" : "recovery_code",
                            json_string(typed));
}

static int
ask_all(struct tg_cli *cli, json_t *body)
{
    const char *file = tg_args_value(cli, "proof-file");
    struct tg_answers answers = {0};
    struct tg_asked typed;
    int rc = tg_ask_line(&answers, file, "Password (nothing is shown): ", false,
                         &typed);

    if (rc == TG_EXIT_OK) {
        json_object_set_new(body, "password", json_string(typed.data));
        rc = tg_ask_line(
            &answers, file,
            "Code, or a recovery code (empty: none is set up): ", true, &typed);
    }
    if (rc == TG_EXIT_OK)
        add_code(body, typed.data);
    explicit_bzero(&typed, sizeof(typed));
    explicit_bzero(&answers, sizeof(answers));
    return rc;
}

static void
say_done(const struct tg_cli *cli, json_t *session)
{
    json_object_del(session, "token");
    if (cli->is_json)
        tg_table_json(session);
    else if (!cli->is_quiet)
        printf("%s is logged in, until %s.\n",
               tg_noun_text(session, "operator"),
               tg_noun_text(session, "expires_at"));
}

/* Nobody is known to the gate yet, so no token is sent. */
static int
send_login(struct tg_cli *cli, const json_t *body, json_t **session)
{
    struct tg_exchange exchange = {.method = "POST",
                                   .target = "/sessions",
                                   .body = body,
                                   .is_login = true};
    int rc = tg_client_exchange(cli, &exchange);

    if (exchange.error != NULL)
        rc = tg_verdict_refuse(cli, exchange.error);
    json_decref(exchange.error);
    *session = exchange.answer;
    return rc;
}

int
tg_login(struct tg_cli *cli)
{
    json_t *body = tg_own(json_pack("{s:s}", "operator", cli->operand));
    json_t *session = NULL;
    int rc = make_room(cli);

    if (rc == TG_EXIT_OK)
        rc = ask_all(cli, body);
    if (rc == TG_EXIT_OK)
        rc = send_login(cli, body, &session);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        rc = tg_profile_write(tg_client_address(cli),
                              tg_noun_text(session, "token"));
    if (rc == TG_EXIT_OK)
        say_done(cli, session);
    json_decref(session);
    return rc;
}

/* The session ends at the gate, and then here. */
int
tg_logout(struct tg_cli *cli)
{
    struct tg_profile profile;
    json_t *ended = NULL;
    int rc = tg_profile_read(&profile);

    if (rc == TG_EXIT_OK && (profile.token == NULL ||
                             strncmp(profile.token, SESSION_PREFIX, 4) != 0))
        rc = tg_say_failed("nobody is logged in here");
    cli->is_of_profile = true;
    if (rc == TG_EXIT_OK)
        rc = tg_client_call(cli, "DELETE", "/sessions/current", NULL, &ended);
    if (rc == TG_EXIT_OK)
        rc = tg_profile_write(profile.url, NULL);
    if (rc == TG_EXIT_OK && cli->is_json)
        tg_table_json(ended);
    else if (rc == TG_EXIT_OK && !cli->is_quiet)
        puts("The session has ended.");
    json_decref(ended);
    tg_profile_release(&profile);
    return rc;
}
