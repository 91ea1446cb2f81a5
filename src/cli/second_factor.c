#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "glyph.h"
#include "nouns.h"
#include "own.h"
#include "request.h"
#include "say.h"
#include "table.h"

const struct tg_option tg_operators_password_options[] = {
    {"file", "FILE", "where the new one stands; - is standard input",
     TG_VALUE_TEXT, NULL, NULL},
    {0},
};

/* On a terminal twice: nobody sees what is typed. */
static int
ask_password(struct tg_cli *cli, struct tg_asked *password)
{
    const char *file = tg_args_value(cli, "file");
    struct tg_answers answers = {0};
    struct tg_asked again;
    int rc = tg_ask_line(&answers, file,
                         "New password (nothing is shown): ", false, password);

    if (rc == TG_EXIT_OK && file == NULL) {
        rc = tg_ask_line(&answers, NULL, "Once more: ", false, &again);
        if (rc == TG_EXIT_OK && strcmp(password->data, again.data) != 0)
            rc = tg_say_failed("these are two different passwords");
        explicit_bzero(&again, sizeof(again));
    }
    explicit_bzero(&answers, sizeof(answers));
    return rc;
}

int
tg_operators_password(struct tg_cli *cli)
{
    static const struct tg_act act = {"POST", "operators", "/password",
                                      "has a new password; sessions have "
                                      "ended",
                                      NULL};
    struct tg_asked password;
    json_t *body;
    int rc = ask_password(cli, &password);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_own(json_pack("{s:s}", "password", password.data));
    explicit_bzero(&password, sizeof(password));
    rc = tg_noun_act(cli, &act, body);
    json_decref(body);
    return rc;
}

static int
print_codes(const struct tg_cli *cli, const json_t *answer)
{
    const json_t *codes = json_object_get(answer, "codes"), *code;
    size_t i;

    if (cli->is_json)
        tg_table_json(answer);
    json_array_foreach((json_t *)codes, i, code)
    {
        if (!cli->is_json)
            printf("    %s\n", json_string_value(code));
    }
    if (!cli->is_json)
        tg_say_note(cli, "Each of these stands in for a code once. This is the "
                         "only time they are shown: keep them where the "
                         "telephone is not.");
    return fflush(stdout) == 0
               ? TG_EXIT_OK
               : tg_say_failed("the recovery codes could not be printed: "
                               "tollgate operators recovery-codes");
}

/* The picture is this program's own words, and goes out as it is. */
static int
show_enrolment(const json_t *begun)
{
    printf("%s\n    %s\n\n", tg_noun_text(begun, "qr_text"),
           tg_noun_text(begun, "secret"));
    return fflush(stdout) == 0 ? TG_EXIT_OK
                               : tg_say_failed("it could not be printed");
}

static int
confirm(struct tg_cli *cli)
{
    struct tg_answers answers = {0};
    struct tg_asked code;
    json_t *body, *answer = NULL;
    int rc = tg_ask_line(&answers, NULL,
                         "Read the picture with your application, and type the "
                         "code that it shows: ",
                         false, &code);

    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_own(json_pack("{s:s}", "code", code.data));
    rc = tg_client_call(cli, "POST", "/operators/me/totp/confirm", body,
                        &answer);
    json_decref(body);
    if (rc == TG_EXIT_OK)
        rc = print_codes(cli, answer);
    json_decref(answer);
    return rc;
}

int
tg_operators_totp(struct tg_cli *cli)
{
    json_t *begun;
    int rc = tg_client_call(cli, "POST", "/operators/me/totp", NULL, &begun);

    if (rc != TG_EXIT_OK)
        return rc;
    rc = show_enrolment(begun);
    json_decref(begun);
    return rc == TG_EXIT_OK ? confirm(cli) : rc;
}

int
tg_operators_remove_totp(struct tg_cli *cli)
{
    static const struct tg_act act = {"DELETE", "operators", "/totp",
                                      "has no second factor any more; "
                                      "sessions have ended",
                                      NULL};
    int rc = tg_say_confirm(cli,
                            "Take the second factor and the recovery codes of "
                            "%s away?",
                            cli->operand);

    return rc == TG_EXIT_OK ? tg_noun_act(cli, &act, NULL) : rc;
}

int
tg_operators_recovery_codes(struct tg_cli *cli)
{
    json_t *answer;
    int rc = tg_client_call(cli, "POST", "/operators/me/recovery-codes", NULL,
                            &answer);

    if (rc != TG_EXIT_OK)
        return rc;
    rc = print_codes(cli, answer);
    json_decref(answer);
    return rc;
}
