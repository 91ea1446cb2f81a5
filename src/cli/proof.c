#include "proof.h"

#include <jansson.h>
#include <string.h>

#include "args.h"
#include "ask.h"
#include "client.h"
#include "own.h"

#define DIGITS 6

bool
tg_proof_is_wanted(const json_t *error)
{
    const char *code = json_string_value(json_object_get(error, "code"));

    return code != NULL && strcmp(code, "step_up_required") == 0;
}

bool
tg_proof_is_code(const char *typed)
{
    size_t digits = 0;

    for (; *typed != '\0'; typed++) {
        if (*typed >= '0' && *typed <= '9')
            digits++;
        else if (*typed != ' ')
            return false;
    }
    return digits == DIGITS;
}

int
tg_proof_send(struct tg_cli *cli)
{
    struct tg_answers answers = {0};
    struct tg_asked typed;
    json_t *body, *answer = NULL;
    int rc = tg_ask_line(&answers, tg_args_value(cli, "proof-file"),
                         "This asks again who you are. Password or code "
                         "(nothing is shown): ",
                         false, &typed);

    explicit_bzero(&answers, sizeof(answers));
    if (rc != TG_EXIT_OK)
        return rc;
    body = tg_own(json_pack("{s:s}",
                            tg_proof_is_code(typed.data) ? "code" : "password",
                            typed.data));
    explicit_bzero(&typed, sizeof(typed));
    rc = tg_client_call(cli, "POST", "/sessions/step-up", body, &answer);
    json_decref(body);
    json_decref(answer);
    return rc;
}
